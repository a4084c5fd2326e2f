"""Verify: read the sources and the databases again, and give every entry, history and row exactly one verdict.

Knows nothing of what an executor did, so it can judge a database that somebody else wrote, or whose writer was killed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import chain

from migrator.checks import database_checks, state_checks
from migrator.copies import findings_on_copies
from migrator.databases import history_texts
from migrator.digests import content_digest
from migrator.entry_verdicts import EntryJudge, newest_entries
from migrator.histories import Comparison, Siblings, compare_content, is_contained, verdict
from migrator.holdings import Claims, Holdings, claims_of
from migrator.model import HASH_BYTES, Database, Finding, Inventory, Name, Shape, Transcript
from migrator.openclaw.paths import agent_database
from migrator.places import same_place, with_lost_databases
from migrator.sqlite.snapshot import open_snapshot
from migrator.transcripts import additions, events_of, in_order, owners
from migrator.verdicts import (
    DatabaseVerification,
    EntryVerdict,
    HistoryVerification,
    Level,
    SourceVerification,
    Verdict,
    Verification,
)


def verify(inventory: Inventory, against: Inventory | None = None, level: Level = Level.KNOWN) -> Verification:
    """Judge the databases of a fresh inventory by its own sources, or by all that another one holds."""
    origin = against or inventory
    inventory = with_lost_databases(inventory, origin)
    holdings = Holdings(inventory, origin, tuple(claims_of(inventory, against)))
    claims: dict[str, list[Claims]] = defaultdict(list)
    for one in holdings.claims:
        claims[one.target].append(one)
    histories = _verify_histories(holdings, level)
    return Verification(
        state_dir=inventory.state_dir,
        databases=tuple(
            _verify_database(database, claims[database.path], tuple(histories[database.path]), holdings, level)
            for database in inventory.databases
        ),
        checks=tuple(state_checks(inventory)),
        findings=(*inventory.findings, *_on_copies(holdings, level)),
    )


def _on_copies(holdings: Holdings, level: Level) -> Iterator[Finding]:
    for agent in holdings.origin.agents:
        target = same_place(agent_database(agent.path), holdings.origin, holdings.inventory)

        def missing(transcript: Transcript, target: str = target) -> int:
            ids = [one for one in (transcript.header_id, transcript.named_id) if one is not None] or [""]
            found = _verify_history(holdings, transcript, ids, target, level)
            return found.events - found.present

        yield from findings_on_copies(agent, lambda: holdings.known_sessions, missing)


def _verify_database(
    database: Database,
    claims: list[Claims],
    histories: tuple[HistoryVerification, ...],
    holdings: Holdings,
    level: Level,
) -> DatabaseVerification:
    newest = newest_entries(claims)
    sources = []
    with ExitStack() as stack:
        connection = None
        if database.shape in (Shape.V1, Shape.ENTRIES, Shape.NODES):
            connection = stack.enter_context(open_snapshot(database.path))
        judge = EntryJudge(database, connection, holdings, level)
        for one in claims:
            verdicts = []
            for entry in one.entries:
                found = judge.verdict(one, entry, newest.get(entry.key) is entry)
                if found is not None:
                    verdicts.append(found)
            sources.append(_source(one, verdicts))
        checks = tuple(database_checks(database, connection, newest.keys()))
    rows = holdings.rows[database.path]
    return DatabaseVerification(
        database=database,
        sources=tuple(sources),
        histories=histories,
        extra=tuple(
            Name("session", key)
            for key, row in rows.items()
            if key not in newest and (row.session_id is None or row.session_id not in holdings.source_sessions)
        ),
        rows=len(rows),
        content_digest=content_digest(
            {row.key: row.sha256 for row in database.cache_rows},
            {row.key: row.sha256 for row in database.typed_rows},
            holdings.histories[database.path],
        ),
        checks=checks,
    )


def _source(claims: Claims, verdicts: list[EntryVerdict]) -> SourceVerification:
    """Count the verdicts on one source, its damaged spans as quarantined; all that have no words are ``same``."""
    counts = Counter(one.verdict for one in verdicts)
    if len(claims.entries) > len(verdicts):
        counts[Verdict.SAME] = len(claims.entries) - len(verdicts)
    counts[Verdict.QUARANTINED] += len(claims.store.damage) if claims.store else 0
    return SourceVerification(claims.place, claims.agent, tuple(sorted(counts.items())), tuple(verdicts))


def _verify_histories(holdings: Holdings, level: Level) -> dict[str, list[HistoryVerification]]:
    """The verdict on every transcript of the sources, by the database where its session belongs."""
    origin = holdings.origin
    claimed = owners(
        origin.stores,
        origin.transcripts,
        origin.state_dir,
        frozenset(agent.directory for agent in origin.agents),
    )
    database_of = dict(origin.pairs)
    by_agent = {agent.directory: agent_database(agent.path) for agent in origin.agents}
    by_agent |= {store.agent or "": database_of[store.path] for store in origin.stores}
    groups: dict[tuple[str, str], list[tuple[Transcript, list[str]]]] = defaultdict(list)
    for transcript in origin.transcripts:
        index, session_id = claimed.get(transcript.path, (-1, None))
        own = database_of[origin.stores[index].path] if session_id else by_agent.get(transcript.agent or "", "")
        ids = [one for one in (session_id, transcript.header_id, transcript.named_id) if one is not None]
        ids.append(f"orphan-{transcript.identity.sha256[:16]}")
        groups[same_place(own, origin, holdings.inventory), ids[0]].append((transcript, ids))
    made: dict[str, list[HistoryVerification]] = defaultdict(list)
    for (target, session_id), members in groups.items():
        siblings = _siblings(session_id, [transcript for transcript, _ in members])
        for transcript, ids in members:
            one = _verify_history(holdings, transcript, ids, target, level, siblings.get(transcript.path))
            made[target].append(one)
    return made


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
    holdings: Holdings,
    transcript: Transcript,
    ids: list[str],
    target: str,
    level: Level,
    siblings: Siblings | None = None,
) -> HistoryVerification:
    """Look for a history under each id that its file may stand for: in its own database, in others, in archives."""
    live = ((path, one, False) for path, one in _places(holdings.histories, target, ids))
    archived = ((path, one, True) for path, one in _places(holdings.archives, target, ids))
    path, session_id, is_archived = next(chain(live, archived), (target, ids[0], False))
    found = holdings.archives if is_archived else holdings.histories
    stored = found.get(path, {}).get(session_id, b"")
    events = len(transcript.hashes) // HASH_BYTES
    moved = events > 0 and (path != target or is_archived)  # what is empty has nowhere to go
    if is_contained(transcript.hashes, stored, siblings):
        comparison = Comparison(present=events, in_order=True, stored_only=0)
    elif level is Level.BYTES or not stored:
        comparison = Comparison(present=0, in_order=True, stored_only=len(stored) // HASH_BYTES)
    else:
        with open_snapshot(path) as connection:
            texts = history_texts(connection, path, session_id, is_archived)
            comparison = compare_content(transcript, session_id, texts, level is Level.KNOWN, siblings)
    return HistoryVerification(
        transcript=Name("transcript", transcript.path),
        session=Name("session-id", session_id),
        verdict=verdict(transcript, comparison, moved),
        events=events,
        present=comparison.present,
        counts=transcript.counts,
        transforms=comparison.transforms,
        first_missing_line=comparison.first_missing_line,
        places=(Name("archive" if is_archived else "database", path),) if moved else (),
    )


def _places(histories: Mapping[str, Mapping[str, bytes]], target: str, ids: list[str]) -> Iterator[tuple[str, str]]:
    """Where there are histories under these ids: database and id, those of the target first."""
    for path in chain((target,), histories):
        yield from ((path, one) for one in ids if one in histories.get(path, {}))
