"""Where a repair may take sessions from, beside live files and import archives. Reads only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from migrator.model.inventory import Agent, Inventory, Store, StoreKind, Transcript
from migrator.openclaw.places.session_files import FileKind, transcript_session_id
from migrator.scanning.copies import is_store_copy
from migrator.scanning.packed import read_copy
from migrator.scanning.sources import read_store

_COPIES = (FileKind.ARCHIVE_BAK, FileKind.REPAIR_BACKUP)
_DELETED = (FileKind.ARCHIVE_DELETED, FileKind.ARCHIVE_RESET)


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
