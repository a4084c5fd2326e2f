"""Small databases in the shapes of all releases, in our own words; some of version 23 are real fixtures."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

META = """CREATE TABLE schema_meta (meta_key TEXT NOT NULL PRIMARY KEY, role TEXT NOT NULL,
    schema_version INTEGER NOT NULL, agent_id TEXT, app_version TEXT,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL)"""
CACHE = """CREATE TABLE cache_entries (scope TEXT NOT NULL, key TEXT NOT NULL, value_json TEXT, blob BLOB,
    expires_at INTEGER, updated_at INTEGER NOT NULL, PRIMARY KEY (scope, key))"""
AUTH = """CREATE TABLE auth_profile_store (store_key TEXT NOT NULL PRIMARY KEY, store_json TEXT NOT NULL,
    updated_at INTEGER NOT NULL)"""
SESSIONS = """CREATE TABLE sessions (session_id TEXT NOT NULL PRIMARY KEY, session_key TEXT NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL)"""
ENTRIES = """CREATE TABLE session_entries (session_key TEXT NOT NULL PRIMARY KEY, session_id TEXT NOT NULL,
    entry_json TEXT NOT NULL, updated_at INTEGER NOT NULL, status TEXT)"""
EVENTS = """CREATE TABLE transcript_events (session_id TEXT NOT NULL, seq INTEGER NOT NULL,
    event_json TEXT NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY (session_id, seq))"""
PACKED_EVENTS = """CREATE TABLE transcript_events (session_id TEXT NOT NULL, seq INTEGER NOT NULL,
    event_json TEXT, created_at INTEGER NOT NULL, event_zstd BLOB, event_utf8_bytes INTEGER,
    navigation_json TEXT, PRIMARY KEY (session_id, seq))"""
NODES = """CREATE TABLE session_nodes (session_key TEXT NOT NULL PRIMARY KEY,
    current_session_id TEXT NOT NULL, entry_json TEXT NOT NULL, updated_at INTEGER NOT NULL,
    archived_at INTEGER)"""
NODES_VALID = NODES.replace("updated_at", "entry_valid INTEGER NOT NULL DEFAULT 0, updated_at", 1)
WINDOWS = """CREATE TABLE session_windows (session_id TEXT NOT NULL PRIMARY KEY, session_key TEXT NOT NULL,
    previous_session_id TEXT, reason TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL)"""
ARCHIVES = """CREATE TABLE session_transcript_archives (session_id TEXT NOT NULL, generation TEXT NOT NULL,
    session_key TEXT NOT NULL, reason TEXT NOT NULL, encoding TEXT NOT NULL, archive_blob BLOB NOT NULL,
    archive_sha256 TEXT NOT NULL, archive_name TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL,
    PRIMARY KEY (session_id, generation))"""
COLD = """CREATE TABLE session_transcript_cold_archives (session_id TEXT NOT NULL PRIMARY KEY,
    generation TEXT NOT NULL, archive_name TEXT NOT NULL UNIQUE, archive_sha256 TEXT NOT NULL,
    event_count INTEGER NOT NULL, raw_bytes INTEGER NOT NULL, archive_bytes INTEGER NOT NULL,
    last_seq INTEGER NOT NULL, archived_at INTEGER NOT NULL, storage TEXT NOT NULL, archive_blob BLOB)"""

CACHE_ONLY = (META, CACHE, AUTH)
TYPED = (SESSIONS, ENTRIES, EVENTS)
BOTH = (*CACHE_ONLY, *TYPED)
NODES_16 = (META, CACHE, NODES, WINDOWS, EVENTS)
NODES_19 = (META, CACHE, NODES_VALID, WINDOWS, EVENTS, ARCHIVES)
NODES_23 = (META, CACHE, NODES_VALID, WINDOWS, PACKED_EVENTS, ARCHIVES, COLD)

Fill = Callable[[sqlite3.Connection], object]


def make(path: Path, version: int, tables: Iterable[str], *fills: Fill, encoding: str = "UTF-8") -> Path:
    """Write a database, closed as one file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA encoding = '{encoding}'")
        connection.execute("PRAGMA page_size = 4096")
        for table in tables:
            connection.execute(table)
        connection.execute("BEGIN")
        for fill in fills:
            fill(connection)
        connection.execute("COMMIT")
        connection.execute(f"PRAGMA user_version = {version}")
    return path


def insert(table: str, *rows: tuple[object, ...]) -> Fill:
    """Insert whole rows."""

    def fill(connection: sqlite3.Connection) -> None:
        for row in rows:
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)

    return fill


def execute(sql: str, *values: object) -> Fill:
    """Execute one statement."""
    return lambda connection: connection.execute(sql, values)


def damage_last_leaf(path: Path) -> None:
    """Overwrite the last page of the file that holds rows of a table."""
    page_size = 4096
    content = bytearray(path.read_bytes())
    table_leaf = 0x0D
    last = max(start for start in range(page_size, len(content), page_size) if content[start] == table_leaf)
    content[last : last + page_size] = b"\xff" * page_size
    path.write_bytes(content)


class NewEvent(NamedTuple):
    """An event to be put into a database, its values in the order of ``EventValues``."""

    session_id: str
    seq: int
    text: bytes
    created_at: int
    event_id: str | None = None
    event_type: str | None = None
    parent_id: str | None = None
