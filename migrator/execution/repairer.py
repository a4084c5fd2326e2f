"""Carry out the repair of one database, inside the transaction of the executor."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from hashlib import sha256
from types import ModuleType

from migrator.model.errors import ChangedError
from migrator.model.inventory import Shape
from migrator.model.plan import DatabasePlan
from migrator.model.progress import Advance
from migrator.model.repair import HistoryRepair, Origin, Repair, RowSource, SourceFile
from migrator.openclaw.changes.node_entry import NodeEntry, node_entry
from migrator.openclaw.changes.transforms import normal_event
from migrator.openclaw.text.entry import prepare
from migrator.openclaw.text.js_values import strictly_equal
from migrator.openclaw.text.json_text import parse_strict
from migrator.openclaw.text.legacy_store import respelled
from migrator.openclaw.text.transcript import DAMAGE, Line, LineKind, TranscriptReader
from migrator.planning.digests import content_digest
from migrator.scanning.databases import stored_text, stored_texts
from migrator.scanning.joining import interleaved
from migrator.scanning.packed import unpacked
from migrator.scanning.sources import digest_now, open_source, require_same, reread
from migrator.scanning.transcripts import storable_lines
from migrator.sqlite import nodes, typed_entries
from migrator.sqlite.events import NewEvent, event_hash, next_seq, put_events
from migrator.sqlite.rows import NewSession, whole_ms
from migrator.sqlite.snapshot import open_snapshot
from migrator.verification.histories import in_rows

WRITERS: dict[Shape, ModuleType] = {Shape.ENTRIES: typed_entries, Shape.NODES: nodes}

_DROPPED = (LineKind.DUPLICATE, LineKind.NULL)
"""Lines that every import leaves out."""

_FIRST_WITH_IDS = 2
"""The first version of transcripts whose events have ids; older ones are kept as they are."""


def write_repair(
    connection: sqlite3.Connection, planned: DatabasePlan, repair: Repair, advance: Advance
) -> tuple[int, str]:
    """Add everything; give the number of rows, and the digest of what the database must hold afterwards.

    Raises ChangedError when a source is not what was planned on, and sqlite3.Error.
    """
    connection.execute("PRAGMA defer_foreign_keys = ON")
    database = planned.database
    writer, fold = WRITERS[database.shape], database.shape is Shape.NODES
    typed = {row.key: row.sha256 for row in database.typed_rows}
    histories = {one.session_id: one.hashes for one in database.transcripts if not one.archive}
    for row in repair.rows:
        made = node_entry(_source_text(row.source), archived=row.archived, fold=fold)
        _put(writer, connection, row.key, made, replace=row.replaces)
        typed[row.key] = sha256(made.text.encode()).digest()
    for history in repair.histories:
        if history.entry is not None:
            made = node_entry(history.entry, archived=True, fold=fold)
            _put(writer, connection, history.key, made, replace=False)
            typed[history.key] = sha256(made.text.encode()).digest()
        writer.put_window(connection, history.session_id, history.key, history.updated_at)
        written = _put_events(connection, history, fold, advance)
        histories[history.session_id] = histories.get(history.session_id, b"") + written
    cache = {row.key: row.sha256 for row in database.cache_rows}
    return len(repair.rows), content_digest(cache, typed, histories)


def _put(writer: ModuleType, connection: sqlite3.Connection, key: str, made: NodeEntry, *, replace: bool) -> None:
    session = NewSession(key, made.session_id, made.text, made.updated_at, made.created_at, made.columns)
    writer.put_session(connection, session, replace=replace)


def _source_text(source: RowSource) -> str:
    """The entry as it was planned on. Raises ChangedError."""
    if source.store is not None:
        prepared = prepare(reread(source.store, source.entry))
        stored = prepared.stored if prepared is not None else b""
    else:
        stored = _row_text(source)
    if sha256(stored).digest() != source.entry.sha256:
        raise ChangedError("A source of {subject} changed after it was planned; plan again.", source.place)
    return stored.decode()


def _row_text(source: RowSource) -> bytes:
    assert source.rows_of is not None  # noqa: S101 - a source is a member of a store, or a row
    key, database = source.entry.key, source.rows_of
    with open_snapshot(database.path) as connection:
        if source.origin is Origin.STRANDED:
            return next(stored_texts(connection, key), b"")
        return stored_text(connection, key, database.shape) or b""


def _put_events(connection: sqlite3.Connection, history: HistoryRepair, fold: bool, advance: Advance) -> bytes:
    """Append events behind the last one; give their hashes."""
    session_id, first = history.session_id, next_seq(connection, history.session_id)
    hashes = bytearray()
    events = []
    for seq, (line, text) in enumerate(_lines(history, fold, advance), start=first):
        stored, created_at = text.encode(), whole_ms(line.timestamp_ms or 0)
        events.append(NewEvent(session_id, seq, stored, created_at, line.event_id, line.event_type, line.parent_id))
        hashes += event_hash(stored)
    put_events(connection, events)
    return bytes(hashes)


def _lines(history: HistoryRepair, fold: bool, advance: Advance) -> Iterator[tuple[Line, str]]:
    """The lines to be added, read again."""
    with ExitStack() as opened:
        files = [opened.enter_context(closing(_normalized(history, file, fold, advance))) for file in history.files]
        for line, text, is_wanted in interleaved(files, history.runs):
            if is_wanted and line.kind not in (*_DROPPED, *DAMAGE):
                yield line, text


def _normalized(
    history: HistoryRepair, file: SourceFile, fold: bool, advance: Advance
) -> Generator[tuple[Line, str, bool], None, None]:
    """The lines of a file as they are to be stored, and whether each is to be."""
    version = 1
    for line, text in _read(file):
        advance(line.length)
        version = _version(text) if line.kind is LineKind.HEADER else version
        is_wanted = line.number >= file.first_line
        yield line, _normal(text, history.session_id, version) if fold and is_wanted else text, is_wanted


def _read(file: SourceFile) -> Iterator[tuple[Line, str]]:
    """The storable lines of a source. Raises ChangedError, at its end, if it is not what was planned on."""
    if file.transcript is not None:
        require_same(file.name, file.transcript.identity, digest_now(file.transcript.path))
        with unpacked(file.transcript.path) as plain, open_source(plain, file.name) as stream:
            for line, text in storable_lines(TranscriptReader(stream)):
                yield line, text.decode()
        require_same(file.name, file.transcript.identity, digest_now(file.transcript.path))
    if file.rows is not None:
        hashes = b""
        for line, text in in_rows(*file.rows).lines():
            hashes += event_hash(text)
            yield line, text.decode("utf-8", "backslashreplace")
        if hashes != file.rows[1].hashes:
            raise ChangedError("{subject} changed after it was planned on; plan again.", file.name)


def _version(header: str) -> int:
    value = parse_strict(header)
    version = value.get("version") if isinstance(value, dict) else None
    return version if isinstance(version, int) else 1


def _normal(text: str, session_id: str, version: int) -> str:
    """The event as a release would have imported it; byte for byte as it was where that is the same."""
    event = parse_strict(text)
    if not isinstance(event, dict) or version < _FIRST_WITH_IDS:
        return text
    normal = normal_event(event, session_id, version)
    if strictly_equal(normal, event) or not isinstance(normal, dict):
        return text
    return respelled(text, event, normal)
