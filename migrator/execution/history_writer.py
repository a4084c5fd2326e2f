"""The part of executing that is about transcripts: histories read again from their files, and put into the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from itertools import chain
from typing import TypeVar

from migrator.model.inventory import Transcript
from migrator.model.plan import HistoryPlan
from migrator.model.progress import Advance, Progress
from migrator.model.words import Name
from migrator.openclaw.text.transcript import Line, TranscriptReader
from migrator.parallel import Workers
from migrator.scanning.joining import interleaved
from migrator.scanning.sources import open_source, require_same
from migrator.scanning.transcripts import storable_lines
from migrator.sqlite import typed_entries
from migrator.sqlite.events import EventValues, put_events
from migrator.sqlite.rows import whole_ms

_T = TypeVar("_T")

_BATCH = 500
_BATCH_BYTES = 1 << 20
_READ_TOGETHER = 1 << 18
"""Bytes of files that one process reads at a time; more took no less time, and more memory."""


def write_histories(
    connection: sqlite3.Connection, histories: Iterable[HistoryPlan], progress: Progress, workers: Workers
) -> None:
    """Append the events that the database lacks, and the entries of histories that none claims.

    The workers read short files; of long ones never all rows are kept at once.
    """
    pending = [history for history in histories if history.pending]
    for history in pending:
        if history.entry is not None:
            session = typed_entries.Owner(history.session_id, history.key, history.updated_at)
            typed_entries.put_sessions(connection, [session])
            typed = typed_entries.TypedRow(history.key, history.session_id, history.entry, history.updated_at)
            typed_entries.put_typed_rows(connection, [typed])
    groups = list(batches(iter(pending), _size, _READ_TOGETHER))
    are_short = [sum(map(_size, group)) <= _BATCH_BYTES for group in groups]
    short, size = [index for index, is_short in enumerate(are_short) if is_short], sum(map(_size, pending))
    with workers.map(
        partial(_read, groups),
        short,
        lambda index: Name("session-id", groups[index][0].session_id),
        count=len(short),
        size=size,
        progress=progress,
        together=1,
    ) as found:
        for group, is_short in zip(groups, are_short, strict=True):
            _put(connection, next(found) if is_short else chain.from_iterable(_rows(one, progress) for one in group))


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


def _size(history: HistoryPlan) -> int:
    return sum(file.identity.size for file in history.files)


def _read(groups: Sequence[list[HistoryPlan]], index: int, progress: Progress) -> list[EventValues]:
    return [row for history in groups[index] for row in _rows(history, progress)]


def _put(connection: sqlite3.Connection, rows: Iterable[EventValues]) -> None:
    for batch in batches(iter(rows), lambda row: len(row[2])):
        put_events(connection, batch)


def _rows(history: HistoryPlan, advance: Advance) -> Iterator[EventValues]:
    session_id = history.session_id
    for seq, (line, text) in enumerate(_lines(history, advance), start=history.present):
        yield session_id, seq, text, whole_ms(line.timestamp_ms or 0), line.event_id, line.event_type, line.parent_id


def _lines(history: HistoryPlan, advance: Advance) -> Iterator[tuple[Line, bytes]]:
    """The lines that are to be written, read again from their files, in the order of the plan."""
    with ExitStack() as opened:
        files = [opened.enter_context(closing(_events(file, advance))) for file in history.files]
        yield from interleaved(files, history.runs)


def _events(file: Transcript, advance: Advance) -> Generator[tuple[Line, bytes], None, None]:
    """The storable lines of a file. Raises ChangedError, at its end, if it is not what was planned on."""
    with open_source(file.path, Name("transcript", file.path)) as stream:
        reader = TranscriptReader(stream)
        for line, text in storable_lines(reader):
            advance(line.length)
            yield line, text
        require_same(Name("transcript", file.path), file.identity, reader.sha256)
