"""What the modules of every shape have in common: what they yield and take, and how they read and put rows.

Text is taken as bytes of UTF-8, because one invalid byte must not make a whole table unreadable. That holds
for any connection, whatever its ``text_factory``. A value of a type that OpenClaw never writes marks its row
with the finding code ``database.bad-row``; the row is still yielded. What stops SQLite is a
:class:`DamagedTableError`.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from migrator.model.words import Number

BAD_ROW = "database.bad-row"

Text = str | bytes
"""A text, or the bytes of its UTF-8, which take no memory and time to encode."""

_SAFE_INTEGER = 2**53 - 1

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


class DamagedTableError(sqlite3.DatabaseError):
    """SQLite failed in ``table`` after ``rows`` rows of a query (finding ``database.damaged-table``).

    An exception and not a row, so that no loop can take the rows before the damage for all there are.
    """

    def __init__(self, table: str, rows: int) -> None:
        super().__init__("a table of the database is damaged")
        self.table = table
        self.rows = rows


class SessionRow(NamedTuple):
    """One session key of a database.

    ``entry_json`` is the stored text byte for byte; None where the column is NULL. ``session_id`` is None in
    shapes that lack the column, ``updated_at`` (milliseconds) unless it is a finite number. ``archived`` is
    what the row says in a column of its own; shapes without that column say False. ``problem`` is a finding
    code: the other values are then raw and not to be trusted. ``repeats`` says that the cache row of the same key has
    the same text, which is not read twice: ``entry_json`` is None then.
    """

    key: bytes
    session_id: bytes | None
    entry_json: bytes | None
    updated_at: Number | None
    archived: bool
    problem: str | None = None
    repeats: bool = False


class EventRow(NamedTuple):
    """One transcript event. With a ``problem``, ``event_json`` is what is stored, decoded or not."""

    session_id: bytes
    seq: int
    event_json: bytes
    created_at: Number | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class WindowRow:
    """One transcript generation of a session key."""

    session_key: bytes
    session_id: bytes
    previous_session_id: bytes | None
    reason: bytes | None
    problem: str | None = None


def select(
    connection: sqlite3.Connection, table: str, sql: str, values: tuple[str | bytes | None, ...] = ()
) -> Iterator[Any]:
    """Stream the rows of a query. Raises DamagedTableError: SQLite's own words may quote data."""
    rows = 0
    try:
        for row in connection.execute(sql, values):
            yield row
            rows += 1
    except (sqlite3.Error, UnicodeDecodeError):  # Python cannot even read the message that quotes damaged text
        raise DamagedTableError(table, rows) from None


def text_codec(connection: sqlite3.Connection) -> str | None:
    """Name the codec of a UTF-16 database; None for UTF-8, the only one that OpenClaw writes."""
    sql = "SELECT encoding = 'UTF-16le', encoding = 'UTF-16be' FROM pragma_encoding"
    [(little, big)] = select(connection, "sqlite_master", sql)
    return "utf-16-le" if little else "utf-16-be" if big else None


def to_utf8(text: bytes, codec: str | None) -> bytes:
    """Turn stored text into UTF-8. Lone surrogates survive; like SQLite, half a unit at the end is dropped."""
    if codec is None:
        return text
    return text[: len(text) & ~1].decode(codec, "surrogatepass").encode("utf-8", "surrogatepass")


def columns(connection: sqlite3.Connection, table: str) -> dict[str, tuple[int, bool]]:
    """Map lower-case column names to their place in the primary key (0: none) and whether generated.

    Empty if there is no such table. Raises DamagedTableError.
    """
    codec = text_codec(connection)
    sql = "SELECT CAST(lower(name) AS BLOB), pk, hidden FROM pragma_table_xinfo(?)"
    return {
        to_utf8(name, codec).decode("utf-8", "replace"): (place, bool(hidden))
        for name, place, hidden in select(connection, table, sql, (table,))
    }


def number(column: str) -> str:
    """Write SQL for a column that should be a number: NULL where it is anything else."""
    return f"CASE WHEN typeof({column}) IN ('integer', 'real') THEN {column} END"


def finite(value: Number | None) -> Number | None:
    """Pass a number on; None for infinity, which is no JSON number."""
    return value if value is not None and math.isfinite(value) else None


def session_rows(
    connection: sqlite3.Connection,
    table: str,
    *,
    key: str,
    entry: str,
    session_id: str = "NULL",
    archived: str = "0",
    where: str = "1",
    repeated: str = "0",
) -> Iterator[SessionRow]:
    """Read the sessions of one table, given its column names, in the order of writing, which is the fastest one.

    ``repeated`` is SQL for whether the text of a row need not be read. Raises DamagedTableError.
    """
    codec = text_codec(connection)
    sql = f"""
        SELECT CAST({key} AS BLOB), CAST({session_id} AS BLOB),
            CASE WHEN {repeated} THEN NULL ELSE CAST({entry} AS BLOB) END, {number("updated_at")},
            {archived}, typeof({key}) = 'text'
                AND typeof({session_id}) IN ('text', 'null') AND typeof({entry}) IN ('text', 'null'), {entry} IS NULL
        FROM {table} NOT INDEXED WHERE {where}"""
    return (_session_row(codec, *row) for row in select(connection, table, sql))


def _session_row(
    codec: str | None,
    key: bytes | None,
    session_id: bytes | None,
    entry: bytes | None,
    updated_at: Number | None,
    archived: int,
    sound: int,
    empty: int,
) -> SessionRow:
    if not sound:
        return SessionRow(key or b"", session_id, entry, finite(updated_at), bool(archived), BAD_ROW)
    repeats = entry is None and not empty
    if codec is None:
        return SessionRow(key or b"", session_id, entry, finite(updated_at), bool(archived), None, repeats)
    return SessionRow(
        to_utf8(key or b"", codec),
        None if session_id is None else to_utf8(session_id, codec),
        None if entry is None else to_utf8(entry, codec),
        finite(updated_at),
        bool(archived),
        None,
        repeats,
    )


def window_rows(
    connection: sqlite3.Connection, table: str, *, previous: str = "NULL", reason: str = "NULL"
) -> Iterator[WindowRow]:
    """Read the transcript generations of one table by session key, oldest first, given its optional columns.

    Raises DamagedTableError.
    """
    codec = text_codec(connection)
    sql = f"""
        SELECT CAST(session_key AS BLOB), CAST(session_id AS BLOB),
            CAST({previous} AS BLOB), CAST({reason} AS BLOB),
            typeof(session_key) = 'text' AND typeof(session_id) = 'text'
                AND typeof({previous}) IN ('text', 'null') AND typeof({reason}) IN ('text', 'null')
        FROM {table} ORDER BY session_key, created_at, session_id"""
    rows = (_window_row(codec, *row) for row in select(connection, table, sql))
    return rows if codec is None else iter(sorted(rows, key=lambda row: row.session_key))


def _window_row(
    codec: str | None,
    key: bytes | None,
    session_id: bytes | None,
    previous: bytes | None,
    reason: bytes | None,
    sound: int,
) -> WindowRow:
    if not sound:
        return WindowRow(key or b"", session_id or b"", previous, reason, BAD_ROW)
    return WindowRow(
        to_utf8(key or b"", codec),
        to_utf8(session_id or b"", codec),
        None if previous is None else to_utf8(previous, codec),
        None if reason is None else to_utf8(reason, codec),
    )


@dataclass(frozen=True, slots=True)
class NewSession:
    """One session to be put. Times are whole milliseconds; ``columns`` are projections of the entry, by column name.

    A writer takes those columns that the table has, and none that it does not know. ``relieves`` is the key of the
    session that was made up for its history, which it takes over.
    """

    key: str
    session_id: str
    text: str
    updated_at: int
    created_at: int
    columns: Mapping[str, str | int]
    relieves: str = ""


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


def put_bare_window(connection: sqlite3.Connection, table: str, session_id: str, key: str, updated_at: int) -> None:
    """Put the row of a session id that has events and no entry, if there is none. Raises sqlite3.Error."""
    _put_window(connection, table, session_id, {"session_key": key, "created_at": updated_at, "updated_at": updated_at})


def put_window_of(
    connection: sqlite3.Connection, table: str, session: NewSession, projections: Mapping[str, object]
) -> None:
    """Put the row of the session id of a session, if there is none; that of one which it relieves becomes its own.

    Raises sqlite3.Error.
    """
    times = {"created_at": session.created_at, "updated_at": session.updated_at}
    window = {"session_key": session.key, **times, **projections}
    if session.relieves:
        update(connection, table, window, "session_id", session.session_id)
    _put_window(connection, table, session.session_id, window)


def _put_window(connection: sqlite3.Connection, table: str, session_id: str, window: Mapping[str, object]) -> None:
    values = {"session_id": session_id, "session_entry_provenance": 1, **window}
    insert(connection, table, values, or_ignore=True)


def whole_ms(value: Number) -> int:
    """Give a finite time as a column can hold it: whole, and no larger than JavaScript can count.

    The upgrade stops at fractions, and at times of 2**53 and more (observed with 2026.9.6).
    """
    if type(value) is int and -_SAFE_INTEGER <= value <= _SAFE_INTEGER:
        return value  # as nearly all are, and there are several for each row
    return max(-_SAFE_INTEGER, min(_SAFE_INTEGER, int(value)))
