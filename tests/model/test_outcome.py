"""What stops one database stops no other: the rest is done, and the exit code and a finding say what is left."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from migrator import commands, patience
from migrator.model.errors import BusyError, MigratorError, ProofNotWrittenError
from migrator.model.verification import Verdict
from tests.conftest import fingerprint
from tests.sqlite_worlds import CACHE, META
from tests.worlds import World, auth_row, cache, count, entry, files, fill_wal, owner

PICKY = (META, CACHE.replace("value_json TEXT", "value_json TEXT CHECK (length(value_json) < 9)"))


def picky(world: World) -> AbstractContextManager[None]:
    """A database whose table has the columns that it should have, and refuses every row."""
    world.database("bad", owner("bad"), tables=PICKY)
    return nullcontext()


@contextmanager
def locked(world: World) -> Iterator[None]:
    path = world.database("bad", owner("bad"))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


Hold = Callable[[World], AbstractContextManager[None]]
KINDS = pytest.mark.parametrize(
    ("hold", "code", "alone", "with_others"),
    [(picky, "database.write-refused", 12, 1), (locked, "database.locked", 11, 11)],
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.agent("bad", {"k": entry("s1", 5)})
    return world


@KINDS
def test_a_database_that_cannot_be_written_stops_no_other_one(
    world: World, hold: Hold, code: str, alone: int, with_others: int
) -> None:
    world.agent("before", {"k": entry("s2", 5)})
    world.agent("zebra", {"k": entry("s3", 5)})
    with hold(world):
        before = files(world.agent_path("bad"))
        report = commands.apply(world.request(), None, yes=True)
    assert report.exit_code == with_others
    assert [(f.code, f.subject.text) for f in report.findings if f.subject.kind == "database"] == [
        (code, str(world.database_path("bad")))
    ]
    assert count(report, Verdict.MISSING) == 1
    assert cache(world.database_path("before")).keys() == cache(world.database_path("zebra")).keys() == {"k"}
    assert files(world.agent_path("bad")) == before
    assert [outcome.rows_written for outcome in report.outcomes] == [0, 1, 1]


@KINDS
def test_alone_it_is_the_error_of_the_run(world: World, hold: Hold, code: str, alone: int, with_others: int) -> None:
    with hold(world), pytest.raises(MigratorError) as caught:
        commands.apply(world.request(), None, yes=True)
    assert caught.value.exit_code == alone


@KINDS
def test_the_next_run_takes_up_just_what_is_left(
    world: World, hold: Hold, code: str, alone: int, with_others: int
) -> None:
    world.agent("other", {"k": entry("s2", 5)})
    with hold(world):
        commands.apply(world.request(), None, yes=True)
    if hold is picky:
        world.database_path("bad").unlink()
    before = fingerprint(world.agent_path("other"))
    report = commands.apply(world.request(), None, yes=True)
    assert report.exit_code == 0
    assert [outcome.path for outcome in report.outcomes] == [str(world.database_path("bad"))]
    assert fingerprint(world.agent_path("other")) == before


class Waiting:
    """Time that passes only in sleep, at whose end a lock is released."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, lock: sqlite3.Connection) -> None:
        self.seconds = 0.0
        self.lock = lock
        monkeypatch.setattr(time, "monotonic", lambda: self.seconds)
        monkeypatch.setattr(time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        if self.seconds >= 3:
            self.lock.rollback()


@pytest.fixture
def timeouts(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """How long SQLite was told to wait for locks, connection by connection."""
    connect, asked = sqlite3.connect, list[object]()

    def recorded(*arguments: Any, **named: Any) -> sqlite3.Connection:  # noqa: ANN401 - as sqlite3.connect has them
        asked.append(named.get("timeout", 5.0))
        made: sqlite3.Connection = connect(*arguments, **named)
        return made

    monkeypatch.setattr(sqlite3, "connect", recorded)
    return asked


def test_nobody_waits_for_locked_databases_who_is_not_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, timeouts: list[object]
) -> None:
    world = World(tmp_path)
    with ExitStack() as locks:
        for name in ("a", "b", "c"):
            world.agent(name, {"k": entry(f"s-{name}", 5)})
            lock = locks.enter_context(closing(sqlite3.connect(world.database(name, owner(name)))))
            lock.execute("BEGIN EXCLUSIVE")
        timeouts.clear()
        monkeypatch.setattr(time, "sleep", pytest.fail)
        with pytest.raises(BusyError):
            patience.retry_while_busy(lambda: commands.apply(world.request(), None, yes=True), 0)
    assert set(timeouts) == {0}


@pytest.mark.parametrize("kind", ["EXCLUSIVE", "DEFERRED"])
def test_a_locked_database_is_waited_for_in_the_same_run_if_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A writer is in the way of the beginning of our transaction, a reader in that of its end."""
    world = World(tmp_path)
    world.agent("bad", {"k": entry("s1", 5)})
    world.agent("other", {"k": entry("s2", 5)})
    with closing(sqlite3.connect(world.database("bad", owner("bad")))) as lock:
        lock.execute(f"BEGIN {kind}")
        lock.execute("SELECT * FROM schema_meta").fetchall()
        waiting = Waiting(monkeypatch, lock)
        report = patience.retry_while_busy(lambda: commands.apply(world.request(), None, yes=True), 60)
    assert (report.exit_code, [outcome.rows_written for outcome in report.outcomes]) == (0, [1, 1])
    assert waiting.seconds == pytest.approx(3)
    assert len(world.runs()) == 1


def test_rows_that_a_reader_keeps_in_the_wal_are_committed_and_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"first key": entry("session-1", 5)})
    database = world.database("main", owner("main"))
    fill_wal(database, auth_row("p", "{}"))
    with closing(sqlite3.connect(database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM auth_profile_store").fetchone()
        report = commands.apply(world.request(), None, yes=True)
        reader.execute("ROLLBACK")
    [outcome] = report.outcomes
    assert (report.exit_code, outcome.checkpointed) == (0, False)
    assert [finding.code for finding in report.findings] == ["database.not-checkpointed"]


@pytest.mark.parametrize("error", [OSError(5, "x"), sqlite3.OperationalError("disk I/O error"), MemoryError()])
def test_a_failure_after_the_commit_says_that_all_is_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(_inventory: object, **_named: object) -> None:
        raise error

    world = World(tmp_path)
    world.agent("main", {"first key": entry("session-1", 5)})
    with monkeypatch.context() as patched:
        patched.setattr(sys.modules["migrator.commands.apply"], "make_verification", fail)
        with pytest.raises(ProofNotWrittenError) as caught:
            commands.apply(world.request(), None, yes=True)
    assert caught.value.exit_code == 14
    assert cache(world.database_path("main")).keys() == {"first key"}
    assert commands.apply(world.request(), None, yes=True).word == "already-migrated"
