"""Table ``transcript_events``: the same in agent schema 4 to 23, but for how long events are kept.

Up to schema 21 an event is text. Schema 23 has exactly one of ``event_json`` and ``event_zstd``, the latter
with its decoded size in ``event_utf8_bytes`` (OpenClaw 2026.9.6,
``src/config/sessions/transcript-payload.ts``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from migrator.model import Number
from migrator.sqlite.compressed import DamagedPayloadError, decompress
from migrator.sqlite.rows import BAD_ROW, EventRow, columns, finite, number, select, text_codec, to_utf8

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""The schema allows no longer event to be compressed."""

DAMAGED_EVENT = "database.event-damaged"


def events(connection: sqlite3.Connection, session_id: str | None = None) -> Iterator[EventRow]:
    """Read every event, or those of one session, by session id in byte order, then by ``seq``.

    Nothing without the table.

    Streams in constant memory. ``seq`` is the only order that counts: ``created_at`` is the clock of whoever
    wrote the event. Raises DamagedTableError, and RefusedError where an event is compressed and cannot be
    decoded here.
    """
    codec = text_codec(connection)
    names = columns(connection, "transcript_events")
    if not names:
        return iter(())
    zstd, size = ("event_zstd", "event_utf8_bytes") if "event_zstd" in names else ("NULL", "NULL")
    sql = f"""
        SELECT CAST(session_id AS BLOB), CASE WHEN typeof(seq) = 'integer' THEN seq END,
            CAST(event_json AS BLOB), CAST({zstd} AS BLOB), {number(size)}, {number("created_at")},
            typeof(session_id) = 'text' AND typeof(seq) = 'integer'
                AND typeof(event_json) IN ('text', 'null') AND typeof({zstd}) IN ('blob', 'null')
                AND (event_json IS NULL) <> ({zstd} IS NULL)
        FROM transcript_events WHERE {"1" if session_id is None else "session_id = ?"} ORDER BY session_id, seq"""
    values = () if session_id is None else (session_id,)
    rows = (_event_row(codec, *row) for row in select(connection, "transcript_events", sql, values))
    # only UTF-16, which OpenClaw never writes, sorts differently: there the rows are sorted in memory
    return rows if codec is None else iter(sorted(rows, key=lambda row: row.session_id))


def _event_row(
    codec: str | None,
    session_id: bytes | None,
    seq: int | None,
    text: bytes | None,
    packed: bytes | None,
    size: Number | None,
    created_at: Number | None,
    sound: int,
) -> EventRow:
    """Build one event; of a row that makes no sense, ``seq`` may be -1 and the payload anything."""
    created_at = finite(created_at)
    if not sound or session_id is None or seq is None:
        payload = packed if text is None else text
        return EventRow(session_id or b"", -1 if seq is None else seq, payload or b"", created_at, BAD_ROW)
    session_id = to_utf8(session_id, codec)
    if packed is None:
        return EventRow(session_id, seq, to_utf8(text or b"", codec), created_at)
    try:
        event = decompress(packed, MAX_EVENT_BYTES)
    except DamagedPayloadError:
        return EventRow(session_id, seq, packed, created_at, DAMAGED_EVENT)
    if len(event) != size:
        return EventRow(session_id, seq, packed, created_at, DAMAGED_EVENT)
    return EventRow(session_id, seq, event, created_at)
