"""What an installation has where releases look: its sessions, and its events by hash and by id."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cached_property, partial
from typing import Any

import msgspec
from msgspec import Struct

from migrator.filesystem import open_regular_file, read_regular_file
from migrator.model.errors import BusyError
from migrator.model.inventory import Database, Inventory, Store, Transcript
from migrator.openclaw.text.entry import is_made_up
from migrator.openclaw.text.transcript import TranscriptReader
from migrator.scanning.databases import entry_texts
from migrator.scanning.remains import Remains, named_sessions
from migrator.scanning.transcripts import events_of
from migrator.sqlite import events
from migrator.sqlite.events import event_hash
from migrator.sqlite.snapshot import open_snapshot

EventId = tuple[str, str]
"""A session id, and the id of an event of it."""


class _Event(Struct, gc=False):
    id: Any = None


_EVENTS = msgspec.json.Decoder(_Event)


class Known:
    """What the live stores, the transcripts and the databases of an installation have."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    @cached_property
    def sessions(self) -> frozenset[str]:
        """The keys and session ids that any source or database has; a recovered row has lost its key."""
        entries = (entry for store in self._inventory.stores for entry in store.entries)
        rows = (row for base in self._inventory.databases for row in (*base.typed_rows, *base.cache_rows))
        named = (row for row in rows if not is_made_up(row))
        found = {one for pair in (entries, named) for item in pair for one in (item.key, item.session_id)}
        return frozenset(one for one in found if one is not None)

    @cached_property
    def ids(self) -> frozenset[str]:
        """The session ids of live stores and databases, and the keys of what has no id."""
        live = [store for store in self._inventory.stores if store.is_live]
        return frozenset(ids_of(live, self._inventory.databases))

    @cached_property
    def events(self) -> frozenset[bytes]:
        """The hashes of all events that a database or a transcript of the installation has."""
        live = (one.hashes for one in self._inventory.transcripts)
        return frozenset(event for hashes in live for event in events_of(hashes)) | self.stored

    @cached_property
    def stored(self) -> frozenset[bytes]:
        """The hashes of all events that a database has."""
        return frozenset(event for one in self._inventory.histories for event in events_of(one.hashes))

    @cached_property
    def _event_ids(self) -> frozenset[EventId]:
        """The events of migrated databases by id: a release changes the text of some, and keeps their ids."""
        migrated = (base for base in self._inventory.databases if base.shape.is_migrated)
        return frozenset(one for base in migrated for _, one in _in_database(base.path) if one is not None)

    @cached_property
    def _ids_of_events(self) -> frozenset[str]:
        """The ids of the events of every database and transcript, whatever session they are of."""
        files = (_in_file(one.path, "") for one in self._inventory.transcripts)
        bases = (_in_database(base.path) for base in self._inventory.databases)
        return frozenset(one[1] for found in (*files, *bases) for _, one in found if one is not None)

    @cached_property
    def _named(self) -> frozenset[str]:
        """Every id of a session that stands anywhere in an entry."""
        found: set[str] = set()
        for base in self._inventory.databases:
            if base.shape.holds_sessions:
                with suppress(BusyError, OSError, sqlite3.Error):
                    found.update(*map(named_sessions, entry_texts(base)))
        for store in self._inventory.stores:
            with suppress(OSError):
                found |= named_sessions(read_regular_file(store.path))
        return frozenset(found)

    def unknown_sessions_in(self, found: Remains) -> int:
        """How many ids of sessions in a journal stand nowhere else."""
        unknown = found.sessions - self.ids
        return len(unknown - self._named) if unknown else 0

    def unknown_events_in(self, found: Remains) -> int:
        """How many events of a journal nothing else has, as far as its bytes tell; what tells nothing counts."""
        migrated = {one for _, one in self._event_ids}
        whole = sum(one not in self.events and named not in migrated for one, named in found.events.items())
        return whole + found.unknown + (len(found.torn - self._ids_of_events) if found.torn else 0)

    def unknown_in_transcript(self, transcript: Transcript) -> int:
        """How many events of a transcript that was read nothing else has, in this form or in that of a release."""
        session_id = transcript.header_id or transcript.named_id or ""
        return self._unknown(transcript.hashes, partial(_in_file, transcript.path, session_id))

    def unknown_in_database(self, database: Database) -> int:
        """The same of the events of a database that was read, but for what was deleted on purpose."""
        hashes = b"".join(one.hashes for one in database.transcripts)
        return self._unknown(hashes, partial(_in_database, database.path))

    def _unknown(self, hashes: bytes, read: Callable[[], Iterator[tuple[bytes, EventId | None]]]) -> int:
        """How many of these events nothing else has; ``read`` gives them with their ids."""
        unknown = set(events_of(hashes)) - self.events
        if unknown:
            unknown -= {event for event, one in read() if event in unknown and one in self._event_ids}
        return sum(event in unknown for event in events_of(hashes))


def ids_of(stores: Iterable[Store], databases: Iterable[Database]) -> Iterator[str]:
    """The session ids in stores and databases, and the keys of what has none; what was made up is no session."""
    for store in stores:
        for entry in store.entries:
            if entry.problem is None:
                yield entry.session_id or entry.key
    for one in databases:
        rows = (row for row in (*one.typed_rows, *one.cache_rows) if not is_made_up(row))
        yield from (row.session_id or row.key for row in rows)


def _in_database(path: str) -> Iterator[tuple[bytes, EventId | None]]:
    with suppress(BusyError, OSError, sqlite3.Error), open_snapshot(path) as connection:  # then nothing is known of it
        for row in events.events(connection):
            yield event_hash(row.event_json), _event_id(row.session_id.decode("utf-8", "replace"), row.event_json)


def _in_file(path: str, session_id: str) -> Iterator[tuple[bytes, EventId | None]]:
    with suppress(OSError), open_regular_file(path) as stream:
        for line in TranscriptReader(stream):
            if line.text is not None:
                yield event_hash(line.text), (session_id, line.event_id) if line.event_id else None


def _event_id(session_id: str, text: bytes) -> EventId | None:
    try:
        found = _EVENTS.decode(text).id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return (session_id, found) if isinstance(found, str) and found else None
