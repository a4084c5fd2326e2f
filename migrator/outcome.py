"""What an execution did to one database, or why it did nothing to it."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.errors import BusyError, ChangedError, MigratorError, RefusedError
from migrator.model import Finding, Name

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
