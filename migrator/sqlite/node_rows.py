"""Sessions as nodes: ``session_nodes``, ``session_windows``, ``transcript_events`` (agent schema 14 to 23).

``session_nodes.entry_json`` is the whole entry, its other columns are projections. Two shapes say 16: the one
of OpenClaw 2026.7.2-beta.5 lacks ``entry_valid``, which is not read here for that reason.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from migrator.sqlite.event_rows import events
from migrator.sqlite.rows import SessionRow, WindowRow, columns, session_rows, window_rows

__all__ = ["events", "sessions", "windows"]


def sessions(connection: sqlite3.Connection) -> Iterator[SessionRow]:
    """Read the nodes in the order of writing, archived ones included."""
    names = columns(connection, "session_nodes")
    return session_rows(
        connection,
        "session_nodes",
        key="session_key",
        entry="entry_json",
        session_id="current_session_id",
        archived="archived_at IS NOT NULL" if "archived_at" in names else "0",
    )


def windows(connection: sqlite3.Connection) -> Iterator[WindowRow]:
    """Read the generations of every key, oldest first; a reset or rollover starts a new one."""
    return window_rows(connection, "session_windows", previous="previous_session_id", reason="reason")
