"""Whether the columns beside the JSON texts of a schema 1 database still say what the texts say.

A flipped byte in a time, an id or a position leaves every text intact; only its own column contradicts it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from migrator.openclaw.entry import column_status, finite_number, members, typed_session_id
from migrator.openclaw.transcript import read_line
from migrator.sqlite.rows import columns
from migrator.sqlite.target import SCHEMA_VERSION, UNUSED_SESSION_COLUMNS, whole_ms

_SESSION_TABLES = {
    "schema_meta": "meta_key = 'primary'",
    "cache_entries": "scope = 'session_entries'",
    "sessions": "1",
    "session_entries": "1",
    "session_routes": "1",
    "transcript_events": "1",
    "transcript_event_identities": "1",
}
"""The tables that sessions depend on, and which of their rows those are."""


def columns_agree(connection: sqlite3.Connection) -> bool:
    """Whether every column can be worked out again from the texts; tables that are absent agree."""
    return (
        all(_types_agree(connection))
        and all(_version_agrees(connection))
        and all(_cache_rows_agree(connection))
        and all(_typed_rows_agree(connection))
        and all(_sessions_agree(connection))
        and all(_events_agree(connection))
    )


def _types_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    """Each value is of the type of its column: SQLite takes any, and the upgrade stops at one that is not."""
    for table, where in _SESSION_TABLES.items():
        for _, name, declared, *_ in connection.execute(f"PRAGMA table_info({table})").fetchall():
            wrong = f"SELECT 1 FROM {table} WHERE {where} AND typeof({name}) NOT IN ('null', ?) LIMIT 1"
            yield connection.execute(wrong, (declared.lower(),)).fetchone() is None


def _version_agrees(connection: sqlite3.Connection) -> Iterator[bool]:
    if columns(connection, "schema_meta"):
        for (version,) in connection.execute("SELECT schema_version FROM schema_meta WHERE meta_key = 'primary'"):
            yield version == SCHEMA_VERSION


def _cache_rows_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    if columns(connection, "cache_entries"):
        for text, updated_at, unused in connection.execute(
            "SELECT CAST(value_json AS BLOB), updated_at, coalesce(blob, expires_at)"
            " FROM cache_entries WHERE scope = 'session_entries'"
        ):
            expected = _entry(text).updated_at
            # A build that found no time in an entry wrote the time of writing, which nothing can confirm.
            yield unused is None and (expected is None or updated_at == expected)


def _typed_rows_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    if not columns(connection, "session_entries"):
        return
    for text, session_id, updated_at, status, routed_id, routed_at, owner in connection.execute(
        "SELECT CAST(e.entry_json AS BLOB), CAST(e.session_id AS BLOB), e.updated_at, CAST(e.status AS BLOB),"
        " CAST(r.session_id AS BLOB), r.updated_at, s.session_id IS NOT NULL FROM session_entries e"
        " LEFT JOIN session_routes r USING (session_key) LEFT JOIN sessions s ON s.session_id = e.session_id"
    ):
        entry = _entry(text)
        yield session_id == (entry.session_id or "").encode() and updated_at == (entry.updated_at or 0)
        yield status == (None if entry.status is None else entry.status.encode())
        yield (routed_id, routed_at) == (session_id, updated_at) and bool(owner)
    [(entries, routes)] = connection.execute(
        "SELECT (SELECT count(*) FROM session_entries), (SELECT count(*) FROM session_routes)"
    )
    yield entries == routes


def _sessions_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    """Each session row repeats the entry of the key that owns it."""
    if not columns(connection, "sessions"):
        return
    unused = ", ".join(f"s.{name}" for name in UNUSED_SESSION_COLUMNS)
    for created_at, updated_at, provenance, acp_owned, scope, text, session_id, owner_id, filled in connection.execute(
        "SELECT s.created_at, s.updated_at, s.session_entry_provenance, s.acp_owned, CAST(s.session_scope AS BLOB),"
        " CAST(e.entry_json AS BLOB), CAST(s.session_id AS BLOB), CAST(e.session_id AS BLOB),"
        f" coalesce({unused}) FROM sessions s LEFT JOIN session_entries e USING (session_key)"
    ):
        entry = _entry(text)
        expected_at = entry.updated_at or 0
        yield filled is None and acp_owned == 0
        if owner_id is not None and session_id != owner_id:
            continue  # the key went on to another session; this row keeps the history of the old one
        yield owner_id is not None and updated_at == expected_at
        yield created_at == (expected_at if entry.started_at is None else entry.started_at)
        yield provenance == 1 and scope == b"conversation"


@dataclass(frozen=True, slots=True)
class _Projection:
    """What the columns beside an entry repeat of its text; times are those that a column can hold."""

    session_id: str | None = None
    updated_at: int | None = None
    started_at: int | None = None
    status: str | None = None


def _entry(text: object) -> _Projection:
    entry = members(text) if isinstance(text, bytes) else {}
    updated_at, started_at = (finite_number(entry.get(name)) for name in ("updatedAt", "sessionStartedAt"))
    return _Projection(
        session_id=typed_session_id(entry),
        updated_at=None if updated_at is None else whole_ms(updated_at),
        started_at=None if started_at is None else whole_ms(started_at),
        status=column_status(entry),
    )


def _events_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    """Events count from 0 without gaps, and each one's time and identity are those of its text."""
    if not columns(connection, "transcript_events"):
        return
    # Two sorted readings side by side: a join would search all identities for every event.
    identities = connection.execute(
        "SELECT CAST(session_id AS BLOB), seq, event_id, event_type, parent_id, created_at, message_idempotency_key"
        " FROM transcript_event_identities ORDER BY session_id, seq"
    )
    identity = identities.fetchone()
    position: tuple[bytes, int] = (b"", -1)
    seen: set[str] = set()
    for session_id, seq, text, created_at in connection.execute(
        "SELECT CAST(session_id AS BLOB), seq, CAST(event_json AS BLOB), created_at FROM transcript_events"
        " ORDER BY session_id, seq"
    ):
        expected = (session_id, position[1] + 1) if session_id == position[0] else (session_id, 0)
        if session_id != position[0]:
            seen = set()
        position = (session_id, seq)
        yield position == expected
        line = read_line(text, 1, 0, complete=True)
        yield created_at == (line.timestamp_ms or 0)
        found = None
        if identity is not None and identity[:2] == position:
            found, identity = identity[2:], identities.fetchone()
        if line.event_id is None or line.event_id in seen:
            yield found is None
        else:
            seen.add(line.event_id)
            yield found == (line.event_id, line.event_type, line.parent_id, created_at, None)
    yield identity is None
