"""What killed runs are left in, what scan says of them, and how the next apply ends them."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from migrator import commands
from migrator.cli import main as cli
from migrator.commands.request import take_inventory
from migrator.execution import builder, executor, undo
from migrator.execution.run_states import RunState, run_findings, state_of
from migrator.proofs.bundle import holds_proof
from migrator.runs.run_record import all_records
from tests.conftest import fingerprint
from tests.worlds import World, auth_row, cache_row, change, entry, files, owner, typed


class KilledError(BaseException):
    """What the tests throw, past every handler, into the middle of a run."""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    world = World(tmp_path)
    for name in ("new", "old"):
        world.agent(name, {"first key": entry(f"session-{name}", 5)})
    world.database("old", owner("old"), cache_row("first key", entry("session-old", 1)), auth_row("p", "{}"))
    return world


def run(world: World, *arguments: object) -> Result:
    return CliRunner().invoke(cli.main, [*map(str, arguments), "--state-dir", str(world.state)])


def die(*_arguments: object, **_named: object) -> None:
    raise KilledError


def killed(world: World, monkeypatch: pytest.MonkeyPatch, where: object, what: str, *options: str) -> Path:
    """Apply, and die where something is called."""
    earlier = set(world.runs())
    with monkeypatch.context() as patched:
        patched.setattr(where, what, die)
        with pytest.raises(KilledError):
            CliRunner().invoke(
                cli.main, ["apply", "--yes", "--state-dir", str(world.state), *options], catch_exceptions=False
            )
    [folder] = set(world.runs()) - earlier
    return folder


def codes(result: Result) -> list[str]:
    return [finding["code"] for finding in json.loads(result.output)["findings"] if finding["code"].startswith("run.")]


def scanned(world: World) -> list[str]:
    before = fingerprint(world.state)
    found = codes(run(world, "scan", "--format", "json"))
    assert fingerprint(world.state) == before
    return found


APPLY = sys.modules["migrator.commands.apply"]

KILLS: dict[str, tuple[object, str, RunState]] = {
    "while a database is built": (executor, "publish", RunState.NOTHING_WRITTEN),
    "between two databases": (executor, "_back_up", RunState.NO_PROOF),
    "before it is verified": (APPLY, "make_verification", RunState.NO_PROOF),
}


@pytest.mark.parametrize("when", KILLS)
def test_scan_says_what_a_killed_run_was_left_in_and_apply_ends_it(
    world: World, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    where, what, state = KILLS[when]
    folder = killed(world, monkeypatch, where, what)
    assert state_of(folder, holds_proof) is state
    assert scanned(world) == [state.value]
    assert run(world, "apply", "--yes").exit_code == 0
    assert "run.complete" in scanned(world)
    assert not {"run.no-proof", "run.nothing-written"} & set(scanned(world))
    for name in ("new", "old"):
        assert typed(world.database_path(name)).keys() == {"first key"}
    assert list(world.state.rglob("*.tmp")) == []
    before = fingerprint(world.state)
    assert run(world, "apply", "--yes").exit_code == 0
    assert fingerprint(world.state) == before


def test_a_run_that_only_lacks_its_proof_gets_it_from_the_next_apply(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = killed(world, monkeypatch, APPLY, "make_verification")
    result = run(world, "apply", "--yes")
    assert (result.exit_code, "already-migrated" in result.output) == (0, True)
    assert (folder / "apply.proof.jsonl").exists()
    assert scanned(world) == ["run.complete"]
    assert world.runs() == [folder]


def test_verify_writes_the_missing_proof_into_the_folder_of_the_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = killed(world, monkeypatch, APPLY, "make_verification")
    others = {path: facts for path, facts in fingerprint(world.state).items() if folder.name not in path}
    assert run(world, "verify", "--proof", folder).exit_code == 0
    assert scanned(world) == ["run.complete"]
    assert {path: facts for path, facts in fingerprint(world.state).items() if folder.name not in path} == others
    for elsewhere in (world.state / "proof", folder.parent, folder / "backups"):
        assert run(world, "verify", "--proof", elsewhere).exit_code == 2


def test_a_proof_that_was_written_elsewhere_counts(world: World, tmp_path: Path) -> None:
    assert run(world, "apply", "--yes", "--proof", tmp_path / "proof").exit_code == 0
    assert scanned(world) == ["run.complete"]


def test_a_database_of_a_complete_run_that_is_gone_with_its_sources_is_said_by_scan_and_verify(world: World) -> None:
    assert run(world, "apply", "--yes").exit_code == 0
    assert codes(run(world, "verify", "--format", "json")) == []
    for name, path in (("new", world.database_path("new")), ("old", world.database_path("old"))):
        shutil.rmtree(path.parent.parent)
        gone = codes(run(world, "verify", "--allow-empty", "--format", "json"))
        assert gone == ["run.database-gone"] * (1 if name == "new" else 2)
    assert sorted(codes(run(world, "scan", "--allow-empty", "--format", "json"))) == [
        "run.complete",
        "run.database-gone",
        "run.database-gone",
    ]


def test_a_database_that_rollback_has_removed_is_not_missed(world: World) -> None:
    assert run(world, "apply", "--yes").exit_code == 0
    assert run(world, "rollback", world.runs()[0]).exit_code == 0
    assert not world.database_path("new").exists()
    assert codes(run(world, "verify", "--format", "json")) == []


def test_a_damaged_proof_is_none(world: World) -> None:
    assert run(world, "apply", "--yes").exit_code == 0
    proof = world.runs()[0] / "apply.proof.jsonl"
    proof.write_bytes(proof.read_bytes()[:-100])
    assert scanned(world) == ["run.no-proof"]


def test_a_run_that_ended_with_differences_is_named_and_never_called_complete(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = getattr(APPLY, "make_verification")  # noqa: B009 - it is no name of that module

    def after_a_change(inventory: object, **_named: object) -> object:
        change(world.database_path("old"), lambda connection: connection.execute("DELETE FROM session_entries"))
        change(world.database_path("old"), lambda connection: connection.execute("DELETE FROM cache_entries"))
        fresh = take_inventory(world.request())
        return make(fresh)

    with monkeypatch.context() as patched:
        patched.setattr(APPLY, "make_verification", after_a_change)
        assert run(world, "apply", "--yes").exit_code == 1
    assert scanned(world) == ["run.differences"]


@pytest.mark.parametrize(("error", "is_gone"), [(errno.EACCES, False), (errno.EIO, False), (errno.ENOENT, True)])
def test_a_database_that_cannot_be_looked_at_is_not_called_gone(
    world: World, monkeypatch: pytest.MonkeyPatch, error: int, is_gone: bool
) -> None:
    assert run(world, "apply", "--yes").exit_code == 0
    lstat, closed = os.lstat, str(world.database_path("new"))

    def refuse(path: str, **named: object) -> os.stat_result:
        if str(path) == closed:
            raise OSError(error, os.strerror(error))
        return lstat(path, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "lstat", refuse)
    assert ("run.database-gone" in scanned(world)) is is_gone


def test_a_rollback_that_was_killed_is_to_be_gone_on_with(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(world, "apply", "--yes").exit_code == 0
    [folder] = world.runs()
    with monkeypatch.context() as patched:
        patched.setattr(undo, "remove_made", die)
        with pytest.raises(KilledError):
            CliRunner().invoke(cli.main, ["rollback", str(folder)], catch_exceptions=False)
    assert scanned(world) == ["run.needs-rollback"]
    assert run(world, "rollback", folder).exit_code == 0
    assert scanned(world) == []


def test_what_a_killed_build_left_is_removed_even_if_nothing_else_is_to_be_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(world, "apply", "--yes", "--agent", "old").exit_code == 0
    before = files(world.state / "agents")
    with monkeypatch.context() as patched:
        patched.setattr(builder, "inherit_owner", die)
        patched.setattr(Path, "unlink", die)
        with pytest.raises(KilledError):
            CliRunner().invoke(cli.main, ["apply", "--yes", "--state-dir", str(world.state)], catch_exceptions=False)
    assert len(list(world.agent_path("new").glob("agent/.*.tmp"))) == 1
    assert run(world, "apply", "--yes", "--agent", "old").exit_code == 0
    assert files(world.state / "agents") == before
    assert not (world.agent_path("new") / "agent").exists()
    assert "run.nothing-written" not in scanned(world)


def test_a_folder_that_a_kill_left_without_a_journal_is_removed(world: World) -> None:
    empty = world.state / "migrator-runs" / "20260101T000000Z-00000000"
    empty.mkdir(parents=True)
    assert scanned(world) == ["run.nothing-written"]
    assert run(world, "apply", "--yes").exit_code == 0
    assert not empty.exists()


@pytest.mark.parametrize("damage", [None, b"", bytes(500)])
def test_a_run_whose_journal_is_lost_keeps_its_backups_and_the_sources_in_it(
    world: World, damage: bytes | None
) -> None:
    assert run(world, "apply", "--yes", "--archive-sources").exit_code == 0
    [folder] = world.runs()
    (folder / "journal.jsonl").unlink()
    if damage is not None:
        (folder / "journal.jsonl").write_bytes(damage)
    before = files(folder)
    assert scanned(world) == ["run.unreadable"]
    world.agent("third", {"first key": entry("session-third", 5)})
    assert run(world, "apply", "--yes").exit_code == 0
    assert files(folder) == before


def test_what_a_user_keeps_among_the_runs_is_left_alone(world: World) -> None:
    mine = world.state / "migrator-runs" / "my notes" / "mine"
    mine.parent.mkdir(parents=True)
    mine.touch()
    assert run(world, "apply", "--yes").exit_code == 0
    assert mine.exists()


@pytest.mark.parametrize("temporary", ["{outside}", "agents/new/agent/notes.tmp"])
def test_a_journal_cannot_have_a_file_removed_that_no_run_has_built(
    world: World, tmp_path: Path, temporary: str
) -> None:
    mine = world.state / temporary.format(outside=tmp_path / "mine")
    mine.parent.mkdir(exist_ok=True)
    mine.touch()
    folder = world.state / "migrator-runs" / "20260101T000000Z-00000000"
    folder.mkdir(parents=True)
    build = {"step": "build", "database": "agents/new/agent/openclaw-agent.sqlite", "temporary": str(mine)}
    steps: list[dict[str, object]] = [{"step": "begin", "number": 1}, dict(build)]
    (folder / "journal.jsonl").write_text("".join(json.dumps(step) + "\n" for step in steps))
    assert run(world, "apply", "--yes").exit_code == 0
    assert mine.exists()


def test_a_damaged_journal_is_told_and_does_not_stop_the_work(world: World) -> None:
    assert run(world, "apply", "--yes").exit_code == 0
    [folder] = world.runs()
    (folder / "journal.jsonl").write_bytes(b'{"step": "archive"}\n')
    assert scanned(world) == ["run.unreadable"]
    world.agent("third", {"first key": entry("session-third", 5)})
    assert run(world, "apply", "--yes").exit_code == 0


def test_each_state_is_a_finding_and_each_record_has_one(world: World) -> None:
    assert run_findings(world.state, holds_proof) == ()
    assert run(world, "apply", "--yes").exit_code == 0
    assert [finding.subject.text for finding in run_findings(world.state, holds_proof)] == [
        str(record.folder) for record in all_records(world.state)
    ]


@pytest.mark.parametrize("name", ["journal.jsonl", "apply.proof.jsonl", ".labels.key"])
@pytest.mark.parametrize(
    "make",
    [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.write_bytes(b"[" * 300_000 + b"\n")],
    ids=["pipe", "device", "deep"],
)
def test_nothing_in_the_folder_of_a_run_makes_a_command_wait_or_fail_inside(
    tmp_path: Path, name: str, make: Callable[[Path], object]
) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    commands.apply(world.request(), None, yes=True)
    [run] = world.runs()
    (run / name).unlink(missing_ok=True)
    make(run / name)
    assert commands.scan(world.request()).exit_code == 0
    assert commands.verify(world.request()).word == "proved"
    assert commands.apply(world.request(), None, yes=True).word == "already-migrated"
