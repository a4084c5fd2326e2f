"""Apply: carry a plan out, and verify afresh."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from migrator.commands.given import Given, given
from migrator.commands.judging import (
    DIFFERENCES,
    ELSEWHERE,
    NOTHING_FOUND,
    QUARANTINED,
    has_severity,
    is_elsewhere,
    judge,
)
from migrator.commands.plan import plan_for
from migrator.commands.request import (
    Request,
    take_inventory,
    unmet_expectations,
)
from migrator.execution.archive import archive_sources
from migrator.execution.executor import execute
from migrator.execution.run_states import resume, supersede_all, supersede_earlier, tidy
from migrator.model.conclusions import LEFT_BEHIND
from migrator.model.errors import ChangedError, RefusedError, UsageError
from migrator.model.inventory import Inventory
from migrator.model.outcome import NOT_ARCHIVED, committed, telling_how_far, worst
from migrator.model.plan import Plan
from migrator.model.progress import silent
from migrator.model.report import ApplyReport
from migrator.model.request import Selection
from migrator.model.words import Name, Severity
from migrator.openclaw.places.paths import resolve_state_dir
from migrator.planning import planfile
from migrator.planning.planner import with_more
from migrator.planning.preflight import preflight
from migrator.proofs.bundle import holds_proof
from migrator.runs.run import require_no_run, started_run
from migrator.verification.verifier import verify as make_verification


def apply(request: Request, plan_file: str | None, yes: bool = False, archive: bool = False) -> ApplyReport:
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
    around = request.surroundings
    state, _ = resolve_state_dir(request.selection.state_dir, around.env, around.home, around.cwd)
    require_no_run(Path(state))
    inventory = take_inventory(request)
    with given(request, inventory) as sources:
        return _apply(request, inventory, sources, saved, archive)


def _apply(
    request: Request, inventory: Inventory, sources: Given, saved: planfile.SavedPlan | None, archive: bool
) -> ApplyReport:
    planned = plan_for(request, inventory, sources)
    if saved is not None and saved.digest != planned.digest:
        raise ChangedError(
            "The sources or databases of {subject} are not what this plan was made from; plan again.",
            Name("path", inventory.state_dir),
        )
    unmet = unmet_expectations(request, inventory)
    if unmet:
        raise RefusedError(
            "What was found is not what was expected ("
            + ", ".join(unmet)
            + "); nothing was written. Look for what is missing, or correct the numbers."
        )
    pending = any(database.pending for database in planned.databases)
    if not pending and has_severity(planned.findings, Severity.REFUSED):
        raise RefusedError("Every database with something to do was refused; see the findings of plan.")
    if not pending and not archive:
        verification = make_verification(inventory, workers=request.workers, progress=request.progress)
        word, code = judge(verification, inventory)
        state, around = Path(inventory.state_dir), request.surroundings
        if code in (0, QUARANTINED):
            supersede_earlier(state, _databases(inventory), request.clock(), holds_proof)
        if word == "proved":
            word = "already-migrated"
            if is_elsewhere(verification):
                word, code = "unjudged", 0 if request.allow_empty else NOTHING_FOUND
        unproved = resume(state, _databases(inventory), around.tmp, request.clock(), holds_proof)
        return ApplyReport(
            word=word,
            exit_code=code,
            inventory=inventory,
            plan=sources.told(planned),
            verification=verification,
            run=str(unproved) if unproved else None,
        )
    preflight(planned)
    return _carry_out(request, inventory, planned, archive, sources)


def _carry_out(request: Request, inventory: Inventory, planned: Plan, archive: bool, sources: Given) -> ApplyReport:
    wanted = sum(one.writes for one in planned.databases)
    with (
        started_run(Path(inventory.state_dir), request.clock()) as run,
        telling_how_far(run.id, run.written, wanted),
    ):
        outcomes = execute(planned, run, request.now_ms(), request.progress, request.workers)
        with committed(outcomes):
            fresh = take_inventory(replace(request, progress=silent), inventory)
            whole = sources.joined_to(fresh)
            verification = make_verification(whole, workers=request.workers, progress=request.progress)
            word, code = judge(verification, whole)
            archiving = archive_sources(planned, run) if archive and code == 0 else NOT_ARCHIVED
            if archiving.moved:
                fresh = take_inventory(replace(request, progress=silent))
                whole = sources.joined_to(fresh)
                verification = make_verification(whole, workers=request.workers, progress=request.progress)
                word, code = judge(verification, whole)
            if code == 0 and any(planned_database.rejects for planned_database in planned.databases):
                word, code = "quarantined", QUARANTINED
            word, code = worst(outcomes) or (word, code)
            run.note("done", exit_code=code)  # of what became of the databases
            if code in (0, QUARANTINED):
                supersede_all(run, _databases(fresh), request.clock(), holds_proof)
            if code in (0, QUARANTINED) and archiving.is_incomplete:
                word, code = LEFT_BEHIND, DIFFERENCES
    tidy(Path(inventory.state_dir), request.surroundings.tmp, request.clock(), holds_proof)
    planned = (
        with_more(planned, plan_for(request, fresh, sources))
        if any(one.repair for one in planned.databases)
        else planned
    )
    return ApplyReport(
        word=word,
        exit_code=code,
        inventory=sources.seen(whole),
        plan=_without_cured(sources.told(planned), whole),
        verification=verification,
        outcomes=outcomes,
        run=str(run.folder),
        archiving=archiving,
    )


def _without_cured(planned: Plan, inventory: Inventory) -> Plan:
    """The plan without what it says of sessions that lay elsewhere, and are in a database by now."""
    left = {(one.code, one.subject) for one in inventory.findings}
    findings = tuple(one for one in planned.findings if one.code not in ELSEWHERE or (one.code, one.subject) in left)
    return replace(planned, findings=findings)


def _databases(inventory: Inventory) -> set[str]:
    return {database.path for database in inventory.databases}
