"""Sessions as typed rows: ``session_entries``, ``sessions``, ``transcript_events``.

OpenClaw 2026.7.2-beta.1 has them at agent schema 8 (4 to 13 are alike); we add them to schema 1. ``sessions``
has one row per transcript, without a link to the one before. An archived session says so in its entry only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from migrator.sqlite.cache_rows import SCOPE as CACHE_SCOPE
from migrator.sqlite.event_rows import events
from migrator.sqlite.rows import SessionRow, WindowRow, columns, session_rows, window_rows

__all__ = ["events", "sessions", "windows"]

_IN_CACHE = (
    "entry_json COLLATE BINARY = (SELECT c.value_json FROM cache_entries c"
    f" WHERE c.scope = '{CACHE_SCOPE}' AND c.key = session_key COLLATE BINARY)"
)


def sessions(connection: sqlite3.Connection, *, apart_from_cache: bool = False) -> Iterator[SessionRow]:
    """Read the typed rows in the order of writing; nothing without the table.

    ``apart_from_cache`` leaves texts unread that the cache row of the same key has as well.
    """
    if not columns(connection, "session_entries"):
        return iter(())
    compared = apart_from_cache and columns(connection, "cache_entries")
    return session_rows(
        connection,
        "session_entries",
        key="session_key",
        entry="entry_json",
        session_id="session_id",
        repeated=_IN_CACHE if compared else "0",
    )


def windows(connection: sqlite3.Connection) -> Iterator[WindowRow]:
    """Read the transcripts of every key, oldest first; nothing without the table."""
    if not columns(connection, "sessions"):
        return iter(())
    return window_rows(connection, "sessions")
