"""Whether the columns beside the JSON texts of a schema 1 database still say what the texts say.

A flipped byte in a time, an id or a position leaves every text intact; only its own column contradicts it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from migrator.openclaw.entry import finite_number, members, typed_session_id
from migrator.openclaw.transcript import read_line
from migrator.sqlite.rows import columns
from migrator.sqlite.target import whole_ms

_Row = tuple[object, ...]


def columns_agree(connection: sqlite3.Connection) -> bool:
    """Whether every column can be worked out again from the texts; tables that are absent agree."""
    return (
        all(_cache_rows_agree(connection))
        and all(_typed_rows_agree(connection))
        and all(_sessions_agree(connection))
        and all(_events_agree(connection))
    )


def _cache_rows_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    if columns(connection, "cache_entries"):
        for text, updated_at, blob in connection.execute(
            "SELECT CAST(value_json AS BLOB), updated_at, blob FROM cache_entries WHERE scope = 'session_entries'"
        ):
            expected = _entry(text)[1]
            # A build that found no time in an entry wrote the time of writing, which nothing can confirm.
            yield blob is None and (expected is None or updated_at == expected)


def _typed_rows_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    if not columns(connection, "session_entries"):
        return
    for text, session_id, updated_at, routed_id, routed_at, owner in connection.execute(
        "SELECT CAST(e.entry_json AS BLOB), CAST(e.session_id AS BLOB), e.updated_at, CAST(r.session_id AS BLOB),"
        " r.updated_at, s.session_id IS NOT NULL FROM session_entries e"
        " LEFT JOIN session_routes r USING (session_key) LEFT JOIN sessions s ON s.session_id = e.session_id"
    ):
        expected_id, expected_at, _started = _entry(text)
        yield session_id == (expected_id or "").encode() and updated_at == (expected_at or 0)
        yield (routed_id, routed_at) == (session_id, updated_at) and bool(owner)
    [(entries, routes)] = connection.execute(
        "SELECT (SELECT count(*) FROM session_entries), (SELECT count(*) FROM session_routes)"
    )
    yield entries == routes


def _sessions_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    """Each session row repeats the entry of the key that owns it."""
    if not columns(connection, "sessions"):
        return
    for created_at, updated_at, provenance, scope, text, session_id, owner_id in connection.execute(
        "SELECT s.created_at, s.updated_at, s.session_entry_provenance, CAST(s.session_scope AS BLOB),"
        " CAST(e.entry_json AS BLOB), CAST(s.session_id AS BLOB), CAST(e.session_id AS BLOB)"
        " FROM sessions s LEFT JOIN session_entries e USING (session_key)"
    ):
        _, expected_at, started_at = _entry(text)
        expected_at = expected_at or 0
        if owner_id is not None and session_id != owner_id:
            continue  # the key went on to another session; this row keeps the history of the old one
        yield owner_id is not None and updated_at == expected_at
        yield created_at == (expected_at if started_at is None else started_at)
        yield provenance == 1 and scope == b"conversation"


def _entry(text: object) -> tuple[str | None, int | None, int | None]:
    """Session id, time of update and time of start that the text of an entry gives."""
    entry = members(text) if isinstance(text, bytes) else {}
    updated_at, started_at = (finite_number(entry.get(name)) for name in ("updatedAt", "sessionStartedAt"))
    return (
        typed_session_id(entry),
        None if updated_at is None else whole_ms(updated_at),
        None if started_at is None else whole_ms(started_at),
    )


def _events_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    """Events count from 0 without gaps, and each one's time and identity are those of its text."""
    if not columns(connection, "transcript_events"):
        return
    # Two sorted readings side by side: a join would search all identities for every event.
    identities = connection.execute(
        "SELECT CAST(session_id AS BLOB), seq, event_id, event_type, parent_id, created_at"
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
            yield found == (line.event_id, line.event_type, line.parent_id, created_at)
    yield identity is None
