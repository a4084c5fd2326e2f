"""Machines in trouble: a full disk, one that cannot be written to, too little memory, and so on."""

from __future__ import annotations

import json
import os
import pickle
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import oracle, scene
from tests.faults.conftest import Tell
from tests.faults.scene import Scene

ROOT = Path(__file__).parent.parent.parent
UNSHARE = ("unshare", "--map-root-user", "--mount")
DOCUMENTED = {0, 1, 2, 10, 11, 12, 13, 14, 15}


def can_mount() -> bool:
    try:
        trial = subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False)
    except OSError:
        return False
    return trial.returncode == 0


needs_mount = pytest.mark.skipif(not can_mount(), reason="a disk of a given size needs unshare and a user namespace")


def inside(installation: Scene, kind: str, *sizes: int) -> tuple[list[int], list[str]]:
    """Run in a namespace with a disk of its own for each size; give the exit codes and what was violated."""
    pickled = installation.root.parent / "scene"
    pickled.write_bytes(pickle.dumps(installation))
    words = ["-m", "tests.faults.inside", kind, str(pickled), *map(str, sizes)]
    done = subprocess.run(
        [*UNSHARE, sys.executable, *words],
        env={**installation.environment(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    told = json.loads(done.stdout)
    return [int(code) for code, *_ in told], [wrong for _, *found in told for wrong in found]


def kilobytes(folder: Path) -> int:
    """What a tree takes on a tmpfs."""
    return sum(max(4, -(-path.lstat().st_size // 4096) * 4) for path in folder.rglob("*"))


@needs_mount
def test_a_disk_that_is_full_at_any_moment(before: Scene, tell: Tell) -> None:
    least = kilobytes(before.saved)
    codes, found = inside(before, "full", *(least + room for room in (16, 64, 160, 320, 480, 640, 800, 1200)))
    tell("apply, disk of limited size", len(codes), len(codes), found)
    assert codes[0] == 12
    assert codes[-1] == 15


@needs_mount
def test_a_disk_that_cannot_be_written_to(before: Scene, tell: Tell) -> None:
    _, found = inside(before, "read-only", 64 << 10)
    tell("apply, read-only mount", 1, 1, found)


@needs_mount
def test_an_agent_directory_on_a_device_of_its_own(before: Scene, tell: Tell) -> None:
    [code], found = inside(before, "two devices", 64 << 10)
    tell("apply and rollback, two devices", 1, 1, found)
    assert code == 15


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
@needs_mount
@pytest.mark.parametrize(
    "what", ["state/agents/old", "state/agents/old/sessions/sessions.json", "state/agents/wal/agent"]
)
def test_files_of_another_user(before: Scene, tell: Tell, what: str) -> None:
    """In the namespace even root has no right to the files of users who are unknown there."""
    before.reset()
    theirs = before.root / what
    mode = theirs.stat().st_mode
    theirs.chmod(0o700)
    os.chown(theirs, 12345, 12345)
    code, said = before.run_as(("unshare", "--map-root-user"), *scene.APPLY)
    os.chown(theirs, 0, 0)
    theirs.chmod(mode)
    found = [*oracle.violations(before.root, before.expected, None, said)]
    if code not in {1, 2, 12}:
        found.append(f"exit code {code} with unreadable files: {said}")
    code, said = before.run(*scene.APPLY)
    found += oracle.not_converged(before.root, before.expected, code)
    tell(f"apply, {Path(what).name} of another user", 1, 1, found)


LIMITS: dict[str, tuple[int, list[int]]] = {
    "RLIMIT_FSIZE": (resource.RLIMIT_FSIZE, [0, 100, 3000, 9000, 40_000, 90_000, 140_000]),
    "RLIMIT_NOFILE": (resource.RLIMIT_NOFILE, [5, 6, 7, 8, 9, 10, 12]),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_of_the_process(before: Scene, tell: Tell, name: str) -> None:
    what, values = LIMITS[name]
    tell(f"apply, {name}", len(values), len(values), [
        violation for value in values for violation in limited(before, {what: value})
    ])  # fmt: skip


def test_too_little_memory(before: Scene, tell: Tell) -> None:
    sizes = [1, 2, 3, 4, 6, 8, 12]
    found = [one for size in sizes for one in limited(before, {}, f"memory beyond {size} MB")]
    tell("apply, little memory", len(sizes), len(sizes), found)


def limited(installation: Scene, limits: dict[int, int], measure: str = "none") -> Iterator[str]:
    """Run under a limit, then without; give what was violated."""
    installation.reset()
    code, said = (
        installation.run_as((), *scene.APPLY, limits=limits)
        if limits
        else installation.run(*scene.APPLY, measure=measure)
    )
    if code not in DOCUMENTED:
        yield f"{limits} {measure}: exit code {code}: {said}"
    for found in oracle.violations(installation.root, installation.expected, code, said):
        yield f"{limits} {measure}: {found} ({code}) {said}"
    code, said = installation.run(*scene.APPLY)
    yield from oracle.not_converged(installation.root, installation.expected, code)


def test_a_clock_that_jumps(before: Scene, tell: Tell) -> None:
    before.reset()
    code, said = before.run(*scene.APPLY, measure="steady clock")
    found = [*oracle.not_converged(before.root, before.expected, code)]
    [run] = (path.name for path in (before.state / oracle.RUNS).iterdir() if path.is_dir())
    code, more = before.run("rollback", run, measure="steady clock")
    found += oracle.not_rolled_back(before.root, before.expected, code)
    tell("apply and rollback, clock jumps", 2, 2, [f"{one} {said} {more}" for one in found])
