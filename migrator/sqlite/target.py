"""The tables and the row writers of the database that we write: agent schema 1, session rows in both shapes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from migrator.model import Number

SCHEMA_VERSION = 1
CACHE_SCOPE = "session_entries"

_OWN_TABLES = """
CREATE TABLE IF NOT EXISTS schema_meta (
    meta_key TEXT NOT NULL PRIMARY KEY, role TEXT NOT NULL, schema_version INTEGER NOT NULL,
    agent_id TEXT, app_version TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS cache_entries (
    scope TEXT NOT NULL, key TEXT NOT NULL, value_json TEXT, blob BLOB, expires_at INTEGER,
    updated_at INTEGER NOT NULL, PRIMARY KEY (scope, key));
CREATE INDEX IF NOT EXISTS idx_agent_cache_expiry
    ON cache_entries (scope, expires_at, key) WHERE expires_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_agent_cache_updated ON cache_entries (scope, updated_at DESC, key);
CREATE TABLE IF NOT EXISTS auth_profile_store (
    store_key TEXT NOT NULL PRIMARY KEY, store_json TEXT NOT NULL, updated_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS auth_profile_state (
    state_key TEXT NOT NULL PRIMARY KEY, state_json TEXT NOT NULL, updated_at INTEGER NOT NULL)
"""

_TYPED_TABLES = """
CREATE TABLE IF NOT EXISTS sessions (
    session_id TEXT NOT NULL PRIMARY KEY, session_key TEXT NOT NULL,
    session_scope TEXT NOT NULL DEFAULT 'conversation',
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    transcript_updated_at INTEGER, transcript_observed_at INTEGER,
    session_entry_provenance INTEGER NOT NULL DEFAULT 0, acp_owned INTEGER NOT NULL DEFAULT 0,
    plugin_owner_id TEXT, hook_external_content_source TEXT,
    started_at INTEGER, ended_at INTEGER, status TEXT, chat_type TEXT, channel TEXT, account_id TEXT,
    primary_conversation_id TEXT, model_provider TEXT, model TEXT, agent_harness_id TEXT,
    parent_session_key TEXT, spawned_by TEXT, display_name TEXT);
CREATE TABLE IF NOT EXISTS session_entries (
    session_key TEXT NOT NULL PRIMARY KEY, session_id TEXT NOT NULL, entry_json TEXT NOT NULL,
    updated_at INTEGER NOT NULL, status TEXT,
    FOREIGN KEY (session_id) REFERENCES sessions (session_id) ON DELETE CASCADE);
CREATE TABLE IF NOT EXISTS session_routes (
    session_key TEXT NOT NULL PRIMARY KEY, session_id TEXT NOT NULL, updated_at INTEGER NOT NULL,
    FOREIGN KEY (session_id) REFERENCES sessions (session_id) ON DELETE CASCADE);
CREATE TABLE IF NOT EXISTS transcript_events (
    session_id TEXT NOT NULL, seq INTEGER NOT NULL, event_json TEXT NOT NULL, created_at INTEGER NOT NULL,
    PRIMARY KEY (session_id, seq),
    FOREIGN KEY (session_id) REFERENCES sessions (session_id) ON DELETE CASCADE);
CREATE TABLE IF NOT EXISTS transcript_event_identities (
    session_id TEXT NOT NULL, event_id TEXT NOT NULL, seq INTEGER NOT NULL, event_type TEXT,
    parent_id TEXT, message_idempotency_key TEXT, created_at INTEGER NOT NULL,
    PRIMARY KEY (session_id, event_id),
    FOREIGN KEY (session_id, seq) REFERENCES transcript_events (session_id, seq) ON DELETE CASCADE)
"""


@dataclass(frozen=True, slots=True)
class Event:
    """One transcript line as a row: ``seq`` counts from 0, ``created_at`` is in milliseconds."""

    session_id: str
    seq: int
    text: str
    created_at: Number


@dataclass(frozen=True, slots=True)
class Identity:
    """The id under which an event can be found; ``parent_id`` is the event before it in the tree."""

    session_id: str
    event_id: str
    seq: int
    event_type: str | None
    parent_id: str | None
    created_at: Number


def create_tables(connection: sqlite3.Connection) -> None:
    """Create every table and index that is missing, one statement at a time, inside the caller's transaction."""
    for statement in (_OWN_TABLES + ";" + _TYPED_TABLES).split(";"):
        connection.execute(statement)


def stamp_owner(connection: sqlite3.Connection, agent_id: str, now_ms: int) -> None:
    """Name the owner of the database; an unversioned one becomes version 1. ``created_at`` is kept."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute(
        "INSERT INTO schema_meta (meta_key, role, schema_version, agent_id, created_at, updated_at)"
        " VALUES ('primary', 'agent', ?, ?, ?, ?)"
        " ON CONFLICT (meta_key) DO UPDATE SET role = excluded.role, schema_version = excluded.schema_version,"
        " agent_id = excluded.agent_id, updated_at = excluded.updated_at",
        (SCHEMA_VERSION, agent_id, now_ms, now_ms),
    )


def put_cache_rows(connection: sqlite3.Connection, rows: Iterable[tuple[str, str, Number]]) -> None:
    """Put ``(key, text, updated_at)`` rows into the cache shape."""
    connection.executemany(
        "INSERT INTO cache_entries (scope, key, value_json, blob, expires_at, updated_at)"
        f" VALUES ('{CACHE_SCOPE}', ?, ?, NULL, NULL, ?)"
        " ON CONFLICT (scope, key) DO UPDATE SET value_json = excluded.value_json, blob = NULL,"
        " expires_at = NULL, updated_at = excluded.updated_at",
        ((key, text, whole_ms(updated_at)) for key, text, updated_at in rows),
    )


def put_cache_row(connection: sqlite3.Connection, key: str, text: str, updated_at: Number) -> None:
    """Put one row into the cache shape."""
    put_cache_rows(connection, [(key, text, updated_at)])


def put_session(
    connection: sqlite3.Connection,
    session_id: str,
    key: str,
    updated_at: Number,
    started_at: Number | None = None,
) -> None:
    """Put the ``sessions`` row that typed rows and events of ``session_id`` need; ``key`` owns the session."""
    updated = whole_ms(updated_at)
    created = updated if started_at is None else whole_ms(started_at)
    connection.execute(
        "INSERT INTO sessions (session_id, session_key, created_at, updated_at, session_entry_provenance)"
        " VALUES (?, ?, ?, ?, 1)"
        " ON CONFLICT (session_id) DO UPDATE SET session_key = excluded.session_key,"
        " created_at = excluded.created_at, updated_at = excluded.updated_at, session_entry_provenance = 1",
        (session_id, key, created, updated),
    )


def put_typed_row(
    connection: sqlite3.Connection,
    key: str,
    session_id: str,
    text: str,
    updated_at: Number,
    status: str | None = None,
) -> None:
    """Put one entry and its route; the session must be there already (:func:`put_session`)."""
    updated = whole_ms(updated_at)
    connection.execute(
        "INSERT INTO session_entries (session_key, session_id, entry_json, updated_at, status)"
        " VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (session_key) DO UPDATE SET session_id = excluded.session_id,"
        " entry_json = excluded.entry_json, updated_at = excluded.updated_at, status = excluded.status",
        (key, session_id, text, updated, status),
    )
    connection.execute(
        "INSERT INTO session_routes (session_key, session_id, updated_at) VALUES (?, ?, ?)"
        " ON CONFLICT (session_key) DO UPDATE SET session_id = excluded.session_id,"
        " updated_at = excluded.updated_at",
        (key, session_id, updated),
    )


def put_events(connection: sqlite3.Connection, events: Iterable[Event]) -> None:
    """Put events; a row with the same session and seq is overwritten."""
    connection.executemany(
        "INSERT INTO transcript_events (session_id, seq, event_json, created_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (session_id, seq) DO UPDATE SET event_json = excluded.event_json,"
        " created_at = excluded.created_at",
        ((event.session_id, event.seq, event.text, whole_ms(event.created_at)) for event in events),
    )


def put_event(connection: sqlite3.Connection, session_id: str, seq: int, text: str, created_at: Number) -> None:
    """Put one event."""
    put_events(connection, [Event(session_id, seq, text, created_at)])


def put_identities(connection: sqlite3.Connection, identities: Iterable[Identity]) -> None:
    """Put identities; the first event with an id keeps it."""
    connection.executemany(
        "INSERT INTO transcript_event_identities"
        " (session_id, event_id, seq, event_type, parent_id, created_at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (session_id, event_id) DO NOTHING",
        ((i.session_id, i.event_id, i.seq, i.event_type, i.parent_id, whole_ms(i.created_at)) for i in identities),
    )


def whole_ms(value: Number) -> int:
    """A time as whole milliseconds that fit a 64-bit column."""
    return max(-(2**63), min(2**63 - 1, int(value)))
