"""The tables and the row writers of the database that we write: agent schema 1, session rows in both shapes.

2026.7.1 leaves such rows alone, and ``doctor --fix`` of 2026.8.2 and 2026.9.6 carries the typed ones to its own schema
(observed). It copies every table into a STRICT one, so one value of the wrong kind stops the upgrade of the whole
installation: a time that is not whole, text that is a blob, an event that is not JSON, a row without its session.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from migrator.model.words import Number

SCHEMA_VERSION = 1
CACHE_SCOPE = "session_entries"

Text = str | bytes
"""A text, or the bytes of its UTF-8, which take no memory and time to encode."""

_SAFE_INTEGER = 2**53 - 1

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

# Plain tables: the upgrade refuses an index, trigger or further column of transcript_events
# (2026.9.6, state/openclaw-agent-transcript-payload-migration.ts), and makes its own indexes.
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


UNUSED_SESSION_COLUMNS = (
    "transcript_updated_at",
    "transcript_observed_at",
    "plugin_owner_id",
    "hook_external_content_source",
    "started_at",
    "ended_at",
    "status",
    "chat_type",
    "channel",
    "account_id",
    "primary_conversation_id",
    "model_provider",
    "model",
    "agent_harness_id",
    "parent_session_key",
    "spawned_by",
    "display_name",
)
"""Columns of ``sessions`` that stay empty: the upgrade fills them from the entries."""


class Event(NamedTuple):
    """One transcript line as a row: ``seq`` counts from 0, ``created_at`` is in milliseconds, and whole.

    ``text`` must be JSON, or the upgrade of all databases stops. Any JSON will do, ``null`` and events without an id
    too: the upgrade keeps it byte for byte, and only puts a header in front of a transcript whose events have ids but
    no header (observed with 2026.8.2 and 2026.9.6).
    """

    session_id: str
    seq: int
    text: Text
    created_at: int


class Identity(NamedTuple):
    """The id under which an event can be found; ``parent_id`` is the event before it in the tree.

    A convenience: 2026.9.6 shows a transcript just as well without these rows.
    """

    session_id: str
    event_id: str
    seq: int
    event_type: str | None
    parent_id: str | None
    created_at: int


def create_tables(connection: sqlite3.Connection) -> None:
    """Create every table and index that is missing; existing ones and their rows are left as they are.

    One statement at a time, because ``executescript`` would commit the caller's transaction.
    """
    for statement in f"{_OWN_TABLES};{_TYPED_TABLES}".split(";"):
        connection.execute(statement)


def stamp_owner(connection: sqlite3.Connection, agent_id: str, now_ms: int) -> None:
    """Name the owner of the database; an unversioned one becomes version 1. ``created_at`` is kept.

    ``agent_id`` is the normalized id. Without this row, or with another spelling of the id in it, 2026.8.2 and
    2026.9.6 refuse the database, and with it the upgrade of all others (observed).
    """
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute(
        "INSERT INTO schema_meta (meta_key, role, schema_version, agent_id, created_at, updated_at)"
        " VALUES ('primary', 'agent', ?, ?, ?, ?)"
        " ON CONFLICT (meta_key) DO UPDATE SET role = excluded.role, schema_version = excluded.schema_version,"
        " agent_id = excluded.agent_id, updated_at = excluded.updated_at",
        (SCHEMA_VERSION, agent_id, now_ms, now_ms),
    )


def put_cache_rows(connection: sqlite3.Connection, rows: Iterable[tuple[str, Text, Number]]) -> None:
    """Put ``(key, text, updated_at)`` rows into the cache shape, in the scope and form that PR 91322 builds read."""
    connection.executemany(
        "INSERT INTO cache_entries (scope, key, value_json, blob, expires_at, updated_at)"
        f" VALUES ('{CACHE_SCOPE}', ?, CAST(? AS TEXT), NULL, NULL, ?)"
        " ON CONFLICT (scope, key) DO UPDATE SET value_json = excluded.value_json, blob = NULL,"
        " expires_at = NULL, updated_at = excluded.updated_at",
        ((key, text, whole_ms(updated_at)) for key, text, updated_at in rows),
    )


class Owner(NamedTuple):
    """A session id with the key that owns it, for :func:`put_sessions`. Times are in milliseconds."""

    session_id: str
    key: str
    updated_at: Number
    started_at: Number | None = None


class TypedRow(NamedTuple):
    """An entry for :func:`put_typed_rows`; ``status`` is only a projection, worked out again from ``text``."""

    key: str
    session_id: str
    text: Text
    updated_at: Number
    status: str | None = None


def put_sessions(connection: sqlite3.Connection, rows: Iterable[Owner]) -> None:
    """Put the ``sessions`` rows that typed rows and events need.

    The upgrade fills the other columns from the entry, and shows a session only if a typed row names it. Any text will
    do as an id. Rows that refer to the session stay when it is put again.
    """
    connection.executemany(
        "INSERT INTO sessions (session_id, session_key, created_at, updated_at, session_entry_provenance)"
        " VALUES (?, ?, ?, ?, 1)"
        " ON CONFLICT (session_id) DO UPDATE SET session_key = excluded.session_key,"
        " created_at = excluded.created_at, updated_at = excluded.updated_at, session_entry_provenance = 1",
        (
            (row.session_id, row.key, whole_ms(row.updated_at if row.started_at is None else row.started_at), updated)
            for row in rows
            for updated in (whole_ms(row.updated_at),)
        ),
    )


def put_typed_rows(connection: sqlite3.Connection, rows: Sequence[TypedRow]) -> None:
    """Put entries and their routes; the sessions must be there already (:func:`put_sessions`).

    The upgrade takes id and time of the entry from these columns, whatever ``text`` says. It hides an entry ``{}``.
    It stops at one whose ``startedAt`` or ``endedAt`` is a number but not a whole one (observed with 2026.8.2 and
    2026.9.6), and at other times that are too large for JavaScript (observed with 2026.9.6).
    """
    connection.executemany(
        "INSERT INTO session_entries (session_key, session_id, entry_json, updated_at, status)"
        " VALUES (?, ?, CAST(? AS TEXT), ?, ?)"
        " ON CONFLICT (session_key) DO UPDATE SET session_id = excluded.session_id,"
        " entry_json = excluded.entry_json, updated_at = excluded.updated_at, status = excluded.status",
        ((row.key, row.session_id, row.text, whole_ms(row.updated_at), row.status) for row in rows),
    )
    connection.executemany(
        "INSERT INTO session_routes (session_key, session_id, updated_at) VALUES (?, ?, ?)"
        " ON CONFLICT (session_key) DO UPDATE SET session_id = excluded.session_id,"
        " updated_at = excluded.updated_at",
        ((row.key, row.session_id, whole_ms(row.updated_at)) for row in rows),
    )


def put_events(connection: sqlite3.Connection, events: Iterable[tuple[str, int, Text, int]]) -> None:
    """Put events, such as :class:`Event`; a row with the same session and seq is overwritten."""
    connection.executemany(
        "INSERT INTO transcript_events (session_id, seq, event_json, created_at) VALUES (?, ?, CAST(? AS TEXT), ?)"
        " ON CONFLICT (session_id, seq) DO UPDATE SET event_json = excluded.event_json,"
        " created_at = excluded.created_at",
        events,
    )


def put_identities(
    connection: sqlite3.Connection, identities: Iterable[tuple[str, str, int, str | None, str | None, int]]
) -> None:
    """Put identities, such as :class:`Identity`; the first event with an id keeps it."""
    connection.executemany(
        "INSERT INTO transcript_event_identities"
        " (session_id, event_id, seq, event_type, parent_id, created_at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (session_id, event_id) DO NOTHING",
        identities,
    )


def whole_ms(value: Number) -> int:
    """Give a finite time as a column can hold it: whole, and no larger than JavaScript can count.

    The upgrade stops at fractions, and at times of 2**53 and more (observed with 2026.9.6).
    """
    if type(value) is int and -_SAFE_INTEGER <= value <= _SAFE_INTEGER:
        return value  # as nearly all are, and there are several for each row
    return max(-_SAFE_INTEGER, min(_SAFE_INTEGER, int(value)))
