"""Runs that did not come to their end: what state each was left in, and what the next run tidies up after it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from datetime import datetime
from enum import Enum
from functools import partial
from pathlib import Path

from migrator.execution.undo import remove_made
from migrator.filesystem import is_absent, read_regular_file, remove_stale_scratch
from migrator.model.errors import MigratorError
from migrator.model.inventory import Inventory
from migrator.model.request import Selection
from migrator.model.words import Finding, Name
from migrator.planning.digests import damaged_spans
from migrator.runs.backups import SET, close_cleanly
from migrator.runs.moving import half_carried
from migrator.runs.quarantine import only_in_quarantine
from migrator.runs.run import RUNS, Run, locked, run_folders
from migrator.runs.run_record import CreatedDatabase, RunRecord, all_records, read_record
from migrator.runs.steps import JOURNAL, Done
from migrator.sqlite.content import Tables, table_digests
from migrator.sqlite.snapshot import open_snapshot

OVER = frozenset({"rolled-back", "tidied"})
"""Steps after which nothing of a run is left that could be taken back."""

HoldsProof = Callable[[Path], bool]
"""Whether the folder of a run holds a sound proof that all went well."""


class RunState(str, Enum):
    """What a run was left in; the value is the code of the finding that says so."""

    NOTHING_WRITTEN = "run.nothing-written"
    NO_PROOF = "run.no-proof"
    COMPLETE = "run.complete"
    DIFFERENCES = "run.differences"
    NEEDS_ROLLBACK = "run.needs-rollback"


def run_findings(state_dir: Path, holds_proof: HoldsProof) -> tuple[Finding, ...]:
    """The state of every run that was not rolled back. Reads only."""
    found = []
    for folder in run_folders(state_dir):
        try:
            state = state_of(folder, holds_proof)
        except (MigratorError, OSError):
            found.append(Finding("run.unreadable", Name("path", str(folder))))
            continue
        if state is not None:
            found.append(Finding(state.value, Name("path", str(folder))))
    return tuple(found)


def traces(
    inventory: Inventory, selection: Selection, holds_proof: HoldsProof, origin: Inventory | None = None
) -> tuple[Finding, ...]:
    """What runs have written, or kept in quarantine, and what nothing else tells of any more. Reads only."""
    gone = _gone_databases(Path(inventory.state_dir), holds_proof)
    if selection.agents or selection.stores:
        return gone
    seen = damaged_spans(inventory) | (damaged_spans(origin) if origin is not None else set())
    return (*gone, *only_in_quarantine(Path(inventory.state_dir, RUNS), seen))


def _gone_databases(state_dir: Path, holds_proof: HoldsProof) -> tuple[Finding, ...]:
    """Databases that a complete run has written and that are not there any more, each said once. Reads only."""
    gone: dict[Path, Path] = {}
    for record in all_records(state_dir):
        try:
            if state_of(record.folder, holds_proof) is not RunState.COMPLETE:
                continue
        except OSError:
            continue  # which the scan says of the folder
        written = [one.path for one in record.created if one.tables is not None]
        written += [one.path for one in record.changed if one.after is not None]
        gone |= {path: record.folder for path in written if is_absent(str(path))}
    return tuple(
        Finding("run.database-gone", Name("database", str(path)), others=(Name("path", str(folder)),))
        for path, folder in gone.items()
    )


def state_of(folder: Path, holds_proof: HoldsProof) -> RunState | None:
    """The state of a run; None if it is over: rolled back, or done again by a later one.

    Raises UsageError for a journal that makes no sense.
    """
    if not _has_begun(folder):
        return RunState.NOTHING_WRITTEN
    record = read_record(folder)
    if record.steps.keys() & (OVER | {"superseded"}):
        return None
    if "rollback" in record.steps:
        return RunState.NEEDS_ROLLBACK
    done = record.steps.get("done")
    if isinstance(done, Done) and "failed" not in record.steps and done.exit_code == 1:
        return RunState.DIFFERENCES
    if "proved" in record.steps or holds_proof(folder):
        return RunState.COMPLETE
    return RunState.NO_PROOF if "done" in record.steps or _has_effect(record) else RunState.NOTHING_WRITTEN


def resume(
    state_dir: Path, databases: Collection[str], tmp: str, now: datetime, holds_proof: HoldsProof
) -> Path | None:
    """Tidy up after killed runs, and give the last one that lacks only its proof, to be written now.

    Touches nothing if there is nothing to tidy. Raises BusyError.
    """
    tidy(state_dir, tmp, now, holds_proof)
    found = _left_at(RunState.NO_PROOF, state_dir, databases, holds_proof)
    for folder in found[:-1]:
        _note(state_dir, folder, "superseded", now)
    return found[-1] if found else None


def supersede_earlier(state_dir: Path, databases: Collection[str], now: datetime, holds_proof: HoldsProof) -> None:
    """Note in earlier runs that ended with differences that all is well by now in the databases that they wrote."""
    for folder in _left_at(RunState.DIFFERENCES, state_dir, databases, holds_proof):
        _note(state_dir, folder, "superseded", now)


def supersede_all(run: Run, databases: Collection[str], now: datetime, holds_proof: HoldsProof) -> None:
    """Note in the runs before that this one has done again, and checked, what they did without a proof."""
    supersede_earlier(run.state_dir, databases, now, holds_proof)
    for folder in _left_at(RunState.NO_PROOF, run.state_dir, databases, holds_proof):
        if folder != run.folder:
            _note(run.state_dir, folder, "superseded", now)


def tidy(state_dir: Path, tmp: str, now: datetime, holds_proof: HoldsProof) -> None:
    """Remove what killed processes have left beside databases, in the folders of runs, and in ``tmp``.

    Raises BusyError if a run is at work.
    """
    remove_stale_scratch(tmp)
    untidy = partial(_untidy, holds_proof=holds_proof)
    if not any(map(untidy, run_folders(state_dir))):
        return
    with locked(state_dir):
        for folder in filter(untidy, run_folders(state_dir)):
            if not _has_begun(folder):
                (folder / JOURNAL).unlink(missing_ok=True)
                folder.rmdir()
                continue
            record = read_record(folder)
            is_empty = state_of(folder, holds_proof) is RunState.NOTHING_WRITTEN
            for leftover in _leftovers(record):
                leftover.unlink()
            for path in _open_journals(record):
                with suppress(OSError, sqlite3.Error):
                    close_cleanly(path)
            if is_empty:
                remove_made(record)
                shutil.rmtree(folder / "backups", ignore_errors=True)
                _note(state_dir, folder, "tidied", now)


def _left_at(state: RunState, state_dir: Path, databases: Collection[str], holds_proof: HoldsProof) -> tuple[Path, ...]:
    """Runs that were left in a state, and whose databases are all among ``databases``, from first to last."""
    return tuple(
        record.folder
        for record in all_records(state_dir)
        if state_of(record.folder, holds_proof) is state
        and {str(one.path) for one in record.created} | {str(one.path) for one in record.changed} <= {*databases}
    )


def _note(state_dir: Path, folder: Path, step: str, now: datetime) -> None:
    run = Run(state_dir, now, folder)
    try:
        run.note(step)
    finally:
        run.close()


def _untidy(folder: Path, holds_proof: HoldsProof) -> bool:
    """Whether a run was killed and has left something that nobody needs."""
    if not _has_begun(folder):
        return True
    try:
        record = read_record(folder)
        if record.steps.keys() & OVER:
            return False
        left = (*_leftovers(record), *_open_journals(record))
        return bool(left) or state_of(folder, holds_proof) is RunState.NOTHING_WRITTEN
    except MigratorError:
        return False


def _leftovers(record: RunRecord) -> Iterator[Path]:
    """Half-built files that are there."""
    yield from (one.temporary for one in record.created if os.path.lexists(one.temporary))
    yield from record.folder.glob(".*.tmp")
    halves = (half_carried(place) for one in record.archived for place in (one.archive, one.source))
    yield from filter(os.path.lexists, halves)


def _open_journals(record: RunRecord) -> Iterator[Path]:
    """Databases that a run has written to, and from which it could not move all out of the ``-wal``."""
    for one in record.changed:
        if one.is_settled:
            continue
        real = Path(os.path.realpath(one.path))
        if any(Path(f"{real}{end}").exists() for end in SET[1:]) and _tables(real) == one.after:
            yield real


def _has_begun(folder: Path) -> bool:
    """Whether a run came to note its beginning, which it does before anything else. Nobody removes what has."""
    try:
        return os.listdir(folder) not in ([], [JOURNAL]) or b"\n" in read_regular_file(folder / JOURNAL)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _has_effect(record: RunRecord) -> bool:
    """Whether anything of the run is there: published, committed, or moved."""
    if any(one.archive.exists() for one in record.archived):
        return True
    if any(one.tables is not None and _is_published(one) for one in record.created):
        return True
    return any(one.after is not None and _tables(one.path) != one.before for one in record.changed)


def _is_published(one: CreatedDatabase) -> bool:
    """Whether a database is there that was to be published; the temporary file is the same one until it is removed."""
    return os.path.lexists(one.path) and _tables(one.path) == one.tables


def _tables(path: Path) -> Tables | None:
    try:
        with open_snapshot(str(path)) as connection:
            return table_digests(connection)
    except (OSError, sqlite3.Error, MigratorError):
        return None
