"""Sessions whose history is nowhere: their entries name a transcript, or count what was said in one, and none is there.

Backups that leave out ``*.jsonl`` bring back such a state (openclaw/openclaw#86382), and no upgrade can mend it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from migrator.model.inventory import Agent, Database, Entry, Store, StoreKind, Transcript
from migrator.model.words import Finding, Name
from migrator.openclaw.places.session_files import transcript_session_id, usable_pointer


def lost_histories(
    stores: Iterable[Store],
    transcripts: Iterable[Transcript],
    databases: Iterable[Database],
    agents: Iterable[Agent],
) -> Iterator[Finding]:
    """One finding for each session that must have a history and has none in any file or database, live or deleted."""
    ids, names = _known_histories(transcripts, databases, agents)
    told: set[str] = set()
    for store in stores:
        for entry in store.entries if store.kind is not StoreKind.COPY else ():
            if entry.session_id in ids or entry.session_id in told or not _has_history(entry):
                continue
            if f"{entry.session_id}.jsonl" not in names and _pointed(entry) not in names:
                told.add(entry.session_id or "")
                yield Finding("entry.lost-history", Name("session", entry.key), (), (Name("store", store.path),))


def _known_histories(
    transcripts: Iterable[Transcript], databases: Iterable[Database], agents: Iterable[Agent]
) -> tuple[set[str | None], set[str]]:
    """The session ids that any file or database has a history of, and the names of all files."""
    ids: set[str | None] = set()
    names: set[str] = set()
    for transcript in transcripts:
        ids |= {transcript.header_id, transcript.named_id}
        names.add(os.path.basename(transcript.path))
    for file in (file for agent in agents for file in agent.files):
        name = os.path.basename(file.path)
        names.add(name)
        ids.add(transcript_session_id(name)[0])
    for database in databases:
        ids.update(one.session_id for one in (*database.transcripts, *database.archives) if one.hashes)
    return ids, names


def _has_history(entry: Entry) -> bool:
    """Whether there must be, or have been, a transcript."""
    usable = entry.problem is None and entry.session_id is not None
    return usable and (entry.is_used or _pointed(entry) != "")


def _pointed(entry: Entry) -> str:
    """The file name of the transcript that an entry names; empty where it names none."""
    return re.split(r"[\\/]", usable_pointer(entry.session_file))[-1]
