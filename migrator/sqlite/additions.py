"""What the writers of all shapes take: a session and the events of one history, and how rows are put."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from migrator.sqlite.rows import columns

WINDOW_COLUMNS = (
    "started_at",
    "ended_at",
    "status",
    "chat_type",
    "channel",
    "model_provider",
    "model",
    "agent_harness_id",
    "parent_session_key",
    "spawned_by",
    "display_name",
)
"""The projections that stand beside a transcript, in every shape."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """One session to be put. Times are whole milliseconds; ``columns`` are projections of the entry, by column name.

    A writer takes those columns that the table has, and none that it does not know.
    """

    key: str
    session_id: str
    text: str
    updated_at: int
    created_at: int
    columns: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One event to be put at ``seq``. ``event_id`` is None where it has none, or one that the session has already."""

    seq: int
    text: str
    created_at: int
    event_id: str | None = None
    event_type: str | None = None
    parent_id: str | None = None


def insert(
    connection: sqlite3.Connection, table: str, values: Mapping[str, object], *, or_ignore: bool = False
) -> None:
    """Insert a row with those of the values whose columns the table has. Raises sqlite3.Error."""
    present = columns(connection, table)
    known = {name: value for name, value in values.items() if name in present}
    verb = "INSERT OR IGNORE" if or_ignore else "INSERT"
    names, marks = ", ".join(known), ", ".join("?" * len(known))
    connection.execute(f"{verb} INTO {table} ({names}) VALUES ({marks})", tuple(known.values()))


def update(connection: sqlite3.Connection, table: str, values: Mapping[str, object], key: str, value: str) -> int:
    """Change the row whose column ``key`` has this value, as above; give the number of rows. Raises sqlite3.Error."""
    present = columns(connection, table)
    known = {name: value for name, value in values.items() if name in present}
    if not known:
        return 0
    changes = ", ".join(f"{name} = ?" for name in known)
    return connection.execute(f"UPDATE {table} SET {changes} WHERE {key} = ?", (*known.values(), value)).rowcount


def put_events(connection: sqlite3.Connection, session_id: str, events: list[NewEvent]) -> None:
    """Put events, and the identities under which they are found, where there is a table for those.

    What a release derives from them it makes again: a search index that is behind is marked. Raises sqlite3.Error,
    also for a ``seq`` that is taken.
    """
    with_identities = bool(columns(connection, "transcript_event_identities"))
    for event in events:
        values = {
            "session_id": session_id,
            "seq": event.seq,
            "event_json": event.text,
            "created_at": event.created_at,
            "event_utf8_bytes": len(event.text.encode()),
        }
        insert(connection, "transcript_events", values)
        if with_identities and event.event_id is not None:
            identity = {
                "session_id": session_id,
                "event_id": event.event_id,
                "seq": event.seq,
                "event_type": event.event_type,
                "parent_id": event.parent_id,
                "created_at": event.created_at,
            }
            insert(connection, "transcript_event_identities", identity, or_ignore=True)
    update(connection, "session_transcript_index_state", {"needs_rebuild": 1}, "session_id", session_id)
