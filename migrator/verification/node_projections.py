"""Whether a database of agent schema 14 to 23 would show what it holds, and its columns say what its texts say.

The releases leave a row out without a word, or refuse all of them, where a column contradicts the text beside it
(observed with 2026.9.6). What they work out again by themselves is not looked at.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from migrator.sqlite.rows import columns
from migrator.verification.event_projections import events_agree
from migrator.verification.node_columns import nodes_agree
from migrator.verification.node_schema import schema_agrees


def nodes_visible(connection: sqlite3.Connection, main_key: str) -> bool:
    """Whether a release shows every row: its columns, its window, what is shown of its history, and the triggers.

    ``main_key`` is the configured name of main sessions.
    """
    parts = (
        nodes_agree(connection, main_key),
        _windows_agree(connection),
        schema_agrees(connection),
    )
    return all(map(all, parts))


def node_columns_agree(connection: sqlite3.Connection) -> bool:
    """Whether versions, sizes, times and identities are those of what they stand beside."""
    return all(map(all, (_versions_agree(connection), _sizes_agree(connection), events_agree(connection))))


def _windows_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    """The history of each session is found by its id, and belongs to a key that has this very session.

    Two keys may have one session; its window is then that of one of them.
    """
    lost = connection.execute(
        "SELECT 1 FROM session_nodes n LEFT JOIN session_windows w ON w.session_id = n.current_session_id"
        " LEFT JOIN session_nodes o ON o.session_key = w.session_key"
        " WHERE o.current_session_id IS NOT n.current_session_id LIMIT 1"
    )
    yield lost.fetchone() is None


def _versions_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    [(version,)] = connection.execute("PRAGMA user_version")
    for (stamped,) in connection.execute("SELECT schema_version FROM schema_meta WHERE meta_key = 'primary'"):
        yield stamped == version


def _sizes_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    """The size of an event that is text; that of a compressed one is checked when it is read."""
    if "event_utf8_bytes" in columns(connection, "transcript_events"):
        wrong = connection.execute(
            "SELECT 1 FROM transcript_events WHERE event_json IS NOT NULL AND event_utf8_bytes IS NOT NULL"
            " AND event_utf8_bytes <> length(CAST(event_json AS BLOB)) LIMIT 1"
        )
        yield wrong.fetchone() is None
