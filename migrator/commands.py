"""The verbs: each is one plain function from a request to a report, usable without the command line."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from migrator.digests import unpreserved
from migrator.errors import (
    BusyError,
    ChangedError,
    NothingFoundError,
    RefusedError,
    UsageError,
)
from migrator.execution.archive import archive_sources
from migrator.execution.executor import execute
from migrator.execution.outcome import Outcome, committed, worst
from migrator.execution.run_states import resume, run_findings, supersede_earlier, tidy, traces
from migrator.execution.undo import Undone
from migrator.explained import Explanation
from migrator.exporting.exported import Exported
from migrator.filesystem import replace_durably
from migrator.findings import RULES
from migrator.invocation import outside
from migrator.model import Finding, Inventory, Name, RepairWish, Selection, Severity, Shape, Surroundings
from migrator.plan_model import Plan
from migrator.planning import planfile
from migrator.planning.forecast import forecast
from migrator.planning.planner import plan as make_plan
from migrator.planning.preflight import preflight
from migrator.planning.repair_planner import REPAIRABLE
from migrator.planning.repair_plans import with_more
from migrator.progress import Progress, silent
from migrator.proofs.proof_events import remedy
from migrator.repair_model import Judged, Origin
from migrator.runs.run import JOURNAL, started_run
from migrator.scanning.host import Filesystem, look_at_host
from migrator.scanning.repair_sources import copies, deleted
from migrator.scanning.scanner import scan as make_inventory
from migrator.scanning.sources import archived_digest
from migrator.upgrade import Upgrade
from migrator.verdicts import LOST, LOST_HISTORIES, Level, Verdict, Verification
from migrator.verification.verifier import verify as make_verification

CHANGING = ("store.changing", "transcript.changing", "database.changing")
"""What could not be read, because somebody was writing to it: nothing can be said about it."""

DIFFERENCES, NOTHING_FOUND, REFUSED, QUARANTINED = 1, 10, 12, 15


@dataclass(frozen=True, slots=True)
class Request:
    """What a command was asked to do, and where."""

    selection: Selection
    surroundings: Surroundings
    expect_agents: int | None = None
    expect_sessions: int | None = None
    allow_empty: bool = False
    progress: Progress = silent
    jobs: int | None = 1
    clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc)

    def now_ms(self) -> int:
        """The time of the clock in milliseconds."""
        return int(self.clock().timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Report:
    """What a verb found or did. ``word`` is the verdict in one word, one of ``proof_events.OUTCOMES``.

    ``forecast`` never counts for the exit code: it is about OpenClaw's own upgrade, and about the ``filesystems`` that
    it would write to.
    ``origin`` is what a verification has judged by, where that is not the inventory itself.
    """

    verb: str
    word: str
    exit_code: int
    inventory: Inventory
    plan: Plan | None = None
    verification: Verification | None = None
    outcomes: tuple[Outcome, ...] = ()
    run: str | None = None
    archived: tuple[str, ...] = ()
    undone: Undone | None = None
    unmet: tuple[str, ...] = ()
    exported: Exported | None = None
    explained: Explanation | None = None
    forecast: tuple[Finding, ...] = ()
    filesystems: tuple[Filesystem, ...] = ()
    origin: Inventory | None = None
    upgrade: Upgrade | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the latest step that made any, and what stopped single databases."""
        latest: Plan | Verification | Inventory = self.plan or self.verification or self.inventory
        exported = self.exported.findings if self.exported is not None else ()
        stopped = (made for outcome in self.outcomes if (made := outcome.finding) is not None)
        return (*latest.findings, *exported, *stopped)

    @property
    def next_step(self) -> str:
        """What to do now."""
        return remedy(self.word, self.verification.in_quarantine if self.verification is not None else 0)


def scan(request: Request) -> Report:
    """What is there, and what would OpenClaw's own upgrade do to it? Reads only."""
    inventory = take_inventory(request)
    host = look_at_host(inventory)
    foreseen = (*forecast(inventory), *host.findings)
    made = (*run_findings(Path(inventory.state_dir)), *traces(inventory, request.selection))
    inventory = replace(inventory, findings=(*inventory.findings, *made))
    report = Report("scan", "scanned", 0, inventory, forecast=foreseen, filesystems=host.filesystems)
    unmet = _unmet_expectations(request, inventory)
    return replace(report, word="unexpected", exit_code=DIFFERENCES, unmet=unmet) if unmet else report


def plan(request: Request, detailed_exitcode: bool = False, plan_file: str | None = None) -> Report:
    """What would be done? Reads only; writes the plan to ``plan_file`` if that is given.

    Raises UsageError if the plan file lies inside the state directory.
    """
    inventory = take_inventory(request)
    planned = plan_for(request, inventory)
    if plan_file is not None:
        outside(inventory.state_dir, plan_file)
        cwd, wish = request.surroundings.cwd, request.selection.repair
        bound = replace(
            request.selection,
            state_dir=inventory.state_dir,
            profile=None,
            config=inventory.config_path,
            stores=tuple(os.path.join(cwd, path) for path in request.selection.stores),
            target=None if request.selection.target is None else os.path.join(cwd, request.selection.target),
            repair=replace(wish, backup=None if wish.backup is None else os.path.join(cwd, wish.backup)),
        )
        replace_durably(Path(plan_file), planfile.to_json(planned, bound))
    unmet = _unmet_expectations(request, inventory)
    report = Report("plan", "up-to-date", 0, inventory, plan=planned, unmet=unmet)
    if unmet:
        return replace(report, word="unexpected", exit_code=DIFFERENCES)
    if _has(planned.findings, Severity.REFUSED):
        return replace(report, word="refused", exit_code=REFUSED)
    if any(database.pending for database in planned.databases):
        return replace(report, word="pending", exit_code=DIFFERENCES if detailed_exitcode else 0)
    return report


def plan_for(request: Request, inventory: Inventory) -> Plan:
    """Plan; where a newer release has migrated a database, by what verify says of every source that it could need."""
    wish = request.selection.repair
    backup = _origin(request, inventory, wish.backup) if wish.backup is not None else None
    if not any(database.shape in REPAIRABLE for database in inventory.databases):
        if wish != RepairWish():
            raise UsageError("There is no database here that a newer release has migrated, and so nothing to repair.")
        return make_plan(inventory, archived_digest)
    sources = [(None, inventory), (Origin.COPY, copies(inventory))]
    sources += [(Origin.DELETED, deleted(inventory, wish.bring_back))] if wish.bring_back else []
    sources += [(Origin.BACKUP, backup)] if backup is not None else []
    judged = (Judged(origin, one, make_verification(inventory, one, jobs=request.jobs)) for origin, one in sources)
    return make_plan(inventory, archived_digest, tuple(judged), wish)


def verify(
    request: Request,
    against: str | None = None,
    level: Level = Level.KNOWN,
    accept: tuple[str, ...] = (),
) -> Report:
    """Is every session there? Reads only.

    ``against`` is another copy of the state directory, or the folder of a run, whose sources to judge by;
    ``accept`` are words of verdicts that are no difference.
    """
    inventory = take_inventory(request)
    origin = _origin(request, inventory, against) if against is not None else None
    inventory = replace(inventory, findings=(*inventory.findings, *traces(inventory, request.selection, origin)))
    verification = make_verification(inventory, origin, level, request.jobs)
    report = _judged("verify", verification, inventory, _unmet_expectations(request, inventory), accept)
    if report.word == "proved" and verification.is_vacuous:
        report = replace(report, word="unjudged", exit_code=0 if request.allow_empty else NOTHING_FOUND)
    return replace(report, origin=origin)


def _origin(request: Request, inventory: Inventory, against: str) -> Inventory:
    """The inventory to judge by: of another state directory, or of what a run of this one has set aside."""
    folder = os.path.realpath(os.path.join(request.surroundings.cwd, against))
    if not os.path.isfile(os.path.join(folder, JOURNAL)):
        selection = replace(request.selection, state_dir=folder, profile=None, config=None)
        origin = _inventory(replace(request, selection=selection))
        _require_something(origin)
        return origin
    stores = tuple(store for store in inventory.stores if store.real_path.startswith(folder + os.sep))
    transcripts = tuple(one for one in inventory.transcripts if one.path.startswith(folder + os.sep))
    if not stores:
        raise NothingFoundError("The run {subject} has set no sources aside.", Name("path", folder))
    return replace(inventory, stores=stores, transcripts=transcripts)


def apply(request: Request, plan_file: str | None, yes: bool = False, archive: bool = False) -> Report:
    """Do it: scan, plan, execute, and verify afresh. With ``plan_file`` only that very plan is carried out.

    Raises ChangedError if the plan is not the saved one any more, BusyError and RefusedError before anything is
    written.
    """
    if (plan_file is None) != yes:
        raise UsageError("Name the plan to apply, or say --yes to plan and apply in one go.")
    saved = planfile.read(Path(plan_file)) if plan_file is not None else None
    if saved is not None:
        if request.selection != Selection():
            raise UsageError("A plan says itself what it is for: leave --state-dir and the like away, or plan again.")
        request = replace(request, selection=saved.selection)
    inventory = take_inventory(request)
    planned = plan_for(request, inventory)
    if saved is not None and saved.digest != planned.digest:
        raise ChangedError(
            "The sources or databases of {subject} are not what this plan was made from; plan again.",
            Name("path", inventory.state_dir),
        )
    unmet = _unmet_expectations(request, inventory)
    if unmet:
        raise RefusedError(
            "What was found is not what was expected ("
            + ", ".join(unmet)
            + "); nothing was written. Look for what is missing, or correct the numbers."
        )
    pending = any(database.pending for database in planned.databases)
    if not pending and not archive:
        if _has(planned.findings, Severity.REFUSED):
            raise RefusedError("Every database with something to do was refused; see the findings of plan.")
        report = _judged("apply", make_verification(inventory, jobs=request.jobs), inventory, ())
        state, around = Path(inventory.state_dir), request.surroundings
        unproved = resume(state, _databases(inventory), around.tmp, request.clock())
        word = "already-migrated" if report.exit_code == 0 else report.word
        return replace(report, plan=planned, word=word, run=str(unproved) if unproved else None)
    preflight(planned)
    return _carry_out(request, inventory, planned, archive)


def _carry_out(request: Request, inventory: Inventory, planned: Plan, archive: bool) -> Report:
    with started_run(Path(inventory.state_dir), request.clock()) as run:
        outcomes = execute(planned, run, request.now_ms(), request.progress, request.jobs)
        with committed(outcomes):
            fresh = take_inventory(replace(request, progress=silent), inventory)
            report = _judged("apply", make_verification(fresh, jobs=request.jobs), fresh, ())
            archived = archive_sources(planned, run) if archive and report.exit_code == 0 else ()
            if archived:
                fresh = take_inventory(replace(request, progress=silent))
                report = _judged("apply", make_verification(fresh, jobs=request.jobs), fresh, ())
            if report.exit_code == 0 and any(planned_database.rejects for planned_database in planned.databases):
                report = replace(report, word="quarantined", exit_code=QUARANTINED)
            word, code = worst(outcomes) or (report.word, report.exit_code)
            report = replace(report, word=word, exit_code=code)
            run.note("done", exit_code=report.exit_code)
            if report.exit_code in (0, QUARANTINED):
                supersede_earlier(run, _databases(fresh), request.clock())
    tidy(Path(inventory.state_dir), request.surroundings.tmp, request.clock())
    planned = with_more(planned, plan_for(request, fresh)) if any(one.repair for one in planned.databases) else planned
    return replace(report, plan=planned, outcomes=outcomes, run=str(run.folder), archived=archived)


def _databases(inventory: Inventory) -> set[str]:
    return {database.path for database in inventory.databases}


def take_inventory(request: Request, earlier: Inventory | None = None) -> Inventory:
    """Scan what is selected. Raises NothingFoundError where there is nothing, unless that is fine."""
    inventory = _inventory(request, earlier)
    if not request.allow_empty:
        _require_something(inventory)
    return inventory


def _inventory(request: Request, earlier: Inventory | None = None) -> Inventory:
    now_ms, around = request.now_ms(), request.surroundings
    return make_inventory(request.selection, around, now_ms, request.progress, earlier, request.jobs)


def _require_something(inventory: Inventory) -> None:
    """Raise NothingFoundError for an inventory without a store, a transcript, or a database with a session."""
    filled = (d.cache_rows or d.typed_rows or d.shape in (Shape.UNREADABLE, Shape.UNKNOWN) for d in inventory.databases)
    if inventory.stores or inventory.transcripts or any(filled):
        return
    hint = " See the findings of scan --allow-empty." if inventory.findings else ""
    raise NothingFoundError(
        "There are no sessions in {subject}; name the right directory with --state-dir, or say --allow-empty." + hint,
        Name("path", inventory.state_dir),
    )


def counts(inventory: Inventory) -> tuple[int, int]:
    """How many agent directories hold anything, and how many different sessions there are.

    Sessions are counted in the sources; only where there are none, in the databases.
    """
    agents = {store.agent for store in inventory.stores} | {a.directory for a in inventory.agents if a.files}
    agents |= {Path(d.path).parent.parent.name for d in inventory.databases if d.shape is not Shape.MISSING}
    database_of = dict(inventory.pairs)
    keys: dict[str, set[str]] = defaultdict(set)
    for store in inventory.stores:
        keys[database_of[store.path]].update(entry.key for entry in store.entries if entry.problem is None)
    if not any(keys.values()):
        for database in inventory.databases:
            keys[database.path].update(row.key for rows in (database.cache_rows, database.typed_rows) for row in rows)
    return len(agents & {agent.directory for agent in inventory.agents}), sum(map(len, keys.values()))


def _unmet_expectations(request: Request, inventory: Inventory) -> tuple[str, ...]:
    agents, sessions = counts(inventory)
    unmet = []
    if request.expect_agents is not None and request.expect_agents != agents:
        unmet.append(f"{agents} agents, expected {request.expect_agents}")
    if request.expect_sessions is not None and request.expect_sessions != sessions:
        unmet.append(f"{sessions} sessions, expected {request.expect_sessions}")
    return tuple(unmet)


def _has(findings: tuple[Finding, ...], severity: Severity) -> bool:
    return any(RULES[finding.code].severity is severity for finding in findings)


def _judged(
    verb: str, verification: Verification, inventory: Inventory, unmet: tuple[str, ...], accept: tuple[str, ...] = ()
) -> Report:
    """Turn a verification into a report: differences first, then what is in quarantine, then all is well."""
    report = Report(verb, "proved", 0, inventory, verification=verification, unmet=unmet)
    lost = sum(verification.count(one) for one in LOST if one.value not in accept)
    lost += sum(verification.count_histories(one) for one in LOST_HISTORIES if one.value not in accept)
    if unmet:
        return replace(report, word="unexpected", exit_code=DIFFERENCES)
    if any(finding.code in CHANGING for finding in verification.findings):
        return replace(report, word="busy", exit_code=BusyError.exit_code)
    # A second directory is how the sessions moved: who accepts the one accepts the other.
    tolerated = {"no-sibling-directories"} if Verdict.MOVED.value in accept else set()
    if lost or set(verification.failed_checks) - tolerated or _has(verification.findings, Severity.REFUSED):
        return replace(report, word="differences", exit_code=DIFFERENCES)
    if unpreserved(inventory):
        return replace(report, word="quarantined", exit_code=QUARANTINED)
    return report
