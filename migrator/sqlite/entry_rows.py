"""Sessions as typed rows: ``session_entries``, ``sessions``, ``transcript_events``.

OpenClaw 2026.7.2-beta.1 has them at agent schema 8 (4 to 13 are alike); we add them to schema 1. ``sessions``
has one row per transcript, without a link to the one before. An archived session says so in its entry only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from migrator.sqlite.event_rows import events
from migrator.sqlite.rows import SessionRow, WindowRow, columns, session_rows, window_rows

__all__ = ["events", "sessions", "windows"]


def sessions(connection: sqlite3.Connection, *, as_written: bool = False) -> Iterator[SessionRow]:
    """Read the typed rows by key, or as they were written; nothing without the table."""
    if not columns(connection, "session_entries"):
        return iter(())
    return session_rows(
        connection,
        "session_entries",
        key="session_key",
        entry="entry_json",
        session_id="session_id",
        as_written=as_written,
    )


def windows(connection: sqlite3.Connection) -> Iterator[WindowRow]:
    """Read the transcripts of every key, oldest first; nothing without the table."""
    if not columns(connection, "sessions"):
        return iter(())
    return window_rows(connection, "sessions")
