"""What is only where no release looks: sessions and events of files that a walk has found, and of copies.

A session counts as being elsewhere only if no live store and no database of the installation has it, an event only if
no transcript and no database has it, in the form in which it was written or in that which a release has given it.
"""

from __future__ import annotations

import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from migrator.filesystem import size_at
from migrator.model.errors import BusyError
from migrator.model.inventory import Database, Inventory, Shape, Store, StoreKind, Transcript
from migrator.model.words import Finding, Name
from migrator.openclaw.places.paths import normalize_agent_id
from migrator.openclaw.places.session_files import FileKind, classify
from migrator.runs.run import RUNS
from migrator.scanning.copies import ARCHIVES, findings_on_store
from migrator.scanning.databases import read_database
from migrator.scanning.discovery import Found, Holds, walk
from migrator.scanning.known import Known, ids_of
from migrator.scanning.originals import IMPORT_ARCHIVE
from migrator.scanning.packed import read_copy
from migrator.scanning.remains import is_alone, is_ours, remains
from migrator.scanning.sources import read_store
from migrator.scanning.transcripts import events_of
from migrator.sqlite import shapes
from migrator.sqlite.snapshot import open_snapshot

_NOT_WALKED = (RUNS, "session-sqlite-migration-runs")
_DATABASE = "openclaw-agent.sqlite"


def findings_elsewhere(inventory: Inventory, whole: bool) -> Iterator[Finding]:
    """What lies elsewhere below the state directory; only among the copies, unless the ``whole`` of it is asked for."""
    known = Known(inventory)
    yield from _among_copies(inventory, known)
    if whole:
        yield from _below(inventory, known)


def _among_copies(inventory: Inventory, known: Known) -> Iterator[Finding]:
    """What copies beside the live files have that is nowhere else."""
    for agent in inventory.agents:
        for file in agent.files:
            yield from findings_on_store(file, agent, lambda: known.sessions)
        yield from _on_archives(inventory, known, agent.directory)
    for agent in inventory.agents:
        for file in agent.files:
            if file.kind == FileKind.REPAIR_BACKUP.value and classify(os.path.basename(file.path)) is FileKind.UNKNOWN:
                yield from _on_transcript(file.path, agent.directory, known)


def _below(inventory: Inventory, known: Known) -> Iterator[Finding]:
    """What a walk through the whole state directory finds."""
    read = _paths_read(inventory)
    seen = walk(inventory.state_dir, read)
    inside: dict[str, list[Found]] = defaultdict(list)
    for one in seen.found:
        if one.root is not None:
            inside[one.root].append(one)
        else:
            yield from _on_found(one, inventory, known)
    for root, files in inside.items():
        yield from _on_state(root, files, known)
    yield from (Finding("place.too-deep", Name("path", path)) for path in seen.too_deep)
    said = {one.subject.text for one in inventory.findings if one.code == "place.closed"}
    yield from (Finding("place.closed", Name("path", path)) for path in seen.closed if path not in said)
    if seen.litter:
        yield Finding("place.litter", Name("path", inventory.state_dir), (("count", seen.litter),))


def only_here(inventory: Inventory) -> Inventory:
    """The stores, transcripts and databases that findings name for what only they have, as if they were live."""
    paths = _named(inventory)
    copied = (read_store(path, path, StoreKind.COPY, _agent_of(path, inventory))[0] for path in paths[Holds.STORE])
    kind = FileKind.REPAIR_BACKUP.value
    transcripts = (read_copy(path, _agent_of(path, inventory), kind) for path in paths[Holds.TRANSCRIPT])
    databases = (read_database(path, _agent_of(path, inventory) or "")[0] for path in paths[Holds.DATABASE])
    return replace(
        inventory,
        stores=tuple(copied),
        transcripts=tuple(one for one in transcripts if one is not None),
        databases=tuple(databases),
    )


def _named(inventory: Inventory) -> dict[Holds, list[str]]:
    """The paths that such findings name, and those in the folders that they name, by what is there."""
    named = {one.subject for one in inventory.findings if one.code.startswith(("copy.", "database.set-aside"))}
    inside = [found for one in named if one.kind == "path" for found in walk(one.text).found]
    return {
        kind: sorted(
            {one.text for one in named if one.kind == kind.value} | {one.path for one in inside if one.holds is kind}
        )
        for kind in Holds
    }


def _paths_read(inventory: Inventory) -> frozenset[str]:
    """The files and folders that the rest of a scan looks at."""
    found = {os.path.join(inventory.state_dir, name) for name in _NOT_WALKED}
    found |= {os.path.join(agent.path, IMPORT_ARCHIVE) for agent in inventory.agents}
    found |= {store.path for store in inventory.stores} | {store.real_path for store in inventory.stores}
    found |= {one.path for one in inventory.transcripts} | {base.path for base in inventory.databases}
    files = (file for agent in inventory.agents for file in agent.files)
    return frozenset(found | {file.path for file in files if file.kind != FileKind.UNKNOWN.value})


def _on_archives(inventory: Inventory, known: Known, agent: str) -> Iterator[Finding]:
    """The archived transcripts of an agent that has no session at all: somebody is looking for these."""
    if _has_sessions(inventory, agent):
        return
    count = events = 0
    for one in inventory.agents:
        for file in one.files if one.directory == agent else ():
            if file.kind in ARCHIVES and (transcript := read_copy(file.path, agent, file.kind)) is not None:
                only_here = sum(event not in known.stored for event in events_of(transcript.hashes))
                count, events = count + bool(only_here), events + only_here
    if count:
        yield Finding("agent.only-archives", Name("agent", agent), (("count", count), ("events", events)))


def _has_sessions(inventory: Inventory, agent: str) -> bool:
    return (
        any(store.entries for store in inventory.stores if store.agent == agent)
        or any(one.agent == agent for one in inventory.transcripts)
        or _has_rows(inventory, agent)
    )


def _has_rows(inventory: Inventory, agent: str) -> bool:
    return any(base.typed_rows or base.cache_rows for base in inventory.databases if base.directory == agent)


def _on_found(one: Found, inventory: Inventory, known: Known) -> Iterator[Finding]:
    agent = _agent_of(one.path, inventory)
    if one.holds is Holds.TRANSCRIPT:
        yield from _on_transcript(one.path, agent, known)
    elif one.holds is Holds.STORE:
        store, _ = read_store(one.path, one.path, StoreKind.COPY, agent)
        if count := len(_sessions_of(store) - known.ids):
            yield Finding("copy.sessions-only-here", Name("store", one.path), (("count", count),))
        elif store.damage or store.identity is None:
            yield Finding("copy.damaged", Name("store", one.path))
    elif one.holds is Holds.JOURNAL:
        yield from _on_journal(one.path, known)
    elif one.holds is Holds.PACKED:
        yield Finding("copy.packed", Name("file", one.path))
    else:
        yield from _on_database(one.path, agent, inventory, known)


def _agent_of(path: str, inventory: Inventory) -> str | None:
    return next((one.directory for one in inventory.agents if path.startswith(one.path + os.sep)), None)


def _on_transcript(path: str, agent: str | None, known: Known) -> Iterator[Finding]:
    transcript = read_copy(path, agent, FileKind.REPAIR_BACKUP.value)
    if transcript is None or (transcript.damage and not transcript.hashes):
        yield Finding("copy.damaged", Name("transcript", path))
    if transcript is not None and (count := known.unknown_in_transcript(transcript)):
        yield Finding("copy.events-only-here", Name("transcript", path), (("count", count),))


def _on_database(path: str, agent: str | None, inventory: Inventory, known: Known) -> Iterator[Finding]:
    name = Name("database", path)
    database = _database(path, agent)
    if database is None:
        yield Finding("copy.database-unreadable", name)
    elif database.shape.holds_sessions:
        facts = _facts(len(set(ids_of((), [database])) - known.ids), known.unknown_in_database(database))
        is_needed = agent is not None and not _has_rows(inventory, agent)
        if facts:
            yield Finding("database.set-aside" if is_needed else "copy.database-only-here", name, facts)


def _facts(sessions: int, events: int) -> tuple[tuple[str, int], ...]:
    return (("count", sessions), ("events", events)) if sessions or events else ()


def _database(path: str, agent: str | None) -> Database | None:
    """A database that was found, one of another program without what is in it; None if it is ours and is damaged."""
    shape = Shape.UNREADABLE
    with suppress(OSError, BusyError, sqlite3.Error), open_snapshot(path) as connection:
        shape = shapes.detect(connection)[0]
    agent_id = normalize_agent_id(agent or "")
    if shape.holds_sessions:
        read, _ = read_database(path, agent_id)
        return read if read.shape.holds_sessions else None
    if shape is Shape.UNREADABLE and (os.path.basename(path).startswith(_DATABASE) or is_ours(path)):
        return None
    return Database(path, agent_id, shape, None, None, ())


def _on_journal(path: str, known: Known) -> Iterator[Finding]:
    """A -wal or -journal without its database: what was last committed may be in it alone."""
    if is_alone(path):
        found = remains(path)
        counts = ("count", known.unknown_sessions_in(found)), ("events", known.unknown_events_in(found))
        yield Finding("copy.journal-alone", Name("database", path), (("length", size_at(path)), *counts))


def _on_state(root: str, files: list[Found], known: Known) -> Iterator[Finding]:
    """A state directory inside this one: what all of its files have, and which of them cannot be read."""
    sessions: set[str] = set()
    events = 0
    for one in files:
        if one.holds is Holds.STORE:
            sessions |= _sessions_of(read_store(one.path, one.path, StoreKind.COPY, None)[0])
        elif one.holds is Holds.TRANSCRIPT:
            transcript = read_copy(one.path, None, FileKind.TRANSCRIPT.value)
            unknown = known.unknown_in_transcript(transcript) if transcript is not None else 0
            sessions |= _session_of(transcript) if unknown else set()
            events += unknown
        elif one.holds is Holds.JOURNAL:
            yield from _on_journal(one.path, known)
        elif one.holds is Holds.PACKED:
            yield Finding("copy.packed", Name("file", one.path))
        elif (database := _database(one.path, None)) is None:
            yield Finding("copy.database-unreadable", Name("database", one.path))
        elif database.shape.holds_sessions:
            sessions |= set(ids_of((), [database]))
            events += known.unknown_in_database(database)
    if facts := _facts(len(sessions - known.ids), events):
        yield Finding("copy.state-inside", Name("path", root), facts)


def _sessions_of(store: Store) -> set[str]:
    """The sessions of what may be a store: other maps of objects have no time, or no key of a session."""
    likely = [e for e in store.entries if e.updated_at is not None or e.key.startswith("agent:")]
    return {entry.session_id for entry in likely if entry.problem is None and entry.session_id is not None}


def _session_of(transcript: Transcript | None) -> set[str]:
    named = (transcript.header_id or transcript.named_id) if transcript is not None else None
    return {named} if named is not None else set()
