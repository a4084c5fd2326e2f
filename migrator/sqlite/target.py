"""The tables of the database that we make: agent schema 1, session rows in both shapes.

2026.7.1 leaves such rows alone, and ``doctor --fix`` of 2026.8.2 and 2026.9.6 carries the typed ones to its own schema
(observed). It copies every table into a STRICT one, so one value of the wrong kind stops the upgrade of the whole
installation: a time that is not whole, text that is a blob, an event that is not JSON, a row without its session.
"""

from __future__ import annotations

import sqlite3

SCHEMA_VERSION = 1

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
