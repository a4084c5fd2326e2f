"""What a database knows about its sessions that no ``sessions.json`` and no transcript can hold.

Facts: the tables and columns of OpenClaw 2026.8.2 and 2026.9.6. What they derive from entries and events, such as
search indexes, routes and windows, is left out: it is made again from those.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from migrator.sqlite.rows import columns, select

NODE_COLUMNS = (
    "owner_actor_type",
    "owner_actor_id",
    "owner_assigned_by_type",
    "owner_assigned_by_id",
    "owner_assigned_at",
    "project_id",
    "legacy_acp_migration_json",
)
"""Columns of ``session_nodes`` that are in no entry; ``project_id`` should be in one, and is kept if it is not."""

TABLES = (
    "session_members",
    "session_participants",
    "session_suggestions",
    "session_progress_cards",
    "session_pending_inputs",
    "session_input_completions",
    "session_goal_operations",
    "conversation_deliveries",
)

Record = dict[str, object]


def node_extras(connection: sqlite3.Connection) -> Iterator[tuple[str, Record]]:
    """By session key, the columns of a node that hold anything."""
    present = [name for name in NODE_COLUMNS if name in columns(connection, "session_nodes")]
    if present:
        anything = " OR ".join(f"{name} IS NOT NULL" for name in present)
        for record in _records(connection, "session_nodes", ("session_key", *present), anything):
            key = str(record.pop("session_key"))
            yield key, {name: value for name, value in record.items() if value is not None}


def links(connection: sqlite3.Connection) -> Iterator[Record]:
    """How the generations of a session follow each other: those windows that name one before them."""
    names = ("session_id", "session_key", "previous_session_id", "reason")
    if columns(connection, "session_windows"):
        yield from _records(connection, "session_windows", names, "previous_session_id IS NOT NULL")


def table_rows(connection: sqlite3.Connection, table: str) -> Iterator[Record]:
    """The rows of one of :data:`TABLES`; nothing without the table."""
    names = tuple(columns(connection, table))
    if names:
        yield from _records(connection, table, names, "1")


def _records(connection: sqlite3.Connection, table: str, names: tuple[str, ...], where: str) -> Iterator[Record]:
    text = ", ".join(f"CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END" for name in names)
    for row in select(connection, table, f"SELECT {text} FROM {table} WHERE {where} ORDER BY rowid"):
        yield {name: _plain(value) for name, value in zip(names, row, strict=True)}


def _plain(value: object) -> object:
    """A value that JSON can hold; bytes that are no text are replaced, as OpenClaw reads them."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
