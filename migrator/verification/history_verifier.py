"""The part of verifying that is about transcripts: a verdict on every history that the sources hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain

from migrator.model.inventory import Inventory, Transcript
from migrator.model.verification import HistoryVerification, Level
from migrator.model.words import HASH_BYTES, Finding, Name
from migrator.openclaw.places.paths import agent_database
from migrator.scanning.copies import findings_on_copies
from migrator.scanning.databases import history_texts
from migrator.scanning.transcripts import additions, events_of, in_order, merged_hashes, owners
from migrator.sqlite.snapshot import open_snapshot
from migrator.verification.histories import (
    Comparison,
    HistorySource,
    Siblings,
    compare_content,
    dropped_by_writer,
    in_file,
    in_rows,
    is_contained,
    verdict,
)
from migrator.verification.holdings import Holdings
from migrator.verification.places import same_place


def verify_histories(holdings: Holdings, level: Level) -> dict[str, list[HistoryVerification]]:
    """The verdict on every history of the sources, by the database where its session belongs."""
    inventory, origin = holdings.inventory, holdings.origin
    groups = _files_of_sessions(inventory, origin)
    made: dict[str, list[HistoryVerification]] = defaultdict(list)
    for (target, session_id), members in groups.items():
        siblings = _siblings(session_id, [transcript for transcript, _ in members])
        for transcript, ids in members:
            source = in_file(transcript, siblings.get(transcript.path))
            made[target].append(_verify_history(holdings, source, ids, target, level))
    if origin.state_dir != inventory.state_dir:
        for target, session_id, source in _stored_histories(inventory, origin, groups):
            made[target].append(_verify_history(holdings, source, [session_id], target, level))
    return made


def verify_copies(holdings: Holdings, level: Level) -> Iterator[Finding]:
    """What copies beside the live files have that is nowhere else."""
    for agent in holdings.origin.agents:
        target = same_place(agent_database(agent.path), holdings.origin, holdings.inventory)

        def missing(transcript: Transcript, target: str = target) -> int:
            ids = [one for one in (transcript.header_id, transcript.named_id) if one is not None] or [""]
            found = _verify_history(holdings, in_file(transcript), ids, target, level)
            return found.events - found.present

        yield from findings_on_copies(agent, lambda: holdings.known_sessions, missing)


_Groups = dict[tuple[str, str], list[tuple[Transcript, list[str]]]]


def _files_of_sessions(inventory: Inventory, origin: Inventory) -> _Groups:
    """The transcripts by the database and the session that they belong to, each with all ids it may go by."""
    claimed = owners(
        origin.stores,
        origin.transcripts,
        origin.state_dir,
        frozenset(agent.directory for agent in origin.agents),
    )
    database_of = dict(origin.pairs)
    by_agent = {agent.directory: agent_database(agent.path) for agent in origin.agents}
    by_agent |= {store.agent or "": database_of[store.path] for store in origin.stores}
    groups: _Groups = defaultdict(list)
    for transcript in origin.transcripts:
        index, session_id = claimed.get(transcript.path, (-1, None))
        own = database_of[origin.stores[index].path] if session_id else by_agent.get(transcript.agent or "", "")
        ids = [one for one in (session_id, transcript.header_id, transcript.named_id) if one is not None]
        ids.append(f"orphan-{transcript.identity.sha256[:16]}")
        groups[same_place(own, origin, inventory), ids[0]].append((transcript, ids))
    return groups


def _stored_histories(
    inventory: Inventory, origin: Inventory, groups: _Groups
) -> Iterator[tuple[str, str, HistorySource]]:
    """The histories in the databases of another installation, but for those that its files have as well."""
    for database in origin.databases:
        target = same_place(database.path, origin, inventory)
        for stored in database.transcripts:
            files = tuple(transcript for transcript, _ in groups.get((target, stored.session_id), ()))
            in_files = merged_hashes(in_order(stored.session_id, files)) if files else b""
            if not is_contained(stored.hashes, in_files):
                yield target, stored.session_id, in_rows(database.path, stored)


def _siblings(session_id: str, files: list[Transcript]) -> dict[str, Siblings]:
    """What the files of one session share, by path; nothing where there is only one."""
    if len(files) < 2:
        return {}
    ordered = in_order(session_id, files)
    events = {file.path: frozenset(events_of(file.hashes)) for file in ordered}
    return {
        file.path: Siblings(mask, frozenset().union(*(events[path] for path in events if path != file.path)))
        for file, mask in zip(ordered, additions(ordered), strict=True)
    }


def _verify_history(
    holdings: Holdings, source: HistorySource, ids: list[str], target: str, level: Level
) -> HistoryVerification:
    """Look for a history under each id that it may go by: in its own database, in others, in archives."""
    live = ((path, one, False) for path, one in _places(holdings.histories, target, ids))
    archived = ((path, one, True) for path, one in _places(holdings.archives, target, ids))
    path, session_id, is_archived = next(chain(live, archived), (target, ids[0], False))
    found = holdings.archives if is_archived else holdings.histories
    stored = found.get(path, {}).get(session_id, b"")
    moved = source.events > 0 and (path != target or is_archived)  # what is empty has nowhere to go
    if is_contained(source.hashes, stored, source.siblings):
        comparison = Comparison(present=source.events, in_order=True, stored_only=0)
    elif level is Level.BYTES or not stored:
        comparison = Comparison(present=0, in_order=True, stored_only=len(stored) // HASH_BYTES)
    else:
        with open_snapshot(path) as connection:
            texts = history_texts(connection, path, session_id, is_archived)
            may_lack = dropped_by_writer(holdings.shapes[path])
            comparison = compare_content(source, session_id, texts, level is Level.KNOWN, may_lack)
    return HistoryVerification(
        transcript=source.name,
        session=Name("session-id", session_id),
        verdict=verdict(source, comparison, moved),
        events=source.events,
        present=comparison.present,
        counts=source.counts,
        transforms=comparison.transforms,
        first_missing_line=comparison.first_missing_line,
        missing_is_tail=comparison.in_order and comparison.missing_is_tail,
        places=(Name("archive" if is_archived else "database", path),) if moved else (),
    )


def _places(histories: Mapping[str, Mapping[str, bytes]], target: str, ids: list[str]) -> Iterator[tuple[str, str]]:
    """Where there are histories under these ids: database and id, those of the target first."""
    for path in chain((target,), histories):
        yield from ((path, one) for one in ids if one in histories.get(path, {}))
