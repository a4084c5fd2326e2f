"""Plan: from an inventory to what is to be done. A pure function: no file is opened here.

What few entries need, and no inventory holds therefore, is asked of a function of the caller.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from msgspec import structs

from migrator.findings.table import RULES
from migrator.model.inventory import Database, Entry, Inventory, Row, Store, StoreKind
from migrator.model.plan import Action, Candidate, DatabasePlan, Decision, Judged, Plan
from migrator.model.request import RepairWish
from migrator.model.words import Finding, Name, Severity
from migrator.model.writes import HistoryWrite
from migrator.openclaw.places.session_databases import is_opened
from migrator.planning.digests import content_digest, plan_digest
from migrator.planning.folding import RecoveredKeys, Session, fold
from migrator.planning.history_plans import plan_histories
from migrator.planning.merging import merge, time_of
from migrator.planning.owners import assign_owners
from migrator.planning.rejects import rejects_of
from migrator.planning.repair_planner import plan_repairs
from migrator.planning.repair_plans import plan_repair
from migrator.planning.settled import is_settled, kept_rows
from migrator.planning.space import peak_bytes
from migrator.runs.quarantine import SUPERSEDED

SET_ASIDE = (StoreKind.IMPORTED, StoreKind.ARCHIVED)
"""Stores whose entries were migrated before: verify judges by them, apply does not write them again."""


def plan(
    inventory: Inventory,
    archived: Callable[[Store, Entry], bytes],
    judged: tuple[Judged, ...] = (),
    wish: RepairWish = RepairWish(),  # noqa: B008
) -> Plan:
    """Decide for every key of every store what happens to it, and for every database what must be there afterwards.

    ``archived`` gives the digest of an entry's text marked as archived. ``judged`` are the sources from which databases
    that a newer release has migrated can be completed.
    """
    findings = list(inventory.findings)
    by_path = {database.path: database for database in inventory.databases}
    stores_of: dict[str, list[Store]] = {}
    for store in inventory.stores:
        if store.kind not in SET_ASIDE and is_opened(store.database):
            stores_of.setdefault(store.database, []).append(store)
    recovered = RecoveredKeys(lambda: dict(_holders(stores_of, inventory.databases)))
    histories, on_histories = plan_histories(inventory, recovered)
    settled = {
        path
        for path, stores in stores_of.items()
        if path in by_path and is_settled(by_path[path], stores, histories.get(path, ()), inventory)
    }
    refused = _refused(findings)
    for path in histories:
        stores_of.setdefault(path, [])
    findings += on_histories
    migrated = {database.path for database in inventory.databases if database.is_upgraded}
    to_write = {path: stores for path, stores in stores_of.items() if path not in migrated}
    typed_keys, made = fold(_sessions(to_write, by_path), inventory, recovered)
    findings += made
    respelled: dict[str, set[bytes]] = defaultdict(set)
    for path, sha256 in inventory.respelled:
        respelled[path].add(sha256)
    plans: dict[str, DatabasePlan] = {}
    for path, stores in stores_of.items():
        database = by_path.get(path)
        readable = tuple(store for store in stores if store.identity is not None)
        if database is None or path in refused or not (readable or histories.get(path)):
            continue
        if path in settled:
            planned, made = _plan_settled(database, readable, histories.get(path, ()), inventory)
        elif path in migrated:
            continue
        else:
            places = _Places(database, typed_keys, recovered, archived)
            planned, made = _plan_database(
                database, readable, histories.get(path, ()), places, respelled[path], inventory.quarantined
            )
        plans[path] = planned
        findings += made
    repairs, made = plan_repairs(inventory, judged, wish)
    findings += made
    for path, repair in repairs.items():
        if by_path[path].is_newer:  # whose columns are known, and who knows what else belongs to them?
            version = (("version", by_path[path].version or 0),)
            findings.append(Finding("database.newer-schema", Name("database", path), version))
        elif path not in refused:
            plans[path] = plan_repair(by_path[path], repair, plans.get(path), inventory.quarantined)
    return Plan(inventory.state_dir, tuple(plans.values()), tuple(findings), plan_digest(plans.values()))


def _refused(findings: Iterable[Finding]) -> set[str]:
    return {
        finding.subject.text
        for finding in findings
        if finding.subject.kind == "database" and RULES[finding.code].severity in (Severity.REFUSED, Severity.BUSY)
    }


def _holders(
    stores_of: Mapping[str, list[Store]], databases: Iterable[Database]
) -> Iterator[tuple[tuple[str, str], str | None]]:
    """Which session each key stands for, in stores and in typed rows, by database and key."""
    for path, stores in stores_of.items():
        yield from (((path, entry.key), entry.session_id) for store in stores for entry in store.entries)
    for database in databases:
        yield from (((database.path, row.key), row.session_id) for row in database.typed_rows)


def _sessions(stores_of: Mapping[str, list[Store]], databases: Mapping[str, Database]) -> Iterator[Session]:
    """Every session that is to have a typed row."""
    for path, stores in stores_of.items():
        for key, candidate in merge(stores).winners.items():
            entry, database = candidate.entry, databases.get(path)
            if entry.session_id is not None and database is not None:
                directory = stores[candidate.store].agent
                updated_at = time_of(entry.updated_at)
                yield Session(path, database.agent_id, directory, key, entry.session_id, updated_at)


@dataclass(frozen=True, slots=True)
class _Places:
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


def _plan_database(
    database: Database,
    stores: tuple[Store, ...],
    histories: tuple[HistoryWrite, ...],
    places: _Places,
    respelled: Collection[bytes],
    quarantined: frozenset[str],
) -> tuple[DatabasePlan, list[Finding]]:
    merged = merge(stores)
    cache = {row.key: row for row in database.cache_rows}
    typed = {row.key: row for row in database.typed_rows}
    decisions = [
        _decide(winner, *places.typed(stores[winner.store], winner.entry), cache.get(key), typed, respelled)
        for key, winner in merged.winners.items()
    ]
    made = []
    for loser in merged.displaced:
        entry = places.displaced(stores[loser.store], loser.entry)
        moved = Candidate(loser.store, entry)
        decisions.append(_decide(moved, entry.key, entry.sha256, cache.get(entry.key), typed, respelled))
        names = Name("session", loser.entry.key), Name("session", entry.key)
        made.append(Finding("entry.displaced", names[0], (), names[1:]))
    decisions = assign_owners(decisions, typed)
    files = tuple({file.path: file for history in histories for file in history.transcripts}.values())
    rejects = rejects_of(stores, files, merged.superseded, quarantined)
    new = [(one.key, one.entry) for one in histories if one.pending and one.entry is not None]
    written = chain(
        ((key, hashlib.sha256(text.encode()).digest()) for key, text in new),
        ((d.typed_key, d.typed_sha256) for d in decisions if d.write_typed),
    )
    final_histories = {stored.session_id: stored.hashes for stored in database.transcripts}
    for history in histories:
        if history.pending:
            final_histories[history.session_id] = history.hashes
    planned = DatabasePlan(
        database=database,
        stores=stores,
        decisions=tuple(decisions),
        histories=histories,
        rejects=rejects,
        expected_rows=len(cache) + sum(d.write_cache and d.key not in cache for d in decisions),
        expected_digest=content_digest(
            _replaced(cache, ((d.key, d.sha256) for d in decisions if d.write_cache)),
            _replaced(typed, written),
            final_histories,
        ),
        peak_bytes=_peak_bytes(database, stores, histories),
    )
    return planned, [*made, *_findings(planned)]


def _replaced(rows: Mapping[str, Row], written: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """The digests by key that are there once rows were written: theirs, and those of the rows that stay."""
    keys = set()
    for key, digest in written:
        yield key, digest
        if rows:
            keys.add(key)
    yield from ((key, row.sha256) for key, row in rows.items() if key not in keys)


def _plan_settled(
    database: Database, stores: tuple[Store, ...], histories: tuple[HistoryWrite, ...], inventory: Inventory
) -> tuple[DatabasePlan, list[Finding]]:
    """A plan to write nothing: there may be rejects to preserve, and stores to put away."""
    merged = merge(stores)
    entries = [candidate.entry for candidate in merged.winners.values()]
    planned = DatabasePlan(
        database=database,
        stores=stores,
        decisions=tuple(kept_rows(database, entries, inventory)),
        histories=histories,
        rejects=rejects_of(
            stores,
            tuple(file for history in histories for file in history.transcripts),
            [*merged.displaced, *merged.superseded],
            inventory.quarantined,
        ),
        expected_rows=len({row.key for row in (*database.cache_rows, *database.typed_rows)}),
        expected_digest=content_digest(
            {row.key: row.sha256 for row in database.cache_rows},
            {row.key: row.sha256 for row in database.typed_rows},
            {stored.session_id: stored.hashes for stored in database.transcripts},
        ),
        peak_bytes=0,
    )
    return planned, _findings(planned)


def _decide(
    candidate: Candidate,
    typed_key: str,
    typed_sha256: bytes,
    cache: Row | None,
    typed_rows: Mapping[str, Row],
    respelled: Collection[bytes],
) -> Decision:
    """The merge rule against the rows that are there: strictly newer wins, a tie keeps the row.

    A row in ``respelled`` is the same entry in another spelling, and stays as it is.
    """
    entry, typed = candidate.entry, typed_rows.get(typed_key)
    present = [row for row in (cache, typed) if row is not None]
    existing = max(present, key=lambda row: time_of(row.updated_at), default=None)
    same = existing is not None and (existing.sha256 in (entry.sha256, typed_sha256) or existing.sha256 in respelled)
    newer = existing is None or time_of(entry.updated_at) > time_of(existing.updated_at)
    kept = existing if existing and (existing.sha256 in respelled or not (same or newer)) else None
    sha256 = kept.sha256 if kept else entry.sha256
    session_id = kept.session_id if kept else entry.session_id
    if kept:
        typed_key, typed_sha256 = entry.key, kept.sha256
        typed = typed_rows.get(typed_key)
    write_cache = cache is None or cache.sha256 != sha256
    write_typed = session_id is not None and (typed is None or typed.sha256 != typed_sha256)
    if existing is None:
        action = Action.INSERT
    elif same:
        action = Action.COMPLETE if write_cache or write_typed else Action.SAME
    else:
        action = Action.KEEP if kept else Action.UPDATE
    return Decision(
        key=entry.key,
        action=action,
        source=None if kept else candidate,
        sha256=sha256,
        session_id=session_id,
        updated_at=kept.updated_at if kept else entry.updated_at,
        write_cache=write_cache,
        write_typed=write_typed,
        owns_session=False,
        typed_key=typed_key,
        typed_sha256=typed_sha256,
        tie=kept is not None and not same and time_of(entry.updated_at) == time_of(kept.updated_at),
    )


def _findings(planned: DatabasePlan) -> list[Finding]:
    """What the scan could not know: who lost against whom, and session ids with several keys."""
    database = Name("database", planned.database.path)
    made = [
        Finding(SUPERSEDED, Name("session", reject.key or ""), (("offset", reject.offset),), (database,))
        for reject in planned.rejects
        if reject.code == SUPERSEDED
    ]
    seen: set[str | None] = set()
    several: set[str | None] = set()
    for decision in planned.decisions:
        (several if decision.session_id in seen else seen).add(decision.session_id)
    shared: dict[str, list[Decision]] = {}
    for decision in planned.decisions:
        if decision.action is Action.KEEP:
            code = "entry.kept-tie" if decision.tie else "entry.kept-newer"
            made.append(Finding(code, Name("session", decision.key), (), (database,)))
        if decision.session_id is not None and decision.session_id in several:
            shared.setdefault(decision.session_id, []).append(decision)
    for decisions in shared.values():
        owner = [Name("session", d.key) for d in decisions if d.owns_session]
        made += [
            Finding("entry.shared-session-id", Name("session", d.key), (), tuple(owner))
            for d in decisions
            if not d.owns_session
        ]
    return made


def _peak_bytes(database: Database, stores: tuple[Store, ...], histories: tuple[HistoryWrite, ...]) -> int:
    """The most disk space needed at one time: the copies of what is there, and the rows, with their journal."""
    present = sum(identity.size for _, identity in database.files)
    entries = sum(entry.length for store in stores for entry in store.entries)
    events = sum(history.size for history in histories if history.pending)
    rows = sum(len(store.entries) for store in stores)
    return peak_bytes(present, entries, events, rows)
