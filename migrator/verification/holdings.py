"""What the databases of an installation hold, and what its sources claim: the two sides of a verification.

The sources may be those of the same installation at another time, in a state directory of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

from migrator.model.inventory import RECOVERED, Database, Entry, Inventory, Row, Shape, Store
from migrator.model.words import Name
from migrator.openclaw.text.entry_head import RawEntry
from migrator.planning.folding import deleted_by_gateway
from migrator.scanning.joining import content_id
from migrator.scanning.session_reader import OpenDatabases
from migrator.scanning.sources import reread
from migrator.scanning.transcripts import events_of


@dataclass(frozen=True, slots=True)
class Claims:
    """The entries of one source, which must be in the database ``target``: of a store, or rows of an older database."""

    target: str
    place: Name
    agent: str | None
    entries: tuple[Entry, ...]
    store: Store | None
    rows_of: Database | None


class Holdings:
    """All that the databases of ``inventory`` hold, by database, and the claims of all sources of ``origin``.

    What only a session away from its place makes necessary is worked out when it is asked for. Single sessions are
    read from the databases that are ``opened``.
    """

    def __init__(
        self, inventory: Inventory, origin: Inventory, claims: tuple[Claims, ...], opened: OpenDatabases
    ) -> None:
        self.opened = opened
        self.inventory = inventory
        self.origin = origin
        self.claims = claims
        self.explained = 0
        self.shapes = {database.path: database.shape for database in inventory.databases}
        self.rows: dict[str, Mapping[str, Row]] = {}
        self.histories: dict[str, dict[str, bytes]] = {}
        self.archives: dict[str, dict[str, bytes]] = {}
        for database in inventory.databases:
            self.rows[database.path] = counting_rows(database)
            self.histories[database.path] = {one.session_id: one.hashes for one in database.transcripts}
            archives = self.archives.setdefault(database.path, {})
            for one in database.archives:
                archives[one.session_id] = archives.get(one.session_id, b"") + one.hashes

    @contextmanager
    def opened_anew(self) -> Iterator[None]:
        """Open databases anew in this block, and close them with it: a process must not use those of another.

        Raises BusyError at its end if somebody has written to one of them meanwhile.
        """
        before = self.opened
        with closing(OpenDatabases()) as self.opened:
            try:
                yield
            finally:
                self.opened = before

    def text(self, path: str, key: str) -> bytes:
        """What a database holds for a key that has a row in it."""
        return self.opened.reader(path).text(key, self.shapes[path]) or b""

    def source(self, claims: Claims, entry: Entry) -> RawEntry:
        """One of the entries that are claimed as it was written."""
        if claims.store is not None:
            return reread(claims.store, entry)
        assert claims.rows_of is not None  # noqa: S101 - one of the two is always there
        return self.opened.reader(claims.rows_of.path).row(entry.key, claims.rows_of.shape)

    @cached_property
    def by_session(self) -> Mapping[str, list[tuple[str, Row]]]:
        """The rows with their databases by session id."""
        found: dict[str, list[tuple[str, Row]]] = defaultdict(list)
        for path, rows in self.rows.items():
            for row in rows.values():
                if row.session_id is not None:
                    found[row.session_id].append((path, row))
        return found

    def is_claimed(self, path: str, row: Row, by: Claims) -> bool:
        """Whether a source other than ``by`` claims the row of a database.

        An entry that a release has imported may be where that installation itself has it, which is no other claim.
        """
        known = self._claimed.get((path, row.key), ())
        was_imported = by.store is not None and by.store.is_set_aside
        return any(one.rows_of is None or not was_imported for one in known)

    @cached_property
    def _claimed(self) -> Mapping[tuple[str, str], list[Claims]]:
        """Who claims which key of which database."""
        found: dict[tuple[str, str], list[Claims]] = defaultdict(list)
        for claims in self.claims:
            for entry in claims.entries:
                if entry.problem is None:
                    found[claims.target, entry.key].append(claims)
        return found

    def is_named(self, row: Row) -> bool:
        """Whether a source claims the session of a row under the very key of the row, wherever the row is now."""
        return (row.key, row.session_id) in self._named

    @cached_property
    def _named(self) -> frozenset[tuple[str, str | None]]:
        return frozenset((entry.key, entry.session_id) for claims in self.claims for entry in claims.entries)

    @cached_property
    def event_columns(self) -> Mapping[bytes, bytes]:
        """What the columns of a history must say, by its hashes, for the histories that a file has."""
        return {transcript.hashes: transcript.columns for transcript in self.origin.transcripts}

    @cached_property
    def source_sessions(self) -> frozenset[str]:
        """Every session id that a store or transcript names, or that a transcript without one is kept under."""
        stores, transcripts = self.origin.stores, self.origin.transcripts
        found = {entry.session_id for store in stores for entry in store.entries}
        found |= {one for transcript in transcripts for one in (transcript.header_id, transcript.named_id)}
        found |= {content_id(transcript) for transcript in transcripts}
        return frozenset(one for one in found if one is not None)

    @cached_property
    def deleted(self) -> Mapping[tuple[str, str], set[str | None]]:
        """What OpenClaw has deleted from each database, by session id: the keys that it was deleted under."""
        keys: dict[tuple[str, str], set[str | None]] = defaultdict(set)
        for database in self.inventory.databases:
            for one in deleted_by_gateway(database):
                keys[database.path, one.session_id].add(one.key)
        return keys

    @cached_property
    def events(self) -> frozenset[bytes]:
        """The hashes of all events that a database has, whatever session they are of."""
        return frozenset(event for one in self.inventory.histories for event in events_of(one.hashes))

    @cached_property
    def known_sessions(self) -> frozenset[str]:
        """Every key and session id that a source or a database has; a recovered row has lost its key."""
        keys = {key for rows in self.rows.values() for key in rows}
        keys |= {entry.key for store in self.origin.stores for entry in store.entries}
        by_id = (one for one, rows in self.by_session.items() if any(RECOVERED not in row.key for _, row in rows))
        return self.source_sessions | keys | {*by_id}


def counting_rows(database: Database) -> Mapping[str, Row]:
    """The row that counts for each key: the cache row in schema 1 only, because no later release reads those."""
    cached = database.cache_rows if database.shape is Shape.V1 else ()
    return {row.key: row for rows in (database.typed_rows, cached) for row in rows}


def claims_of(inventory: Inventory, against: Inventory | None) -> Iterator[Claims]:
    """Every entry that must be somewhere: of the stores, and of another installation also what its databases hold."""
    origin = against or inventory
    for store in origin.stores:
        target = same_place(store.database, origin, inventory)
        yield Claims(target, Name("store", store.path), store.agent, store.entries, store, None)
    for database in against.databases if against and against.state_dir != inventory.state_dir else ():
        target = same_place(database.path, origin, inventory)
        entries = tuple(
            Entry(-1, row.key, 0, 0, row.sha256, row.updated_at, row.session_id)
            for row in counting_rows(database).values()
        )
        if entries:
            yield Claims(target, Name("database", database.path), None, entries, None, database)


def same_place(path: str, origin: Inventory, inventory: Inventory) -> str:
    """The path in one installation that corresponds to a path in another."""
    return path.replace(origin.state_dir, inventory.state_dir, 1) if path.startswith(origin.state_dir) else path


def with_lost_databases(inventory: Inventory, origin: Inventory) -> Inventory:
    """Add a MISSING database for each that only ``origin`` has.

    Where a whole directory is gone, its sessions would else be judged by nobody.
    """
    known = {database.path for database in inventory.databases}
    places = ((same_place(one.path, origin, inventory), one) for one in origin.databases)
    lost = tuple(
        Database(path, one.agent_id, Shape.MISSING, None, None, (), directory=one.directory)
        for path, one in places
        if path not in known
    )
    return replace(inventory, databases=(*inventory.databases, *lost))
