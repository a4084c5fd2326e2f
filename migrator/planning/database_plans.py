"""The plan for one database: one to write to, one that has everything, or one to be repaired. Pure.

One that has everything is settled: a newer OpenClaw has migrated it, and beside it a store came back, from a backup or
with an old build. Nothing is written to such a database. But the next upgrade would import the stale store over its
newer rows (``migrator/openclaw/README.md``: "stale store wins"). So there is a plan, for apply to verify that nothing
of the store is lacking and, if it is asked to archive, to put the store away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from msgspec import structs

from migrator.model.inventory import Database, Entry, Inventory, Row, Store, Transcript
from migrator.model.plan import Action, Candidate, DatabasePlan, Decision, Reject
from migrator.model.words import Finding, Name
from migrator.model.writes import HistoryWrite, Repair
from migrator.openclaw.places.session_key import canonical_key
from migrator.openclaw.text.entry import is_made_up
from migrator.planning.decisions import Merged, assign_owners, decide, merge, rows_by_key
from migrator.planning.digests import content_digest, held, span_id
from migrator.planning.folding import RecoveredKeys
from migrator.runs.quarantine import SUPERSEDED

_EMPTY, _ROW = 128 * 1024, 512
"""Bytes that the tables take without a row, and what a row takes beside its text."""

_GROWTH = 3
"""Bytes that a database grows per byte of entry text: two shapes, indexes and page slack (measured 2.3 to 2.7)."""


@dataclass(frozen=True, slots=True)
class Places:
    """The keys and digests of the typed rows of one database."""

    database: Database
    typed_keys: Mapping[tuple[str, str], str]
    recovered: RecoveredKeys
    archived: Callable[[Store, Entry], bytes]

    def typed(self, store: Store, entry: Entry) -> tuple[str, bytes]:
        """The row of an entry: archived, under a key of its own, if it is folded."""
        key = self.typed_keys.get((self.database.path, entry.key), entry.key)
        return key, entry.sha256 if key == entry.key else self.archived(store, entry)

    def displaced(self, store: Store, entry: Entry) -> Entry:
        """An entry whose key another session has, as it is kept: archived, under a key of its own."""
        session_id = entry.session_id or ""
        key = self.recovered.give(self.database.path, self.database.agent_id, session_id, entry.key)
        return structs.replace(entry, key=key, sha256=self.archived(store, entry))


def plan_database(
    database: Database,
    stores: tuple[Store, ...],
    histories: tuple[HistoryWrite, ...],
    places: Places,
    respelled: Collection[bytes],
    quarantined: frozenset[str],
) -> tuple[DatabasePlan, list[Finding]]:
    """The plan for a database that sessions can be written to in both shapes, and what is worth knowing of it."""
    merged = merge(stores, rows_by_key(database))
    decisions, findings = _decisions(stores, merged, places, respelled)
    relieved = _relieved_keys(database, decisions)
    typed = {row.key: row for row in database.typed_rows if row.key not in relieved}
    decisions = assign_owners(decisions, typed)
    files = tuple({file.path: file for history in histories for file in history.transcripts}.values())
    keys = {row.key for row in database.cache_rows}
    planned = DatabasePlan(
        database=database,
        stores=stores,
        decisions=tuple(decisions),
        histories=histories,
        rejects=rejects_of(stores, files, merged.superseded, quarantined),
        expected_rows=len(keys) + sum(d.write_cache and d.key not in keys for d in decisions),
        expected_digest=_expected_digest(database, typed, decisions, [one for one in histories if one.pending]),
        peak_bytes=_peak_bytes(database, stores, histories),
        relieved=relieved,
    )
    return planned, [*findings, *_findings(planned)]


def _decisions(
    stores: tuple[Store, ...], merged: Merged, places: Places, respelled: Collection[bytes]
) -> tuple[list[Decision], list[Finding]]:
    """What happens to each key, and to each session whose key another one has."""
    cache = {row.key: row for row in places.database.cache_rows}
    typed = {row.key: row for row in places.database.typed_rows}
    decisions = [
        decide(winner, *places.typed(stores[winner.store], winner.entry), cache.get(key), typed, respelled)
        for key, winner in merged.winners.items()
    ]
    findings = []
    for loser in merged.displaced:
        entry = places.displaced(stores[loser.store], loser.entry)
        moved = Candidate(loser.store, entry)
        decisions.append(decide(moved, entry.key, entry.sha256, cache.get(entry.key), typed, respelled))
        names = Name("session", loser.entry.key), Name("session", entry.key)
        findings.append(Finding("entry.displaced", names[0], (), names[1:]))
    return decisions, findings


def _expected_digest(
    database: Database, typed: Mapping[str, Row], decisions: list[Decision], pending: list[HistoryWrite]
) -> str:
    """The digest of what the database must hold afterwards; ``typed`` are the typed rows that may stay."""
    cache = {row.key: row for row in database.cache_rows}
    recovered = [(history.key, history.entry) for history in pending if history.entry is not None]
    written = chain(
        ((key, hashlib.sha256(text.encode()).digest()) for key, text in recovered),
        ((d.typed_key, d.typed_sha256) for d in decisions if d.write_typed),
    )
    histories = {stored.session_id: stored.hashes for stored in database.transcripts}
    histories |= {history.session_id: history.hashes for history in pending}
    return content_digest(
        _replaced(cache, ((d.key, d.sha256) for d in decisions if d.write_cache)), _replaced(typed, written), histories
    )


def _relieved_keys(database: Database, decisions: Iterable[Decision]) -> tuple[str, ...]:
    """The keys that were made up for histories without an entry whose own entries are there now, under other keys."""
    made_up = [row for row in database.typed_rows if is_made_up(row)]
    if not made_up:
        return ()
    keys = {d.typed_key: d.session_id for d in decisions}
    return tuple(row.key for row in made_up if row.session_id in keys.values() and row.key not in keys)


def plan_settled(
    database: Database, stores: tuple[Store, ...], histories: tuple[HistoryWrite, ...], inventory: Inventory
) -> tuple[DatabasePlan, list[Finding]]:
    """A plan to write nothing: there may be rejects to preserve, and stores to put away."""
    merged = merge(stores, {})
    entries = [candidate.entry for candidate in merged.winners.values()]
    planned = DatabasePlan(
        database=database,
        stores=stores,
        decisions=tuple(_kept_rows(database, entries, inventory)),
        histories=histories,
        rejects=rejects_of(
            stores,
            tuple(file for history in histories for file in history.transcripts),
            [*merged.displaced, *merged.superseded],
            inventory.quarantined,
        ),
        expected_rows=len(database.keys),
        expected_digest=content_digest(
            {row.key: row.sha256 for row in database.cache_rows},
            {row.key: row.sha256 for row in database.typed_rows},
            {stored.session_id: stored.hashes for stored in database.transcripts},
        ),
        peak_bytes=0,
    )
    return planned, _findings(planned)


def _kept_rows(database: Database, entries: Iterable[Entry], inventory: Inventory) -> Iterator[Decision]:
    """The decisions for the entries of a settled database: whatever is there stays as it is."""
    rows = {row.key: row for row in database.typed_rows}
    for entry in entries:
        row = _row(database, rows, entry, inventory)
        if row is not None:
            yield Decision(
                key=entry.key,
                action=Action.KEEP if (row.updated_at or 0) > (entry.updated_at or 0) else Action.SAME,
                source=None,
                sha256=row.sha256,
                session_id=row.session_id,
                updated_at=row.updated_at,
                write_cache=False,
                write_typed=False,
                owns_session=False,
                typed_key=entry.key,
                typed_sha256=row.sha256,
            )


def is_settled(
    database: Database, stores: Iterable[Store], histories: Iterable[HistoryWrite], inventory: Inventory
) -> bool:
    """Whether a migrated database has a row, as new or newer, for each entry, and all of each history."""
    if not database.is_upgraded or any(history.pending for history in histories):
        return False
    rows = {row.key: row for row in database.typed_rows}
    entries = (entry for store in stores for entry in store.entries if entry.problem is None)
    return all(_holds(_row(database, rows, entry, inventory), entry) for entry in entries)


def _row(database: Database, rows: dict[str, Row], entry: Entry, inventory: Inventory) -> Row | None:
    """The row of an entry, under its own key or the one that the upgrade has given it."""
    canonical = canonical_key(entry.key, database.agent_id, inventory.main_key, inventory.scope)
    return rows.get(entry.key) or rows.get(canonical)


def _holds(row: Row | None, entry: Entry) -> bool:
    if row is None or entry.session_id is None:
        return False
    newer, age = row.updated_at or 0, entry.updated_at or 0
    return newer > age or (newer == age and row.session_id == entry.session_id)


def plan_repair(
    database: Database, repair: Repair, settled: DatabasePlan | None, quarantined: frozenset[str]
) -> DatabasePlan:
    """The plan for a database that gets additions only; its digest is that of what is there already.

    ``settled`` is the plan for the live stores beside it, if all that they have is there.
    """
    stores = {row.source.store.path: row.source.store for row in repair.rows if row.source.store is not None}
    files = tuple(file for history in repair.histories for file in history.transcripts)
    present = sum(identity.size for _, identity in database.files)
    entries = sum(row.source.entry.length for row in repair.rows)
    events = sum(history.size for history in repair.histories)
    new = sum(not (row.replaces or row.relieves) for row in repair.rows)
    recovered = sum(history.entry is not None for history in repair.histories)
    rejects = rejects_of(tuple(stores.values()), files, [], quarantined)
    beside = settled or DatabasePlan(database, (), (), (), (), 0, "", 0)
    return replace(
        beside,
        rejects=tuple(dict.fromkeys((*beside.rejects, *rejects))),
        expected_rows=len(database.typed_rows) + new + recovered,
        expected_digest=content_digest(*held(database)),
        peak_bytes=peak_bytes(present, entries, 3 * events, len(repair.rows)),
        repair=repair,
    )


def rejects_of(
    stores: tuple[Store, ...],
    files: tuple[Transcript, ...],
    superseded: Iterable[Candidate],
    quarantined: frozenset[str],
) -> tuple[Reject, ...]:
    """Everything that was read and will be in no row: damaged spans, problem entries, what is ``superseded``."""

    def reject(source: Store | Transcript, offset: int, length: int, code: str, key: str | None) -> Reject:
        span = span_id(source.identity, offset, length)
        return Reject(source.path, span, offset, length, code, key, span in quarantined)

    rejects = []
    sources: list[Store | Transcript] = [*stores, *files]
    for source in sources:
        rejects += [reject(source, span.offset, span.length, span.problem, None) for span in source.damage]
    for store in stores:
        rejects += [
            reject(store, entry.offset, entry.length, entry.problem, entry.key)
            for entry in store.entries
            if entry.problem is not None
        ]
    for store_number, entry in ((loser.store, loser.entry) for loser in superseded):
        rejects.append(reject(stores[store_number], entry.offset, entry.length, SUPERSEDED, entry.key))
    return tuple(rejects)


def _replaced(rows: Mapping[str, Row], written: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """The digests by key that are there once rows were written: theirs, and those of the rows that stay."""
    keys = set()
    for key, digest in written:
        yield key, digest
        if rows:
            keys.add(key)
    yield from ((key, row.sha256) for key, row in rows.items() if key not in keys)


def _findings(planned: DatabasePlan) -> list[Finding]:
    """What the scan could not know: who lost against whom, and session ids with several keys."""
    database = Name("database", planned.database.path)
    findings = [
        Finding(SUPERSEDED, Name("session", reject.key or ""), (("offset", reject.offset),), (database,))
        for reject in planned.rejects
        if reject.code == SUPERSEDED
    ]
    for decision in planned.decisions:
        if decision.action is Action.KEEP:
            code = "entry.kept-tie" if decision.tie else "entry.kept-newer"
            findings.append(Finding(code, Name("session", decision.key), (), (database,)))
    for decisions in _sharing(planned.decisions):
        owner = [Name("session", d.key) for d in decisions if d.owns_session]
        findings += [
            Finding("entry.shared-session-id", Name("session", d.key), (), tuple(owner))
            for d in decisions
            if not d.owns_session
        ]
    return findings


def _sharing(decisions: tuple[Decision, ...]) -> Iterator[list[Decision]]:
    """The decisions on each session id that several keys stand for."""
    seen: set[str | None] = set()
    several: set[str | None] = set()
    for decision in decisions:
        (several if decision.session_id in seen else seen).add(decision.session_id)
    shared: dict[str, list[Decision]] = {}
    for decision in decisions:
        if decision.session_id is not None and decision.session_id in several:
            shared.setdefault(decision.session_id, []).append(decision)
    yield from shared.values()


def _peak_bytes(database: Database, stores: tuple[Store, ...], histories: tuple[HistoryWrite, ...]) -> int:
    """The most disk space needed at one time: the copies of what is there, and the rows, with their journal."""
    present = sum(identity.size for _, identity in database.files)
    entries = sum(entry.length for store in stores for entry in store.entries)
    events = sum(history.size for history in histories if history.pending)
    rows = sum(len(store.entries) for store in stores)
    return peak_bytes(present, entries, events, rows)


def peak_bytes(present: int, entries: int, events: int, rows: int) -> int:
    """The most bytes needed at one time: the copies of what is there, and the rows, with their journal.

    All but ``rows``, their number, are in bytes: of the file set, of the entries, and of the transcripts to be written.
    """
    return 2 * present + 2 * _GROWTH * entries + 2 * events + _ROW * rows + _EMPTY
