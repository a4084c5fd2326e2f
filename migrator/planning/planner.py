"""Plan: from an inventory to what is to be done. A pure function: no file is opened here.

What few entries need, and no inventory holds therefore, is asked of a function of the caller.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from migrator.findings.table import RULES
from migrator.model.inventory import Database, Entry, Inventory, Shape, Store, StoreKind, Transcript
from migrator.model.plan import DatabasePlan, Judged, Plan
from migrator.model.request import RepairWish
from migrator.model.words import Finding, Name, Severity
from migrator.model.writes import HistoryWrite
from migrator.openclaw.places.session_databases import is_opened
from migrator.openclaw.places.session_files import FileKind
from migrator.planning.database_plans import Places, is_settled, plan_database, plan_repair, plan_settled
from migrator.planning.decisions import merge, rows_by_key, time_of
from migrator.planning.digests import plan_digest
from migrator.planning.folding import RecoveredKeys, Session, fold
from migrator.planning.history_plans import plan_histories
from migrator.planning.repair_planner import plan_repairs


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
    inventory = with_originals_of_the_lost(inventory)
    by_path = {database.path: database for database in inventory.databases}
    stores_of = _stores_of(inventory)
    recovered = RecoveredKeys(lambda: dict(_holders(stores_of, inventory.databases)))
    histories, on_histories = plan_histories(inventory, recovered)
    refused = _refused(inventory.findings)
    to_write = {path: stores for path, stores in stores_of.items() if path in by_path and not by_path[path].is_upgraded}
    typed_keys, on_folded = fold(_sessions(to_write, by_path), inventory, recovered)
    findings = [*inventory.findings, *on_histories, *on_folded]
    respelled = _respelled(inventory)
    plans: dict[str, DatabasePlan] = {}
    for path in (*stores_of, *(path for path in histories if path not in stores_of)):
        if path in refused or path not in by_path:
            continue
        places = Places(by_path[path], typed_keys, recovered, archived)
        planned = _planned(stores_of.get(path, []), histories.get(path, ()), places, respelled[path], inventory)
        if planned is not None:
            plans[path], on_database = planned
            findings += on_database
    repairs, on_repairs = plan_repairs(inventory, judged, wish)
    findings += on_repairs
    for path, repair in repairs.items():
        if by_path[path].is_newer:  # whose columns are known, and who knows what else belongs to them?
            version = (("version", by_path[path].version or 0),)
            findings.append(Finding("database.newer-schema", Name("database", path), version))
        elif path not in refused:
            plans[path] = plan_repair(by_path[path], repair, plans.get(path), inventory.quarantined)
    return Plan(inventory.state_dir, tuple(plans.values()), tuple(findings), plan_digest(plans.values()))


def _respelled(inventory: Inventory) -> dict[str, set[bytes]]:
    """The digests of the rows of each database that hold an entry in another spelling."""
    respelled: dict[str, set[bytes]] = defaultdict(set)
    for path, sha256 in inventory.respelled:
        respelled[path].add(sha256)
    return respelled


def _planned(
    stores: list[Store],
    histories: tuple[HistoryWrite, ...],
    places: Places,
    respelled: Collection[bytes],
    inventory: Inventory,
) -> tuple[DatabasePlan, list[Finding]] | None:
    """The plan for the database of ``places``; None where there is nothing to plan, or only a repair adds to it."""
    database = places.database
    readable = tuple(store for store in stores if store.identity is not None)
    if not (readable or histories):
        return None
    if stores and is_settled(database, stores, histories, inventory):
        return plan_settled(database, readable, histories, inventory)
    if database.is_upgraded:
        return None
    return plan_database(database, readable, histories, places, respelled, inventory.quarantined)


def _stores_of(inventory: Inventory) -> dict[str, list[Store]]:
    """The stores that go into each database."""
    stores_of: dict[str, list[Store]] = {}
    for store in inventory.stores:
        if not store.is_set_aside and is_opened(store.database):
            stores_of.setdefault(store.database, []).append(store)
    return stores_of


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
        database = databases.get(path)
        for key, candidate in merge(stores, rows_by_key(database)).winners.items():
            entry = candidate.entry
            if entry.session_id is not None and database is not None:
                directory = stores[candidate.store].agent
                updated_at = time_of(entry.updated_at)
                yield Session(path, database.agent_id, directory, key, entry.session_id, updated_at)


def with_more(done: Plan, again: Plan) -> Plan:
    """The plan that was carried out, with a finding for each database that can get more back by ``again``.

    Sessions that share an id, or the key of one whose row was replaced, get their places one after the other.
    """
    left = [(planned.database.path, planned.repair) for planned in again.databases if planned.repair is not None]
    findings = [
        Finding("repair.again", Name("database", path), (("count", len(repair.rows) + len(repair.histories)),))
        for path, repair in left
    ]
    return replace(done, findings=(*done.findings, *findings))


def with_originals_of_the_lost(inventory: Inventory) -> Inventory:
    """Take the originals of an import for present ones where the database that they went into is gone or has nothing.

    A database of schema 2 and later that is there is repaired from them instead. Of an agent whose original store is
    gone as well, those transcripts count that are in no other database.
    """
    lost = {database.path: database.directory for database in inventory.databases if _has_nothing(database)}
    imported = [store for store in inventory.stores if store.kind is StoreKind.IMPORTED]
    revived = {store.agent for store in imported if store.database in lost} - {None}
    without_store = {*lost.values()} - {store.agent for store in imported}
    stored = _stored_sessions(inventory)

    def is_original(one: Transcript) -> bool:
        if one.kind != FileKind.IMPORTED_TRANSCRIPT.value:
            return False
        is_nowhere = stored.isdisjoint({one.header_id, one.named_id})
        return one.agent in revived or (one.agent in without_store and is_nowhere)

    return replace(
        inventory,
        stores=tuple(
            replace(store, kind=StoreKind.AGENT)
            if store.kind is StoreKind.IMPORTED and store.agent in revived and store.database in lost
            else store
            for store in inventory.stores
        ),
        transcripts=tuple(
            replace(one, kind=FileKind.TRANSCRIPT.value) if is_original(one) else one for one in inventory.transcripts
        ),
    )


def _stored_sessions(inventory: Inventory) -> set[str]:
    """The ids of all sessions that have a history in a database."""
    return {one.session_id for database in inventory.databases for one in (*database.transcripts, *database.archives)}


def _has_nothing(database: Database) -> bool:
    empty = not (database.cache_rows or database.typed_rows or database.transcripts or database.archives)
    return empty and database.shape in (Shape.MISSING, Shape.EMPTY, Shape.V1)
