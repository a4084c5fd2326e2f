"""What was listed may be gone a moment later, or be out of reach: the others go on, and nothing is called proved."""

from __future__ import annotations

import ast
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

import migrator
from migrator import commands
from migrator.commands.explain import explain
from migrator.commands.request import Request
from migrator.findings.table import RULES
from migrator.model.errors import RefusedError
from migrator.model.report import Report
from migrator.model.words import Severity
from migrator.runs.run import RUNS
from migrator.runs.steps import JOURNAL
from tests.worlds import World, entry

LOOKS = ("stat", "lstat", "listdir", "scandir", "open")

VERBS: dict[str, Callable[[Request], Report]] = {
    "scan": commands.scan,
    "plan": commands.plan,
    "verify": commands.verify,
    "explain": lambda request: explain(request, "agent:well:1"),
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An agent with a source of each kind, one that is well, and a run that has set originals aside."""
    world = World(tmp_path)
    for name in ("old", "well"):
        world.agent(name, {f"agent:{name}:1": entry(f"{name}-1", 5)})
        world.store_path(name).with_name(f"{name}-1.jsonl").write_text('{"type":"session","id":"x"}\n{"type":"y"}\n')
    commands.apply(world.request(), None, yes=True, archive=True)
    for name in ("old", "well"):
        world.agent(name, {f"agent:{name}:1": entry(f"{name}-1", 5)})
    folder = world.store_path("old").parent
    (folder / "sessions.json.123.b2a6e0f0-0d60-4be1-8a3f-0a4f6a4b5c6d.tmp").write_text("{}")
    (folder / "old-2.jsonl.deleted.2026-01-01T00-00-00.000Z").write_text('{"type":"session","id":"old-2"}\n')
    archive = world.agent_path("old") / "session-sqlite-import-archive"
    archive.mkdir()
    (archive / "legacy-store.sessions.json.imported-1").write_text("{}")
    return world


@contextmanager
def failing(look: str, path: str, number: int) -> Iterator[None]:
    """Let a way to look at a path fail."""
    real = getattr(os, look)

    def fails(at: object = ".", *arguments: object, **options: object) -> object:
        if isinstance(at, str | Path) and str(at) == path:
            raise OSError(number, os.strerror(number), path)
        return real(at, *arguments, **options)

    with patch.object(os, look, fails):
        yield


def looks(world: World) -> list[tuple[str, str]]:
    """How and where every verb looks at something in the state directory."""
    found: dict[tuple[str, str], None] = {}

    def record(look: str) -> Callable[..., object]:
        real = getattr(os, look)

        def recorded(at: object = ".", *arguments: object, **options: object) -> object:
            if isinstance(at, str | Path) and str(at).startswith(f"{world.state}{os.sep}"):
                found[look, str(at)] = None
            return real(at, *arguments, **options)

        return recorded

    for verb in VERBS.values():
        with (
            patch.object(os, "stat", record("stat")),
            patch.object(os, "lstat", record("lstat")),
            patch.object(os, "listdir", record("listdir")),
            patch.object(os, "scandir", record("scandir")),
            patch.object(os, "open", record("open")),
        ):
            verb(world.request())
    return list(found)


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.EIO])
def test_no_look_that_fails_stops_a_verb_or_hides_another_agent(world: World, number: int) -> None:
    found = looks(world)
    assert {look for look, _ in found} == set(LOOKS)
    whole = str(world.state / "agents")
    for index, (look, path) in enumerate(found):
        name, verb = list(VERBS.items())[index % len(VERBS)]
        if path == whole or path.startswith(str(world.agent_path("well"))):
            continue
        with failing(look, path, number):
            report = verb(world.request())
        [well] = (store for store in report.inventory.stores if store.path == str(world.store_path("well")))
        assert [one.key for one in well.entries] == ["agent:well:1"], (name, look, path)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_where_no_agent_can_be_listed_every_verb_refuses_by_name(world: World, number: int) -> None:
    agents = str(world.state / "agents")
    for verb in VERBS.values():
        with failing("listdir", agents, number), pytest.raises(RefusedError) as refused:
            verb(world.request())
        assert refused.value.subject is not None
        assert refused.value.subject.text == agents


def refused(report: Report) -> dict[str, str]:
    found = (*report.findings, *report.inventory.findings)
    return {one.subject.text: one.code for one in found if RULES[one.code].severity is Severity.REFUSED}


def places(world: World) -> dict[str, tuple[str, Path, str]]:
    """Ways to look at each place of sources: how, where, and what is refused for it."""
    folder = world.agent_path("old") / "sessions"
    archive = world.agent_path("old") / "session-sqlite-import-archive"
    [run] = world.runs()
    kept = min(path for path in (run / "archive").rglob("*") if path.is_file())
    return {
        "runs": ("listdir", world.state / RUNS, str(world.state / RUNS)),
        "the place for runs itself": ("lstat", world.state / RUNS, str(world.state / RUNS)),
        "a run": ("lstat", run / JOURNAL, str(run / JOURNAL)),
        "a journal": ("open", run / JOURNAL, str(run / JOURNAL)),
        "an archived original": ("lstat", kept, str(kept)),
        "an import archive": ("listdir", archive, str(archive)),
        "an import archive itself": ("lstat", archive, str(archive)),
        "an imported store": (
            "open",
            archive / "legacy-store.sessions.json.imported-1",
            str(archive / "legacy-store.sessions.json.imported-1"),
        ),
        "sessions": ("scandir", folder, "old"),
        "a store": ("open", folder / "sessions.json", str(folder / "sessions.json")),
        "an agent": ("stat", world.agent_path("old"), str(world.agent_path("old"))),
    }


PLACES = (
    *(
        "runs",
        "the place for runs itself",
        "a run",
        "a journal",
        "an archived original",
        "an import archive",
        "an import archive itself",
    ),
    *("an imported store", "sessions", "a store", "an agent"),
)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
@pytest.mark.parametrize("place", PLACES)
def test_a_place_of_sources_that_can_not_be_read_is_refused_by_name_in_every_verb_and_never_proved(
    world: World, place: str, number: int
) -> None:
    assert commands.verify(world.request()).word == "proved"
    look, path, name = places(world)[place]
    for verb in VERBS.values():
        with failing(look, str(path), number):
            report = verb(world.request())
        assert name in refused(report), refused(report)
        assert report.word != "proved"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_what_can_not_be_read_of_a_copy_to_judge_by_is_refused_by_name(
    world: World, tmp_path: Path, number: int
) -> None:
    copy = World(tmp_path / "copy")
    copy.agent("well", {"agent:well:1": entry("well-1", 5)})
    copy.agent("old", {"agent:old:1": entry("old-1", 5)})
    assert commands.verify(world.request(), str(copy.state)).word == "proved"
    with failing("open", str(copy.store_path("old")), number):
        report = commands.verify(world.request(), str(copy.state))
    assert refused(report) == {str(copy.store_path("old")): "store.unreadable"}
    assert report.word == "differences"
    with failing("listdir", str(copy.state / "agents"), number), pytest.raises(RefusedError):
        commands.verify(world.request(), str(copy.state))


def test_a_file_that_is_gone_before_it_is_looked_at_is_not_worth_a_word(world: World) -> None:
    before = commands.verify(world.request())
    folder = world.store_path("old").parent
    [temporary] = folder.glob("*.tmp")
    with failing("lstat", str(temporary), errno.ENOENT):
        report = commands.verify(world.request())
    assert (report.word, report.findings) == (before.word, before.findings)


ALLOWED = {
    "scanning/databases.py": 1,  # of a database, where every error is a finding
    "scanning/discovery.py": 2,  # of a folder in the walk, and what is in it, where what is closed is said
    "scanning/host.py": 2,  # of the state directory itself
    "scanning/placement.py": 1,  # whether OpenClaw has noted any databases
    "scanning/scanner.py": 1,  # whether there is a state directory
}
BARE = {"stat", "lstat", "listdir", "scandir", "getsize", "isfile", "isdir", "glob", "rglob", "iterdir", "is_dir"}


def bare_looks(path: Path) -> list[str]:
    """Calls that look at a path and raise, or keep silent about, whatever goes wrong."""
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return [
        f"{node.func.attr} in line {node.lineno}"
        for node in calls
        if isinstance(node.func, ast.Attribute) and node.func.attr in BARE
    ]


def test_a_scan_looks_at_what_was_listed_by_the_one_function_that_expects_it_to_be_gone() -> None:
    root = Path(migrator.__file__).parent
    found = {str(path.relative_to(root)): bare_looks(path) for path in (root / "scanning").glob("*.py")}
    too_many = {name: bare for name, bare in found.items() if len(bare) > ALLOWED.get(name, 0)}
    assert too_many == {}
