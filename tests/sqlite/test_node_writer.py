from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from migrator.sqlite import nodes
from migrator.sqlite.events import put_events
from migrator.sqlite.rows import NewSession
from tests.sqlite_worlds import NewEvent

NODES = """CREATE TABLE session_nodes (session_key TEXT PRIMARY KEY, current_session_id TEXT NOT NULL,
    entry_json TEXT NOT NULL, entry_valid INTEGER NOT NULL DEFAULT 0, updated_at INTEGER NOT NULL,
    status TEXT CHECK (status IN ('running', 'done')), label TEXT, owner_actor_id TEXT)"""
WINDOWS = """CREATE TABLE session_windows (session_id TEXT PRIMARY KEY, session_key TEXT NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, session_entry_provenance INTEGER,
    chat_type TEXT CHECK (chat_type IN ('direct', 'group', 'channel')))"""
INVALID_AGAIN = """CREATE TRIGGER t AFTER UPDATE OF entry_json ON session_nodes
    BEGIN UPDATE session_nodes SET entry_valid = 0 WHERE session_key = NEW.session_key; END"""
EVENTS = """CREATE TABLE transcript_events (session_id TEXT REFERENCES session_windows, seq INTEGER, event_json TEXT,
    created_at INTEGER, event_zstd BLOB, event_utf8_bytes INTEGER, PRIMARY KEY (session_id, seq))"""
IDENTITIES = """CREATE TABLE transcript_event_identities (session_id TEXT, event_id TEXT, seq INTEGER,
    event_type TEXT, parent_id TEXT, created_at INTEGER, PRIMARY KEY (session_id, event_id))"""
INDEX = "CREATE TABLE session_transcript_index_state (session_id TEXT PRIMARY KEY, needs_rebuild INTEGER)"


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in (NODES, WINDOWS, INVALID_AGAIN, EVENTS, IDENTITIES, INDEX, "PRAGMA foreign_keys = ON"):
            connection.execute(statement)
        yield connection


def session(key: str = "k", session_id: str = "s", updated_at: int = 9, **columns: str | int) -> NewSession:
    return NewSession(key, session_id, f'{{"sessionId":"{session_id}"}}', updated_at, 3, columns)


def rows(database: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    return database.execute(f"SELECT * FROM {table}").fetchall()


def test_a_node_is_valid_and_has_a_window_and_no_column_that_is_not_its_own(database: sqlite3.Connection) -> None:
    made = session(status="done", label="mine", chat_type="group", owner_actor_id="not from an entry")
    nodes.put_session(database, made, replace=False)
    assert rows(database, "session_nodes") == [("k", "s", '{"sessionId":"s"}', 1, 9, "done", "mine", None)]
    assert rows(database, "session_windows") == [("s", "k", 3, 9, 1, "group")]


def test_words_that_the_tables_do_not_take_are_left_out(database: sqlite3.Connection) -> None:
    nodes.put_session(database, session(status="exploded", chat_type="thread"), replace=False)
    [(*_, status, _, _)] = rows(database, "session_nodes")
    [(*_, chat_type)] = rows(database, "session_windows")
    assert (status, chat_type) == (None, None)


def test_replacing_sets_the_mark_last_and_forgets_what_the_newer_entry_does_not_say(
    database: sqlite3.Connection,
) -> None:
    nodes.put_session(database, session(label="old"), replace=False)
    nodes.put_session(database, session(session_id="t", updated_at=10), replace=True)
    assert rows(database, "session_nodes") == [("k", "t", '{"sessionId":"t"}', 1, 10, None, None, None)]
    assert [row[0] for row in rows(database, "session_windows")] == ["s", "t"]


def test_a_session_takes_over_the_window_and_the_events_of_the_one_that_was_made_up_for_its_history(
    database: sqlite3.Connection,
) -> None:
    nodes.put_session(database, session("made up", updated_at=5), replace=False)
    database.execute("INSERT INTO transcript_events (session_id, seq, event_json, created_at) VALUES ('s', 0, '{}', 1)")
    nodes.put_session(database, replace(session(chat_type="group"), relieves="made up"), replace=False)
    assert rows(database, "session_nodes") == [("k", "s", '{"sessionId":"s"}', 1, 9, None, None, None)]
    assert rows(database, "session_windows") == [("s", "k", 3, 9, 1, "group")]
    assert len(rows(database, "transcript_events")) == 1


def test_a_key_that_is_taken_is_never_replaced_unasked(database: sqlite3.Connection) -> None:
    nodes.put_session(database, session(), replace=False)
    with pytest.raises(sqlite3.IntegrityError):
        nodes.put_session(database, session(session_id="t"), replace=False)


def test_events_are_put_with_their_size_and_identity_and_the_index_is_marked(database: sqlite3.Connection) -> None:
    nodes.put_session(database, session(), replace=False)
    database.execute("INSERT INTO session_transcript_index_state VALUES ('s', 0)")
    first, second = NewEvent("s", 0, '"ü"'.encode(), 5, "m", "message", "p"), NewEvent("s", 1, b"{}", 6)
    put_events(database, [first, second, NewEvent("s", 2, b"{}", 7, "m")])
    assert rows(database, "transcript_events") == [
        ("s", 0, '"ü"', 5, None, 4),
        ("s", 1, "{}", 6, None, 2),
        ("s", 2, "{}", 7, None, 2),
    ]
    assert rows(database, "transcript_event_identities") == [("s", "m", 0, "message", "p", 5)]
    assert rows(database, "session_transcript_index_state") == [("s", 1)]
    with pytest.raises(sqlite3.IntegrityError):
        put_events(database, [NewEvent("s", 2, b"{}", 7)])
