"""A power cut: all that the disk never got is gone, and what remains must still make sense.

The installation lies on an ext4 image that is mounted through a loop device and commits by itself only every five
minutes. A copy of the image, taken without syncing, is what a disk would hold at that moment.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults import oracle, scene, strace
from tests.faults.conftest import Tell, needs_strace
from tests.faults.scene import Scene

_NUMBERS = itertools.count()


def run(*command: object) -> bool:
    try:
        return subprocess.run(list(map(str, command)), capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@contextmanager
def mounted(image: Path, place: Path) -> Iterator[None]:
    place.mkdir(exist_ok=True)
    if not run("mount", "-o", "loop,commit=300", image, place):
        raise OSError("mounting was refused")
    try:
        yield
    finally:
        unmount(place)


def unmount(place: Path) -> None:
    """Unmount, as soon as the last process that was killed there is really gone."""
    for _ in range(100):
        if run("umount", place):
            return
        time.sleep(0.1)
    raise OSError("the image stays in use")


def can_mount(folder: Path) -> bool:
    """Whether an image can be made and mounted here: that takes root, loop devices and mkfs.ext4."""
    image = folder / "trial"
    with image.open("wb") as stream:
        stream.truncate(8 << 20)
    if not run("mkfs.ext4", "-q", image):
        return False
    try:
        with mounted(image, folder / "trial-mount"):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def disk(before: Scene, applied: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an image for each installation, as it is before anything happens."""
    folder = tmp_path_factory.mktemp("disk")
    if not can_mount(folder):
        pytest.skip("a power cut needs root, loop devices and mkfs.ext4, and mounting was refused")
    for name, installation in (("before", before), ("applied", applied)):
        image = folder / name
        with image.open("wb") as stream:
            stream.truncate(24 << 20)
        assert run("mkfs.ext4", "-q", image)
        with mounted(image, folder / "live"):
            scene.copy(installation.saved, folder / "live" / "root")
    return folder


@contextmanager
def after_the_cut(
    disk: Path,
    installation: Scene,
    name: str,
    command: tuple[str, ...],
    kill: strace.Call | None = None,
    measure: str = "none",
) -> Iterator[tuple[Scene, int]]:
    """Run on a fresh copy of an image, cut the power at the end or at a kill, and give what remains, mounted."""
    # A name is used once: a loop device that is not yet given up would come back with what it remembers.
    number = next(_NUMBERS)
    live, cut = disk / f"live{number}.img", disk / f"cut{number}.img"
    shutil.copyfile(disk / name, live)
    there = replace(installation, root=disk / "live" / "root")
    with mounted(live, disk / "live"):
        if kill is None:
            code, _ = there.run(*command, measure=measure)
        else:
            code = strace.inject(there, kill, "signal=SIGKILL", *command, measure=measure).exit_code
        shutil.copyfile(live, cut)
    live.unlink()
    with mounted(cut, disk / "cut"):
        yield replace(installation, root=disk / "cut" / "root"), code
    cut.unlink()


def test_nothing_that_was_claimed_is_lost_by_a_power_cut(disk: Path, before: Scene, applied: Scene, tell: Tell) -> None:
    with after_the_cut(disk, before, "before", scene.APPLY) as (there, code):
        assert code == 15
        found = [*oracle.not_converged(there.root, there.expected, code)]
    applied.reset()
    with after_the_cut(disk, applied, "applied", ("rollback", applied.only_run())) as (there, code):
        found += oracle.not_rolled_back(there.root, there.expected, code)
    tell("apply and rollback, power cut at the end", 2, 2, found)


@needs_strace
@pytest.mark.parametrize("count", [10, pytest.param(None, marks=pytest.mark.exhaustive, id="exhaustive")])
def test_a_power_cut_in_the_middle(
    disk: Path, before: Scene, calls_of_apply: list[strace.Call], tell: Tell, count: int | None
) -> None:
    calls = [call for call in calls_of_apply if call.name != "openat"]
    chosen = calls[:: len(calls) // count] if count else calls
    found: list[str] = []
    for call in chosen:
        with after_the_cut(disk, before, "before", scene.APPLY, call) as (there, _):
            wrong = [*oracle.violations(there.root, there.expected)]
            again, said = there.run(*scene.APPLY)
            wrong += oracle.not_converged(there.root, there.expected, again)
            found += [f"{call}: {one} {said}" for one in wrong]
    tell("apply, power cut in the middle", len(chosen), len(calls), found)


@needs_strace
@pytest.mark.parametrize("count", [6, pytest.param(None, marks=pytest.mark.exhaustive, id="exhaustive")])
def test_a_power_cut_in_the_middle_of_a_rollback(
    disk: Path, applied: Scene, calls_of_rollback: list[strace.Call], tell: Tell, count: int | None
) -> None:
    applied.reset()
    command = ("rollback", applied.only_run())
    calls = [call for call in calls_of_rollback if call.name != "openat"]
    chosen = calls[:: len(calls) // count] if count else calls
    found: list[str] = []
    for call in chosen:
        with after_the_cut(disk, applied, "applied", command, call) as (there, _):
            wrong = [*oracle.violations(there.root, there.expected, proofs=False)]
            again, said = there.run(*command)
            wrong += oracle.not_rolled_back(there.root, there.expected, again)
            found += [f"{call}: {one} {said}" for one in wrong]
    tell("rollback, power cut in the middle", len(chosen), len(calls), found)


@pytest.mark.parametrize("measure", ["file fsync", "directory fsync"])
def test_without_a_flush_a_power_cut_takes_what_was_claimed(disk: Path, before: Scene, measure: str) -> None:
    with after_the_cut(disk, before, "before", scene.APPLY, measure=measure) as (there, code):
        assert code == 15
        assert list(oracle.not_converged(there.root, there.expected, code)) != []


def test_an_image_is_given_back(disk: Path) -> None:
    assert not os.path.ismount(disk / "live")
    assert not os.path.ismount(disk / "cut")
