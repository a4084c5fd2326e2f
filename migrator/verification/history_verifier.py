"""The part of verifying that is about transcripts: a verdict on every history that the sources hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from migrator.model.inventory import Database, Inventory, Shape, Transcript
from migrator.model.progress import Progress, silent
from migrator.model.verification import HistoryVerdict, HistoryVerification, Level
from migrator.model.words import HASH_BYTES, Finding, Name
from migrator.parallel import ALONE, Workers
from migrator.scanning.copies import findings_on_copies
from migrator.scanning.joining import additions, content_id, in_order, merged_hashes
from migrator.scanning.transcripts import events_of, home_databases, owners
from migrator.verification.branches import SHOWN, finding_on, hidden_part
from migrator.verification.histories import (
    Comparison,
    HistorySource,
    Overlap,
    compare_content,
    in_file,
    in_rows,
    is_contained,
    verdict,
)
from migrator.verification.holdings import Holdings, same_place

_PORTIONS = 2
"""How many a process gets. Each opens the databases anew: few, as one with a journal is copied for that."""


@dataclass(slots=True)
class JudgedHistories:
    """The verdicts on the histories of the sources by the database of their sessions, and what to say of them.

    ``unexplained`` counts the events of a stored history that are of none of its sources, by database and session.
    """

    verdicts: dict[str, list[HistoryVerification]]
    findings: list[Finding]
    unexplained: dict[tuple[str, str], int]

    def extra_events(self, database: Database) -> int:
        """How many events of a database no source has."""
        stored = {one.session_id: len(one.hashes) // HASH_BYTES for one in database.transcripts}
        return sum(self.unexplained.get((database.path, session_id), count) for session_id, count in stored.items())

    def add(self, target: str, judged: _Judged) -> None:
        """Take the verdict on one history of ``target``. Of several sources of it the one that explains most counts."""
        self.verdicts[target].append(judged.found)
        place = judged.path, judged.found.session.text
        self.unexplained[place] = min(judged.unexplained, self.unexplained.get(place, judged.unexplained))
        self.findings += judged.findings


@dataclass(frozen=True, slots=True)
class _Judged:
    """The verdict on one history, the database where it was found, and how many events there are not of it."""

    found: HistoryVerification
    path: str
    unexplained: int
    findings: tuple[Finding, ...] = ()


def verify_histories(
    holdings: Holdings, level: Level, workers: Workers = ALONE, progress: Progress = silent
) -> JudgedHistories:
    """Judge every history of the sources. The workers share the sessions, also those of one database."""
    inventory, origin = holdings.inventory, holdings.origin
    sessions = _sessions(inventory, origin)
    size = sum(transcript.identity.size for transcript in origin.transcripts)
    processes = workers.processes(size)
    portions = _portions(sessions, size // (_PORTIONS * processes) if processes > 1 else size)
    judged = JudgedHistories(defaultdict(list), [], {})
    with workers.map(
        partial(_judge_portion, holdings, level, sessions, len(portions) > 1),
        portions,
        lambda portion: Name("database", portion[0][0]),
        count=len(portions),
        size=size,
        progress=progress,
        together=1,
    ) as found:
        for portion, verdicts in zip(portions, found, strict=True):
            for place, histories in zip(portion, verdicts, strict=True):
                for one in histories:
                    judged.add(place[0], one)
    if origin.state_dir != inventory.state_dir:
        for target, session_id, source in _stored_histories(holdings, sessions.groups):
            found_there, path, comparison = _verify_history(
                holdings, source, [session_id], target, level, sessions.groups.keys()
            )
            judged.add(target, _Judged(found_there, path, comparison.stored_only))
    return judged


def _portions(sessions: _Sessions, size: int) -> list[list[tuple[str, str]]]:
    """The sessions in their order, in portions of some ``size`` in bytes of their files."""
    portions: list[list[tuple[str, str]]] = []
    room = -1
    for place, members in sessions.groups.items():
        if room < 0:
            portions.append([])
            room = size
        portions[-1].append(place)
        room -= sum(transcript.identity.size for transcript, _ in members)
    return portions


def _judge_portion(
    holdings: Holdings,
    level: Level,
    sessions: _Sessions,
    is_shared: bool,
    portion: list[tuple[str, str]],
    progress: Progress,
) -> list[list[_Judged]]:
    """Judge the histories of some sessions, one list for each. Work that is shared may be in another process."""
    with holdings.opened_anew() if is_shared else nullcontext():
        return [list(_judge_session(holdings, level, sessions, place, progress)) for place in portion]


def _judge_session(
    holdings: Holdings, level: Level, sessions: _Sessions, place: tuple[str, str], progress: Progress
) -> Iterator[_Judged]:
    """Judge the files of one session. Of its own file it counts what of it OpenClaw would show, too."""
    target, session_id = place
    members = sessions.groups[place]
    ordered = in_order(session_id, [transcript for transcript, _ in members], sessions.named)
    overlaps = _overlaps(ordered)
    for transcript, ids in members:
        progress.enter(transcript.agent)
        progress(transcript.identity.size)
        source = in_file(transcript, overlaps.get(transcript.path))
        found, path, comparison = _verify_history(holdings, source, ids, target, level, sessions.groups.keys())
        judged = _Judged(found, path, comparison.stored_only)
        is_alone = len(ordered) == 1
        if transcript is ordered[0] and found.verdict in SHOWN and not (is_alone and comparison.shown_alike):
            hidden = hidden_part(holdings, source, list(map(in_file, ordered[1:])), path, found.session.text)
            if hidden is not None:
                found = replace(found, verdict=HistoryVerdict.OTHER_BRANCH)
                judged = replace(judged, found=found, findings=(finding_on(hidden, source, path),))
        yield judged


def verify_copies(holdings: Holdings, level: Level) -> Iterator[Finding]:
    """What copies beside the live files have that is nowhere else."""
    for agent in holdings.origin.agents:
        target = same_place(agent.database, holdings.origin, holdings.inventory)

        def missing(transcript: Transcript, target: str = target) -> int:
            ids = [one for one in (transcript.header_id, transcript.named_id) if one is not None] or [""]
            found, *_ = _verify_history(holdings, in_file(transcript), ids, target, level)
            absent = found.events - found.present
            # What cannot join a history is in the database as a session of its own.
            return absent and min(absent, sum(one not in holdings.events for one in events_of(transcript.hashes)))

        yield from findings_on_copies(agent, lambda: holdings.known_sessions, missing)


_Groups = dict[tuple[str, str], list[tuple[Transcript, list[str]]]]


@dataclass(frozen=True, slots=True)
class _Sessions:
    """The transcripts by the database and the session that they belong to, each with all ids it may go by.

    ``named`` are the paths of those that an entry names.
    """

    groups: _Groups
    named: frozenset[str]


def _sessions(inventory: Inventory, origin: Inventory) -> _Sessions:
    """Which sessions the sources have files of."""
    claimed = owners(
        origin.stores,
        origin.transcripts,
        origin.state_dir,
        frozenset(agent.directory for agent in origin.agents),
    )
    by_agent = home_databases(origin)
    somewhere = next((database.path for database in origin.databases), "")
    groups: _Groups = defaultdict(list)
    for transcript in origin.transcripts:
        owner = claimed.get(transcript.path)
        own = origin.stores[owner.store_index].database if owner else by_agent.get(transcript.agent or "", somewhere)
        session_id = owner.session_id if owner else None
        ids = [one for one in (session_id, transcript.header_id, transcript.named_id) if one is not None]
        ids.append(content_id(transcript))
        groups[same_place(own, origin, inventory), ids[0]].append((transcript, ids))
    return _Sessions(groups, frozenset(path for path, owner in claimed.items() if owner.is_named))


def _stored_histories(holdings: Holdings, groups: _Groups) -> Iterator[tuple[str, str, HistorySource]]:
    """The histories in the databases of another installation, but for those that its files have as well."""
    inventory, origin = holdings.inventory, holdings.origin
    for database in origin.databases:
        target = same_place(database.path, origin, inventory)
        for stored in database.transcripts:
            files = tuple(transcript for transcript, _ in groups.get((target, stored.session_id), ()))
            in_files = merged_hashes(files) if files else b""
            if not is_contained(stored.hashes, in_files):
                yield target, stored.session_id, in_rows(database.path, stored, holdings.opened)


def _overlaps(ordered: tuple[Transcript, ...]) -> dict[str, Overlap]:
    """What the files of one session share, by path; nothing where there is only one."""
    if len(ordered) < 2:
        return {}
    events = {file.path: frozenset(events_of(file.hashes)) for file in ordered}
    return {
        file.path: Overlap(mask, frozenset().union(*(events[path] for path in events if path != file.path)))
        for file, mask in zip(ordered, additions(ordered), strict=True)
    }


def _verify_history(
    holdings: Holdings,
    source: HistorySource,
    ids: list[str],
    target: str,
    level: Level,
    claimed: Container[tuple[str, str]] = (),
) -> tuple[HistoryVerification, str, Comparison]:
    """Look for a history under each id that it may go by: in its own database, in others, in archives.

    Gives the path of the database where it was found as well, and how much of it the history there holds.
    ``claimed`` are database and session id of all files: what stands for one of them in another database is no other.
    """
    path, session_id, is_archived = _find(holdings, source, ids, target, claimed)
    moved = source.events > 0 and (path != target or is_archived)  # what is empty has nowhere to go
    found = holdings.archives if is_archived else holdings.histories
    stored = found.get(path, {}).get(session_id, b"")
    if is_contained(source.hashes, stored, source.overlap):
        comparison = Comparison(present=source.events, in_order=True, stored_only=_more(source, stored))
    elif level is Level.BYTES or not stored:
        comparison = Comparison(present=0, in_order=True, stored_only=len(stored) // HASH_BYTES)
    else:
        texts = partial(holdings.opened.reader(path).events, session_id, archived=is_archived)
        by_release = level is Level.KNOWN and holdings.shapes[path] is not Shape.V1
        comparison = compare_content(source, session_id, texts, by_release)
    is_deleted = is_archived and (path, session_id) in holdings.deleted
    elsewhere = HistoryVerdict.DELETED if is_deleted else HistoryVerdict.MOVED
    found_there = HistoryVerification(
        transcript=source.name,
        session=Name("session-id", session_id),
        verdict=verdict(source, comparison, elsewhere if moved else None),
        events=source.events,
        present=comparison.present,
        counts=source.counts,
        transforms=comparison.transforms,
        first_missing_line=comparison.first_missing_line,
        missing_is_tail=comparison.in_order and comparison.missing_is_tail,
        places=(Name("archive" if is_archived else "database", path),) if moved else (),
    )
    return found_there, path, comparison


def _more(source: HistorySource, stored: bytes) -> int:
    """How many events a stored history has besides those of a source that it contains, and of its siblings."""
    if source.overlap is None:
        return len(stored) // HASH_BYTES - source.events
    known = source.overlap.hashes.union(events_of(source.hashes))
    return sum(event not in known for event in events_of(stored))


def _find(
    holdings: Holdings, source: HistorySource, ids: list[str], target: str, claimed: Container[tuple[str, str]]
) -> tuple[str, str, bool]:
    """Where a history is: the database, the id, and whether in an archive; under the first id where it is nowhere."""
    held = holdings.histories.get(target, {})
    several = [one for one in ids if one in held]
    for session_id in several[1:] and several:
        if is_contained(source.hashes, held[session_id]):
            return target, session_id, False
    for path, session_id in _places(holdings.histories, target, ids):
        if path == target or (path, session_id) not in claimed:
            return path, session_id, False
    for path, session_id in _places(holdings.archives, target, ids):
        return path, session_id, True
    return target, ids[0], False


def _places(histories: Mapping[str, Mapping[str, bytes]], target: str, ids: list[str]) -> Iterator[tuple[str, str]]:
    """Where there are histories under these ids: database and id, those of the target first."""
    for path in chain((target,), histories):
        yield from ((path, one) for one in ids if one in histories.get(path, {}))
