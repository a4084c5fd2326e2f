"""Single sessions of databases that are open already: the text of an entry, the events of a history."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cached_property

from migrator.model.inventory import Shape, StoredTranscript
from migrator.openclaw.text.entry_head import RawEntry
from migrator.openclaw.text.store import read_member
from migrator.scanning.databases import archive_lines, cold_folder
from migrator.sqlite.archives import cold_archives, transcript_archives
from migrator.sqlite.events import EventTable, event_hash
from migrator.sqlite.rows import columns, text_codec, to_utf8
from migrator.sqlite.snapshot import open_snapshot

_ENTRIES = (
    ("cache_entries", "scope = 'session_entries' AND key", "value_json"),
    ("session_entries", "session_key", "entry_json"),
    ("session_nodes", "session_key", "entry_json"),
)
"""Table, condition on the key and column of the text, for each shape."""

_OPEN_AT_ONCE = 4
"""Databases; more would take file handles and, where there are journals, the space of a copy each."""


class SessionReader:
    """Reads single sessions of one open database. What its schema says is looked up once, not for each of them.

    ``path`` is where the database is, beside its cold archives.
    """

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        self.connection = connection
        self._path = path

    @cached_property
    def _codec(self) -> str | None:
        return text_codec(self.connection)

    @cached_property
    def _queries(self) -> tuple[str, ...]:
        """The query for the text of a key, for each shape that the database has."""
        return tuple(
            f"SELECT CAST({text} AS BLOB) FROM {table} {{}} WHERE {key} = CAST(? AS TEXT)"
            for table, key, text in _ENTRIES
            if columns(self.connection, table)
        )

    @cached_property
    def _events(self) -> EventTable:
        return EventTable(self.connection)

    @cached_property
    def _has_cold_ones(self) -> bool:
        return bool(columns(self.connection, "session_transcript_cold_archives"))

    def texts(self, key: str) -> Iterator[bytes]:
        """The texts of one session in every shape that has one: cache row, typed row, node."""
        encoded = key.encode("utf-8", "surrogateescape")
        wanted = encoded if self._codec is None else encoded.decode("utf-8", "replace").encode(self._codec)
        for query in self._queries:
            try:
                row = self.connection.execute(query.format(""), (wanted,)).fetchone()
            except sqlite3.DatabaseError:  # its index is damaged: the rows may be sound
                row = self.connection.execute(query.format("NOT INDEXED"), (wanted,)).fetchone()
            if row is not None and isinstance(row[0], bytes):
                yield to_utf8(row[0], self._codec)

    def text(self, key: str, shape: Shape) -> bytes | None:
        """The text of one session that counts: in schema 1 the cache row before the typed row, later ones the last."""
        found = list(self.texts(key))
        if not found:
            return None
        return found[0] if shape is Shape.V1 else found[-1]

    def events(self, session_id: str, *, archived: bool = False) -> Iterator[bytes]:
        """The events of one history in order: live or cold ones, or those of its archives."""
        encoded = session_id.encode("utf-8", "surrogateescape")
        if archived:
            for archive in transcript_archives(self.connection, encoded):
                yield from archive_lines(archive)
            return
        for event in self._events.of(session_id):
            yield event.event_json
        if self._has_cold_ones:
            for archive in cold_archives(self.connection, cold_folder(self._path), encoded):
                yield from archive_lines(archive)

    def events_of(self, wanted: StoredTranscript) -> Iterator[bytes]:
        """The events of a history; of several archives of one session those which have its hashes."""
        if wanted.archive in ("", "cold"):
            yield from self.events(wanted.session_id)
            return
        for archive in transcript_archives(self.connection, wanted.session_id.encode("utf-8", "surrogateescape")):
            texts = list(archive_lines(archive))
            if b"".join(map(event_hash, texts)) == wanted.hashes:
                yield from texts
                return

    def row(self, key: str, shape: Shape) -> RawEntry:
        """One row in the form in which a store gives its members."""
        text = self.text(key, shape) or b"null"
        return read_member(text) or RawEntry(0, "", 0, text, None, None, (), "entry.not-json")


class OpenDatabases:
    """Databases that are opened when something of them is asked for, and stay open until others are, or to the end."""

    def __init__(self) -> None:
        self._opened: OrderedDict[str, tuple[SessionReader, ExitStack]] = OrderedDict()

    def reader(self, path: str) -> SessionReader:
        """The reader of a database, for one session after the other; raises as :func:`open_snapshot` does."""
        if path not in self._opened:
            while len(self._opened) >= _OPEN_AT_ONCE:
                self._opened.popitem(last=False)[1][1].close()
            closing = ExitStack()
            self._opened[path] = SessionReader(closing.enter_context(open_snapshot(path)), path), closing
        self._opened.move_to_end(path)
        return self._opened[path][0]

    def close(self) -> None:
        """Close all that are open. Raises BusyError if somebody has written to one of them meanwhile."""
        with ExitStack() as stack:
            for _, closing in self._opened.values():
                stack.callback(closing.close)
            self._opened.clear()


def stored_texts(connection: sqlite3.Connection, key: str) -> Iterator[bytes]:
    """As :meth:`SessionReader.texts`, for one key."""
    return SessionReader(connection, "").texts(key)


def stored_text(connection: sqlite3.Connection, key: str, shape: Shape) -> bytes | None:
    """As :meth:`SessionReader.text`, for one key."""
    return SessionReader(connection, "").text(key, shape)
