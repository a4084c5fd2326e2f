"""Execute: the only step that writes. Each database is wholly the old one or wholly the new one, whenever we die.

A missing database is built beside its place, checked, and published by name. An existing one is backed up and changed
in one transaction that is checked before it is committed. Sources are only read, and hashed again while they are.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path

from migrator.execution.builder import (
    STOPS_ONE,
    Built,
    Site,
    build,
    locked,
    own_constraints,
    own_references,
    prepare,
    sqlite_failures,
)
from migrator.execution.session_writer import check_result, check_unchanged, write_planned
from migrator.filesystem import publish
from migrator.model.errors import ChangedError, RefusedError, SystemFailedError
from migrator.model.inventory import Shape
from migrator.model.outcome import Outcome
from migrator.model.plan import DatabasePlan, Plan, Reject
from migrator.model.progress import Progress, silent
from migrator.model.words import Name
from migrator.parallel import ALONE, Workers
from migrator.patience import when_unlocked
from migrator.runs.backups import copy_set
from migrator.runs.quarantine import preserve
from migrator.runs.run import Run
from migrator.scanning.sources import digest_now, open_source, require_same
from migrator.sqlite import shapes
from migrator.sqlite.content import table_digests
from migrator.sqlite.snapshot import SUFFIXES, checkpoint, open_snapshot, open_writable


def execute(
    plan: Plan, run: Run, now_ms: int, progress: Progress = silent, workers: Workers = ALONE
) -> tuple[Outcome, ...]:
    """Carry out a plan, database by database, and keep a journal in the run.

    The workers build new databases. What stops one database does not stop the others. Only if none was written it is
    raised: ChangedError when a source or a database is not what was planned on, BusyError when a database is locked,
    RefusedError when SQLite cannot write to it.
    """
    progress.start("writing", sum(map(_bytes_to_write, plan.databases)))
    new = [index for index, planned in enumerate(plan.databases) if _is_new(planned)]
    size = sum(_bytes_to_write(plan.databases[index]) for index in new)
    sites: list[Site] = []
    outcomes: list[Outcome] = []
    try:
        places = _prepared(plan, new, run, sites)
        with workers.map(
            partial(build, plan.databases, now_ms, workers),
            places,
            lambda site: _name(plan.databases[site.index]),
            count=len(new),
            size=size,
            progress=progress,
            together=1,
        ) as built:
            for planned in plan.databases:
                if planned.pending:
                    outcomes += _carry_out(planned, run, now_ms, progress, workers, built)
    finally:
        for site in sites:
            site.clear()
    failures = [outcome.failure for outcome in outcomes if outcome.failure is not None]
    if failures and len(failures) == len(outcomes):
        raise failures[0]
    return tuple(outcomes)


def _is_new(planned: DatabasePlan) -> bool:
    return planned.writes and planned.database.shape is Shape.MISSING


def _prepared(plan: Plan, new: list[int], run: Run, sites: list[Site]) -> Iterator[Site]:
    """A place for each new database, one after the other as they are asked for, and all of them in ``sites``."""
    for index in new:
        planned = plan.databases[index]
        try:
            _preserve_rejects(planned, run)
        except STOPS_ONE as error:
            yield Site(index, failure=error)
            continue
        sites.append(prepare(index, Path(planned.database.path), run))
        yield sites[-1]


def _carry_out(
    planned: DatabasePlan, run: Run, now_ms: int, progress: Progress, workers: Workers, built: Iterator[Built]
) -> Iterator[Outcome]:
    """Publish the next database that was ``built``, or change the one that there is."""
    try:
        if _is_new(planned):
            yield _publish(planned, next(built), run)
            return
        progress.enter(next((store.agent for store in planned.stores), None))
        _preserve_rejects(planned, run)
        if planned.writes:
            with sqlite_failures(planned):
                yield _change(planned, run, now_ms, progress, workers)
    except STOPS_ONE as error:
        run.note("failed", database=run.where(planned.database.path), exit_code=error.exit_code)
        yield Outcome(planned.database.path, created=False, rows_written=0, backup=None, failure=error)


def _bytes_to_write(planned: DatabasePlan) -> int:
    """How many bytes of sources are worked through for a database."""
    if not planned.writes:
        return 0
    entries = sum(entry.length for store in planned.stores for entry in store.entries)
    return entries + sum(history.size for history in planned.histories if history.pending)


def _publish(planned: DatabasePlan, built: Built, run: Run) -> Outcome:
    """Give a database that was built its name."""
    final = Path(planned.database.path)
    try:
        if built.failure is not None:
            raise built.failure
        run.note("publish", database=run.where(final), tables=built.tables)
        made = built.site.temporary.lstat()
        try:
            publish(built.site.temporary, final)
        finally:  # a signal may come when it has its name already
            if final.exists() and os.path.samestat(final.lstat(), made):
                run.written.add(str(final))
    finally:
        built.site.clear()
    run.note("published", database=run.where(final))
    return Outcome(str(final), created=True, rows_written=built.rows, backup=None)


def _change(planned: DatabasePlan, run: Run, now_ms: int, progress: Progress, workers: Workers) -> Outcome:
    """Change an existing database in one transaction, after a checked backup of its whole file set."""
    path = planned.database.path
    real = Path(os.path.realpath(path))
    backup = _back_up(planned, run)
    run.remember(real.parent)
    with_functions = planned.repair is not None
    opened = partial(open_writable, path, with_functions=with_functions, longest=planned.longest)
    with closing(when_unlocked(opened)) as connection:
        try:
            when_unlocked(lambda: connection.execute("BEGIN IMMEDIATE"))
        except sqlite3.OperationalError:
            raise locked(planned) from None
        # The lock is held now; what was hashed before must still be what is there.
        check_unchanged(connection, planned)
        with own_constraints(connection, planned):
            written, expected = write_planned(connection, planned, now_ms, progress, workers)
        with own_references(connection, planned):
            tables = check_result(connection, planned, expected, partial(shapes.integrity, connection))
        run.note("commit", database=run.where(path), tables=tables)
        try:
            with own_constraints(connection, planned):
                when_unlocked(lambda: connection.execute("COMMIT"))
        except sqlite3.Error as error:
            if "locked" in str(error):  # by a reader; the transaction is undone with its connection
                raise locked(planned) from None
            raise SystemFailedError(error) from None  # it may be committed all the same, so this is no refusal
        finally:
            if not connection.in_transaction:
                run.written.add(path)
        checkpointed = checkpoint(connection)
    Path(path).chmod(0o600)
    is_settled = checkpointed and not any(Path(f"{real}{suffix}").exists() for suffix in ("-wal", "-shm"))
    run.note("committed", database=run.where(path), checkpointed=is_settled)
    return Outcome(path, created=False, rows_written=written, backup=str(backup), checkpointed=checkpointed)


def _name(planned: DatabasePlan) -> Name:
    return Name("database", planned.database.path)


def _back_up(planned: DatabasePlan, run: Run) -> Path:
    """Copy the file set byte for byte, so that a roll-back can give back the same bytes, and check the copy."""
    real = Path(os.path.realpath(planned.database.path))
    folder = run.numbered("backups")
    files = copy_set(real, folder)
    wanted = {suffix: identity.sha256 for suffix, identity in planned.database.files}
    if {suffix: identity.sha256 for suffix, identity in files if suffix in SUFFIXES} != wanted:
        raise ChangedError("{subject} changed after it was planned; plan again.", _name(planned))
    with open_snapshot(str(folder / real.name)) as connection:
        if shapes.integrity(connection):
            raise RefusedError(
                "The backup of {subject} does not pass SQLite's integrity check; repair the database first.",
                _name(planned),
            )
        tables = table_digests(connection)
    run.note(
        "backup",
        database=run.where(planned.database.path),
        folder=folder.name,
        files={suffix: asdict(identity) for suffix, identity in files},
        tables=tables,
    )
    return folder


def _preserve_rejects(planned: DatabasePlan, run: Run) -> None:
    identities = planned.identities
    wanted: dict[str, list[Reject]] = {}
    for reject in planned.rejects:
        if not reject.preserved:
            wanted.setdefault(reject.path, []).append(reject)
    for path, rejects in wanted.items():
        name = Name("store", path)
        require_same(name, identities[path], digest_now(path))
        with open_source(path, name) as stream:
            preserve(run.folder, path, stream, rejects)
