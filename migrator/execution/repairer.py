"""Carry out the repair of one database, inside the transaction of its caller."""

from __future__ import annotations

import sqlite3
from hashlib import sha256
from itertools import chain
from types import ModuleType

from migrator.execution.history_writer import write_histories
from migrator.model.errors import ChangedError
from migrator.model.inventory import Database, Shape
from migrator.model.progress import Progress
from migrator.model.writes import Origin, Repair, RowSource
from migrator.openclaw.changes.node_entry import node_entry
from migrator.openclaw.text.entry import prepare
from migrator.parallel import Workers
from migrator.planning.digests import content_digest, held
from migrator.scanning.databases import stored_text, stored_texts
from migrator.scanning.sources import reread
from migrator.sqlite import nodes, typed_entries
from migrator.sqlite.rows import NewSession
from migrator.sqlite.snapshot import open_snapshot

WRITERS: dict[Shape, ModuleType] = {Shape.ENTRIES: typed_entries, Shape.NODES: nodes}


def write_repair(
    connection: sqlite3.Connection, database: Database, repair: Repair, progress: Progress
) -> tuple[int, str]:
    """Add everything; give the number of rows, and the digest of what the database must hold afterwards.

    Raises ChangedError when a source is not what was planned on, and sqlite3.Error.
    """
    writer, fold = WRITERS[database.shape], database.shape is Shape.NODES
    cache, typed, histories = held(database)
    entries = chain(
        ((row.key, _source_text(row.source), row.archived, row.replaces) for row in repair.rows),
        ((history.key, history.entry, True, False) for history in repair.histories if history.entry is not None),
    )
    for key, text, is_archived, replaces in entries:
        entry = node_entry(text, archived=is_archived, fold=fold)
        session = NewSession(key, entry.session_id, entry.text, entry.updated_at, entry.created_at, entry.columns)
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
