"""Read what a scan has found: stores, transcripts and databases, several at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter

from migrator.filesystem import is_absent, size_at
from migrator.model.errors import NothingFoundError
from migrator.model.inventory import Database, FileIdentity, Inventory, Shape, Store, StoreKind, Transcript
from migrator.model.progress import Progress
from migrator.model.words import Finding, Name
from migrator.openclaw.places.paths import normalize_agent_id
from migrator.parallel import Workers
from migrator.scanning.databases import read_database
from migrator.scanning.directories import Findings
from migrator.scanning.sources import read_store
from migrator.scanning.transcript_places import Place
from migrator.scanning.transcripts import as_now, read_transcript

EXPLICIT_OWNER = "main"
"""The agent id that owns the database of a store outside any agent directory (PR 91322, ``store-sqlite.ts``)."""

_Made = tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A store that may exist, and the agent directory that it was found in, or stood in once."""

    path: str
    kind: StoreKind
    agent: str | None
    stood_at: str | None = None


def read_stores(
    state: str,
    follow: bool,
    candidates: list[Candidate],
    earlier: Inventory | None,
    findings: Findings,
    progress: Progress,
    workers: Workers,
) -> tuple[Store, ...]:
    """Read the stores that there are. Raises NothingFoundError for an explicit one that there is not."""
    known = _whole(earlier.stores) if earlier else {}
    present = list(_present(state, follow, candidates, findings))
    stores = []
    size = _size(real for _, real in present)
    with workers.map(
        partial(_read_store, known), present, _store_name, count=len(present), size=size, progress=progress
    ) as found:
        for (one, real), (store, made) in zip(present, found, strict=True):
            findings.made += made
            if isinstance(store, FileIdentity):
                store = replace(known[real], path=one.path, kind=one.kind, agent=one.agent, identity=store)
            stores.append(store)
    return tuple(stores)


def _whole(stores: Iterable[Store]) -> dict[str, Store]:
    """Stores by their real paths, each in one piece again."""
    parts: dict[str, list[Store]] = {}
    for store in stores:
        parts.setdefault(store.real_path, []).append(store)
    return {path: found[0] if len(found) == 1 else _joined(found) for path, found in parts.items()}


def _joined(parts: list[Store]) -> Store:
    entries = sorted((entry for part in parts for entry in part.entries), key=attrgetter("index"))
    damage = tuple(span for part in parts for span in part.damage)
    return replace(parts[0], entries=tuple(entries), damage=damage, parts=1)


def _present(
    state: str, follow: bool, candidates: list[Candidate], findings: Findings
) -> Iterator[tuple[Candidate, str]]:
    """The candidates that are there and may be read, each once, with their real paths."""
    seen: dict[str, str] = {}
    set_aside = {candidate.stood_at for candidate in candidates}
    for candidate in candidates:
        name = Name("store", candidate.path)
        real = findings.real.of(candidate.path)
        if real in seen:
            if candidate.path != seen[real]:
                findings.add("store.alias", name, Name("store", seen[real]))
            continue
        if is_absent(candidate.path):
            if candidate.path not in set_aside:
                _miss(candidate, findings)
        elif _may_enter(candidate, state, follow, findings):
            seen[real] = candidate.path
            yield candidate, real


def _miss(candidate: Candidate, findings: Findings) -> None:
    """Say that a store is not there which somebody has named. Raises NothingFoundError if it was the user."""
    name = Name("store", candidate.path)
    if candidate.kind is StoreKind.EXPLICIT:
        raise NothingFoundError("There is no store {subject}; check the path. Nothing was created.", name)
    if candidate.kind is StoreKind.CONFIGURED:
        findings.add("store.missing", name)


def _may_enter(candidate: Candidate, state: str, follow: bool, findings: Findings) -> bool:
    """Whether a store that is there may be read; says so where links or the configuration lead elsewhere."""
    name = Name("store", candidate.path)
    if candidate.kind in (StoreKind.AGENT, StoreKind.ROOT):
        if not findings.may_enter(candidate.path, state, follow, "store.link-outside", name):
            return False
        if os.path.islink(candidate.path) and findings.real.is_inside(candidate.path, state):
            findings.add("store.link", name)
    if candidate.kind is StoreKind.CONFIGURED and not findings.real.is_inside(candidate.path, state):
        findings.add("store.outside", name)
    return True


def _read_store(
    known: Mapping[str, Store], present: tuple[Candidate, str], progress: Progress
) -> tuple[Store | FileIdentity, _Made]:
    """A store; of one that is as it is ``known`` only what the file is now, since all else need not be passed on."""
    candidate, real = present
    progress.enter(candidate.agent)
    earlier = known.get(real)
    store, made = read_store(candidate.path, real, candidate.kind, candidate.agent, progress, earlier)
    is_same = earlier is not None and store.identity is not None and store.entries is earlier.entries
    return (store.identity if is_same and store.identity else store), made


def read_transcripts(
    places: list[Place], earlier: Inventory | None, findings: Findings, progress: Progress, workers: Workers
) -> tuple[Transcript, ...]:
    """Read the transcripts at these places, as far as they can be read."""
    known = {transcript.path: transcript for transcript in earlier.transcripts} if earlier else {}
    size = _size(path for _, path, _ in places)
    transcripts = []
    with workers.map(
        partial(_read_transcript, known), places, _transcript_name, count=len(places), size=size, progress=progress
    ) as found:
        for (directory, path, kind), (transcript, made) in zip(places, found, strict=True):
            findings.made += made
            if isinstance(transcript, FileIdentity):
                transcript = as_now(known[path], directory, kind.value, transcript)
            if transcript is not None:
                transcripts.append(transcript)
    return tuple(transcripts)


def _read_transcript(
    known: Mapping[str, Transcript], place: Place, progress: Progress
) -> tuple[Transcript | FileIdentity | None, _Made]:
    """A transcript, in the same way as a store."""
    directory, path, kind = place
    progress.enter(directory)
    earlier = known.get(path)
    transcript, made = read_transcript(path, directory, kind.value, progress, earlier)
    is_same = earlier is not None and transcript is not None and transcript.hashes is earlier.hashes
    return (transcript.identity if is_same and transcript else transcript), made


def read_databases(
    owners: Mapping[str, str | None],
    stores_of: Mapping[str, list[Store]],
    state: str,
    follow: bool,
    findings: Findings,
    workers: Workers,
) -> tuple[Database, ...]:
    """Read each database, given with the agent directory that it belongs to; ``stores_of`` are its sources."""
    databases: dict[str, Database | None] = {}
    to_read: dict[str, tuple[str, str]] = {}
    for path, owner in owners.items():
        real = findings.real.of(path)
        if real in databases:
            continue
        below = path.startswith(os.path.join(state, "agents") + os.sep)
        may_enter = partial(findings.may_enter, path, state, follow)
        if owner is not None and below and not may_enter("database.link-outside", Name("database", path)):
            unread = Database(path, normalize_agent_id(owner), Shape.UNREADABLE, None, None, (), directory=owner)
            databases[real] = unread
            continue
        databases[real] = None
        to_read[real] = path, EXPLICIT_OWNER if owner is None else normalize_agent_id(owner)
    read, size = partial(_read_database, stores_of, workers), _size(to_read)
    with workers.map(read, to_read.values(), _database_name, count=len(to_read), size=size, together=1) as found:
        for real, (database, made) in zip(to_read, found, strict=True):
            findings.made += made
            databases[real] = replace(database, directory=owners[database.path])
    return tuple(filter(None, databases.values()))


def _read_database(
    stores_of: Mapping[str, list[Store]], workers: Workers, database: tuple[str, str], _progress: Progress
) -> tuple[Database, _Made]:
    path, agent_id = database
    sources = {e.key: e for store in stores_of.get(path, ()) for e in store.entries if e.problem is None}
    return read_database(path, agent_id, sources, workers)


def _store_name(present: tuple[Candidate, str]) -> Name:
    return Name("store", present[0].path)


def _transcript_name(place: Place) -> Name:
    return Name("transcript", place[1])


def _database_name(database: tuple[str, str]) -> Name:
    return Name("database", database[0])


def _size(paths: Iterable[str]) -> int:
    """How many bytes there are to be read."""
    return sum(map(size_at, paths))
