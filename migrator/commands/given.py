"""What ``--from`` names: a state directory, a store, a transcript, a database, or a folder of them, as sources.

Files are told by what they hold. Each store and transcript goes to the agent directory that it lies in, wherever that
is; else to the agent that its keys, or an entry for its session, name. A database is read as what ``export`` makes of
it, in a private directory. What was deleted on purpose is not among the sources.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from migrator.commands.request import Request
from migrator.exporting.export_tree import STORE_NAME, Wish, write_database
from migrator.filesystem import is_absent, scratch_directory
from migrator.model.errors import BusyError, NothingFoundError, RefusedError
from migrator.model.inventory import GIVEN, Agent, Database, Entry, Inventory, Shape, Store, StoreKind, Transcript
from migrator.model.plan import Plan
from migrator.model.words import Finding, Name
from migrator.openclaw.places.paths import AGENT_DATABASE, agent_database, normalize_agent_id
from migrator.openclaw.places.session_files import FileKind, classify
from migrator.openclaw.places.session_key import parse_session_key
from migrator.scanning.databases import read_database
from migrator.scanning.directories import agent_path
from migrator.scanning.discovery import Found, Holds, look_at, walk
from migrator.scanning.joining import joins_of
from migrator.scanning.originals import IMPORT_ARCHIVE
from migrator.scanning.packed import is_packed, read_copy
from migrator.scanning.remains import is_alone
from migrator.scanning.sources import read_store
from migrator.sqlite.snapshot import identify, open_snapshot

_MAIN = "main"
_PLACE = re.compile(r"[\\/]agents[\\/]([^\\/]+)[\\/](?:sessions|agent|session-sqlite-import-archive)(?=[\\/])")
_DELETED = (FileKind.ARCHIVE_DELETED, FileKind.ARCHIVE_RESET)
_LIVE = (FileKind.STORE, FileKind.TRANSCRIPT)
_WITH_SESSIONS = (Shape.V1, Shape.ENTRIES, Shape.NODES)


@dataclass(frozen=True, slots=True)
class Given:
    """Sources that were named; ``exported`` has the databases by the private folders that their content is in."""

    stores: tuple[Store, ...] = ()
    transcripts: tuple[Transcript, ...] = ()
    exported: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Store | Transcript, ...]:
        """All of them."""
        return (*self.stores, *self.transcripts)

    def alone(self, inventory: Inventory) -> Inventory:
        """These sources, as far as they go to databases that a newer release has migrated, as if they were live."""
        wanted = {one.path for one in inventory.databases if one.is_upgraded}
        stores, transcripts = self._going_to(wanted, inventory)
        alone = replace(inventory, stores=stores, transcripts=transcripts, findings=(), joins=())
        return replace(alone, joins=tuple(joins_of(alone)))

    def joined_to(self, inventory: Inventory) -> Inventory:
        """An inventory with these sources beside its own, as far as they go to databases that we write as a whole."""
        if not self.files:
            return inventory
        missing = self._missing(inventory)
        wanted = {one.path for one in (*inventory.databases, *missing) if not one.is_upgraded}
        stores, transcripts = self._going_to(wanted, inventory)
        agents = {one.directory for one in inventory.agents}
        fresh = tuple(
            Agent(one.directory, agent_path(inventory.state_dir, one.directory), one.agent_id, (), one.path)
            for one in missing
            if one.directory is not None and one.directory not in agents
        )
        whole = replace(
            inventory,
            agents=(*inventory.agents, *fresh),
            stores=(*inventory.stores, *_beside(inventory.stores, stores)),
            transcripts=(*inventory.transcripts, *transcripts),
            databases=(*inventory.databases, *missing),
        )
        return replace(whole, joins=tuple(joins_of(whole)))

    def _going_to(
        self, wanted: Container[str], inventory: Inventory
    ) -> tuple[tuple[Store, ...], tuple[Transcript, ...]]:
        """The sources whose sessions belong into these databases."""
        stores = tuple(one for one in self.stores if one.database in wanted)
        files = (one for one in self.transcripts if _home(one.agent or "", inventory) in wanted)
        return stores, tuple(files)

    def _missing(self, inventory: Inventory) -> tuple[Database, ...]:
        """The databases that these sources need and that do not exist yet."""
        known = {one.path for one in inventory.databases}
        agents = dict.fromkeys(one.agent for one in self.files if one.agent is not None)
        return tuple(
            Database(path, normalize_agent_id(agent), Shape.MISSING, None, None, (), directory=agent)
            for agent in agents
            if (path := _home(agent, inventory)) not in known and is_absent(path)
        )

    def told(self, plan: Plan) -> Plan:
        """A plan as it is reported: it names the databases rather than the private files that were made of them."""
        databases = tuple(replace(one, stores=self._as_they_are(one.stores)) for one in plan.databases)
        return replace(plan, databases=databases, findings=tuple(map(self._told, plan.findings)))

    def seen(self, inventory: Inventory) -> Inventory:
        """An inventory as it is reported, in the same way."""
        return replace(inventory, stores=self._as_they_are(inventory.stores))

    def _as_they_are(self, stores: tuple[Store, ...]) -> tuple[Store, ...]:
        """Stores, those that were made of a database with what that is on the disk."""
        databases = self.exported.values()
        return tuple(replace(one, identity=identify(one.path)) if one.path in databases else one for one in stores)

    def _told(self, finding: Finding) -> Finding:
        for folder, database in self.exported.items():
            if finding.subject.text.startswith(folder):
                return replace(finding, subject=Name("database", database))
        return finding


@contextmanager
def given(request: Request, inventory: Inventory) -> Iterator[Given]:
    """What the request names with ``--from``; what is read of databases is gone at the end of the block.

    Raises NothingFoundError where there is nothing of a session.
    """
    path = request.selection.repair.backup
    if path is None:
        yield Given()
        return
    path = os.path.realpath(os.path.join(request.surroundings.cwd, path))
    with scratch_directory() as scratch:
        yield _Reader(request, inventory, Path(scratch)).read(path)


class _Reader:
    def __init__(self, request: Request, inventory: Inventory, scratch: Path) -> None:
        self.request = request
        self.inventory = inventory
        self.scratch = scratch
        self.told = request.selection.agents[0] if len(request.selection.agents) == 1 else None
        self.exported: dict[str, str] = {}

    def read(self, path: str) -> Given:
        """Everything at a path."""
        stores: list[Store] = []
        transcripts: list[Transcript] = []
        for one in self._found(path):
            if one.holds is Holds.STORE:
                stores += self._parts(read_store(one.path, one.path, StoreKind.COPY, None)[0])
            elif one.holds is Holds.TRANSCRIPT:
                transcripts += _read(read_copy(one.path, None, GIVEN))
            elif one.holds is Holds.PACKED:
                _refuse_packed(one.path, path)
            elif one.holds is Holds.JOURNAL:
                _refuse_alone(one.path)
            else:
                of_database, files = self._export(one.path)
                stores += [part for store in of_database for part in self._parts(store)]
                transcripts += files
        if not (stores or transcripts):
            raise NothingFoundError("{subject} holds no session, no event and no database.", Name("path", path))
        owners = self._owners(stores)
        placed = (replace(one, agent=self._agent_of(one, owners)) for one in transcripts)
        return Given(tuple(filter(self._is_chosen, stores)), tuple(filter(self._is_chosen, placed)), self.exported)

    def _is_chosen(self, source: Store | Transcript) -> bool:
        chosen = self.request.selection.agents
        return not chosen or source.agent in chosen

    def _found(self, path: str) -> Sequence[Found]:
        """The files at a path that hold sessions or events: all in a folder, but for what was deleted."""
        name = Name("path", path)
        try:
            if os.path.isdir(path):
                return list(_newest(walk(path).found))
            holds = Holds.TRANSCRIPT if is_packed(path) else look_at(path)
        except FileNotFoundError:
            raise NothingFoundError("There is nothing at {subject}; check the path.", name) from None
        except OSError:
            raise RefusedError("{subject} cannot be read; name what can be.", name) from None
        return [Found(path, holds)] if holds is not None else []

    def _parts(self, store: Store) -> Iterator[Store]:
        """A store by the agents that its entries belong to."""
        if store.identity is None:
            raise RefusedError("{subject} cannot be read, or changes; nothing was taken.", Name("store", store.path))
        own = self.told or self._placed(store.path)
        entries: dict[str, list[Entry]] = defaultdict(list)
        for entry in store.entries:
            entries[own or self._by_key(entry.key)].append(entry)
        for number, (agent, found) in enumerate(entries.items()):
            damage = store.damage if number == 0 else ()
            home = _home(agent, self.inventory)
            yield replace(store, agent=agent, entries=tuple(found), damage=damage, database=home, parts=len(entries))

    def _placed(self, path: str) -> str | None:
        """The agent directory that a file lies in, here or in another installation."""
        for folder, database in self.exported.items():
            if path.startswith(folder):
                path = database
        found = _PLACE.findall(path)
        return str(found[-1]) if found else None

    def _by_key(self, key: str) -> str:
        named = parse_session_key(key).agent
        directories = {one.normalized_id: one.directory for one in self.inventory.agents}
        if named is not None:
            return directories.get(normalize_agent_id(named), normalize_agent_id(named))
        return next(iter(directories.values())) if len(directories) == 1 else _MAIN

    def _owners(self, stores: Iterable[Store]) -> dict[str, str]:
        """The agents of sessions, by id: of the stores that were given, of live ones, and of databases."""
        found: dict[str, str] = {}
        for database in self.inventory.databases:
            for row in (*database.typed_rows, *database.cache_rows):
                if row.session_id is not None and database.directory is not None:
                    found[row.session_id] = database.directory
        for store in (*self.inventory.stores, *stores):
            for entry in store.entries:
                if entry.session_id is not None and store.agent is not None:
                    found[entry.session_id] = store.agent
        return found

    def _agent_of(self, transcript: Transcript, owners: Mapping[str, str]) -> str:
        claimed = (owners.get(one or "") for one in (transcript.header_id, transcript.named_id))
        told = self.told or self._placed(transcript.path) or next(filter(None, claimed), None)
        return told or self._by_key("")

    def _export(self, path: str) -> tuple[list[Store], list[Transcript]]:
        """What a database holds, as a store, if it has entries, and transcripts in the scratch directory."""
        folder = self.scratch / f"{len(self.exported):04d}"
        folder.mkdir(mode=0o700)
        name = Name("database", path)
        database, _ = read_database(path, normalize_agent_id(self._placed(path) or self.told or ""))
        if database.shape is Shape.UNREADABLE:
            raise RefusedError("{subject} cannot be read by SQLite; nothing was taken of it.", name)
        if database.shape not in _WITH_SESSIONS:
            return [], []
        self.exported[f"{folder}{os.sep}"] = path
        try:
            with open_snapshot(path) as connection:
                write_database(connection, database, folder, "", Wish())
        except (sqlite3.Error, BusyError):
            raise RefusedError("{subject} cannot be read to its end; nothing was taken of it.", name) from None
        place = str(folder / STORE_NAME)
        stores = [] if is_absent(place) else [read_store(path, place, StoreKind.COPY, None)[0]]
        files = sorted(one for one in folder.iterdir() if one.suffix == ".jsonl")
        return stores, [one for path in files for one in _read(read_copy(str(path), None, GIVEN))]


def _newest(found: Sequence[Found]) -> Iterator[Found]:
    """What counts in a folder: no copies beside a live store, no originals of a database, nothing that was deleted."""
    live = {os.path.dirname(one.path) for one in found if os.path.basename(one.path) == STORE_NAME}
    imported = {
        os.path.join(os.path.dirname(os.path.dirname(one.path)), IMPORT_ARCHIVE)
        for one in found
        if os.path.basename(one.path) == os.path.basename(AGENT_DATABASE)
    }
    for one in found:
        folder, kind = os.path.dirname(one.path), classify(os.path.basename(one.path))
        is_copy = folder in live and kind not in _LIVE and one.holds not in (Holds.DATABASE, Holds.JOURNAL)
        if not (is_copy or folder in imported or kind in _DELETED):
            yield one


def _refuse_alone(path: str) -> None:
    """A journal is read with its database. Raises RefusedError where that is not beside it."""
    if is_alone(path):
        sentence = "{subject} is the journal of a database that is not beside it; put the two together first."
        raise RefusedError(sentence, Name("database", path))


def _refuse_packed(path: str, given: str) -> None:
    """In a folder what is packed lies beside the rest. Raises RefusedError where it is all that was named."""
    if path == given:
        raise RefusedError("{subject} is packed; unpack it, and name what comes out.", Name("path", path))


def _read(transcript: Transcript | None) -> list[Transcript]:
    return [] if transcript is None else [transcript]


def _home(agent: str, inventory: Inventory) -> str:
    """Where the sessions of an agent directory belong, whether it is there or not."""
    found = (one.database for one in inventory.agents if one.directory == agent)
    return next(found, agent_database(agent_path(inventory.state_dir, agent)))


def _beside(live: Iterable[Store], stores: Iterable[Store]) -> Iterator[Store]:
    """Stores without what is an older state, or the very same, of what a live one has: nobody loses that."""
    known = {(one.database, e.key): e for one in live for e in one.entries if e.problem is None}
    for store in stores:
        entries = []
        for entry in store.entries:
            there = known.get((store.database, entry.key))
            is_older = there is not None and (entry.updated_at or 0) <= (there.updated_at or 0)
            if not (is_older and there is not None and there.session_id == entry.session_id):
                entries.append(entry)
        yield replace(store, entries=tuple(entries))
