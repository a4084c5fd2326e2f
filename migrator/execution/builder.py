"""Build a new database beside its place, checked and durable, so that it only needs its name."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from migrator.execution.session_writer import check_result, write_planned
from migrator.filesystem import fsync_file, inherit_owner, make_private_directory
from migrator.model.errors import BusyError, ChangedError, DefectError, MigratorError, RefusedError, SystemFailedError
from migrator.model.plan import DatabasePlan
from migrator.model.progress import Progress
from migrator.model.words import Name
from migrator.parallel import Workers
from migrator.runs.run import Run, is_half_built
from migrator.sqlite import shapes
from migrator.sqlite.content import Tables
from migrator.sqlite.snapshot import open_snapshot, open_writable
from migrator.sqlite.target import create_tables

_CONSTRAINT = re.compile(r"[A-Z ]+ constraint failed(: [a-z_., ]+)?")
"""What SQLite says of a constraint of a table; a trigger says what somebody else has written in it."""

_FOREIGN_KEY = "FOREIGN KEY constraint failed"

STOPS_ONE = (BusyError, ChangedError, RefusedError)
"""What stops the work on one database, and not that on the others."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a database is built: ``temporary``, beside its place, in directories that may have been ``made`` for it.

    ``index`` is its place in the plan; ``failure`` says why it cannot be built.
    """

    index: int
    temporary: Path = Path()
    made: tuple[Path, ...] = ()
    failure: MigratorError | None = None

    def clear(self) -> None:
        """Take away what is left of the work here."""
        if self.failure is not None:
            return
        self.temporary.unlink(missing_ok=True)
        with suppress(OSError):  # one is not empty, or gone
            for folder in reversed(self.made):
                folder.rmdir()


@dataclass(frozen=True, slots=True)
class Built:
    """A database that is ready to be published, unless there was a ``failure``: its rows, and its tables' digests."""

    site: Site
    rows: int = 0
    tables: Tables = field(default_factory=dict)
    failure: MigratorError | None = None


def prepare(index: int, final: Path, run: Run) -> Site:
    """Find a place for the database of a plan, and note it in the run. Raises OSError."""
    missing = [folder for folder in (final.parent, *final.parent.parents) if not folder.exists()][::-1]
    run.remember(missing[0].parent if missing else final.parent)
    for folder in missing:
        run.note("make-directory", path=run.where(folder))
    made = tuple(folder for folder in missing if make_private_directory(folder))
    for leftover in final.parent.iterdir():
        if is_half_built(leftover.name, final.name):
            leftover.unlink()  # of a run that was killed; the lock of this one says that none is at work
    temporary = final.with_name(f".{final.name}.{run.id}.tmp")
    run.note("build", database=run.where(final), temporary=run.where(temporary))
    return Site(index, temporary, made)


def build(plans: Sequence[DatabasePlan], now_ms: int, workers: Workers, site: Site, progress: Progress) -> Built:
    """Build a database in its place. Raises SystemFailedError and OSError: these abort the whole run."""
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
        with own_constraints(connection, planned):
            rows, _ = write_planned(connection, planned, now_ms, progress, workers)
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
            "SQLite cannot write to {subject}; nothing in it was changed. Check its place, its modes and its tables.",
            Name("database", planned.database.path),
        ) from None


@contextmanager
def own_constraints(connection: sqlite3.Connection, planned: DatabasePlan) -> Iterator[None]:
    """Name the constraint that our own rows break.

    Raises DefectError. A trigger, or a column that we do not know, is somebody else's constraint.
    """
    try:
        yield
    except sqlite3.IntegrityError as error:
        broken = str(error)
        if not _CONSTRAINT.fullmatch(broken) or _is_of_a_foreign_column(broken):
            raise
        raise _defect(connection, planned, broken) from None


@contextmanager
def own_references(connection: sqlite3.Connection, planned: DatabasePlan) -> Iterator[None]:
    """Where a check before the commit finds rows that refer to nothing, say that they are ours. Raises DefectError."""
    try:
        yield
    except ChangedError:
        if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise _defect(connection, planned, _FOREIGN_KEY) from None
        raise


def _is_of_a_foreign_column(broken: str) -> bool:
    """Whether the column that SQLite names, ``table.column``, is none of the tables that we make."""
    table, _, column = broken.rpartition(" ")[2].partition(".")
    with closing(sqlite3.connect(":memory:")) as ours:
        create_tables(ours)
        columns = [row[1] for row in ours.execute("SELECT * FROM pragma_table_info(?)", (table,))]
    return bool(columns) and column not in columns


def _defect(connection: sqlite3.Connection, planned: DatabasePlan, broken: str) -> DefectError:
    if broken.startswith(_FOREIGN_KEY):
        pairs = {(row[0], row[2]) for row in connection.execute("PRAGMA foreign_key_check")}
        known = (f"{table} to {parent}" for table, parent in pairs if f"{table}{parent}".isidentifier())
        broken += f": {', '.join(sorted(known))}"
    return DefectError(
        f"SQLite refuses rows that are to go into {{subject}} ({broken}): a defect of this program. "
        "Nothing in it was changed; please report the constraint.",
        Name("database", planned.database.path),
    )


def locked(planned: DatabasePlan) -> BusyError:
    """Make the error for a database that somebody else holds."""
    name = Name("database", planned.database.path)
    return BusyError("{subject} is locked by another process; stop it and try again.", name)
