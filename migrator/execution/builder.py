"""Build a new database beside its place, checked and durable, so that it only needs its name."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from migrator.execution.read_back import check_result
from migrator.execution.session_writer import write_sessions
from migrator.filesystem import fsync_file, inherit_owner, make_private_directory
from migrator.model.errors import BusyError, ChangedError, MigratorError, RefusedError, SystemFailedError
from migrator.model.plan import DatabasePlan
from migrator.model.progress import Progress
from migrator.model.words import Name
from migrator.parallel import Workers
from migrator.runs.run import Run, is_half_built
from migrator.sqlite import shapes
from migrator.sqlite.content import Tables
from migrator.sqlite.snapshot import open_snapshot, open_writable

STOPS_ONE = (BusyError, ChangedError, RefusedError)
"""What stops the work on one database, and not that on the others."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a database is built: ``temporary``, beside its place, in a directory that may have been ``made`` for it.

    ``index`` is its place in the plan; ``failure`` says why it cannot be built.
    """

    index: int
    temporary: Path = Path()
    made: bool = False
    failure: MigratorError | None = None

    def clear(self) -> None:
        """Take away what is left of the work here."""
        if self.failure is not None:
            return
        self.temporary.unlink(missing_ok=True)
        if self.made:
            with suppress(OSError):  # it is not empty, or gone
                self.temporary.parent.rmdir()


@dataclass(frozen=True, slots=True)
class Built:
    """A database that is ready to be published, unless there was a ``failure``: its rows, and its tables' digests."""

    site: Site
    rows: int = 0
    tables: Tables = field(default_factory=dict)
    failure: MigratorError | None = None


def prepare(index: int, final: Path, run: Run) -> Site:
    """Find a place for the database of a plan, and note it in the run. Raises OSError."""
    if not final.parent.exists():
        run.remember(final.parent.parent)
        run.note("make-directory", path=run.where(final.parent))
    else:
        run.remember(final.parent)
    made = make_private_directory(final.parent)
    for leftover in final.parent.iterdir():
        if is_half_built(leftover.name, final.name):
            leftover.unlink()  # of a run that was killed; the lock of this one says that none is at work
    temporary = final.with_name(f".{final.name}.{run.id}.tmp")
    run.note("build", database=run.where(final), temporary=run.where(temporary))
    return Site(index, temporary, made)


def build(plans: Sequence[DatabasePlan], now_ms: int, workers: Workers, site: Site, progress: Progress) -> Built:
    """Build a database in its place. Raises SystemFailedError and OSError, which are about all of them."""
    if site.failure is not None:
        return Built(site, failure=site.failure)
    planned = plans[site.index]
    progress.enter(next((store.agent for store in planned.stores), None))
    try:
        with sqlite_failures(planned):
            rows = _write(planned, now_ms, workers, site.temporary, progress)
            return Built(site, rows, _check_and_flush(site.temporary, planned, workers))
    except STOPS_ONE as error:
        return Built(site, failure=error)


def _write(planned: DatabasePlan, now_ms: int, workers: Workers, temporary: Path, progress: Progress) -> int:
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    inherit_owner(temporary, temporary.parent)
    with closing(open_writable(str(temporary), longest=planned.longest)) as connection:
        # No journal, no flush: until it is published nobody reads this file, and a failed build is thrown away.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN IMMEDIATE")
        rows = write_sessions(connection, planned, now_ms, progress, workers)
        connection.execute("COMMIT")
    return rows


def _check_and_flush(temporary: Path, planned: DatabasePlan, workers: Workers) -> Tables:
    """Check a database that was built and make its content durable, all at the same time. Raises as check_result."""
    size = temporary.stat().st_size
    with (
        open_snapshot(str(temporary)) as connection,
        workers.beside(partial(fsync_file, temporary), size, waits=True) as flushed,
        workers.beside(partial(shapes.integrity_of, str(temporary)), size) as problems,
    ):
        tables = check_result(connection, planned, planned.expected_digest, problems)
        flushed()
    return tables


@contextmanager
def sqlite_failures(planned: DatabasePlan) -> Iterator[None]:
    """Say in words of our own what SQLite cannot do to a database.

    Raises BusyError, SystemFailedError and RefusedError.
    """
    try:
        yield
    except sqlite3.Error as error:
        if "locked" in str(error):
            raise locked(planned) from None
        if "I/O" in str(error) or "full" in str(error):
            raise SystemFailedError(error) from None
        raise RefusedError(
            "SQLite can not write to {subject}; nothing in it was changed. Check its place, its modes and its tables.",
            Name("database", planned.database.path),
        ) from None


def locked(planned: DatabasePlan) -> BusyError:
    """Make the error for a database that somebody else holds."""
    name = Name("database", planned.database.path)
    return BusyError("{subject} is locked by another process; stop it and try again.", name)
