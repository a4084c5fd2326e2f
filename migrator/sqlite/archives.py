"""Transcripts that OpenClaw has moved out of ``transcript_events``: look here before calling one lost.

* ``session_transcript_archives`` (agent schema 19 and later) keeps the JSONL of a deleted or reset session
  as a blob, whose digest is taken as it is stored (OpenClaw 2026.9.6,
  ``src/config/sessions/session-accessor.sqlite-archive-read.ts``).
* ``session_transcript_cold_archives`` (20 and later) points to ``sessions/cold/<sha256>.jsonl.zst`` of the
  agent directory, or holds those bytes. They are no transcript but records of the rows that were moved: a
  header, then the events, then what can be derived from them
  (``src/config/sessions/session-cold-storage-codec.ts``).
"""

from __future__ import annotations

import errno
import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from migrator.model.words import Number
from migrator.sqlite.compressed import DamagedPayloadError, LargePayloadError, decompress
from migrator.sqlite.rows import BAD_ROW, columns, finite, number, select, text_codec, to_utf8
from migrator.sqlite.snapshot import read_regular

MAX_ARCHIVE_BYTES = 256 * 1024 * 1024
"""What a deleted or reset transcript may decode to; OpenClaw 2026.9.6 has no limit of its own."""
MAX_COLD_BYTES = 64 * 1024 * 1024
"""What a cold archive may decode to, as in OpenClaw 2026.9.6; compressed it has 1 MiB more."""

DAMAGED = "database.archive-damaged"
MISSING = "database.archive-missing"
UNREADABLE = "database.archive-unreadable"
TOO_LARGE = "database.archive-too-large"

_COLD_NAME = re.compile(rb"[0-9a-f]{64}\.jsonl\.zst")


@dataclass(frozen=True, slots=True)
class ArchivedTranscript:
    """One transcript as JSONL. ``reason`` is ``deleted``, ``reset``, ``cold`` or ``other``.

    ``problem`` is a finding code: ``jsonl`` then holds the bytes as they are stored, none if there are none.
    ``archived_at`` (milliseconds) is known for deleted and reset ones only.
    """

    session_id: bytes
    session_key: bytes | None
    reason: str
    jsonl: bytes
    problem: str | None = None
    archived_at: Number | None = None


@dataclass(frozen=True, slots=True)
class _Descriptor:
    """What the database says about a cold archive; ``counts`` are events, last ``seq`` and bytes of text."""

    session_id: bytes
    generation: bytes
    sha256: bytes
    counts: tuple[Number | None, Number | None, Number | None]


def transcript_archives(
    connection: sqlite3.Connection, session_id: bytes | None = None
) -> Iterator[ArchivedTranscript]:
    """Read deleted and reset transcripts by session id, or those of one, one in memory at a time.

    Nothing without the table.

    Raises DamagedTableError, and RefusedError where compressed ones cannot be decoded here.
    """
    return _of_session(_transcript_archives(connection, session_id), session_id)


def _of_session(archives: Iterator[ArchivedTranscript], session_id: bytes | None) -> Iterator[ArchivedTranscript]:
    return archives if session_id is None else (one for one in archives if one.session_id == session_id)


def _wanted(session_id: bytes | None, codec: str | None) -> tuple[bytes | None]:
    """What a query leaves all other sessions out by; not in UTF-16, where nobody has this many."""
    return (session_id if codec is None else None,)


def _transcript_archives(connection: sqlite3.Connection, session_id: bytes | None) -> Iterator[ArchivedTranscript]:
    names = columns(connection, "session_transcript_archives")
    if not names:
        return
    codec = text_codec(connection)
    sql = f"""
        SELECT CAST(session_id AS BLOB), CAST(session_key AS BLOB),
            CASE WHEN reason IN ('deleted', 'reset') THEN reason = 'deleted' END,
            CASE WHEN encoding IN ('identity', 'zstd') THEN encoding = 'zstd' END,
            CAST(archive_blob AS BLOB), CAST(archive_sha256 AS BLOB),
            {number("created_at") if "created_at" in names else "NULL"},
            typeof(session_id) = 'text' AND typeof(session_key) = 'text' AND typeof(archive_blob) = 'blob'
        FROM session_transcript_archives WHERE ?1 IS NULL OR CAST(session_id AS BLOB) = ?1
        ORDER BY session_id, generation"""
    rows = select(connection, "session_transcript_archives", sql, _wanted(session_id, codec))
    for session_id, key, deleted, compressed, blob, digest, archived_at, sound in rows:
        reason = "other" if deleted is None else "deleted" if deleted else "reset"
        if not sound or compressed is None:
            yield ArchivedTranscript(session_id or b"", key, reason, blob or b"", BAD_ROW)
            continue
        limit = MAX_ARCHIVE_BYTES if compressed else None
        jsonl, problem = _decode(blob, to_utf8(digest or b"", codec), limit)
        session_id, key = to_utf8(session_id, codec), to_utf8(key, codec)
        yield ArchivedTranscript(session_id, key, reason, jsonl, problem, finite(archived_at))


def cold_archives(
    connection: sqlite3.Connection, directory: Path | None, session_id: bytes | None = None
) -> Iterator[ArchivedTranscript]:
    """Read transcripts in cold storage by session id, or that of one, one in memory at a time.

    Nothing without the table.

    ``directory`` is where the files are, ``sessions/cold`` of the agent directory; None if there is none. The
    events come back as lines in the order of ``seq``. Raises DamagedTableError and RefusedError as above.
    """
    return _of_session(_cold_archives(connection, directory, session_id), session_id)


def _cold_archives(
    connection: sqlite3.Connection, directory: Path | None, session_id: bytes | None
) -> Iterator[ArchivedTranscript]:
    if not columns(connection, "session_transcript_cold_archives"):
        return
    codec = text_codec(connection)
    sql = f"""
        SELECT CAST(cold.session_id AS BLOB), CAST(session_key AS BLOB), CAST(generation AS BLOB),
            CAST(archive_sha256 AS BLOB),
            {number("event_count")}, {number("last_seq")}, {number("raw_bytes")},
            CAST(archive_name AS BLOB), storage = 'sqlite', CAST(archive_blob AS BLOB),
            typeof(cold.session_id) = 'text' AND typeof(generation) = 'text'
                AND typeof(archive_sha256) = 'text' AND typeof(archive_name) = 'text'
                AND storage IN ('file', 'sqlite') AND (storage = 'sqlite') = (typeof(archive_blob) = 'blob')
        FROM session_transcript_cold_archives AS cold
        LEFT JOIN session_windows ON session_windows.session_id = cold.session_id
        WHERE ?1 IS NULL OR CAST(cold.session_id AS BLOB) = ?1
        ORDER BY cold.session_id"""
    for row in select(connection, "session_transcript_cold_archives", sql, _wanted(session_id, codec)):
        session_id, key, generation, digest, *counts, name, embedded, blob, sound = row
        if not sound:
            yield ArchivedTranscript(session_id or b"", key, "cold", blob or b"", BAD_ROW)
            continue
        session_id, generation, digest = (to_utf8(text, codec) for text in (session_id, generation, digest))
        stored = blob if embedded else _cold_file(directory, to_utf8(name, codec))
        jsonl, problem = _cold_events(_Descriptor(session_id, generation, digest, tuple(counts)), stored)
        key = None if key is None else to_utf8(key, codec)
        yield ArchivedTranscript(session_id, key, "cold", jsonl, problem)


def _decode(stored: bytes, digest: bytes, limit: int | None) -> tuple[bytes, str | None]:
    """Check and decode stored bytes, or give them back with the problem; no ``limit``: they are plain."""
    if sha256(stored).hexdigest().encode() != digest:
        return stored, DAMAGED
    if limit is None:
        return stored, None
    try:
        return decompress(stored, limit), None
    except LargePayloadError:
        return stored, TOO_LARGE
    except DamagedPayloadError:
        return stored, DAMAGED


def _cold_file(directory: Path | None, name: bytes) -> bytes | str:
    """Read a file of the cold storage, or say what is wrong: it is missing, unreadable, or its name leads elsewhere."""
    if directory is None or not _COLD_NAME.fullmatch(name):
        return MISSING
    try:
        return read_regular(directory / name.decode(), MAX_COLD_BYTES + 1024 * 1024)
    except OSError as error:
        return UNREADABLE if error.errno in (errno.EACCES, errno.EPERM, errno.EIO) else MISSING


def _cold_events(archive: _Descriptor, stored: bytes | str) -> tuple[bytes, str | None]:
    """Give the events of a cold archive as JSONL, or what is stored with the problem."""
    if isinstance(stored, str):
        return b"", stored
    records, problem = _decode(stored, archive.sha256, MAX_COLD_BYTES)
    if problem is not None:
        return stored, problem
    try:
        header, *others = records.splitlines()
        _check_header(archive, header)
        events = [event for event in map(_cold_event, others) if event is not None]
        texts = [text for _seq, text in events]
        ordered = all(before < after for (before, _), (after, _) in pairwise(events))
        if not ordered or (len(events), events[-1][0], len(b"\n".join(texts))) != archive.counts:
            return stored, DAMAGED
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return stored, DAMAGED
    return b"".join(text + b"\n" for text in texts), None


def _check_header(archive: _Descriptor, line: bytes) -> None:
    """Raise ValueError unless the header belongs to the archive."""
    header = json.loads(line)
    names = [header[field].encode("utf-8", "surrogatepass") for field in ("sessionId", "generation")]
    if header["kind"] != "header" or header["version"] != 1 or names != [archive.session_id, archive.generation]:
        raise ValueError("another archive")


def _cold_event(line: bytes) -> tuple[int, bytes] | None:
    """Give ``seq`` and text of an event record, None for a record that can be derived from the events."""
    record = json.loads(line)
    if record["kind"] == "header":
        raise ValueError("a second header")
    if record["kind"] != "event":
        return None
    return record["row"]["seq"], record["row"]["event_json"].encode("utf-8", "surrogatepass")
