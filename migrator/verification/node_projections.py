"""Whether a database of agent schema 14 to 23 would show what it holds, and its columns say what its texts say.

The releases leave a row out without a word, or refuse all of them, where a column contradicts the text beside it
(observed with 2026.9.6). What they work out again by themselves is not looked at.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import groupby

from migrator.openclaw.text.entry import finite_number, members
from migrator.openclaw.text.transcript import read_line
from migrator.sqlite import nodes
from migrator.sqlite.rows import EventRow, columns


def nodes_visible(connection: sqlite3.Connection) -> bool:
    """Whether every row has what a release wants to see in it: its own id, its own time, its mark, its window."""
    return all(_nodes_agree(connection)) and all(_windows_agree(connection))


def node_columns_agree(connection: sqlite3.Connection) -> bool:
    """Whether versions, sizes, times and identities are those of what they stand beside."""
    return all(_versions_agree(connection)) and all(_sizes_agree(connection)) and all(_events_agree(connection))


def _nodes_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    if "entry_valid" in columns(connection, "session_nodes"):
        marked = connection.execute("SELECT 1 FROM session_nodes WHERE entry_valid IS NOT 1 LIMIT 1")
        yield marked.fetchone() is None
    for row in nodes.sessions(connection):
        entry = members(row.entry_json or b"")
        session_id = entry.get("sessionId")
        yield isinstance(session_id, str) and session_id.encode("utf-8", "surrogatepass") == row.session_id
        yield finite_number(entry.get("updatedAt")) == row.updated_at


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


def _events_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    """An event that has a time has that one, and an identity that there is for it repeats it."""
    if not columns(connection, "transcript_event_identities"):
        return
    for session_id, events in groupby(nodes.events(connection), key=lambda event: event.session_id):
        found = connection.execute(
            "SELECT seq, event_id, event_type, parent_id, created_at FROM transcript_event_identities"
            " WHERE session_id = ?",
            (session_id.decode("utf-8", "surrogateescape"),),
        )
        identities = {row[0]: row[1:] for row in found}
        yield from (_event_agrees(event, identities.pop(event.seq, None)) for event in events)
        yield not identities


def _event_agrees(event: EventRow, identity: tuple[object, ...] | None) -> bool:
    line = read_line(event.event_json, 1, 0, complete=True)
    if line.timestamp_ms is not None and event.created_at != line.timestamp_ms:
        return False
    return identity in (None, (line.event_id, line.event_type, line.parent_id, event.created_at))
