"""Roll back: the verb that takes one run back, if nobody has written since."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from migrator.commands.judging import DIFFERENCES, REFUSED
from migrator.commands.request import Request, outside, require_no_wrong_place, state_dir_of, take_inventory
from migrator.execution.run_states import OVER, RunState, state_of
from migrator.execution.undo import leftovers, move_out, obstacles, strangers, undo
from migrator.model.progress import silent
from migrator.model.report import KnownRun, RollbackReport, Undone
from migrator.model.request import Selection
from migrator.planning.preflight import require_idle
from migrator.proofs.bundle import holds_proof
from migrator.runs.run import RUNS, locked, require_no_run, run_folders
from migrator.runs.run_record import RunRecord, all_records, read_record
from migrator.runs.steps import JOURNAL

_STATES = {
    RunState.COMPLETE: "complete",
    RunState.NO_PROOF: "committed, without a proof",
    RunState.NEEDS_ROLLBACK: "ended with differences, or half taken back",
    RunState.NOTHING_WRITTEN: "nothing was written",
}
_OVER_WORDS = {True: "taken back", False: "stopped before it wrote anything"}


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
        undone = Undone() if is_over else undo(record, request.clock(), set_aside)
        wrong = () if is_over else leftovers(record)
    fresh = take_inventory(replace(asked, progress=silent))
    word, code = ("differences", DIFFERENCES) if wrong else ("rolled-back", 0)
    folder = move_out(record, Path(evidence)) if evidence is not None and not wrong else record.folder
    fresh = replace(fresh, findings=(*fresh.findings, *wrong))
    return RollbackReport(word=word, exit_code=code, inventory=fresh, run=str(folder), undone=undone)


def list_runs(request: Request) -> RollbackReport:
    """Every run of a state directory, the last one first, and what each can still take back. Reads only."""
    state = state_dir_of(request)
    require_no_wrong_place(state)
    asked = replace(request, selection=Selection(request.selection.state_dir, request.selection.config))
    inventory = take_inventory(replace(asked, allow_empty=True))
    records = all_records(Path(state))
    read = {record.folder for record in records}
    unread = [folder for folder in run_folders(Path(state)) if folder not in read]
    runs = [_known(record, records) for record in reversed(records)]
    runs += [KnownRun(str(folder), _began(folder), "unreadable") for folder in unread]
    inventory = replace(inventory, findings=())  # of the installation, and nobody has asked for them
    return RollbackReport(word="listed", exit_code=0, inventory=inventory, runs=tuple(runs))


def _known(record: RunRecord, records: tuple[RunRecord, ...]) -> KnownRun:
    began = _began(record.folder)
    if record.steps.keys() & OVER:
        return KnownRun(str(record.folder), began, _OVER_WORDS["rolled-back" in record.steps])
    state = state_of(record.folder, holds_proof)
    word = _STATES[state] if state is not None else "stopped, and completed by a later run"
    codes = dict.fromkeys(finding.code for finding in obstacles(record, records))
    would = Undone(
        removed=sum(one.tables is not None and one.path.exists() for one in record.created),
        restored=sum(one.after is not None for one in record.changed),
        put_back=sum(one.archive.exists() for one in record.archived),
    )
    return KnownRun(str(record.folder), began, word, would, tuple(codes))


def _began(folder: Path) -> int:
    """When a run began, in milliseconds, as its id says; 0 for a folder whose name is no id."""
    try:
        moment = datetime.strptime(folder.name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return 0
    return int(moment.timestamp() * 1000)


def _folder(request: Request, run: str) -> Path:
    named = Path(os.path.realpath(os.path.join(request.surroundings.cwd, run)))
    if (named / JOURNAL).is_file() and named.parent.name == RUNS:  # else its paths would lead to other places
        return named
    return Path(state_dir_of(request), RUNS, os.path.basename(run))
