from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from migrator.sqlite import typed_entries
from migrator.sqlite.rows import NewSession
from tests.sqlite_worlds import ENTRIES

SESSIONS = """CREATE TABLE sessions (session_id TEXT PRIMARY KEY, session_key TEXT NOT NULL, created_at INTEGER,
    updated_at INTEGER, channel TEXT)"""
ROUTES = "CREATE TABLE session_routes (session_key TEXT PRIMARY KEY, session_id TEXT NOT NULL, updated_at INTEGER)"


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in (SESSIONS, ENTRIES):
            connection.execute(statement)
        yield connection


def session(session_id: str = "s", updated_at: int = 9, **columns: str | int) -> NewSession:
    return NewSession("k", session_id, f'{{"sessionId":"{session_id}"}}', updated_at, 3, columns)


def rows(database: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    return database.execute(f"SELECT * FROM {table}").fetchall()


def test_a_session_gets_its_row_its_entry_and_where_there_are_routes_its_route(database: sqlite3.Connection) -> None:
    database.execute(ROUTES)
    typed_entries.put_session(
        database, session(status="done", channel="telegram", label="no such column"), replace=False
    )
    assert rows(database, "sessions") == [("s", "k", 3, 9, "telegram")]
    assert rows(database, "session_entries") == [("k", "s", '{"sessionId":"s"}', 9, "done")]
    assert rows(database, "session_routes") == [("k", "s", 9)]


def test_a_release_without_routes_gets_none(database: sqlite3.Connection) -> None:
    typed_entries.put_session(database, session(), replace=False)
    assert len(rows(database, "session_entries")) == 1


def test_replacing_changes_the_entry_and_leaves_the_earlier_session_where_it_is(database: sqlite3.Connection) -> None:
    typed_entries.put_session(database, session(), replace=False)
    typed_entries.put_session(database, session("t", 10), replace=True)
    assert rows(database, "session_entries") == [("k", "t", '{"sessionId":"t"}', 10, None)]
    assert [row[0] for row in rows(database, "sessions")] == ["s", "t"]
    with pytest.raises(sqlite3.IntegrityError):
        typed_entries.put_session(database, session("u"), replace=False)


@pytest.mark.parametrize("with_routes", [True, False])
def test_a_session_takes_over_the_row_of_the_one_that_was_made_up_for_its_history(
    database: sqlite3.Connection, with_routes: bool
) -> None:
    if with_routes:
        database.execute(ROUTES)
    typed_entries.put_session(database, replace(session(updated_at=5), key="made up"), replace=False)
    typed_entries.put_session(database, replace(session(channel="telegram"), relieves="made up"), replace=False)
    assert rows(database, "sessions") == [("s", "k", 3, 9, "telegram")]
    assert rows(database, "session_entries") == [("k", "s", '{"sessionId":"s"}', 9, None)]
    assert not with_routes or rows(database, "session_routes") == [("k", "s", 9)]


def test_a_window_that_is_there_stays_as_it_is(database: sqlite3.Connection) -> None:
    typed_entries.put_window(database, "s", "k", 5)
    typed_entries.put_window(database, "s", "another", 9)
    assert rows(database, "sessions") == [("s", "k", 5, 5, None)]
