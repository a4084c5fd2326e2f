"""What an execution did to one database, or why it did nothing to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from migrator.model.counted import plural
from migrator.model.errors import (
    BusyError,
    ChangedError,
    MigratorError,
    ProofNotWrittenError,
    RefusedError,
    SystemFailedError,
)
from migrator.model.words import Finding, Name

_CODES = {
    BusyError.exit_code: "database.locked",
    ChangedError.exit_code: "database.changed",
    RefusedError.exit_code: "database.write-refused",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done to one database, or the ``failure`` that left it as it was: busy, changed, or refused.

    ``checkpointed`` says that all of it is in the database file itself, and nothing in a ``-wal``.
    """

    path: str
    created: bool
    rows_written: int
    backup: str | None
    failure: MigratorError | None = None
    checkpointed: bool = True

    @property
    def finding(self) -> Finding | None:
        """The failure, or what else is worth knowing, as a finding."""
        name = Name("database", self.path)
        if self.failure is not None:
            return Finding(_CODES[self.failure.exit_code], name)
        return None if self.checkpointed else Finding("database.not-checkpointed", name)


@dataclass(frozen=True, slots=True)
class Archiving:
    """The sources that were moved into the folder of a run, and a finding on each that stays where it was."""

    moved: tuple[str, ...] = ()
    staying: tuple[Finding, ...] = ()

    @property
    def is_incomplete(self) -> bool:
        """Whether something stays that was to be moved, and could have been."""
        return any(finding.code in ("archive.refused", "archive.changing") for finding in self.staying)


NOT_ARCHIVED = Archiving()
"""Nothing was moved, because nobody asked for it, or not all is verified."""


@dataclass(frozen=True, slots=True)
class Halfway:
    """How far a run had come when a signal stopped it: the databases written, of those that were to be."""

    run: str
    written: int
    wanted: int

    @property
    def sentence(self) -> str:
        """What is there now, and how to go on."""
        if not self.written:
            return "no database was written. Run apply again."
        were, stay = ("was", "stays") if self.written == 1 else ("were", "stay")
        return (
            f"{self.written} of {plural(self.wanted, 'database')} {were} migrated and {stay}; "
            f"run {self.run}. Run apply again to go on, or rollback {self.run}."
        )


@contextmanager
def telling_how_far(run: str, written: Collection[str], wanted: int) -> Iterator[None]:
    """Give a signal that stops the block (KeyboardInterrupt and the like) the account of how far it had come."""
    try:
        yield
    except Exception:
        raise
    except BaseException as stop:
        stop.args = (Halfway(run, len(written), wanted),)
        raise


@contextmanager
def committed(outcomes: Collection[Outcome]) -> Iterator[None]:
    """Do what comes after the commit: if the system fails now, all is there, but nobody has checked it.

    Raises ProofNotWrittenError then.
    """
    try:
        yield
    except (OSError, sqlite3.Error, MemoryError, SystemFailedError):
        if all(outcome.failure for outcome in outcomes):
            raise
        raise ProofNotWrittenError(
            "all is committed, but the system failed while it was checked. Run apply again, or verify --proof."
        ) from None


def worst(outcomes: Collection[Outcome]) -> tuple[str, int] | None:
    """Word and exit code for what stopped single databases; "refused" would say that nothing at all was written."""
    codes = {outcome.failure.exit_code for outcome in outcomes if outcome.failure is not None}
    for word, code in (("changed", ChangedError.exit_code), ("busy", BusyError.exit_code)):
        if code in codes:
            return word, code
    return ("differences", 1) if codes else None
