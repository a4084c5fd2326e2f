"""The plan for one database that is to be repaired. Pure."""

from __future__ import annotations

from dataclasses import replace

from migrator.model.inventory import Database
from migrator.model.plan import DatabasePlan, Plan
from migrator.model.words import Finding, Name
from migrator.model.writes import Repair
from migrator.planning.digests import content_digest
from migrator.planning.rejects import rejects_of
from migrator.planning.space import peak_bytes


def plan_repair(
    database: Database, repair: Repair, settled: DatabasePlan | None, quarantined: frozenset[str]
) -> DatabasePlan:
    """The plan for a database that gets additions only; its digest is that of what is there already.

    ``settled`` is the plan for the live stores beside it, if all that they have is there.
    """
    stores = {row.source.store.path: row.source.store for row in repair.rows if row.source.store is not None}
    files = tuple(file for history in repair.histories for file in history.transcripts)
    histories = {stored.session_id: stored.hashes for stored in database.transcripts if not stored.archive}
    cache = {row.key: row.sha256 for row in database.cache_rows}
    typed = {row.key: row.sha256 for row in database.typed_rows}
    present = sum(identity.size for _, identity in database.files)
    entries = sum(row.source.entry.length for row in repair.rows)
    events = sum(history.size for history in repair.histories)
    new = [row for row in repair.rows if not row.replaces]
    recovered = [history for history in repair.histories if history.entry is not None]
    rejects = rejects_of(tuple(stores.values()), files, [], quarantined)
    return DatabasePlan(
        database=database,
        stores=settled.stores if settled else (),
        decisions=settled.decisions if settled else (),
        histories=settled.histories if settled else (),
        rejects=tuple(dict.fromkeys((*(settled.rejects if settled else ()), *rejects))),
        expected_rows=len(typed) + len(new) + len(recovered),
        expected_digest=content_digest(cache, typed, histories),
        peak_bytes=peak_bytes(present, entries, 3 * events, len(repair.rows)),
        repair=repair,
    )


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
