"""Databases that are refused, odd or in use: nothing is written to them without need, and none is called fine."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from migrator import commands
from migrator.model.errors import BusyError, MigratorError, RefusedError
from migrator.model.report import ApplyReport
from migrator.model.verification import Verdict
from tests import sqlite_worlds
from tests.conftest import fingerprint
from tests.sqlite_worlds import insert
from tests.worlds import World, auth_row, cache, count, databases, entry, files, owner, scalar, table, typed


def apply(world: World) -> ApplyReport:
    return commands.apply(world.request(), None, yes=True)


# databases that are refused


def other_agent_is_fine(world: World, report: ApplyReport) -> None:
    assert cache(world.database_path("fine")).keys() == {"k"}
    assert report.exit_code != 0
    assert count(report, Verdict.MISSING) == 1


REFUSED: dict[str, Callable[[World], object]] = {
    "schema 99": lambda world: world.database("bad", owner("bad", version=99), version=99),
    "other owner": lambda world: world.database("bad", owner("somebody-else")),
    "other role": lambda world: world.database("bad", owner("bad", role="global")),
    "no database": lambda world: world.store(world.database_path("bad"), b"no database" * 1000),
    "a directory": lambda world: world.database_path("bad").mkdir(parents=True),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refused_database_is_not_touched_while_other_agents_are_migrated(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path)
    world.agent("bad", {"k": entry("s1", 5)})
    REFUSED[kind](world)
    before = fingerprint(world.agent_path("bad"))
    assert commands.plan(world.request()).exit_code == 12
    with pytest.raises(RefusedError) as caught:
        apply(world)
    assert caught.value.exit_code == 12
    assert fingerprint(world.agent_path("bad")) == before
    assert not (world.state / "migrator-runs").exists()
    world.agent("fine", {"k": entry("s9", 5)})
    other_agent_is_fine(world, apply(world))
    assert fingerprint(world.agent_path("bad")) == before


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refused_database_is_never_called_verified(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path)
    world.agent("bad")
    REFUSED[kind](world)
    try:
        report = commands.verify(world.request())
    except MigratorError as error:
        assert error.exit_code != 0
    else:
        assert report.exit_code != 0


def test_an_owner_that_differs_only_in_case_is_no_other_owner(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("Ops", {"k": entry("s1", 5)})
    world.database("Ops", owner("OPS"))
    assert apply(world).exit_code == 0


# databases that are odd, and fine


def test_a_database_file_without_a_byte_is_filled(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    world.store(world.database_path("main"), b"")
    report = apply(world)
    assert report.exit_code == 0
    assert cache(world.database_path("main")) == typed(world.database_path("main"))
    assert scalar(world.database_path("main"), "PRAGMA user_version") == 1


def test_a_database_with_auth_rows_only_is_filled(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    world.database("main", owner("main"), auth_row("a", "{}"))
    before = table(world.database_path("main"), "auth_profile_store")
    assert apply(world).exit_code == 0
    assert table(world.database_path("main"), "auth_profile_store") == before
    assert cache(world.database_path("main")).keys() == {"k"}


def test_a_database_without_an_owner_row_is_adopted(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    world.database("main", version=0)
    assert apply(world).exit_code == 0
    assert scalar(world.database_path("main"), "SELECT agent_id FROM schema_meta") == b"main"


def test_a_database_that_others_may_read_is_made_private(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    world.database("main", owner("main")).chmod(0o644)
    report = apply(world)
    assert report.exit_code == 0
    assert world.database_path("main").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("value", [None, "", "nonsense", "[]", "null", b"\xff\xfe"])
def test_a_row_without_a_readable_entry_loses_against_the_store(tmp_path: Path, value: object) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    world.database("main", owner("main"), insert("cache_entries", ("session_entries", "k", value, None, None, 7)))
    assert apply(world).exit_code == 0
    assert cache(world.database_path("main")) == typed(world.database_path("main"))


def test_typed_tables_of_another_make_are_used_or_refused_but_never_a_crash(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    world.database("main", owner("main"), tables=sqlite_worlds.BOTH)
    before = files(world.agent_path("main"))
    try:
        report = apply(world)
    except MigratorError:
        assert files(world.agent_path("main")) == before
    else:
        assert report.exit_code == 0
        assert typed(world.database_path("main")).keys() == {"k"}


# databases that are in use


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let SQLite give up at once where it would wait five seconds for a lock."""
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, timeout=0))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("lock", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_locked_database_is_busy_and_stays_as_it_is(tmp_path: Path, journal: str, lock: str) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    database = world.database("main", owner("main"))
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute(f"PRAGMA journal_mode = {journal}")
        other.execute("SELECT * FROM schema_meta").fetchall()
        other.execute(lock)
        before = fingerprint(database.parent)
        with pytest.raises(BusyError) as caught:
            apply(world)
        assert caught.value.exit_code == 11
        after = fingerprint(database.parent)
        other.execute("ROLLBACK")
    assert {name: facts for name, facts in after.items() if not name.endswith("-shm")} == {
        name: facts for name, facts in before.items() if not name.endswith("-shm")
    }
    assert cache(database) == {}


@pytest.mark.usefixtures("impatient")
def test_a_database_that_is_being_read_is_busy_and_stays_as_it_is(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    database = world.database("main", owner("main"))
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM schema_meta").fetchall()
        with pytest.raises(BusyError):
            apply(world)
    assert cache(database) == {}
    assert databases(world.state) == [database]
    assert apply(world).exit_code == 0
