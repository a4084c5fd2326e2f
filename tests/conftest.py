"""What tests share: state directories that real releases wrote, and a fingerprint of a directory tree."""

from __future__ import annotations

import gc
import hashlib
import importlib
import os
import pkgutil
import sys
import tarfile
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import migrator

# Hypothesis draws from the constants of all local modules that are there: one that is imported in the middle of a
# property changes what it draws.
for module in pkgutil.walk_packages(migrator.__path__, "migrator."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)

# A busy machine is no defect; what must not take long is measured as a ratio.
settings.register_profile(
    "same", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True, database=None
)
settings.register_profile("explore", settings.get_profile("same"), derandomize=False)
# The same examples each time, unless `--hypothesis-profile=explore` asks for others.
settings.load_profile("same")

STATE = b"@STATE@"
"""What stands for the absolute path of the state directory in the files of a fixture."""

FIXTURES = Path(__file__).parent.parent / "fixtures"


MINUTES = ("tests/openclaw/test_prove.py", "tests/openclaw/")
"""What takes longest, the longest first."""

AGAIN_AND_AGAIN = (
    "tests/faults/",
    "tests/hostile/",
    "tests/openclaw/",
    "tests/commands/test_rollback.py::test_apply_and_rollback_leave_every_fixture_as_it_was",
    "tests/cli/test_options.py",
    "tests/execution/test_undo.py::test_a_rollback_that_was_cut_off_anywhere_is_completed_by_the_next",
    "tests/execution/test_undo.py::test_whoever_replaces_or_writes_a_database_while_a_run_is_taken_back_loses_nothing",
    "tests/proofs/test_damage.py::test_every_single_change_is_found_or_on_the_list_of_what_is_free",
    "tests/report/test_singulars.py",
)
"""What runs the whole program for each of many cases. What of it fails in one of them is tested in its own room."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the tests, begin with the long ones: nobody waits for the last one alone.

    Properties and what tries whole commands again and again count for no coverage: to watch them takes longer than to
    try them. What is measured without them is the less, so the gate is none the lower.
    """
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False) or item.nodeid.startswith(AGAIN_AND_AGAIN):
            item.add_marker(pytest.mark.no_cover)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: [not item.nodeid.startswith(place) for place in MINUTES])


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Where several processes share the tests, pytest-cov stops only the second of its two watchers."""
    watcher = sys.gettrace()
    if item.get_closest_marker("no_cover"):
        sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(watcher)


def pytest_collection_finish() -> None:
    """Let the collector of garbage pass over what is imported by now, and over the tests themselves."""
    gc.freeze()


@pytest.fixture
def unpack(tmp_path: Path) -> Callable[[str], Path]:
    """Unpack a fixture archive by name and give its folder."""
    return lambda name: unpacked(name, tmp_path / "unpacked")


def unpacked(name: str, folder: Path) -> Path:
    """Unpack a fixture archive into a folder; files that name the state directory name the new one then."""
    with tarfile.open(FIXTURES / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="fully_trusted")
    state = folder / name
    for path in (*state.glob("openclaw.json"), *state.glob("custom/**/*.json"), *state.glob("sessions/*.json")):
        text = path.read_bytes()
        if STATE in text:
            path.write_bytes(text.replace(STATE, os.fsencode(state)))
    return state


def fingerprint(root: Path) -> dict[str, tuple[object, ...]]:
    """Name, kind, mode, size, mtime and, if it can be read, the digest of everything below ``root``."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name in [*folders, *files, b"."]:
            path = os.path.join(folder, name)
            stat = os.lstat(path)
            digest = ""
            if os.path.isfile(path) and not os.path.islink(path) and os.access(path, os.R_OK):
                digest = hashlib.sha256(Path(os.fsdecode(path)).read_bytes()).hexdigest()
            found[os.fsdecode(path)] = (stat.st_mode, stat.st_size, stat.st_mtime_ns, digest)
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the lines that the fault tests have recorded, one for each fault, and what could not be tried here."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    lines = [text for report in reports for name, text in report.user_properties if name == "fault"]
    skipped = [report for report in terminalreporter.getreports("skipped") if report.nodeid.startswith("tests/faults/")]
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    lines += [f"NOT TRIED, {count} tests: {reason}" for reason, count in reasons.items()]
    if lines:
        terminalreporter.section("faults")
    for line in lines:
        terminalreporter.line(str(line))
