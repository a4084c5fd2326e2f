"""All that a database says, table by table, however its bytes are laid out: in its file, in a ``-wal``, on which page.

Two databases with the same digests are the same to every reader. What SQLite's own ``PRAGMA optimize`` writes does not
count, nor does the content of a virtual table, which is in ordinary tables beside it.
"""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, NamedTuple

from migrator.sqlite.cache_rows import SCOPE
from migrator.sqlite.events import EventHashes

Tables = dict[str, tuple[int, str]]
"""Table name to number of rows and digest of their content; :data:`SCHEMA` stands for the table definitions."""

SCHEMA = "sqlite_schema"

_PRAGMAS = ("user_version", "application_id", "encoding")
_SCOPE = SCOPE.encode()
_SESSIONS = {
    "cache_entries": ("key", "value_json"),
    "session_entries": ("session_key", "entry_json"),
    "session_nodes": ("session_key", "entry_json"),
}
"""The columns with the key and the text of a session, in the tables that have sessions."""

Texts = dict[str, bytes]
"""The digest of the text of each session, by key."""


class Content(NamedTuple):
    """The digests of all tables, and those of the texts of single sessions by table.

    ``histories`` are the hashes of events; None where they are not to be had by just reading the table of events.
    """

    tables: Tables
    sessions: dict[str, Texts]
    histories: dict[str, bytes] | None


def table_digests(connection: sqlite3.Connection) -> Tables:
    """Read a whole database. The same rows have the same digest on every platform. Raises sqlite3.Error."""
    return content(connection).tables


def content(connection: sqlite3.Connection) -> Content:
    """All that a database says, in one reading. Raises sqlite3.Error."""
    factory, connection.text_factory = connection.text_factory, bytes
    try:
        settings = [connection.execute(f"PRAGMA {name}").fetchone() for name in _PRAGMAS]
        definitions = connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name"
        ).fetchall()
        tables = {SCHEMA: (len(definitions), sha256(marshal.dumps([*settings, *definitions], 2)).hexdigest())}
        sessions: dict[str, Texts] = {}
        events = EventHashes()
        for kind, name, _, sql in definitions:
            if kind == b"table" and not (sql or b"").upper().startswith(b"CREATE VIRTUAL"):
                table = name.decode("utf-8", "replace")
                digest, texts = _digest(connection, table, sessions.get("cache_entries", {}), events)
                tables[name.decode("utf-8", "surrogateescape")] = digest
                sessions[table] = texts
        plain = events.in_order and settings[-1] == (b"UTF-8",)
        return Content(tables, sessions, dict(events.histories()) if plain else None)
    finally:
        connection.text_factory = factory


def _digest(
    connection: sqlite3.Connection, table: str, cached: Texts, events: EventHashes
) -> tuple[tuple[int, str], Texts]:
    """The rows in the order of their keys; an index would give them in another one.

    A digest that is ``cached`` under the same key is not kept twice. The rows of events go into ``events``.
    """
    quoted = table.replace('"', '""')
    rows = connection.execute(f'SELECT * FROM "{quoted}" NOT INDEXED')
    texts: Texts = {}
    total, count = sha256(), 0
    seen = _with_events(rows, events) if table == "transcript_events" else _with_sessions(rows, table, texts, cached)
    for row in seen:
        total.update(marshal.dumps(row, 2))
        count += 1
    return (count, total.hexdigest()), texts


def _with_events(rows: sqlite3.Cursor, events: EventHashes) -> Iterator[Any]:
    """The rows, of which each is taken for an event: what is none, or compressed, spoils the order."""
    names = [column[0].lower() for column in rows.description]
    if not {"session_id", "seq", "event_json"} <= {*names}:
        events.in_order = False
        yield from rows
        return
    id_at, seq_at, text_at = map(names.index, ("session_id", "seq", "event_json"))
    for row in rows:
        session_id, seq, text = row[id_at], row[seq_at], row[text_at]
        if isinstance(session_id, bytes) and isinstance(text, bytes) and isinstance(seq, int) and seq >= 0:
            events.add(session_id, seq, text)
        else:
            events.in_order = False
        yield row


def _with_sessions(rows: sqlite3.Cursor, table: str, texts: Texts, cached: Texts) -> Iterator[Any]:
    """The rows; in a table of sessions their texts are noted, and stand in the rows as digests."""
    names = [column[0].lower() for column in rows.description]
    if table not in _SESSIONS or not {*_SESSIONS[table]} <= {*names}:
        yield from rows
        return
    key_at, text_at = map(names.index, _SESSIONS[table])
    scope_at = names.index("scope") if "scope" in names else key_at
    for row in rows:
        key, text = row[key_at], row[text_at]
        digest = sha256(text if isinstance(text, bytes) else b"").digest()
        if isinstance(key, bytes) and (scope_at == key_at or row[scope_at] == _SCOPE):
            name = key.decode("utf-8", "surrogateescape")
            texts[name] = cached[name] if cached.get(name) == digest else digest
        yield (*row[:text_at], digest, *row[text_at + 1 :]) if isinstance(text, bytes) else row
