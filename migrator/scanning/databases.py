"""Read one database into plain data, without touching it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType

from migrator.filesystem import is_absent, size_at, status_of
from migrator.model.errors import BusyError
from migrator.model.inventory import Database, Entry, Row, Shape, StoredTranscript
from migrator.model.words import Finding, Name
from migrator.openclaw.places.paths import normalize_agent_id
from migrator.openclaw.text.entry import column_status, finite_number, members, typed_session_id
from migrator.parallel import ALONE, Workers
from migrator.sqlite import cache_rows, events, nodes, shapes, typed_entries
from migrator.sqlite.archives import ArchivedTranscript, cold_archives, transcript_archives
from migrator.sqlite.events import event_hash
from migrator.sqlite.rows import DamagedTableError, SessionRow, text_codec
from migrator.sqlite.snapshot import database_files, open_snapshot

_LONGEST_PATH = 440
"""Bytes; SQLite takes 512 on Unix, and while a database is built its name is longer."""

_SMALLEST = 512
"""Bytes of a page of the smallest size: no database is shorter, unless it is empty."""

_TYPED_READERS: Mapping[Shape, Callable[[sqlite3.Connection], Iterator[SessionRow]]] = {
    Shape.V1: partial(typed_entries.sessions, apart_from_cache=True),
    Shape.ENTRIES: typed_entries.sessions,
    Shape.NODES: nodes.sessions,
}
"""How the typed rows of each shape are read."""


def read_database(
    path: str, agent_id: str, sources: Mapping[str, Entry] = MappingProxyType({}), workers: Workers = ALONE
) -> tuple[Database, tuple[Finding, ...]]:
    """What is at ``path``: a missing file, a known shape with its rows, or something with a finding.

    ``sources`` are entries by key that have been read already: a row with the same bytes needs no decoding again.
    """
    name = Name("database", path)
    unread = Database(path, agent_id, Shape.UNREADABLE, None, None, ())
    if len(os.fsencode(os.path.realpath(path))) > _LONGEST_PATH:
        return unread, (Finding("database.path-too-long", name),)
    if is_absent(path):
        journals = f"{path}-wal", f"{path}-journal"
        if not any(map(_has_bytes, journals)):
            return replace(unread, shape=Shape.MISSING), ()
        return unread, (Finding("database.only-journal", name, (("length", sum(map(size_at, journals))),)),)
    problems: set[str] = set()
    try:
        database, role = _read_tables(path, agent_id, sources, problems, workers)
    except DamagedTableError as error:
        return unread, (Finding("database.damaged-table", name, (("rows", error.rows),)),)
    except (BusyError, OSError, sqlite3.Error) as error:
        code = "database.changing" if isinstance(error, BusyError) else "database.unreadable"
        return unread, (Finding(code, name),)
    return database, (*_findings(database, role), *(Finding(code, name) for code in sorted(problems)))


def _read_tables(
    path: str, agent_id: str, sources: Mapping[str, Entry], problems: set[str], workers: Workers
) -> tuple[Database, str | None]:
    """What the tables of a database hold, and the role that it gives itself.

    The finding codes of what is odd about single rows go into ``problems``. Raises DamagedTableError, BusyError,
    OSError, and sqlite3.Error.
    """
    size = os.path.getsize(path)
    if 0 < size < _SMALLEST:
        raise sqlite3.DatabaseError("SQLite itself would take it for empty, and overwrite it")
    with workers.beside(partial(database_files, path), size) as identify, open_snapshot(path) as connection:
        shape, version = shapes.detect(connection)
        if shape is Shape.UNREADABLE:
            raise sqlite3.DatabaseError("its schema cannot be read")
        if not shape.holds_sessions:
            # In a shape that is not known a table may be a view, and a view may never end.
            return Database(path, agent_id, shape, version, None, identify()), None
        if shape is Shape.V1 and text_codec(connection) is not None:
            problems.add("database.utf-16")
        role, owner = shapes.owner(connection)
        cached, typed = _session_rows(connection, shape, sources, problems)
        histories = stored_transcripts(connection, problems)
        archives: tuple[StoredTranscript, ...] = ()
        if shape is Shape.NODES:
            histories += tuple(_hashed(cold_archives(connection, cold_folder(path)), problems))
            archives = tuple(_hashed(transcript_archives(connection), problems))
        return Database(path, agent_id, shape, version, owner, identify(), cached, typed, histories, archives), role


def _has_bytes(path: str) -> bool:
    try:
        status = status_of(path)
    except OSError:
        return True  # there is something, and nobody can tell what
    return status is not None and status.st_size > 0


def stored_transcripts(
    connection: sqlite3.Connection, problems: set[str] | None = None
) -> tuple[StoredTranscript, ...]:
    """The histories in a database, in whatever shape, as hashes; read in one pass.

    The finding codes of what is odd about single events go into ``problems``.
    """
    hashes = events.hashes_as_written(connection, set() if problems is None else problems)
    if not hashes.in_order:
        hashes = events.EventHashes()
        for event in events.events(connection):
            hashes.add(event.session_id, event.seq, event.event_json)
    return tuple(StoredTranscript(session_id, history) for session_id, history in hashes.histories())


def cold_folder(path: str) -> Path:
    """Where the cold archives of a database lie, if it has any (2026.9.5 and later)."""
    return Path(path).parent.parent / "sessions" / "cold"


def _hashed(archives: Iterable[ArchivedTranscript], problems: set[str]) -> Iterator[StoredTranscript]:
    for archive in archives:
        if archive.problem is not None:
            problems.add(archive.problem)
        hashes = b"".join(map(event_hash, archive_lines(archive))) if archive.problem is None else b""
        key = archive.session_key.decode("utf-8", "surrogateescape") if archive.session_key is not None else None
        session_id = archive.session_id.decode("utf-8", "surrogateescape")
        yield StoredTranscript(session_id, hashes, archive.reason, key, archive.archived_at)


def archive_lines(archive: ArchivedTranscript) -> Iterator[bytes]:
    """The events of an archived transcript."""
    return (line for line in archive.jsonl.split(b"\n") if line)


def entry_texts(database: Database) -> Iterator[bytes]:
    """The texts of all sessions in every shape that the database has."""
    with open_snapshot(database.path) as connection:
        readers = (cache_rows.sessions, _TYPED_READERS[database.shape])
        yield from (row.entry_json for read in readers for row in read(connection) if row.entry_json is not None)


def _session_rows(
    connection: sqlite3.Connection, shape: Shape, sources: Mapping[str, Entry], problems: set[str]
) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """The cache rows and the typed rows, each by key."""
    cached = {row.key: row for row in _rows(cache_rows.sessions(connection), sources, {}, problems)}
    typed = _rows(_TYPED_READERS[shape](connection), sources, cached, problems)
    return tuple(cached[key] for key in sorted(cached)), tuple(sorted(typed, key=attrgetter("key")))


def _key(row: SessionRow) -> str:
    return row.key.decode("utf-8", "surrogateescape")


def _rows(
    found: Iterable[SessionRow], sources: Mapping[str, Entry], cached: Mapping[str, Row], problems: set[str]
) -> Iterator[Row]:
    """The rows of one shape; what is known under the same key with the same bytes means the same."""
    for row in found:
        if row.problem is not None:
            problems.add(row.problem)
        key = _key(row)
        if row.repeats:
            yield cached[key]
            continue
        text = row.entry_json or b""
        digest = sha256(text).digest()
        twin = sources.get(key)
        if twin is None or twin.sha256 != digest:
            entry = members(text)
            yield Row(
                key,
                digest,
                finite_number(entry.get("updatedAt")),
                typed_session_id(entry),
                finite_number(entry.get("sessionStartedAt")),
                column_status(entry),
            )
        else:
            yield Row(twin.key, twin.sha256, twin.updated_at, twin.session_id, twin.started_at, twin.status)


def _findings(database: Database, role: str | None) -> Iterator[Finding]:
    name = Name("database", database.path)
    version = (("version", database.version or 0),)
    if database.shape is Shape.UNKNOWN:
        yield Finding("database.newer-schema" if database.is_newer else "database.unknown-shape", name, version)
    elif database.is_newer:
        yield Finding("database.read-by-columns", name, version)
    elif database.shape in (Shape.ENTRIES, Shape.NODES):
        yield Finding("database.migrated", name, version)
    file = dict(database.files).get("")
    if file is not None and file.links > 1:
        yield Finding("database.hard-linked", name, (("count", file.links - 1),))
    if role not in (None, "agent"):
        yield Finding("database.wrong-role", name)
    if database.owner is not None and normalize_agent_id(database.owner) != database.agent_id:
        yield Finding("database.wrong-owner", name)
