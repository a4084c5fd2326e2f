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

Missing = Callable[[Transcript], int]
"""How many events of a transcript are in no database."""

Known = Callable[[], Collection[str]]
"""The session ids and keys that a live source or a database has; few agents have copies to ask for them."""


def findings_on_copies(agent: Agent, known_sessions: Known, missing: Missing) -> Iterator[Finding]:
    """What the copies of an agent have that nothing else has."""
    for file in agent.files:
        kind = FileKind(file.kind)
        if os.path.islink(file.path):
            continue
        if kind in STORE_COPIES and ".json" in file.path:
            yield from _on_store(file, agent, known_sessions)
        elif kind in TRANSCRIPT_COPIES:
            yield from _on_transcript(file, agent, missing)


def _on_store(file: SessionFile, agent: Agent, known_sessions: Known) -> Iterator[Finding]:
    store, _ = read_store(file.path, file.path, StoreKind.EXPLICIT, agent.directory)
    known = known_sessions()
    only_here = [
        entry
        for entry in store.entries
        if entry.problem is None and entry.key not in known and entry.session_id not in known
    ]
    if only_here:
        yield Finding("copy.sessions-only-here", Name("store", file.path), (("count", len(only_here)),))


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
