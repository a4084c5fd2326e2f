"""Faults in a repair and in an export: the database is the old one or the new one, the tree is there or not.

By default some points of the commonest faults are tried; ``-m exhaustive`` tries all points of all of them.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import FIXTURES
from tests.faults import scene, strace
from tests.faults.conftest import Tell, needs_strace
from tests.faults.scene import Scene
from tests.faults.strace import Call
from tests.faults.test_system_calls import DOCUMENTED, FAULTS, calls_for, spread
from tests.planning.test_repair import lacks
from tests.worlds import databases

pytestmark = needs_strace

REPAIR = ("apply", "--yes")
CASES = [
    *(pytest.param(fault, 4, id=f"{fault}-sampled") for fault in ("SIGKILL", "SIGTERM", "ENOSPC")),
    *(pytest.param(fault, None, id=f"{fault}-exhaustive", marks=pytest.mark.exhaustive) for fault in FAULTS),
]
"""Each fault, and at how many points it is tried; None: at all."""


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """What a real upgrade left behind: one history was cut short."""
    folder = tmp_path_factory.mktemp("upgraded")
    with tarfile.open(FIXTURES / "defect-malformed-line.tar.xz") as archive:
        archive.extractall(folder, filter="fully_trusted")
    saved, root = folder / "saved", folder / "root"
    scene.copy(folder / "defect-malformed-line" / "after", saved / "state")
    for name in ("home", "tmp"):
        (saved / name).mkdir()
    yield Scene(root, saved, scene.NOTHING)


def changing(upgraded: Scene, place: Path, *arguments: object) -> list[Call]:
    """The calls of an undisturbed run that change something below a folder."""
    trace = upgraded.root.parent / "trace"
    code, said = upgraded.run(*arguments, tracer=strace.tracing(trace))
    assert code in (0, 15), said
    calls = [call for call in strace._calls(trace) if str(place) in call.subject]
    return [call for call in calls if call.name != "openat"]


def chosen_of(calls: list[Call], fault: str, count: int | None) -> list[Call]:
    """The calls in which a fault is tried."""
    possible = calls_for(fault, calls)
    return possible if count is None else spread(possible, count, list(FAULTS).index(fault))


@pytest.mark.parametrize(("fault", "count"), CASES)
def test_a_fault_in_a_repair_leaves_the_old_database_or_the_new_one(
    upgraded: Scene, tell: Tell, fault: str, count: int | None
) -> None:
    upgraded.reset()
    untouched = {path.parent.parent.name: path.read_bytes() for path in databases(upgraded.state)}
    calls = changing(upgraded, upgraded.state, *REPAIR)
    found: list[str] = []
    chosen = chosen_of(calls, fault, count)
    for call in chosen:
        upgraded.reset()
        ending = strace.inject(upgraded, call, FAULTS[fault], *REPAIR)
        if ending.exit_code not in DOCUMENTED | {-9}:
            found.append(f"{call}: exit code {ending.exit_code} {ending.said}")
        if lacks(upgraded.state) not in ({}, {"extends": 1}):
            found.append(f"{call}: neither the old nor the new")
        code, said = upgraded.run(*REPAIR)
        if code not in (0, 15) or lacks(upgraded.state):
            found.append(f"{call}: not repaired by the next run: {code} {said}")
        main = [path for path in databases(upgraded.state) if path.parent.parent.name == "main"]
        if [path.read_bytes() for path in main] != [untouched["main"]]:
            found.append(f"{call}: a database that lacked nothing was written to")
    tell(f"repair, {fault}", len(chosen), len(calls), found)


@pytest.mark.parametrize(("fault", "count"), CASES)
def test_a_fault_in_an_export_leaves_all_of_the_tree_or_nothing(
    upgraded: Scene, tell: Tell, fault: str, count: int | None
) -> None:
    upgraded.reset()
    target = upgraded.root / "back"
    export = ("export", target)
    calls = changing(upgraded, upgraded.root / "openclaw-session-*", *export)  # the trace hides what varies
    whole = content(target)
    found: list[str] = []
    chosen = chosen_of(calls, fault, count)
    for call in chosen:
        upgraded.reset()
        strace.inject(upgraded, call, FAULTS[fault], *export)
        if target.exists() and content(target) != whole:
            found.append(f"{call}: half a tree")
        code, said = upgraded.run(*export) if not target.exists() else (0, "")
        if code != 0 or content(target) != whole:
            found.append(f"{call}: not exported by the next run: {code} {said}")
    assert whole
    tell(f"export, {fault}", len(chosen), len(calls), found)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
