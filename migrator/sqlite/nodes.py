"""Sessions as nodes: ``session_nodes``, ``session_windows``, ``transcript_events`` (agent schema 14 to 23).

``session_nodes.entry_json`` is the whole entry, its other columns are projections. Two shapes say 16: the one
of OpenClaw 2026.7.2-beta.5 lacks ``entry_valid``, which is not read here for that reason.

Observed: 2026.9.6 drops a node whose ``updated_at`` is not the one in its entry, and
refuses the whole database over one that is not marked as valid, or whose session id is not that of its entry. Its
triggers take the mark away at each change, so it is set last. Tables, triggers and the version are never touched.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping

from migrator.sqlite.events import events
from migrator.sqlite.rows import (
    WINDOW_COLUMNS,
    NewSession,
    SessionRow,
    WindowRow,
    columns,
    insert,
    put_bare_window,
    put_window_of,
    session_rows,
    update,
    window_rows,
)

__all__ = ["NODE_COLUMNS", "events", "node_columns", "put_session", "put_window", "sessions", "windows"]

_STATUS = ("running", "done", "failed", "killed", "timeout")
_ALLOWED: dict[str, tuple[str, ...]] = {
    "status": _STATUS,
    "created_via": ("operator", "spawn", "channel", "cron", "talk", "run", "plugin", "internal"),
    "created_actor_type": ("human", "agent", "system"),
    "chat_type": ("direct", "group", "channel"),
}
"""The words that the tables of 2026.9.6 take."""

NODE_COLUMNS = (
    "status",
    "created_at",
    "created_via",
    "created_actor_type",
    "created_actor_id",
    "project_id",
    "parent_session_key",
    "spawned_by",
    "fork_source_session_key",
    "fork_source_session_id",
    "fork_source_entry_id",
    "label",
    "display_name",
    "category",
    "icon",
    "pinned_at",
    "archived_at",
    "last_read_at",
    "last_interaction_at",
    "last_activity_at",
)
"""The columns of a node that repeat what its entry says."""


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


def put_session(connection: sqlite3.Connection, session: NewSession, *, replace: bool) -> None:
    """Put a node and, if its session id has none yet, a window. ``replace`` changes a node that is there.

    The window of a session that it relieves becomes its own before that node goes, which would take the window along.
    Raises sqlite3.Error.
    """
    node: dict[str, object] = dict.fromkeys(NODE_COLUMNS)
    node |= _taken(session, NODE_COLUMNS)
    node |= {"current_session_id": session.session_id, "entry_json": session.text, "updated_at": session.updated_at}
    if replace:
        update(connection, "session_nodes", node, "session_key", session.key)
    else:
        insert(connection, "session_nodes", {"session_key": session.key, **node})
    put_window_of(connection, "session_windows", session, _taken(session, WINDOW_COLUMNS))
    if session.relieves:
        connection.execute("DELETE FROM session_nodes WHERE session_key = ?", (session.relieves,))
    update(connection, "session_nodes", {"entry_valid": 1}, "session_key", session.key)


def put_window(connection: sqlite3.Connection, session_id: str, key: str, updated_at: int) -> None:
    """Put the window of a session id if there is none; events need one. Raises sqlite3.Error."""
    put_bare_window(connection, "session_windows", session_id, key, updated_at)


def node_columns(projections: Mapping[str, str | int | None]) -> dict[str, str | int | None]:
    """What the columns of a node hold, given what its entry says, by name."""
    return {name: _allowed(name, projections.get(name)) for name in NODE_COLUMNS}


def _taken(session: NewSession, names: tuple[str, ...]) -> dict[str, object]:
    """Those projections that these columns take."""
    known = ((name, _allowed(name, session.columns.get(name))) for name in names)
    return {name: value for name, value in known if value is not None}


def _allowed(name: str, value: str | int | None) -> str | int | None:
    """A value as its column takes it: not every word is allowed, and one has another word for it."""
    if (name, value) == ("status", "interrupted"):
        return "failed"
    return value if name not in _ALLOWED or value in _ALLOWED[name] else None
