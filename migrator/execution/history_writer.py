"""Histories read again from their files, and put behind what a database has of them.

A database of schema 1 gets every line byte for byte. One that a newer release has migrated gets what its own import
would have made of the lines.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from typing import TypeVar

from migrator.model.errors import ChangedError
from migrator.model.inventory import Shape
from migrator.model.progress import Advance, Progress
from migrator.model.words import Name
from migrator.model.writes import HistoryWrite, SourceFile
from migrator.openclaw.changes.event_transforms import normal_event
from migrator.openclaw.text.js_values import strictly_equal
from migrator.openclaw.text.json_text import parse_strict
from migrator.openclaw.text.legacy_store import respelled
from migrator.openclaw.text.transcript import DAMAGE, Line, LineKind, TranscriptReader
from migrator.parallel import Workers
from migrator.scanning.joining import interleaved
from migrator.scanning.packed import is_packed, unpacked
from migrator.scanning.sources import digest_now, open_source, require_same
from migrator.scanning.transcripts import storable_lines
from migrator.sqlite.events import EventValues, event_hash, next_seq, put_events
from migrator.sqlite.rows import whole_ms
from migrator.verification.histories import in_rows

_T = TypeVar("_T")

_BATCH = 500
_BATCH_BYTES = 1 << 20
_READ_TOGETHER = 1 << 18
"""Bytes of files that one process reads at a time; more took no less time, and more memory."""

_LEFT_OUT = (LineKind.DUPLICATE, LineKind.NULL, *DAMAGE)
"""Lines that every import leaves out."""

_FIRST_WITH_IDS = 2
"""The first version of transcripts whose events have ids; older ones are kept as they are."""


def write_histories(
    connection: sqlite3.Connection,
    shape: Shape,
    histories: Sequence[HistoryWrite],
    progress: Progress,
    workers: Workers,
) -> Mapping[str, bytes]:
    """Append the events of histories; their sessions are there already. Raises ChangedError and sqlite3.Error.

    The workers read short files; of long ones never all rows are kept at once. Gives the hashes of what was written to
    those histories of which they are not known before.
    """
    first = {history.session_id: next_seq(connection, history.session_id) for history in histories}
    groups = list(batches(iter(histories), lambda history: history.size, _READ_TOGETHER))
    sizes = [sum(history.size for history in group) for group in groups]
    short = [index for index, size in enumerate(sizes) if size <= _BATCH_BYTES]
    hashes = {history.session_id: bytearray() for history in histories if not history.hashes}
    with workers.map(
        partial(_read, groups, shape, first),
        short,
        lambda index: Name("session-id", groups[index][0].session_id),
        count=len(short),
        size=sum(sizes),
        progress=progress,
        together=1,
    ) as read:
        for group, size in zip(groups, sizes, strict=True):
            is_short = size <= _BATCH_BYTES
            for batch in batches(iter(next(read) if is_short else _rows(group, shape, first, progress)), _bytes_of):
                put_events(connection, batch)
                for session_id, _, text, *_ in batch if hashes else ():
                    if session_id in hashes:
                        hashes[session_id] += event_hash(text)
    return {session_id: bytes(written) for session_id, written in hashes.items()}


def batches(items: Iterator[_T], size_of: Callable[[_T], int], limit: int = _BATCH_BYTES) -> Iterator[list[_T]]:
    """Things that are worked on together: some hundreds, or fewer that reach ``limit`` bytes."""
    batch: list[_T] = []
    size = 0
    for item in items:
        batch.append(item)
        size += size_of(item)
        if len(batch) == _BATCH or size >= limit:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _bytes_of(row: EventValues) -> int:
    return len(row[2])


def _read(
    groups: Sequence[list[HistoryWrite]], shape: Shape, first: Mapping[str, int], index: int, progress: Progress
) -> list[EventValues]:
    return list(_rows(groups[index], shape, first, progress))


def _rows(
    histories: Iterable[HistoryWrite], shape: Shape, first: Mapping[str, int], advance: Advance
) -> Iterator[EventValues]:
    for history in histories:
        session_id = history.session_id
        for seq, (line, text) in enumerate(lines_to_write(history, shape, advance), start=first[session_id]):
            created_at = whole_ms(line.timestamp_ms or 0)
            yield session_id, seq, text, created_at, line.event_id, line.event_type, line.parent_id


def lines_to_write(history: HistoryWrite, shape: Shape, advance: Advance) -> Iterator[tuple[Line, bytes]]:
    """The lines that are to be written, read again from their files, in the order of the plan, as they are stored."""
    with ExitStack() as opened:
        files = [
            opened.enter_context(closing(_lines(file, history.session_id, shape, advance))) for file in history.files
        ]
        for line, text, is_wanted in interleaved(files, history.runs):
            if is_wanted:
                yield line, text


def _lines(
    file: SourceFile, session_id: str, shape: Shape, advance: Advance
) -> Generator[tuple[Line, bytes, bool], None, None]:
    """The lines of a file as a database of this shape keeps them, and whether each is to be written."""
    version, is_import, has_own_spelling = 1, shape.is_migrated, shape is Shape.NODES
    for line, text in _lines_of_transcript(file) if file.rows is None else _lines_of_rows(file):
        advance(line.length)
        is_wanted = line.number >= file.first_line and not (is_import and line.kind in _LEFT_OUT)
        if has_own_spelling:
            version = _version(text) if line.kind is LineKind.HEADER else version
            yield line, _normal(text, session_id, version) if is_wanted else text, is_wanted
        else:
            yield line, text, is_wanted


def _lines_of_transcript(file: SourceFile) -> Iterator[tuple[Line, bytes]]:
    """The storable lines of a file. Raises ChangedError, at its end, if it is not what was planned on."""
    assert file.transcript is not None  # noqa: S101 - a source is a file, or rows
    path, identity = file.transcript.path, file.transcript.identity
    if is_packed(path):
        require_same(file.name, identity, digest_now(path))
    with unpacked(path) as plain, open_source(plain, file.name) as stream:
        reader = TranscriptReader(stream)
        yield from storable_lines(reader)
    # What is read from a compressed one is a copy of our own: there the file itself is looked at again.
    require_same(file.name, identity, digest_now(path) if is_packed(path) else reader.sha256)


def _lines_of_rows(file: SourceFile) -> Iterator[tuple[Line, bytes]]:
    """The events of another database, or of its archives. Raises ChangedError, at their end, as above."""
    assert file.rows is not None  # noqa: S101 - a source is a file, or rows
    hashes = b""
    for line, text in in_rows(*file.rows).lines():
        hashes += event_hash(text)
        yield line, text.decode("utf-8", "backslashreplace").encode()
    if hashes != file.rows[1].hashes:
        raise ChangedError("{subject} changed after it was planned on; plan again.", file.name)


def _version(header: bytes) -> int:
    value = parse_strict(header.decode())
    version = value.get("version") if isinstance(value, dict) else None
    return version if isinstance(version, int) else 1


def _normal(stored: bytes, session_id: str, version: int) -> bytes:
    """The event as a release would have imported it; byte for byte as it was where that is the same."""
    text = stored.decode()
    event = parse_strict(text)
    if not isinstance(event, dict) or version < _FIRST_WITH_IDS:
        return stored
    normal = normal_event(event, session_id, version)
    if strictly_equal(normal, event) or not isinstance(normal, dict):
        return stored
    return respelled(text, event, normal).encode()
