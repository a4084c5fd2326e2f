"""What is said of each database: what would be done to it, what was done, and whether everything is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

from migrator.model.inventory import Agent, Database, Inventory, Shape, Store
from migrator.model.outcome import NOT_ARCHIVED, Archiving, Outcome
from migrator.model.plan import Action, DatabasePlan, Plan, Reject
from migrator.model.verification import DatabaseVerification, EntryVerdict, HistoryVerdict, Verdict, Verification
from migrator.model.words import Name
from migrator.model.writes import Repair
from migrator.report.parts import (
    AgentRow,
    Lazy,
    PlannedDatabase,
    PlanPart,
    RejectRow,
    RepairRow,
    RunPart,
    State,
    WrittenDatabase,
)
from migrator.report.verified_parts import (
    DifferenceRow,
    Parity,
    ParityLine,
    SessionRow,
    TranscriptRow,
    VerificationPart,
    VerifiedDatabase,
)
from migrator.verification.parity import given_up, is_complete, parity


def plan_part(plan: Plan, inventory: Inventory) -> PlanPart:
    """What would be done to each database."""
    directories = _directories(inventory)
    return PlanPart(digest=plan.digest, databases=[_planned(one, directories) for one in plan.databases])


def _planned(planned: DatabasePlan, directories: Container[str]) -> PlannedDatabase:
    actions = Counter(decision.action.value for decision in planned.decisions)
    repaired = planned.repair.histories if planned.repair is not None else ()
    for row in planned.repair.rows if planned.repair is not None else ():
        actions[(Action.UPDATE if row.replaces else Action.INSERT).value] += 1
    return PlannedDatabase(
        agent=_directory_of(planned.database, directories),
        database=Name("database", planned.database.path),
        stores=[Name("store", store.path) for store in planned.stores],
        create=planned.database.shape.value == "missing" and planned.pending,
        pending=planned.pending,
        actions=dict(sorted(actions.items())),
        quarantine=Lazy(_reject, planned.rejects),
        histories=len(planned.histories),
        repairs=_repairs(planned.repair),
        events=sum(history.event_count for history in planned.histories),
        new_events=sum(history.events for history in (*planned.histories, *repaired)),
        expected_rows=planned.expected_rows,
        expected_digest=planned.expected_digest,
        peak_bytes=planned.peak_bytes,
    )


def _repairs(repair: Repair | None) -> list[RepairRow]:
    """Where each row and each history of a repair comes from."""
    if repair is None:
        return []
    rows = [
        RepairRow(
            session=Name("session", row.key),
            origin=row.source.origin,
            places=[row.source.place],
            replaces_older=row.replaces,
            archived=row.archived,
            events=None,
        )
        for row in repair.rows
    ]
    return rows + [
        RepairRow(
            session=Name("session", history.key),
            origin=history.origin,
            places=[file.name for file in history.files],
            replaces_older=False,
            archived=history.entry is not None,
            events=history.events,
        )
        for history in repair.histories
    ]


def _reject(reject: Reject) -> RejectRow:
    return RejectRow(
        source=Name("store", reject.path),
        session=Name("session", reject.key) if reject.key is not None else None,
        code=reject.code,
        offset=reject.offset,
        length=reject.length,
        preserved=reject.preserved,
    )


def run_part(
    folder: str | None,
    inventory: Inventory,
    outcomes: tuple[Outcome, ...] = (),
    archiving: Archiving = NOT_ARCHIVED,
) -> RunPart | None:
    """What was done to each database; None where there was no run."""
    if folder is None:
        return None
    directories = _directories(inventory)
    databases = {database.path: database for database in inventory.databases}
    return RunPart(
        id=Path(folder).name,
        folder=Name("path", folder),
        databases=[_written(outcome, databases.get(outcome.path), directories) for outcome in outcomes],
        archived_sources=len(archiving.moved),
        sources_left=len(archiving.staying),
    )


def _written(outcome: Outcome, database: Database | None, directories: Container[str]) -> WrittenDatabase:
    return WrittenDatabase(
        agent=_directory_of(database, directories),
        database=Name("database", outcome.path),
        created=outcome.created,
        rows_written=outcome.rows_written,
        failure=outcome.finding.code if outcome.failure and outcome.finding else None,
        checkpointed=outcome.checkpointed,
    )


def verified_members(verification: Verification, inventory: Inventory) -> dict[str, Any]:
    """The two members of a document that say whether everything is there."""
    numbers, directories = parity(verification), _directories(inventory)
    return {
        "parity": ParityLine(**asdict(numbers), line=str(numbers)),
        "verification": VerificationPart(
            verdicts={verdict.value: verification.count(verdict) for verdict in Verdict},
            transcripts={one.value: verification.count_histories(one) for one in HistoryVerdict},
            checks={check.name: check.passed for check in verification.checks},
            failed_checks=verification.failed_checks,
            given_up=dict(given_up(verification)),
            databases=[_verified_database(one, directories) for one in verification.databases],
        ),
    }


def _verified_database(verified: DatabaseVerification, directories: Container[str]) -> VerifiedDatabase:
    totals: Counter[str] = Counter()
    for source in verified.sources:
        totals.update({verdict.value: count for verdict, count in source.counts})
    return VerifiedDatabase(
        agent=_directory_of(verified.database, directories),
        database=Name("database", verified.database.path),
        complete=is_complete(verified),
        parity=Parity(**asdict(parity(Verification("", (verified,), (), ())))),
        rows=verified.rows,
        verdicts=dict(sorted(totals.items())),
        content_digest=verified.content_digest,
        checks={check.name: check.passed for check in verified.checks},
        entries=Lazy(_judged, [(one.source, verdict) for one in verified.sources for verdict in one.verdicts]),
        transcripts=[
            TranscriptRow(
                transcript=history.transcript,
                session=history.session,
                verdict=history.verdict,
                events=history.events,
                present=history.present,
                lines=dict(history.counts),
                transforms=dict(history.transforms),
                first_missing_line=history.first_missing_line or None,
                places=history.places,
            )
            for history in verified.histories
        ],
        extra=verified.extra,
    )


def _judged(judged: tuple[Name, EntryVerdict]) -> SessionRow:
    source, verdict = judged
    return SessionRow(
        session=verdict.session,
        source=source,
        verdict=verdict.verdict,
        transforms=verdict.transforms,
        differences=[DifferenceRow(kind=one.kind, path=one.path) for one in verdict.differences],
        places=verdict.places,
    )


def _directories(inventory: Inventory) -> set[str]:
    return {agent.directory for agent in inventory.agents}


def _directory_of(database: Database | None, directories: Container[str]) -> Name | None:
    """The agent directory whose sessions a database holds, or None if it is of none."""
    directory = database.directory if database is not None else None
    return Name("agent", directory) if directory is not None and directory in directories else None


def agent_rows(inventory: Inventory) -> list[AgentRow]:
    """The rows, by agent directory; an agent directory with neither store nor database has one, too."""
    databases = {database.path: database for database in inventory.databases}
    agents = {agent.directory: agent for agent in inventory.agents}
    found: list[tuple[str | None, Store | None, Database | None]] = [
        (store.agent, store, databases.get(store.database)) for store in inventory.stores
    ]
    with_store = {store.database for store in inventory.stores}
    found += [(database.directory, None, database) for path, database in databases.items() if path not in with_store]
    seen = {directory for directory, _, _ in found}
    found += [(directory, None, None) for directory in agents if directory not in seen]
    found.sort(key=lambda row: (row[0] is None, row[0] or ""))
    return [_row(agents.get(directory or ""), store, database) for directory, store, database in found]


def _row(agent: Agent | None, store: Store | None, database: Database | None) -> AgentRow:
    kinds = Counter(file.kind for file in agent.files) if agent else Counter()
    rows = {row.key for row in chain(database.cache_rows, database.typed_rows)} if database else set()
    keys = [entry.key for entry in store.entries if entry.problem is None] if store else []
    lacking = sum(key not in rows for key in keys)
    state = _first_trouble(store, database) or _progress(store, len(keys), lacking, len(rows))
    return AgentRow(
        agent=Name("agent", agent.directory) if agent else None,
        agent_id=Name("agent-id", agent.normalized_id) if agent else None,
        **_of_store(store),
        entries=len(keys),
        problems=len(store.entries) - len(keys) + len(store.damage) if store else 0,
        transcripts=kinds.get("transcript", 0),
        **_of_database(database),
        rows=len(rows),
        sessions=len(rows) + lacking,
        state=state or ("unclaimed" if kinds.get("transcript") else "empty"),
    )


def _of_store(store: Store | None) -> dict[str, Any]:
    if store is None:
        return {"store": None, "store_kind": None, "store_bytes": None}
    size = store.identity.size if store.identity else None
    return {"store": Name("store", store.path), "store_kind": store.kind, "store_bytes": size}


def _of_database(database: Database | None) -> dict[str, Any]:
    if database is None:
        return {"database": None, "database_bytes": None, "shape": None, "schema": None}
    return {
        "database": Name("database", database.path),
        "database_bytes": sum(identity.size for _, identity in database.files),
        "shape": database.shape,
        "schema": database.version,
    }


def _first_trouble(store: Store | None, database: Database | None) -> State | None:
    """The word for what could not be read, or not all of it; None where all could."""
    shape = database.shape if database else Shape.MISSING
    if shape is Shape.UNREADABLE or (store and store.identity is None):
        return "unreadable"
    if shape is Shape.UNKNOWN:
        return "unknown"
    if store and (store.damage or any(entry.problem for entry in store.entries)):
        return "damaged"
    return None


def _progress(store: Store | None, entries: int, lacking: int, rows: int) -> State | None:
    """The word for how much is in the database, or None where neither it nor the store has a session.

    ``lacking`` are those of the ``entries`` without a row of their key.
    """
    if not entries and not rows:
        return None
    if not lacking:
        return "migrated"
    # A newer release gives keys another spelling; only a verification can match those.
    if store and store.is_set_aside:
        return "migrated" if rows >= entries else "partial"
    return "partial" if rows else "legacy"
