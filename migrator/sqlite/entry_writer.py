"""Add sessions to a database that keeps them as typed entries (agent schema 4 to 13), as :mod:`.node_writer` does."""

from __future__ import annotations

import sqlite3

from migrator.sqlite.additions import WINDOW_COLUMNS, NewSession, insert, put_events, update

__all__ = ["put_events", "put_session", "put_window"]


def put_session(connection: sqlite3.Connection, session: NewSession, *, replace: bool) -> None:
    """Put the row of a session id if there is none yet, an entry, and its route. Raises sqlite3.Error."""
    put_window(connection, session.session_id, session.key, session.updated_at, session)
    entry: dict[str, object] = {
        "session_id": session.session_id,
        "entry_json": session.text,
        "updated_at": session.updated_at,
        "status": session.columns.get("status"),
    }
    route: dict[str, object] = {"session_id": session.session_id, "updated_at": session.updated_at}
    for table, values in (("session_entries", entry), ("session_routes", route)):
        if not (replace and update(connection, table, values, "session_key", session.key)):
            insert_if_there(connection, table, {"session_key": session.key, **values})


def put_window(
    connection: sqlite3.Connection, session_id: str, key: str, updated_at: int, session: NewSession | None = None
) -> None:
    """Put the row of a session id if there is none; events need one. Raises sqlite3.Error."""
    known = session.columns if session else {}
    row = {
        "session_id": session_id,
        "session_key": key,
        "created_at": session.created_at if session else updated_at,
        "updated_at": updated_at,
        "session_entry_provenance": 1,
        **{name: known[name] for name in WINDOW_COLUMNS if name in known},
    }
    insert(connection, "sessions", row, or_ignore=True)


def insert_if_there(connection: sqlite3.Connection, table: str, values: dict[str, object]) -> None:
    """Insert a row into a table that only some releases have."""
    [(there,)] = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", (table,))
    if there:
        insert(connection, table, values)
