"""Sessions as typed rows: ``session_entries``, ``sessions``, ``transcript_events``.

OpenClaw 2026.7.2-beta.1 has them at agent schema 8 (4 to 13 are alike); we add them to schema 1. ``sessions``
has one row per transcript, without a link to the one before. An archived session says so in its entry only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from migrator.model.words import Number
from migrator.sqlite.cache_rows import SCOPE as CACHE_SCOPE
from migrator.sqlite.events import events
from migrator.sqlite.rows import (
    WINDOW_COLUMNS,
    NewSession,
    SessionRow,
    Text,
    WindowRow,
    columns,
    insert,
    put_bare_window,
    put_window_of,
    session_rows,
    update,
    whole_ms,
    window_rows,
)

__all__ = ["events", "put_session", "put_window", "sessions", "windows"]

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


class Owner(NamedTuple):
    """A session id with the key that owns it, for :func:`put_sessions`. Times are in milliseconds."""

    session_id: str
    key: str
    updated_at: Number
    started_at: Number | None = None


class TypedRow(NamedTuple):
    """An entry for :func:`put_typed_rows`; ``status`` is only a projection, worked out again from ``text``."""

    key: str
    session_id: str
    text: Text
    updated_at: Number
    status: str | None = None


def put_sessions(connection: sqlite3.Connection, rows: Iterable[Owner]) -> None:
    """Put the ``sessions`` rows that typed rows and events need.

    The upgrade fills the other columns from the entry, and shows a session only if a typed row names it. Any text will
    do as an id. Rows that refer to the session stay when it is put again.
    """
    connection.executemany(
        "INSERT INTO sessions (session_id, session_key, created_at, updated_at, session_entry_provenance)"
        " VALUES (?, ?, ?, ?, 1)"
        " ON CONFLICT (session_id) DO UPDATE SET session_key = excluded.session_key,"
        " created_at = excluded.created_at, updated_at = excluded.updated_at, session_entry_provenance = 1",
        (
            (row.session_id, row.key, whole_ms(row.updated_at if row.started_at is None else row.started_at), updated)
            for row in rows
            for updated in (whole_ms(row.updated_at),)
        ),
    )


def put_typed_rows(connection: sqlite3.Connection, rows: Sequence[TypedRow]) -> None:
    """Put entries and their routes; the sessions must be there already (:func:`put_sessions`).

    The upgrade takes id and time of the entry from these columns, whatever ``text`` says. It hides an entry ``{}``.
    It stops at one whose ``startedAt`` or ``endedAt`` is a number but not a whole one (observed with 2026.8.2 and
    2026.9.6), and at other times that are too large for JavaScript (observed with 2026.9.6).
    """
    connection.executemany(
        "INSERT INTO session_entries (session_key, session_id, entry_json, updated_at, status)"
        " VALUES (?, ?, CAST(? AS TEXT), ?, ?)"
        " ON CONFLICT (session_key) DO UPDATE SET session_id = excluded.session_id,"
        " entry_json = excluded.entry_json, updated_at = excluded.updated_at, status = excluded.status",
        ((row.key, row.session_id, row.text, whole_ms(row.updated_at), row.status) for row in rows),
    )
    connection.executemany(
        "INSERT INTO session_routes (session_key, session_id, updated_at) VALUES (?, ?, ?)"
        " ON CONFLICT (session_key) DO UPDATE SET session_id = excluded.session_id,"
        " updated_at = excluded.updated_at",
        ((row.key, row.session_id, whole_ms(row.updated_at)) for row in rows),
    )


def remove(connection: sqlite3.Connection, keys: Collection[str]) -> None:
    """Remove entries and their routes; their sessions and events stay, for whoever has them now."""
    for table in ("session_routes", "session_entries"):
        if columns(connection, table):
            connection.executemany(f"DELETE FROM {table} WHERE session_key = ?", ((key,) for key in keys))


def put_session(connection: sqlite3.Connection, session: NewSession, *, replace: bool) -> None:
    """Put the row of a session id if there is none yet, an entry, and its route. Raises sqlite3.Error.

    The row of a session that it relieves becomes its own, and entry and route of that go.
    """
    if session.relieves:
        remove(connection, [session.relieves])
    projections = {name: session.columns[name] for name in WINDOW_COLUMNS if name in session.columns}
    put_window_of(connection, "sessions", session, projections)
    entry: dict[str, object] = {
        "session_id": session.session_id,
        "entry_json": session.text,
        "updated_at": session.updated_at,
        "status": session.columns.get("status"),
    }
    route: dict[str, object] = {"session_id": session.session_id, "updated_at": session.updated_at}
    for table, values in (("session_entries", entry), ("session_routes", route)):
        if columns(connection, table) and not (
            replace and update(connection, table, values, "session_key", session.key)
        ):
            insert(connection, table, {"session_key": session.key, **values})


def put_window(connection: sqlite3.Connection, session_id: str, key: str, updated_at: int) -> None:
    """Put the row of a session id if there is none; events need one. Raises sqlite3.Error."""
    put_bare_window(connection, "sessions", session_id, key, updated_at)
