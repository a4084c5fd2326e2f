"""Table ``transcript_events``: the same in agent schema 4 to 23, but for how long events are kept.

Up to schema 21 an event is text. Schema 23 has exactly one of ``event_json`` and ``event_zstd``, the latter with its
decoded size in ``event_utf8_bytes`` (OpenClaw 2026.9.6, ``src/config/sessions/transcript-payload.ts``).

What the columns beside the texts of a history say is worked out as a digest, from a transcript, and again from the rows
that a database has for it: so that many rows are compared, and no text is read.
"""

from __future__ import annotations

import marshal
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from typing import Any

from migrator.model.words import HASH_BYTES, Number
from migrator.sqlite.compressed import DamagedPayloadError, decompress
from migrator.sqlite.rows import BAD_ROW, EventRow, columns, finite, number, select, text_codec, to_utf8, update

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""The schema allows no longer event to be compressed."""

DAMAGED_EVENT = "database.event-damaged"


EventValues = tuple[str, int, bytes, int, str | None, str | None, str | None]
"""One transcript line to be written: session id, ``seq``, text, time, and its own id, type and parent as far as it has
them. A plain tuple, because that takes least time to be passed from process to process.

``seq`` counts from 0, the time is in whole milliseconds. The text must be JSON, or the upgrade of all databases stops.
Any JSON will do, ``null`` and events without an id too: the upgrade keeps it byte for byte, and only puts a header in
front of a transcript whose events have ids but no header (observed with 2026.8.2 and 2026.9.6).
"""

_HALF = 16  # bytes, of times and of identities

_EVENTS = "SELECT CAST(session_id AS BLOB), seq, created_at FROM transcript_events NOT INDEXED"
_IDENTITIES = (
    "SELECT CAST(session_id AS BLOB), seq, event_id, event_type, parent_id, created_at, message_idempotency_key"
    " FROM transcript_event_identities NOT INDEXED"
)


def event_hash(text: bytes) -> bytes:
    """The short hash by which events are compared: of the stored text, byte for byte."""
    return blake2b(text, digest_size=HASH_BYTES).digest()


class EventHashes:
    """Takes events in any order of sessions; ``in_order`` says whether those of each session came by ``seq``."""

    def __init__(self) -> None:
        self.in_order = True
        self._found: dict[bytes, bytearray] = {}
        self._latest: dict[bytes, int] = {}
        self._session = b""
        self._seq = -1
        self._hashes = bytearray()

    def add(self, session_id: bytes, seq: int, text: bytes) -> None:
        """Take an event; one that makes no sense has the ``seq`` -1, and any place."""
        if session_id != self._session or not self._hashes:
            self._latest[self._session] = self._seq  # most events are of the same session as the one before
            self._session, self._seq = session_id, self._latest.get(session_id, -1)
            self._hashes = self._found.setdefault(session_id, bytearray())
        if -1 < seq <= self._seq:
            self.in_order = False
        self._seq = seq
        self._hashes += event_hash(text)

    def histories(self) -> Iterator[tuple[str, bytes]]:
        """Session id and hashes, by session id."""
        for session_id in sorted(self._found):
            yield session_id.decode("utf-8", "surrogateescape"), bytes(self._found[session_id])


class EventTable:
    """The table of events of an open database; how it has to be read is looked up once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.codec = text_codec(connection)
        self._connection = connection
        names = columns(connection, "transcript_events")
        zstd, size = ("event_zstd", "event_utf8_bytes") if "event_zstd" in names else ("NULL", "NULL")
        self._select = (
            ""
            if not names
            else f"""
            SELECT CAST(session_id AS BLOB), CASE WHEN typeof(seq) = 'integer' THEN seq END,
                CAST(event_json AS BLOB), CAST({zstd} AS BLOB), {number(size)}, {number("created_at")},
                typeof(session_id) = 'text' AND typeof(seq) = 'integer'
                    AND typeof(event_json) IN ('text', 'null') AND typeof({zstd}) IN ('blob', 'null')
                    AND (event_json IS NULL) <> ({zstd} IS NULL)
            FROM transcript_events"""
        )

    def of(self, session_id: str) -> Iterator[EventRow]:
        """The events of one session; as :func:`events`."""
        return self._ordered("session_id = ?", (session_id,))

    def all(self) -> Iterator[EventRow]:
        """The events of all sessions; as :func:`events`."""
        return self._ordered("1", ())

    def _ordered(self, wanted: str, values: tuple[str, ...]) -> Iterator[EventRow]:
        rows = self.rows(f"WHERE {wanted} ORDER BY session_id, seq", values)
        read = (_event_row(self.codec, *row) for row in rows)
        # only UTF-16, which OpenClaw never writes, sorts differently: there the rows are sorted in memory
        return read if self.codec is None else iter(sorted(read, key=lambda row: row.session_id))

    def rows(self, order: str, values: tuple[str, ...] = ()) -> Iterator[Any]:
        """The rows in some order, in the form that :func:`_event_row` takes; none without the table."""
        if not self._select:
            return iter(())
        return select(self._connection, "transcript_events", f"{self._select} {order}", values)


def hashes_as_written(connection: sqlite3.Connection, problems: set[str]) -> EventHashes:
    """Read the hashes of all events in the order of writing, which is many times as fast as that of :func:`events`.

    What is odd about single events goes into ``problems``. Raises as :func:`events` does.
    """
    hashes, table = EventHashes(), EventTable(connection)
    for row in table.rows("NOT INDEXED"):
        session_id, seq, text, packed, *_, sound = row
        if sound and packed is None and table.codec is None:
            hashes.add(session_id, seq, text)
        else:
            event = _event_row(table.codec, *row)
            if event.problem is not None:
                problems.add(event.problem)
            hashes.add(event.session_id, event.seq, event.event_json)
    return hashes


def events(connection: sqlite3.Connection) -> Iterator[EventRow]:
    """Read every event, by session id in byte order, then by ``seq``. Nothing without the table.

    Streams in constant memory. ``seq`` is the only order that counts: ``created_at`` is the clock of whoever
    wrote the event. Raises DamagedTableError, and RefusedError where an event is compressed and cannot be
    decoded here.
    """
    return EventTable(connection).all()


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


def put_events(connection: sqlite3.Connection, events: Sequence[EventValues]) -> None:
    """Put events and, where there is a table for those, the ids under which they are found: the first one keeps its id.

    2026.9.6 shows a transcript just as well without the ids. What a release derives from events it makes again: a
    search index that is behind is marked. Raises sqlite3.Error, also for a ``seq`` that is taken.
    """
    codec = text_codec(connection)
    has_size = "event_utf8_bytes" in columns(connection, "transcript_events")
    size, mark = (", event_utf8_bytes", ", ?") if has_size else ("", "")
    connection.executemany(
        f"INSERT INTO transcript_events (session_id, seq, event_json, created_at{size})"
        f" VALUES (?, ?, CAST(? AS TEXT), ?{mark})",
        (
            (session_id, seq, text if codec is None else text.decode(), created_at, *([len(text)] if has_size else []))
            for session_id, seq, text, created_at, *_ in events
        ),
    )
    if columns(connection, "transcript_event_identities"):
        connection.executemany(
            "INSERT INTO transcript_event_identities"
            " (session_id, event_id, seq, event_type, parent_id, created_at) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (
                (session_id, event_id, seq, event_type, parent_id, created_at)
                for session_id, seq, _, created_at, event_id, event_type, parent_id in events
                if event_id is not None
            ),
        )
    if columns(connection, "session_transcript_index_state"):
        for session_id in {event[0] for event in events}:
            update(connection, "session_transcript_index_state", {"needs_rebuild": 1}, "session_id", session_id)


def next_seq(connection: sqlite3.Connection, session_id: str) -> int:
    """The place behind the last event of a session."""
    sql = "SELECT CAST(coalesce(max(seq), -1) + 1 AS INTEGER) FROM transcript_events WHERE session_id = ?"
    [(seq,)] = connection.execute(sql, (session_id,))
    return int(seq)


class EventColumns:
    """Takes the events of a transcript one by one, as they are stored: the first one with an id has its identity."""

    def __init__(self) -> None:
        self._times = array("q")
        self._identities = blake2b(digest_size=_HALF)
        self._ids: set[int] = set()

    def add(self, event_id: str | None, event_type: str | None, parent_id: str | None, time_ms: int) -> None:
        """Take the next event; its time is 0 where it has none."""
        if event_id is not None and (hashed := hash(event_id)) not in self._ids:
            self._ids.add(hashed)  # should two ids hash alike, the digest is another one, and the rows are read instead
            identity = (len(self._times), event_id, event_type, parent_id, time_ms, None)
            self._identities.update(marshal.dumps(identity, 2))
        self._times.append(time_ms)

    def digest(self) -> bytes:
        """The digest of all events so far."""
        return _of_times(self._times) + self._identities.digest()


def stored_columns(connection: sqlite3.Connection) -> Mapping[bytes, bytes]:
    """The digests of all histories by session id; empty for one whose rows were not written in one go.

    Rows are read in the order of writing, which is the fastest one. Raises sqlite3.OperationalError where the tables
    lack columns.
    """
    times = dict(_by_session(connection.execute(_EVENTS), _times_digest))
    identities = dict(_by_session(connection.execute(_IDENTITIES), _identities_digest))
    none = _identities_digest(())
    return {
        session_id: times[session_id] + identity
        if times.get(session_id) and (identity := identities.get(session_id, none))
        else b""
        for session_id in times.keys() | identities.keys()
    }


def _by_session(
    rows: Iterable[tuple[Any, ...]], digest: Callable[[Iterable[tuple[Any, ...]]], bytes]
) -> Iterator[tuple[bytes, bytes]]:
    """The digest of each session's rows; empty, in the end, for one that occurs in several places."""
    seen: set[bytes] = set()
    for session_id, group in groupby(rows, key=itemgetter(0)):
        yield session_id, b"" if session_id in seen else digest(group)
        seen.add(session_id)


def _times_digest(rows: Iterable[tuple[Any, ...]]) -> bytes:
    """Empty if the events do not count from 0 without gaps, or have times that are none."""
    times = array("q")
    for _, seq, created_at in rows:
        if seq != len(times) or not isinstance(created_at, int):
            return b""
        times.append(created_at)
    return _of_times(times)


def _of_times(times: array[int]) -> bytes:
    return blake2b(times.tobytes(), digest_size=_HALF).digest()


def _identities_digest(rows: Iterable[tuple[Any, ...]]) -> bytes:
    digest = blake2b(digest_size=_HALF)
    for row in rows:
        digest.update(marshal.dumps(row[1:], 2))
    return digest.digest()
