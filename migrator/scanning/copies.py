"""Copies: older stores and transcripts that lie beside the live ones. They need not be migrated, but may hold more.

What a copy has and nothing else has is worth knowing: about 200 answers were once found in ``.bak`` files only. A copy
never decides the exit code, because sessions may have been deleted on purpose. A repair can take from copies what is
nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from migrator.model.inventory import Agent, Inventory, SessionFile, Store, StoreKind, Transcript
from migrator.model.words import Finding, Name
from migrator.openclaw.places.session_files import FileKind, transcript_session_id
from migrator.scanning.packed import read_copy, unpacked
from migrator.scanning.sources import read_store
from migrator.scanning.transcripts import read_transcript
from migrator.sqlite.compressed import DamagedPayloadError

STORE_COPIES = (FileKind.STORE_BACKUP, FileKind.STORE_CORRUPT, FileKind.TEMPORARY)
TRANSCRIPT_COPIES = (
    FileKind.ARCHIVE_DELETED,
    FileKind.ARCHIVE_RESET,
    FileKind.ARCHIVE_BAK,
    FileKind.REPAIR_BACKUP,
    FileKind.CHECKPOINT,
)

_EMPTY = 3
"""Bytes of a store without a session, ``{}`` and the end of a line; what is longer and has no entry was not read."""

ARCHIVES = (FileKind.ARCHIVE_DELETED.value, FileKind.ARCHIVE_RESET.value)

Missing = Callable[[Transcript], int]
"""How many events of a transcript are in no database."""

Known = Callable[[], Collection[str]]
"""The session ids and keys that a live source or a database has; few agents have copies to ask for them."""

_COPIES = (FileKind.ARCHIVE_BAK, FileKind.REPAIR_BACKUP)
_DELETED = (FileKind.ARCHIVE_DELETED, FileKind.ARCHIVE_RESET)


def findings_on_copies(agent: Agent, known_sessions: Known, missing: Missing) -> Iterator[Finding]:
    """What the copies of an agent have that nothing else has."""
    for file in agent.files:
        yield from findings_on_store(file, agent, known_sessions)
        if FileKind(file.kind) in TRANSCRIPT_COPIES and not os.path.islink(file.path):
            yield from _on_transcript(file, agent, missing)


def is_store_copy(file: SessionFile) -> bool:
    """Whether a file is an older store; one that was not finished may be anything."""
    kind = FileKind(file.kind)
    return kind in STORE_COPIES and (kind is not FileKind.TEMPORARY or ".json" in file.path)


def findings_on_store(file: SessionFile, agent: Agent, known_sessions: Known) -> Iterator[Finding]:
    """What a file has that no store and no database has, if it is a copy of a store."""
    if not is_store_copy(file) or os.path.islink(file.path):
        return
    store, _ = read_store(file.path, file.path, StoreKind.EXPLICIT, agent.directory)
    known = known_sessions()
    only_here = [
        entry
        for entry in store.entries
        if entry.problem is None and entry.key not in known and entry.session_id not in known
    ]
    if only_here:
        yield Finding("copy.sessions-only-here", Name("store", file.path), (("count", len(only_here)),))
    elif file.kind != FileKind.TEMPORARY.value and file.size > _EMPTY and not store.entries:
        yield Finding("copy.damaged", Name("store", file.path))


def _on_transcript(file: SessionFile, agent: Agent, missing: Missing) -> Iterator[Finding]:
    name = Name("transcript", file.path)
    with ExitStack() as stack:
        try:
            path = stack.enter_context(unpacked(file.path))
        except (OSError, DamagedPayloadError):
            yield Finding("copy.damaged", name)
            return
        transcript, _ = read_transcript(path, agent.directory, file.kind)
        if transcript is not None and (count := missing(transcript)):
            yield Finding("copy.events-only-here", name, (("count", count),))


def copies(inventory: Inventory) -> Inventory:
    """The copies beside the live files of an installation, as if they were the live ones."""
    stores = tuple(store for agent in inventory.agents for store in _stores(agent))
    transcripts = tuple(one for agent in inventory.agents for one in _transcripts(agent, _COPIES))
    return replace(inventory, stores=stores, transcripts=transcripts, findings=())


def deleted(inventory: Inventory, named: tuple[str, ...]) -> Inventory:
    """The archived transcripts of deleted and reset sessions that are named by session id or key."""
    ids = {entry.session_id for store in inventory.stores for entry in store.entries if entry.key in named} | {*named}
    transcripts = tuple(
        one
        for agent in inventory.agents
        for one in _transcripts(agent, _DELETED)
        if transcript_session_id(Path(one.path).name)[0] in ids
    )
    return replace(inventory, stores=(), transcripts=transcripts, findings=())


def _stores(agent: Agent) -> list[Store]:
    found = []
    for file in agent.files:
        if is_store_copy(file):
            store, _ = read_store(file.path, file.path, StoreKind.COPY, agent.directory)
            found += [replace(store, database=agent.database)] if store.identity is not None else []
    return found


def _transcripts(agent: Agent, kinds: tuple[FileKind, ...]) -> list[Transcript]:
    paths = [(file.path, file.kind) for file in agent.files if FileKind(file.kind) in kinds]
    read = (read_copy(path, agent.directory, kind) for path, kind in paths)
    return [transcript for transcript in read if transcript is not None]
