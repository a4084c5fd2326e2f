"""Where the transcripts of an installation are: by their names on disk, and as entries point to them. Opens nothing.

The history of a session may be nowhere: its entry names a transcript, or counts what was said in one, and none is
there. Backups that leave out ``*.jsonl`` bring back such a state (openclaw/openclaw#86382), and no upgrade can mend it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from migrator.model.inventory import Agent, Database, Entry, Store, StoreKind, Transcript
from migrator.model.words import Finding, Name
from migrator.openclaw.places.session_files import FileKind, classify, transcript_session_id, usable_pointer
from migrator.scanning.directories import Findings
from migrator.scanning.originals import Original

Place = tuple[str | None, str, FileKind]
"""The agent directory that a transcript is of, its path, and whether it is live or an original that was set aside."""


def transcript_places(
    state: str,
    follow: bool,
    agents: tuple[Agent, ...],
    stores: tuple[Store, ...],
    originals: list[tuple[str | None, Original]],
    findings: Findings,
) -> list[Place]:
    """Every transcript once: live ones of agent directories and beside other stores, and originals.

    Links are left alone. What an entry points to outside the state directory is there only if that is to be followed.
    """
    places: dict[str, Place] = {}
    for place in (*_in_agents(agents), *_set_aside(originals)):
        places[findings.real.of(place[1])] = place
    live = [store for store in stores if not store.is_set_aside]
    listed = {os.path.join(agent.path, "sessions") for agent in agents}
    for store in live:
        if os.path.dirname(store.path) not in listed:
            for path in _beside(store, findings):
                places.setdefault(findings.real.of(path), (store.agent, path, FileKind.TRANSCRIPT))
            listed.add(os.path.dirname(store.path))
    names = {os.path.basename(path) for _, path, _ in places.values()}
    for store in live:
        for path in _followed(list(_outside(store, state, names)), store, follow, findings):
            places.setdefault(findings.real.of(path), (store.agent, path, FileKind.TRANSCRIPT))
    return list(places.values())


def _in_agents(agents: tuple[Agent, ...]) -> Iterator[Place]:
    for agent in agents:
        for file in agent.files:
            if file.kind == FileKind.TRANSCRIPT.value and not os.path.islink(file.path):
                yield agent.directory, file.path, FileKind.TRANSCRIPT


def _set_aside(originals: list[tuple[str | None, Original]]) -> Iterator[Place]:
    for directory, one in originals:
        if one.file in (FileKind.TRANSCRIPT, FileKind.IMPORTED_TRANSCRIPT):
            yield directory, one.path, FileKind.IMPORTED_TRANSCRIPT


def _followed(outside: list[str], store: Store, follow: bool, findings: Findings) -> list[str]:
    """Those of the transcripts that a store names outside which are there; none without leave to follow, but told."""
    if outside:
        code = "transcript.followed" if follow else "transcript.outside"
        findings.add_count(code, Name("store", store.path), len(outside))
    return [path for path in outside if findings.is_file(path, follow=True)] if follow else []


def _beside(store: Store, findings: Findings) -> Iterator[str]:
    folder = os.path.dirname(store.path)
    for name in findings.names_in(folder):
        path = os.path.join(folder, name)
        if classify(name) is FileKind.TRANSCRIPT and findings.is_file(path):
            yield path


def _outside(store: Store, state: str, names: set[str]) -> Iterator[str]:
    """The transcripts that entries name outside of all known places, and that are not found inside by their names.

    Only as text: without leave not even a look is taken at what is there.
    """
    folder = os.path.dirname(store.path)
    roots = (os.path.normpath(state), folder)
    for entry in store.entries:
        pointer = usable_pointer(entry.session_file) if entry.session_file else ""
        if not pointer or f"{entry.session_id}.jsonl" in names:
            continue
        path = os.path.normpath(os.path.join(folder, pointer))
        name = os.path.basename(path)
        if name in names or any(path.startswith(root.rstrip(os.sep) + os.sep) for root in roots):
            continue
        if classify(name) is FileKind.TRANSCRIPT:
            yield path


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
