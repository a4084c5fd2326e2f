"""Sessions as cache rows: table ``cache_entries``, scope ``session_entries`` (agent schema 1, PR 91322).

The build that writes them reads every row of the scope, whatever its ``blob`` and ``expires_at``, and skips
those whose ``value_json`` is NULL. Transcripts stay JSONL files.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from migrator.model.words import Number
from migrator.sqlite.rows import EventRow, SessionRow, Text, WindowRow, columns, session_rows, whole_ms

SCOPE = "session_entries"


def sessions(connection: sqlite3.Connection) -> Iterator[SessionRow]:
    """Read the cache rows in the order of writing; nothing without the table.

    The session id is only in the entry.
    """
    if not columns(connection, "cache_entries"):
        return iter(())
    return session_rows(
        connection,
        "cache_entries",
        key="key",
        entry="value_json",
        where=f"scope = '{SCOPE}'",
    )


def events(_connection: sqlite3.Connection) -> Iterator[EventRow]:
    """Read nothing: this shape holds no transcripts."""
    return iter(())


def windows(_connection: sqlite3.Connection) -> Iterator[WindowRow]:
    """Read nothing: this shape knows no generations."""
    return iter(())


def put_cache_rows(connection: sqlite3.Connection, rows: Iterable[tuple[str, Text, Number]]) -> None:
    """Put ``(key, text, updated_at)`` rows into the cache shape, in the scope and form that PR 91322 builds read."""
    connection.executemany(
        "INSERT INTO cache_entries (scope, key, value_json, blob, expires_at, updated_at)"
        f" VALUES ('{SCOPE}', ?, CAST(? AS TEXT), NULL, NULL, ?)"
        " ON CONFLICT (scope, key) DO UPDATE SET value_json = excluded.value_json, blob = NULL,"
        " expires_at = NULL, updated_at = excluded.updated_at",
        ((key, text, whole_ms(updated_at)) for key, text, updated_at in rows),
    )
