"""Write a plan into one database, in one transaction that is the caller's: rows and histories.

What is missing or older in a database of schema 1 is written in both shapes. One that a newer release has migrated is
repaired in the shape that it has. What is there is read back before anything is done to it, and after.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import chain
from types import ModuleType

from msgspec import Struct

from migrator.execution.history_writer import batches, write_histories
from migrator.model.errors import ChangedError
from migrator.model.inventory import Database, Entry, Shape
from migrator.model.plan import DatabasePlan, Decision
from migrator.model.progress import Advance, Progress
from migrator.model.words import Name, Number
from migrator.model.writes import HistoryWrite, Origin, Repair, RowSource
from migrator.openclaw.changes.node_entry import node_entry
from migrator.openclaw.text.entry import prepare
from migrator.openclaw.text.store import read_member
from migrator.parallel import Workers
from migrator.planning.digests import content_digest, held
from migrator.scanning.databases import stored_transcripts
from migrator.scanning.session_reader import stored_text, stored_texts
from migrator.scanning.sources import raw_entries, reread
from migrator.sqlite import cache_rows, nodes, target, typed_entries
from migrator.sqlite.content import Tables, Texts, content
from migrator.sqlite.rows import NewSession
from migrator.sqlite.snapshot import open_snapshot

WRITERS: dict[Shape, ModuleType] = {Shape.ENTRIES: typed_entries, Shape.NODES: nodes}


class _Write(Struct, frozen=True, gc=False):
    """One row to be written, in the shapes that its decision names."""

    decision: Decision
    text: bytes
    typed_text: bytes
    started_at: Number | None
    status: str | None


def write_planned(
    connection: sqlite3.Connection, planned: DatabasePlan, now_ms: int, progress: Progress, workers: Workers
) -> tuple[int, str]:
    """Write what a database lacks; give the number of rows, and the digest of what it must hold afterwards.

    Raises ChangedError when a source is not what was planned on, and sqlite3.Error.
    """
    # An entry may come before the one that owns its session row.
    connection.execute("PRAGMA defer_foreign_keys = ON")
    if planned.repair is not None:
        return write_repair(connection, planned.database, planned.repair, progress)
    return _write_both_shapes(connection, planned, now_ms, progress, workers), planned.expected_digest


def _write_both_shapes(
    connection: sqlite3.Connection, planned: DatabasePlan, now_ms: int, progress: Progress, workers: Workers
) -> int:
    target.create_tables(connection)
    target.stamp_owner(connection, planned.database.agent_id, now_ms)
    typed_entries.remove(connection, planned.relieved)
    written = 0
    for batch in batches(_writes(connection, planned, progress), lambda write: len(write.text)):
        _write_batch(connection, batch)
        written += len(batch)
    pending = [history for history in planned.histories if history.pending]
    _put_recovered(connection, pending)
    write_histories(connection, planned.database.shape, pending, progress, workers)
    return written


def _put_recovered(connection: sqlite3.Connection, histories: list[HistoryWrite]) -> None:
    """Put the entries of histories that no entry claims."""
    for history in histories:
        if history.entry is not None:
            owner = typed_entries.Owner(history.session_id, history.key, history.updated_at)
            typed_entries.put_sessions(connection, [owner])
            row = typed_entries.TypedRow(history.key, history.session_id, history.entry, history.updated_at)
            typed_entries.put_typed_rows(connection, [row])


def _write_batch(connection: sqlite3.Connection, batch: list[_Write]) -> None:
    cache_rows.put_cache_rows(
        connection, [(d.key, write.text, d.updated_at or 0) for write in batch if (d := write.decision).write_cache]
    )
    owners: list[typed_entries.Owner] = []
    typed: list[typed_entries.TypedRow] = []
    for write in batch:
        decision, updated_at = write.decision, write.decision.updated_at or 0
        if decision.session_id is None:
            continue
        if decision.owns_session:
            owners.append(typed_entries.Owner(decision.session_id, decision.typed_key, updated_at, write.started_at))
        if decision.write_typed:
            key, session_id = decision.typed_key, decision.session_id
            typed.append(typed_entries.TypedRow(key, session_id, write.typed_text, updated_at, write.status))
    typed_entries.put_sessions(connection, owners)
    typed_entries.put_typed_rows(connection, typed)


def _writes(connection: sqlite3.Connection, planned: DatabasePlan, advance: Advance) -> Iterator[_Write]:
    """The rows to be written, read again from the sources, which are checked to be what was planned on."""
    for index, store in enumerate(planned.stores):
        wanted: list[Decision | None] = [None] * (store.entries[-1].index + 1 if store.entries else 0)
        for d in planned.decisions:
            if d.writes and d.source is not None and d.source.store == index:
                wanted[d.source.entry.index] = d
        for entry, raw in raw_entries(store):
            advance(len(raw))
            decision = wanted[entry.index]
            if decision is None:
                continue
            if texts := _texts(decision, entry, raw):
                yield _Write(decision, *texts, entry.started_at, entry.status)
    for decision in planned.decisions:
        if decision.writes and decision.source is None:
            yield _write_of_row(connection, decision)


def _texts(decision: Decision, entry: Entry, raw: bytes) -> tuple[bytes, bytes] | None:
    """The text of an entry in the cache row, and in the typed row; None where it cannot be read any more."""
    is_displaced = decision.key != entry.key
    if not (entry.transforms or decision.folded or is_displaced):
        return raw, raw
    member = read_member(raw)
    prepared = prepare(member) if member else None
    if prepared is None:
        return None
    typed_text = prepared.archived_text if decision.folded or is_displaced else prepared.stored
    return typed_text if is_displaced else prepared.stored, typed_text


def _write_of_row(connection: sqlite3.Connection, decision: Decision) -> _Write:
    """The row that counts, to be copied into the shape that lacks it."""
    for stored in stored_texts(connection, decision.key):
        if sha256(stored).digest() == decision.sha256:
            member = read_member(stored)
            prepared = prepare(member) if member is not None else None
            started_at, status = (prepared.started_at, prepared.status) if prepared else (None, None)
            return _Write(decision, stored, stored, started_at, status)
    raise ChangedError("A row of {subject} changed after it was planned; plan again.", Name("session", decision.key))


def write_repair(
    connection: sqlite3.Connection, database: Database, repair: Repair, progress: Progress
) -> tuple[int, str]:
    """Add everything; give the number of rows, and the digest of what the database must hold afterwards.

    Raises ChangedError when a source is not what was planned on, and sqlite3.Error.
    """
    writer, fold = WRITERS[database.shape], database.shape is Shape.NODES
    cache, typed, histories = held(database)
    entries = chain(
        ((row.key, _source_text(row.source), row.archived, row.replaces, row.relieves) for row in repair.rows),
        ((one.key, one.entry, True, False, "") for one in repair.histories if one.entry is not None),
    )
    for key, text, is_archived, replaces, relieves in entries:
        entry = node_entry(text, archived=is_archived, fold=fold)
        times = entry.updated_at, entry.created_at
        session = NewSession(key, entry.session_id, entry.text, *times, entry.columns, relieves)
        typed.pop(relieves, None)
        writer.put_session(connection, session, replace=replaces)
        typed[key] = sha256(entry.text.encode()).digest()
    for history in repair.histories:
        writer.put_window(connection, history.session_id, history.key, history.updated_at)
    # In this process alone: a source may be in the database that is being written to.
    written = write_histories(connection, database.shape, repair.histories, progress, Workers(1))
    for session_id, hashes in written.items():
        histories[session_id] = histories.get(session_id, b"") + hashes
    return len(repair.rows), content_digest(cache, typed, histories)


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


def check_unchanged(connection: sqlite3.Connection, planned: DatabasePlan) -> None:
    """Raise ChangedError unless a database has the sessions that were planned on."""
    if _read_back(connection, planned.database.shape)[1:] != held(planned.database):
        raise ChangedError(
            "The sessions in {subject} changed after they were planned; plan again.",
            Name("database", planned.database.path),
        )


def check_result(
    connection: sqlite3.Connection, planned: DatabasePlan, expected: str, problems: Callable[[], object]
) -> Tables:
    """Read back what was written and compare it with what was promised; give the digests of all tables.

    ``problems`` is empty for a sound database.
    """
    tables, cached, typed, histories = _read_back(connection, planned.database.shape)
    if content_digest(cached, typed, histories) != expected or problems():
        raise ChangedError(
            "What was written to {subject} does not read back as planned; nothing was kept. Plan again.",
            Name("database", planned.database.path),
        )
    return tables


def _read_back(connection: sqlite3.Connection, shape: Shape) -> tuple[Tables, Texts, Texts, dict[str, bytes]]:
    """The digests of all tables, of each session's text in both shapes, and the hashes of each history."""
    tables, sessions, histories = content(connection)
    typed = sessions.get("session_nodes" if shape is Shape.NODES else "session_entries", {})
    if histories is None:
        histories = {stored.session_id: stored.hashes for stored in stored_transcripts(connection)}
    return tables, sessions.get("cache_entries", {}), typed, histories
