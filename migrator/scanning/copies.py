"""Copies: older stores and transcripts that lie beside the live ones. They need not be migrated, but may hold more.

What a copy has and nothing else has is worth knowing: about 200 answers were once found in ``.bak`` files only.
A copy never decides the exit code, because sessions may have been deleted on purpose.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack

from migrator.model.inventory import Agent, SessionFile, StoreKind, Transcript
from migrator.model.words import Finding, Name
from migrator.openclaw.places.session_files import FileKind
from migrator.scanning.packed import unpacked
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
