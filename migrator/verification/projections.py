"""Whether the columns beside the JSON texts of a schema 1 database still say what the texts say.

A flipped byte in a time, an id or a position leaves every text intact; only its own column contradicts it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from migrator.model.inventory import Database, Row
from migrator.openclaw.text.transcript import read_line
from migrator.sqlite.cache_rows import SCOPE as CACHE_SCOPE
from migrator.sqlite.events import stored_columns
from migrator.sqlite.rows import columns, whole_ms
from migrator.sqlite.target import SCHEMA_VERSION, UNUSED_SESSION_COLUMNS

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


def columns_agree(
    connection: sqlite3.Connection, database: Database, event_columns: Mapping[bytes, bytes] = MappingProxyType({})
) -> bool:
    """Whether every column can be worked out again from the texts; tables that are absent agree.

    ``database`` has what the texts of its sessions say. ``event_columns`` maps the hashes of a history to the digest
    that its columns must have; a match saves parsing the events.
    """
    parts = (
        _types_agree(connection),
        _version_agrees(connection),
        _typed_rows_agree(connection, database.typed_rows),
        _cache_rows_agree(connection, database.cache_rows),
        _histories_agree(connection, _known_columns(database, event_columns)),
    )
    try:
        return all(map(all, parts))
    except sqlite3.OperationalError:
        return False  # somebody has made such tables with fewer columns


def _types_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    """Each value is of the type of its column: SQLite takes any, and the upgrade stops at one that is not."""
    for table, where in _SESSION_TABLES.items():
        declared = [(name, kind.lower()) for _, name, kind, *_ in connection.execute(f"PRAGMA table_info({table})")]
        if declared:
            wrong = " OR ".join(f"typeof({name}) NOT IN ('null', ?)" for name, _ in declared)
            found = connection.execute(
                f"SELECT 1 FROM {table} WHERE {where} AND ({wrong}) LIMIT 1", [kind for _, kind in declared]
            )
            yield found.fetchone() is None


def _version_agrees(connection: sqlite3.Connection) -> Iterator[bool]:
    if columns(connection, "schema_meta"):
        for (version,) in connection.execute("SELECT schema_version FROM schema_meta WHERE meta_key = 'primary'"):
            yield version == SCHEMA_VERSION


def _typed_rows_agree(connection: sqlite3.Connection, rows: Iterable[Row]) -> Iterator[bool]:
    """Each row repeats its text, its route repeats the row, and so does the session row that it owns."""
    if not columns(connection, "session_entries"):
        return
    by_key = {row.key: row for row in rows}
    for key, session_id, updated_at, status, routed_id, routed_at, owns, *session in connection.execute(
        "SELECT CAST(e.session_key AS BLOB), CAST(e.session_id AS BLOB), e.updated_at, CAST(e.status AS BLOB),"
        " CAST(r.session_id AS BLOB), r.updated_at, s.session_key = e.session_key,"
        " s.created_at, s.updated_at, s.session_entry_provenance, CAST(s.session_scope AS BLOB)"
        " FROM session_entries e NOT INDEXED LEFT JOIN session_routes r USING (session_key)"
        " LEFT JOIN sessions s ON s.session_id = e.session_id"
    ):
        row = by_key.get((key or b"").decode("utf-8", "surrogateescape"))
        if row is None:
            yield False
            return
        updated = whole_ms(row.updated_at or 0)
        yield session_id == (row.session_id or "").encode() and updated_at == updated
        yield status == (None if row.status is None else row.status.encode())
        yield (routed_id, routed_at) == (session_id, updated_at) and owns is not None
        if owns:
            created = updated if row.started_at is None else whole_ms(row.started_at)
            yield session == [created, updated, 1, b"conversation"]
    [(entries, routes)] = connection.execute(
        "SELECT (SELECT count(*) FROM session_entries), (SELECT count(*) FROM session_routes)"
    )
    yield entries == routes
    # A key may go on to another session, and leave a row with the history of the old one; it has an entry all the same.
    [(strange,)] = connection.execute(
        f"SELECT count(*) FROM sessions s WHERE acp_owned IS NOT 0 OR coalesce({', '.join(UNUSED_SESSION_COLUMNS)})"
        " IS NOT NULL OR NOT EXISTS (SELECT 1 FROM session_entries e WHERE e.session_key = s.session_key)"
    )
    yield strange == 0


def _cache_rows_agree(connection: sqlite3.Connection, rows: Iterable[Row]) -> Iterator[bool]:
    """Each row repeats the time of its text."""
    if not columns(connection, "cache_entries"):
        return
    times = {row.key: row.updated_at for row in rows}
    for key, updated_at, unused in connection.execute(
        "SELECT CAST(key AS BLOB), updated_at, coalesce(blob, expires_at)"
        f" FROM cache_entries NOT INDEXED WHERE scope = '{CACHE_SCOPE}'"
    ):
        expected = times.get((key or b"").decode("utf-8", "surrogateescape"))
        # A build that found no time in an entry wrote the time of writing, which nothing can confirm.
        yield unused is None and (expected is None or updated_at == whole_ms(expected))


def _known_columns(database: Database, event_columns: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """The digest that the columns of a history must have, by session id."""
    return {
        one.session_id.encode("utf-8", "surrogateescape"): event_columns[one.hashes]
        for one in database.transcripts
        if one.hashes in event_columns
    }


def _histories_agree(connection: sqlite3.Connection, known: Mapping[bytes, bytes]) -> Iterator[bool]:
    """The texts of a history are read only if its columns are not those that are ``known``."""
    if not columns(connection, "transcript_events"):
        return
    for session_id, digest in stored_columns(connection).items():
        if not digest or digest != known.get(session_id):
            yield session_id is not None and all(_events_agree(connection, session_id))


def _events_agree(connection: sqlite3.Connection, session_id: bytes) -> Iterator[bool]:
    """The events of a session count from 0 without gaps, and each one's time and identity are those of its text."""
    where = "WHERE session_id = CAST(? AS TEXT) ORDER BY seq"
    identities = connection.execute(
        "SELECT seq, event_id, event_type, parent_id, created_at, message_idempotency_key"
        f" FROM transcript_event_identities {where}",
        (session_id,),
    )
    identity = identities.fetchone()
    seen: set[str] = set()
    events = connection.execute(
        f"SELECT seq, CAST(event_json AS BLOB), created_at FROM transcript_events {where}", (session_id,)
    )
    for expected, (seq, text, created_at) in enumerate(events):
        yield seq == expected
        line = read_line(text if isinstance(text, bytes) else b"", 1, 0, complete=True)
        yield created_at == (line.timestamp_ms or 0)
        found = None
        if identity is not None and identity[0] == seq:
            found, identity = identity[1:], identities.fetchone()
        if line.event_id is None or line.event_id in seen:
            yield found is None
        else:
            seen.add(line.event_id)
            yield found == (line.event_id, line.event_type, line.parent_id, created_at, None)
    yield identity is None
