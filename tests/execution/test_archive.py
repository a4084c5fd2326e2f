"""Sources that are moved out of the way, into numbered folders: by a checked copy to other devices, never a link."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator import commands
from migrator.cli import main as cli
from migrator.execution import archive, undo
from migrator.execution.archive import archive_sources
from migrator.execution.run_states import RunState, state_of
from migrator.filesystem import copy_durably
from migrator.model.errors import ChangedError
from migrator.model.inventory import FileIdentity
from migrator.model.outcome import Archiving
from migrator.model.plan import Plan
from migrator.proofs.bundle import holds_proof
from migrator.runs import moving
from migrator.runs.run import RUNS, Run
from migrator.runs.run_record import all_records
from tests.run_worlds import apply, roll_back, tree, two_devices
from tests.worlds import NOON, World, entry


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    for name in ("main", "ops"):
        world.agent(name, {"a": entry(f"s-{name}", 5)})
    (world.store_path("main").parent / "s-main.jsonl").write_bytes(b'{"type":"session","id":"s-main"}\n')
    return world


@pytest.fixture
def plan(world: World) -> Plan:
    made = commands.plan(world.request()).plan
    assert made is not None
    return made


@pytest.fixture
def run(world: World, plan: Plan) -> Iterator[Run]:
    run = Run(world.state, NOON)
    yield run
    run.close()


def test_every_source_is_moved_into_a_numbered_folder_and_noted(world: World, plan: Plan, run: Run) -> None:
    sources = [world.store_path("main"), world.store_path("main").parent / "s-main.jsonl", world.store_path("ops")]
    contents = sorted(path.read_bytes() for path in sources)
    moved = [Path(path) for path in archive_sources(plan, run).moved]
    assert not any(path.exists() for path in sources)
    assert sorted(path.read_bytes() for path in moved) == contents
    assert [path.parent for path in moved] == [run.folder / "archive" / f"{number:06d}" for number in range(3)]
    steps = [json.loads(line) for line in (run.folder / "journal.jsonl").read_text().splitlines()]
    notes = [step for step in steps if step["step"] == "archive"]
    assert sorted(world.state / note["source"] for note in notes) == sorted(sources)
    assert {step["path"] for step in steps if step["step"] == "directory"} == {
        f"agents/{name}/sessions" for name in ("main", "ops")
    }
    assert [run.folder / "archive" / note["archive"] for note in notes] == moved
    assert [Path(note["source"]).name for note in notes] == [path.name for path in moved]


def test_a_link_stays(world: World, plan: Plan, run: Run) -> None:
    store = world.store_path("main")
    store.rename(store.with_name("kept.json"))
    store.symlink_to("kept.json")
    found = archive_sources(plan, run)
    assert len(found.moved) == 2
    assert named(found) == [("archive.link", str(store))]
    assert store.is_symlink()
    assert store.with_name("kept.json").is_file()


def test_what_is_on_another_device_is_moved_by_a_copy_with_its_mode_and_time(
    world: World, plan: Plan, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = world.store_path("ops")
    far.chmod(0o640)
    os.utime(far, ns=(7, 7_000_000_001))
    two_devices(monkeypatch)
    content, found = far.read_bytes(), archive_sources(plan, run)
    assert (len(found.moved), found.staying) == (3, ())
    assert not far.exists()
    [moved] = (Path(path) for path in found.moved if Path(path).read_bytes() == content)
    assert (moved.stat().st_mode & 0o777, moved.stat().st_mtime_ns) == (0o640, 7_000_000_001)
    assert leftovers(world) == []


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("why", [errno.EPERM, errno.EACCES, errno.EROFS])
def test_a_file_that_the_system_refuses_to_move_stays_and_is_named_with_the_reason(
    world: World, plan: Plan, run: Run, monkeypatch: pytest.MonkeyPatch, devices: int, why: int
) -> None:
    if devices == 2:
        two_devices(monkeypatch)
    protected = world.store_path("ops")
    refuse(monkeypatch, protected, why)
    found = archive_sources(plan, run)
    assert len(found.moved) == 2
    assert named(found) == [("archive.refused", str(protected))]
    assert found.staying[0].facts == (("errno", why),)
    assert protected.exists()
    assert len(list((run.folder / "archive").glob("*"))) == 2
    assert leftovers(world) == []


def test_a_file_that_changes_while_it_is_copied_stays_and_is_named(
    world: World, plan: Plan, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_devices(monkeypatch)
    far, copy = world.store_path("ops"), copy_durably

    def copied(source: Path, target: Path, facts: FileIdentity) -> None:
        copy(source, target, facts)
        if source == far:
            source.write_bytes(source.read_bytes() + b" ")

    monkeypatch.setattr(moving, "copy_durably", copied)
    found = archive_sources(plan, run)
    assert named(found) == [("archive.changing", str(far))]
    assert far.read_bytes().endswith(b" ")
    assert leftovers(world) == []


def test_a_copy_that_is_not_what_was_read_is_thrown_away(
    world: World, plan: Plan, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_devices(monkeypatch)
    monkeypatch.setattr(moving, "copy_durably", lambda _source, target, _facts: target.write_bytes(b"torn"))
    found = archive_sources(plan, run)
    assert found.moved == ()
    assert {code for code, _ in named(found)} == {"archive.changing"}
    assert world.store_path("ops").exists()
    assert leftovers(world) == []


def test_what_could_not_be_moved_is_no_business_of_a_rollback(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    protected = world.store_path("ops")
    with monkeypatch.context() as patched:
        refuse(patched, protected, errno.EPERM)
        report = apply(world)
    assert (report.word, report.exit_code) == ("left-behind", 1)
    protected.write_bytes(b"{}")
    assert roll_back(world).word == "rolled-back"
    assert protected.read_bytes() == b"{}"


def test_a_run_that_left_sources_behind_is_complete_and_its_proof_is_sound(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["--state-dir", str(world.state)]
    with monkeypatch.context() as patched:
        refuse(patched, world.store_path("ops"), errno.EPERM)
        done = CliRunner().invoke(cli.main, ["apply", "--yes", "--archive-sources", *arguments])
        again = CliRunner().invoke(cli.main, ["apply", "--yes", "--archive-sources", *arguments])
    assert (done.exit_code, again.exit_code) == (1, 1), done.stderr
    assert "moved 2 of 3 sources" in done.stdout
    assert "moved 0 of 1 source " in again.stdout
    assert "archive.refused" in done.stdout
    assert "Nothing to do: every session" not in done.stdout
    for folder in world.runs():
        assert state_of(folder, holds_proof) is RunState.COMPLETE
        assert CliRunner().invoke(cli.main, ["proof", "check", str(folder / "apply.proof.jsonl")]).exit_code == 0
    last = CliRunner().invoke(cli.main, ["apply", "--yes", "--archive-sources", *arguments])
    assert last.exit_code == 0
    assert "moved 1 of 1 source " in last.stdout


def test_nobody_is_told_that_there_is_nothing_to_do_while_a_link_stays(world: World) -> None:
    store = world.store_path("main")
    store.rename(store.with_name("kept.json"))
    store.symlink_to("kept.json")
    report = apply(world)
    assert (report.word, report.exit_code) == ("proved", 0)
    assert not report.next_step.startswith("Nothing")


class KilledError(BaseException):
    """What the tests throw, past every handler, into the middle of a run."""


@pytest.mark.parametrize("command", ["apply", "rollback"])
def test_killed_anywhere_between_two_devices_the_next_run_converges_and_a_rollback_gives_all_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Counted are the calls that change a name, write, or make durable, while sources are moved or put back."""
    points = 0
    while True:
        world = World(tmp_path / str(points))
        world.agent("main", {"a": entry("s-main", 5)})
        before = tree(world.state)
        with monkeypatch.context() as patched:
            two_devices(patched)
            if command == "rollback":
                assert apply(world).exit_code == 0
            is_killed = killed_at(patched, points, partial(apply if command == "apply" else roll_back, world))
        with monkeypatch.context() as patched:
            two_devices(patched)
            if command == "apply":
                assert apply(world).exit_code == 0, points
                assert not world.store_path("main").exists(), points
            for record in reversed(all_records(world.state)):
                assert roll_back(world, record.folder).exit_code == 0, points
        assert tree(world.state) == before, points
        assert leftovers(world) == [], points
        if not is_killed:
            break
        points += 1
    assert points > 15


def killed_at(patched: pytest.MonkeyPatch, point: int, act: Callable[[], object]) -> bool:
    """Do something, and die at so manieth a call while a source is carried; whether it came to that."""
    left, carry = [point], moving.carry

    def counted(original: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            left[0] -= 1
            if left[0] == -1:
                raise KilledError
            return original(*arguments, **named)

        return call

    def watched(source: Path, final: Path, sha256: str, *rename: Callable[[Path, Path], None]) -> None:
        with patched.context() as inner:
            for name in ("rename", "link", "unlink", "open", "fsync", "chmod", "utime"):
                inner.setattr(os, name, counted(getattr(os, name)))
            carry(source, final, sha256, *(os.rename for _ in rename))

    for module in (archive, undo):
        patched.setattr(module, "carry", watched)
    try:
        act()
    except KilledError:
        return True
    return False


def refuse(patched: pytest.MonkeyPatch, protected: Path, why: int) -> None:
    """Let a file be one whose name nobody may take away."""

    def refusing(original: Callable[..., None]) -> Callable[..., None]:
        def call(path: str | Path, *arguments: object, **named: object) -> None:
            if str(path) == str(protected):
                raise OSError(why, os.strerror(why))
            original(path, *arguments, **named)

        return call

    for name in ("rename", "unlink"):
        original = getattr(os, name)
        if name == "rename" and "across" in original.__qualname__:
            continue  # the device is what it stumbles over first
        patched.setattr(os, name, refusing(original))


def named(found: Archiving) -> list[tuple[str, str]]:
    return [(finding.code, finding.subject.text) for finding in found.staying]


def leftovers(world: World) -> list[Path]:
    return [path for path in world.state.rglob("*") if path.name.endswith(".tmp")]


def test_nothing_is_moved_when_any_source_has_changed(world: World, plan: Plan, run: Run) -> None:
    world.store(world.store_path("ops"), {"a": entry("s-ops", 6)})
    with pytest.raises(ChangedError):
        archive_sources(plan, run)
    assert world.store_path("main").is_file()
    assert list((world.state / RUNS).glob("*/archive/*")) == []
