"""Roll back: the verb that takes one run back, if nobody has written since."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from migrator.commands.judging import DIFFERENCES, REFUSED
from migrator.commands.request import Request, outside, take_inventory
from migrator.execution.run_states import OVER
from migrator.execution.undo import leftovers, move_out, obstacles, strangers, undo
from migrator.model.progress import silent
from migrator.model.report import RollbackReport, Undone
from migrator.model.request import Selection
from migrator.openclaw.places.paths import resolve_state_dir
from migrator.planning.preflight import require_idle
from migrator.runs.run import RUNS, locked, require_no_run
from migrator.runs.run_record import all_records, read_record
from migrator.runs.steps import JOURNAL


def rollback(request: Request, run: str, set_aside: bool = False, evidence: str | None = None) -> RollbackReport:
    """Take a run back: ``run`` is its id, or its folder. Refuses, and says why, if others have written since.

    With ``set_aside`` what others have written is kept in the folder of the run instead. With ``evidence`` that folder
    is moved there, so that nothing of the run stays in the state directory. The stores that the request selects are
    those outside of the state directory that may be written to.

    Raises UsageError for a run that does not exist, BusyError if anybody uses the state directory.
    """
    record = read_record(_folder(request, run))
    state = record.state_dir
    if evidence is not None:
        outside(str(state), evidence)
    selection = Selection(state_dir=str(state), config=request.selection.config)
    asked = replace(request, selection=selection, allow_empty=True)
    require_no_run(state)
    inventory = take_inventory(asked)
    require_idle(inventory.findings)
    with locked(state):
        is_over = bool(record.steps.keys() & OVER)
        trusted = [os.path.join(request.surroundings.cwd, path) for path in request.selection.stores]
        forbidden, found = strangers(record, trusted), () if is_over else obstacles(record, all_records(state))
        if forbidden or (found and not set_aside):
            findings = (*inventory.findings, *forbidden, *found)
            return RollbackReport(word="refused", exit_code=REFUSED, inventory=replace(inventory, findings=findings))
        undone = Undone() if is_over else undo(record, request.clock())
        wrong = () if is_over else leftovers(record)
    fresh = take_inventory(replace(asked, progress=silent))
    word, code = ("differences", DIFFERENCES) if wrong else ("rolled-back", 0)
    folder = move_out(record, Path(evidence)) if evidence is not None and not wrong else record.folder
    fresh = replace(fresh, findings=(*fresh.findings, *wrong))
    return RollbackReport(word=word, exit_code=code, inventory=fresh, run=str(folder), undone=undone)


def _folder(request: Request, run: str) -> Path:
    named = Path(os.path.realpath(os.path.join(request.surroundings.cwd, run)))
    if (named / JOURNAL).is_file() and named.parent.name == RUNS:  # else its paths would lead to other places
        return named
    selection, around = request.selection, request.surroundings
    state, _ = resolve_state_dir(selection.state_dir, around.env, around.home, around.cwd)
    return Path(state, RUNS, os.path.basename(run))
