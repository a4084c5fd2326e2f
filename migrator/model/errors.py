"""What stops a command. Each class owns its exit code; bad input is a finding, never one of these."""

from __future__ import annotations

import os
from dataclasses import dataclass

from migrator.model.words import Name


@dataclass(frozen=True, slots=True)
class Meant:
    """What was probably meant: a state directory, and one agent directory in it, or all."""

    state_dir: str
    agent: str | None = None


class MigratorError(Exception):
    """The command cannot go on.

    ``sentence`` says what happened and what to do next, in words of our own; ``subject`` is the thing it is about, and
    ``others`` are what else it names.
    """

    exit_code = 2

    def __init__(self, sentence: str, subject: Name | None = None, others: tuple[Name, ...] = ()) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.subject = subject
        self.others = others


class UsageError(MigratorError):
    """The command line asks for something impossible."""

    exit_code = 2


class NothingFoundError(MigratorError):
    """There is nothing to work on."""

    exit_code = 10


class WrongPlaceError(NothingFoundError):
    """What was named with ``option`` is no state directory; ``meant`` are those that may have been."""

    def __init__(
        self,
        sentence: str,
        subject: Name,
        others: tuple[Name, ...] = (),
        meant: tuple[Meant, ...] = (),
        option: str = "--state-dir",
    ) -> None:
        super().__init__(sentence, subject, others)
        self.meant = meant
        self.option = option


class BusyError(MigratorError):
    """A live gateway, writer or lock is in the way."""

    exit_code = 11


class RefusedError(MigratorError):
    """A preflight check says no; nothing was written."""

    exit_code = 12


class ChangedError(MigratorError):
    """A source or a database is not what it was when it was planned."""

    exit_code = 13


class ProofNotWrittenError(MigratorError):
    """The data is committed, but its proof could not be written; ``verify`` will write it."""

    exit_code = 14


class SystemFailedError(MigratorError):
    """The disk, the memory or the system failed; nothing is claimed, and running again is safe."""

    exit_code = 2

    def __init__(self, error: BaseException) -> None:
        number = getattr(error, "errno", None)
        why = os.strerror(number) if isinstance(number, int) else _WORDS.get(type(error), "SQLite cannot go on")
        super().__init__(
            f"the system failed ({why}); every database is as it was, or complete. Put that right and run it again."
        )


_WORDS: dict[type[BaseException], str] = {MemoryError: "Out of memory"}


class WorkerEndedError(SystemFailedError):
    """A process was ended by somebody else while it worked on ``subject``, the first of ``count`` things."""

    def __init__(self, subject: Name, count: int = 1) -> None:
        then = " or on what comes after it" if count > 1 else ""
        MigratorError.__init__(
            self,
            f"the process that worked on {{subject}}{then} was ended from outside, as when memory runs out; every "
            "database is as it was, or complete. Put that right, perhaps with --jobs 1, and run it again.",
            subject,
        )


class DefectError(MigratorError):
    """The program did what it must never do; nothing is claimed."""

    exit_code = 2


class LeakError(MigratorError):
    """A text that was about to leave the process held a string from the installation; it was withheld."""

    exit_code = 2
