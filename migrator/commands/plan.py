"""Plan: say what would be done."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from migrator.commands.given import Given, given
from migrator.commands.judging import DIFFERENCES, REFUSED, has_severity, unread
from migrator.commands.request import (
    Request,
    inventory_of,
    outside,
    take_inventory,
    unmet_expectations,
)
from migrator.filesystem import replace_durably
from migrator.model.errors import UsageError
from migrator.model.inventory import Inventory
from migrator.model.plan import Judged, Plan
from migrator.model.report import PlanReport
from migrator.model.verification import Verification
from migrator.model.words import Severity
from migrator.model.writes import Origin
from migrator.planning import planfile
from migrator.planning.planner import plan as make_plan
from migrator.runs.steps import JOURNAL
from migrator.scanning.copies import copies, deleted
from migrator.scanning.sources import archived_digest
from migrator.verification.verifier import verify as make_verification


def plan(request: Request, detailed_exitcode: bool = False, plan_file: str | None = None) -> PlanReport:
    """What would be done? Reads only; writes the plan to ``plan_file`` if that is given.

    Raises UsageError if the plan file lies inside the state directory.
    """
    inventory = take_inventory(request)
    with given(request, inventory) as sources:
        planned = sources.told(plan_for(request, inventory, sources))
    if plan_file is not None:
        outside(inventory.state_dir, plan_file)
        cwd, wish = request.surroundings.cwd, request.selection.repair
        bound = replace(
            request.selection,
            state_dir=inventory.state_dir,
            config=inventory.config_path,
            stores=tuple(os.path.join(cwd, path) for path in request.selection.stores),
            repair=replace(wish, backup=None if wish.backup is None else os.path.join(cwd, wish.backup)),
        )
        replace_durably(Path(plan_file), planfile.to_json(planned, bound))
    unmet = unmet_expectations(request, inventory)
    saved = os.path.join(request.surroundings.cwd, plan_file) if plan_file is not None else None
    report = PlanReport(word="up-to-date", exit_code=0, inventory=inventory, unmet=unmet, plan=planned, saved=saved)
    if unmet:
        return replace(report, word="unexpected", exit_code=DIFFERENCES)
    if has_severity(planned.findings, Severity.REFUSED):
        return replace(report, word="refused", exit_code=REFUSED)
    if any(database.pending for database in planned.databases):
        return replace(report, word="pending", exit_code=DIFFERENCES if detailed_exitcode else 0)
    return report


def plan_for(
    request: Request,
    inventory: Inventory,
    sources: Given = Given(),  # noqa: B008
    verified: Verification | None = None,
) -> Plan:
    """Plan, with what was given beside the inventory.

    Where a newer release has migrated a database, it is by what verify says of every source that it could need.
    ``verified`` is what it has said already of the inventory alone.
    """
    wish = request.selection.repair
    whole = sources.joined_to(inventory)
    if not any(database.is_upgraded for database in inventory.databases):
        if wish.bring_back or wish.reassign:
            raise UsageError("There is no database here that a newer release has migrated, and so nothing to repair.")
        return make_plan(whole, archived_digest)
    backup = _backup(request, inventory, sources)
    judge = partial(make_verification, inventory, workers=request.workers, progress=request.progress, examining=False)
    origins = [(Origin.COPY, copies(inventory))]
    origins += [(Origin.DELETED, deleted(inventory, wish.bring_back))] if wish.bring_back else []
    origins += [(Origin.BACKUP, backup)] if backup is not None else []
    judged = [Judged(None, inventory, verified or judge(inventory))]
    # What holds nothing need not be compared with every database.
    with_sources = [one for one in origins if one[1].stores or one[1].transcripts or one[1] is backup]
    judged += [Judged(origin, one, judge(one)) for origin, one in with_sources]
    planned = make_plan(whole, archived_digest, tuple(judged), wish)
    return replace(planned, findings=(*planned.findings, *unread(backup, inventory))) if backup else planned


def _backup(request: Request, inventory: Inventory, sources: Given) -> Inventory | None:
    """What was given for the databases that a newer release has migrated: a whole installation is scanned as such."""
    path = request.selection.repair.backup
    if path is None:
        return None
    folder = os.path.join(request.surroundings.cwd, path)
    if any(os.path.lexists(os.path.join(folder, name)) for name in ("agents", "sessions/sessions.json", JOURNAL)):
        return inventory_of(request, inventory, path)
    return sources.alone(inventory)
