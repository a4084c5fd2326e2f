"""The only step that writes: each database is wholly the old one or wholly the new one, whatever happens."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from migrator import commands, parallel
from migrator.execution import builder, executor
from migrator.execution.archive import archive_sources
from migrator.execution.executor import execute
from migrator.model.errors import ChangedError, MigratorError
from migrator.model.outcome import Outcome
from migrator.model.plan import Plan
from migrator.model.report import ApplyReport
from migrator.model.verification import Verification
from migrator.runs.run import Run
from migrator.sqlite import cache_rows, target, typed_entries
from tests.sqlite_worlds import execute as sql
from tests.worlds import (
    NOON,
    World,
    auth_row,
    cache,
    cache_row,
    change,
    entry,
    files,
    owner,
    quarantined,
    scalar,
    typed,
)


class PowerCutError(Exception):
    """What the tests throw into the middle of a run."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An agent without a database, and one with a database that has an older entry."""
    world = World(tmp_path)
    world.agent("new", {"a": entry("s1", 5), "b": entry("s2", 6), "bad": None})
    world.agent("old", {"a": entry("s1", 5), "b": entry("s2", 6)})
    world.database("old", owner("old"), cache_row("a", entry("s1", 1)), auth_row("p", "{}"))
    return world


def apply(world: World, **selection: object) -> ApplyReport:
    return commands.apply(world.request(**selection), None, yes=True)  # type: ignore[arg-type]


def planned(world: World) -> Plan:
    plan = commands.plan(world.request()).plan
    assert plan is not None
    return plan


def carry_out(world: World, plan: Plan) -> tuple[Outcome, ...]:
    run = Run(world.state, NOON)
    try:
        return execute(plan, run, 1)
    finally:
        run.close()


def failed(outcomes: tuple[Outcome, ...]) -> dict[str, type[MigratorError]]:
    return {outcome.path: type(outcome.failure) for outcome in outcomes if outcome.failure is not None}


def temporary_files(world: World) -> list[Path]:
    return [path for path in world.state.rglob("*") if path.name.endswith(".tmp")]


def fail(*_arguments: object, **_named: object) -> None:
    raise PowerCutError


def interrupt(*_arguments: object, **_named: object) -> None:
    raise KeyboardInterrupt


STEPS = [
    (target, "create_tables"),
    (target, "stamp_owner"),
    (cache_rows, "put_cache_rows"),
    (typed_entries, "put_sessions"),
    (typed_entries, "put_typed_rows"),
]


@pytest.mark.parametrize("agent", ["new", "old"])
@pytest.mark.parametrize(("module", "step"), STEPS)
def test_a_run_that_dies_in_the_middle_leaves_the_old_state(
    world: World, monkeypatch: pytest.MonkeyPatch, module: ModuleType, step: str, agent: str
) -> None:
    before = files(world.agent_path("old") / "agent")
    with monkeypatch.context() as patched:
        patched.setattr(module, step, interrupt if step == "put_sessions" else fail)
        with pytest.raises((PowerCutError, KeyboardInterrupt)):
            apply(world, agents=(agent,))
    assert not world.database_path("new").exists()
    assert temporary_files(world) == []
    assert files(world.agent_path("old") / "agent") == before
    assert apply(world).exit_code == 15
    assert typed(world.database_path(agent)).keys() == {"a", "b"}


@pytest.mark.parametrize("step", ["inherit_owner", "publish"])
def test_a_run_that_dies_before_the_last_step_leaves_no_database(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(executor if step == "publish" else builder, step, fail)
        with pytest.raises(PowerCutError):
            apply(world, agents=("new",))
    assert not world.database_path("new").exists()
    assert temporary_files(world) == []
    assert apply(world, agents=("new",)).exit_code == 15


@pytest.mark.parametrize("beside", [False, True])
def test_a_database_gets_its_name_only_when_its_content_is_flushed(
    world: World, monkeypatch: pytest.MonkeyPatch, beside: bool
) -> None:
    flushed: list[bool] = []

    def slow_flush(_path: Path) -> None:
        time.sleep(0.1)
        flushed.append(world.database_path("new").exists())

    monkeypatch.setattr(parallel, "WORTH_A_THREAD", 0 if beside else 1 << 30)
    monkeypatch.setattr(builder, "fsync_file", slow_flush)
    apply(world, agents=("new",))
    assert flushed == [False]


@pytest.mark.parametrize("beside", [False, True])
def test_a_database_whose_content_can_not_be_flushed_is_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch, beside: bool
) -> None:
    def fails(_path: Path) -> None:
        raise OSError(errno.EIO, "lost")

    with monkeypatch.context() as patched:
        patched.setattr(parallel, "WORTH_A_THREAD", 0 if beside else 1 << 30)
        patched.setattr(builder, "fsync_file", fails)
        with pytest.raises(OSError, match="lost"):
            apply(world, agents=("new",))
    assert not world.database_path("new").exists()
    assert temporary_files(world) == []
    assert apply(world, agents=("new",)).exit_code == 15


KILLED = """
import os, signal, sys
from migrator import commands
from migrator.model.request import Selection, Surroundings
from migrator.sqlite import typed_entries
from migrator.model.verification import Verification
from migrator.model.report import ApplyReport

def die(*_arguments, **_named):
    os.kill(os.getpid(), signal.SIGKILL)

typed_entries.put_typed_rows = die
state, home, temporary = sys.argv[1:]
request = commands.Request(Selection(state_dir=state), Surroundings({}, home, home, temporary))
commands.apply(request, None, yes=True)
"""


def test_after_a_kill_running_again_converges_and_tidies_up(world: World) -> None:
    surroundings = world.request().surroundings
    call = [sys.executable, "-B", "-c", KILLED, str(world.state), surroundings.home, surroundings.tmp]
    killed = subprocess.run(call, cwd=Path(__file__).parents[2], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert not world.database_path("new").exists()
    assert cache(world.database_path("old")).keys() == {"a"}
    assert apply(world).exit_code == 15
    for agent in ("new", "old"):
        assert typed(world.database_path(agent)).keys() == {"a", "b"}
    assert temporary_files(world) == []


def wrong_text(*arguments: object) -> None:
    connection, rows = arguments
    original_put_cache_rows(connection, [(key, text + b" ", time) for key, text, time in rows])  # type: ignore[attr-defined,arg-type]


original_put_cache_rows = cache_rows.put_cache_rows


@pytest.mark.parametrize("agent", ["new", "old"])
def test_what_does_not_read_back_as_planned_is_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch, agent: str
) -> None:
    before = files(world.agent_path("old") / "agent")
    monkeypatch.setattr(cache_rows, "put_cache_rows", wrong_text)
    with pytest.raises(ChangedError):
        apply(world, agents=(agent,))
    assert not world.database_path("new").exists()
    assert temporary_files(world) == []
    assert files(world.agent_path("old") / "agent") == before


def test_only_what_a_run_has_built_is_taken_for_a_leftover(world: World) -> None:
    folder = world.database_path("new").parent
    folder.mkdir()
    mine = folder / f".{world.database_path('new').name}.before-upgrade.tmp"
    leftover = folder / f".{world.database_path('new').name}.20260101T000000Z-00000000.tmp-journal"
    for path in (mine, leftover):
        path.touch()
    apply(world, agents=("new",))
    assert (mine.exists(), leftover.exists()) == (True, False)


# what changes between the plan and its execution


def put_directory(world: World) -> None:
    world.store_path("new").unlink()
    world.store_path("new").mkdir()


CHANGES: dict[str, Callable[[World], object]] = {
    "a new entry": lambda world: world.agent("new", {"a": entry("s1", 5), "b": entry("s2", 6), "bad": None, "c": {}}),
    "another value": lambda world: world.agent("new", {"a": entry("s1", 7), "b": entry("s2", 6), "bad": None}),
    "an empty file": lambda world: world.agent("new", b""),
    "no file": lambda world: world.store_path("new").unlink(),
    "a directory": put_directory,
    "a database": lambda world: world.database("new", owner("new")),
    "a file in its place": lambda world: world.store(world.database_path("new"), b"x"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_after_the_plan_is_noticed_before_anything_is_published(world: World, what: str) -> None:
    plan = planned(world)
    CHANGES[what](world)
    database = world.database_path("new")
    before = database.read_bytes() if database.exists() else None
    assert failed(carry_out(world, plan)) == {str(database): ChangedError}
    assert (database.read_bytes() if database.exists() else None) == before
    assert temporary_files(world) == []


def test_a_span_that_changed_after_the_plan_is_not_preserved_as_if_it_had_not(world: World) -> None:
    plan, content = planned(world), world.store_path("new").read_bytes()
    world.store(world.store_path("new"), content.replace(b"null", b"true"))
    assert failed(carry_out(world, plan)) == {str(world.database_path("new")): ChangedError}
    world.store(world.store_path("new"), content)
    apply(world)
    (run,) = (folder for folder in world.runs() if (folder / "quarantine" / "index.jsonl").exists())
    assert [raw for _, raw in quarantined(run)] == [b"null"]


DATABASE_CHANGES = [
    cache_row("c", entry("s3", 1)),
    sql("DELETE FROM cache_entries"),
    sql("UPDATE cache_entries SET value_json = '{}'"),
    auth_row("q", "{}"),
]


@pytest.mark.parametrize("number", range(len(DATABASE_CHANGES)))
def test_a_database_that_changed_after_the_plan_stays_as_it_is_now(world: World, number: int) -> None:
    plan = planned(world)
    change(world.database_path("old"), DATABASE_CHANGES[number])
    before = files(world.agent_path("old") / "agent")
    assert failed(carry_out(world, plan)) == {str(world.database_path("old")): ChangedError}
    assert files(world.agent_path("old") / "agent") == before


def test_a_store_that_changed_after_it_was_migrated_is_not_archived(world: World) -> None:
    plan = planned(world)
    carry_out(world, plan)
    world.agent("old", {"a": entry("s1", 5)})
    run = Run(world.state, NOON)
    try:
        with pytest.raises(ChangedError):
            archive_sources(plan, run)
    finally:
        run.close()
    assert world.store_path("old").exists()


# what a run writes, and how


def test_more_entries_than_fit_a_batch_are_all_written(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {f"key {number}": entry(f"s{number % 700}", number) for number in range(1300)})
    report = apply(world)
    assert report.exit_code == 0
    assert report.outcomes[0].rows_written == 1300
    assert len(cache(world.database_path("main"))) == len(typed(world.database_path("main"))) == 1300
    assert scalar(world.database_path("main"), "SELECT count(*) FROM sessions") == 700
    owners = "SELECT session_key FROM sessions WHERE session_id = "
    assert scalar(world.database_path("main"), f"{owners} 's0'") == b"key 700"
    assert scalar(world.database_path("main"), f"{owners} 's650'") == b"key 650"


def test_everything_that_is_written_is_private(world: World) -> None:
    old_umask = os.umask(0)
    try:
        commands.apply(world.request(), None, yes=True, archive=True)
    finally:
        os.umask(old_umask)
    made = [world.database_path("new").parent, world.state / "migrator-runs"]
    paths = [*made, *(path for folder in made for path in folder.rglob("*"))]
    assert len(paths) > 10
    modes = {path: oct(path.stat().st_mode & 0o7777) for path in paths}
    assert {path: mode for path, mode in modes.items() if mode != ("0o700" if path.is_dir() else "0o600")} == {}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_a_superuser_leaves_everything_to_the_owner_of_the_installation(world: World) -> None:
    for path in (world.state, *world.state.rglob("*")):
        os.chown(path, 12345, 12346)
    apply(world)
    strangers = [path for path in world.state.rglob("*") if (path.stat().st_uid, path.stat().st_gid) != (12345, 12346)]
    assert strangers == []


def test_the_quarantine_holds_the_raw_bytes_and_where_they_came_from(world: World) -> None:
    content = b'{"x": nul\xff, "y": {"sessionId": "s1"}, "z": [1,  2]}'
    world.agent("new", content)
    apply(world, agents=("new",))
    [run] = world.runs()
    found = quarantined(run)
    assert [raw for _, raw in found] == [b"nul\xff", b"[1,  2]"]
    for record, raw in found:
        assert content.index(raw) == record["offset"]
        assert record["source"] == str(world.store_path("new"))
    assert [record["reason"] for record, _ in found] == ["entry.not-json", "entry.not-object"]


def test_what_is_in_quarantine_already_is_not_put_there_again(world: World) -> None:
    apply(world)
    world.agent("third", {"k": entry("s1", 5)})
    apply(world)
    first, second = world.runs()
    assert (first / "quarantine").exists() != (second / "quarantine").exists()


def test_a_store_with_nothing_but_damage_gets_no_database(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"a": None, "b": 5})
    report = apply(world)
    assert (report.exit_code, report.outcomes) == (15, ())
    assert os.listdir(world.agent_path("main")) == ["sessions"]


def test_the_journal_tells_every_step(world: World) -> None:
    apply(world)
    [run] = world.runs()
    steps = [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines()]
    created = ["begin", "directory", "directory", "make-directory", "build", "publish", "published"]
    assert [step["step"] for step in steps] == [*created, "backup", "directory", "commit", "committed", "done"]
    assert {step["path"] for step in steps if step["step"] == "directory"} == {
        ".",
        "agents/new",
        "agents/old/agent",
    }


def test_nothing_pending_means_nothing_done(world: World) -> None:
    apply(world)
    plan = planned(world)
    before = files(world.agent_path("old"))
    assert carry_out(world, plan) == ()
    assert files(world.agent_path("old")) == before


def test_a_database_with_damage_is_not_written_to(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    database = world.database("main", owner("main"), *(auth_row(f"p{n}", "x" * 900) for n in range(40)))
    content = bytearray(database.read_bytes())
    last = max(start for start in range(4096, len(content), 4096) if content[start] == 0x0D)
    content[last : last + 4096] = b"\xff" * 4096
    database.write_bytes(content)
    before = files(database.parent)
    with pytest.raises(MigratorError):
        apply(world)
    assert files(database.parent) == before


@pytest.mark.parametrize("spelling", ["New", "new ", None])
def test_a_database_that_does_not_name_its_owner_exactly_is_put_right(world: World, spelling: str | None) -> None:
    apply(world, agents=("new",))
    statement = sql("UPDATE schema_meta SET agent_id = ?", spelling) if spelling else sql("DELETE FROM schema_meta")
    change(world.database_path("new"), statement)
    checks = {check.name: check.passed for check in verified(world).databases[0].checks}
    assert not checks["owner"]
    assert apply(world, agents=("new",)).exit_code in (0, 15)
    assert scalar(world.database_path("new"), "SELECT agent_id FROM schema_meta") == b"new"
    assert commands.plan(world.request(agents=("new",))).word == "up-to-date"


def verified(world: World) -> Verification:
    verification = commands.verify(world.request(agents=("new",))).verification
    assert verification is not None
    return verification
