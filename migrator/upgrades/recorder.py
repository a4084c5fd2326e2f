"""The record of every command that runs in a proof: how it ended, what it counted, and which files it changed.

The output of OpenClaw names people, paths and keys; nothing of it leaves but which of the sentences that real releases
are known to say it held, so that a redacted record can tell why a command failed. Facts: as seen with 2026.7.1,
2026.8.2 and 2026.9.6; the last two with releases 2026.9.1 and 2026.9.3.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from migrator.commands.request import Request
from migrator.model.errors import MigratorError
from migrator.model.inventory import counts
from migrator.model.report import ApplyReport, PlanReport, Report, verification_of
from migrator.model.upgrade import FileChanges, Part, Record, Way
from migrator.model.words import Name
from migrator.proofs.vocabulary import OPENCLAW_WORDS
from migrator.upgrades.private_copy import changes, times
from migrator.upgrades.release.process import Step
from migrator.verification.parity import parity

_LAST_WORDS = 2000  # bytes

_Report = TypeVar("_Report", bound=Report)

_PATTERNS = {
    "deletion-journal-unavailable": r"deletion journal unavailable",
    "auth-store-refused": r"shared-auth-store \(step-refused\)",
    "schema-upgraded": r"Upgraded agent database schema",
    "run-doctor": r"run openclaw doctor --fix",
    "repair-refused": r"Doctor cannot repair this state|Doctor stopped because",
    "invalid-session-id": r"Invalid session ID:",
    "entry-is-null": r"Cannot destructure property '\w+' of 'entry' as it is null",
    "constraint-failed": r"(?:NOT NULL|UNIQUE|CHECK|FOREIGN KEY) constraint failed",
    "row-missing-after-import": r"sqlite_entry_missing",
    "non-canonical-key": r"non-canonical persisted row",
    "transcript-malformed": r"transcript_malformed",
    "alias-rows-removed": r"removed \d+ duplicate or alias row",
    "titles-repaired": r"Repaired \d+ session title",
    "file-helper-missing": r"native no-replace move is unavailable",
    "node-unsupported": r"Node\.js [^\n]{1,80} is required|node:sqlite is unavailable",
    "state-database-refused": r"no such table: workspace_path_aliases|legacy agent database registry schema",
    "hard-link": r"not an unaliased regular file",
}
_COMPILED = {code: re.compile(pattern) for code, pattern in _PATTERNS.items()}
_FRAME = re.compile(r"[│┃|]?\s*\n[│┃|]?\s*")


class Recorder:
    """Keeps a record of every command that runs on one copy, with the files that it has changed; None: on none."""

    def __init__(self, copy: Path | None, way: Way | None, release: str | None, request: Request) -> None:
        self.records: list[Record] = []
        self._progress, self._clock = request.progress, request.clock
        self._copy, self._way, self._release = copy, way, release
        self._times = times(str(copy)) if copy else {}

    def ours(self, part: Part, command: tuple[str, ...], verb: Callable[[], _Report]) -> _Report:
        """Run a verb of this program. Raises what it raises."""
        began = time.monotonic()
        try:
            report = verb()
        except MigratorError as error:
            self._add(part, command, error.exit_code, began)
            raise
        self._add(part, command, report.exit_code, began, tuple(report_counts(report)))
        return report

    def theirs(self, part: Part, step: Step, command: tuple[Name | str | int, ...] = (), **counts: int) -> None:
        """Record a command of the release; ``command`` are its words where its own ones hold a name."""
        failed = step.exit_code != 0
        record = Record(
            part=part,
            way=self._way,
            release=self._release,
            command=("openclaw", *(command or (word for word in step.arguments if word in OPENCLAW_WORDS))),
            exit_code=step.exit_code,
            seconds=step.seconds,
            counts=tuple(counts.items()),
            files=self._changes(),
            sayings=sayings(step.stdout + b"\n" + step.stderr),
            last_words=(step.stderr or step.stdout)[-_LAST_WORDS:].decode("utf-8", "replace") if failed else "",
        )
        self._keep(record)

    def _add(
        self,
        part: Part,
        command: tuple[str, ...],
        exit_code: int,
        began: float,
        counts: tuple[tuple[str, int], ...] = (),
    ) -> None:
        seconds = time.monotonic() - began
        self._keep(Record(part, self._way, None, ("migrator", *command), exit_code, seconds, counts, self._changes()))

    def _keep(self, record: Record) -> None:
        record = replace(record, ended=self._clock())
        self.records.append(record)
        words = " ".join(word for word in record.command if isinstance(word, str))
        code = "ended" if record.exit_code is None else f"exit {record.exit_code}"
        self._progress.over(f"{words}: {code}, {record.seconds:.0f} s")

    def _changes(self) -> FileChanges:
        before, self._times = self._times, times(str(self._copy)) if self._copy else {}
        return changes(before, self._times)


def report_counts(report: Report) -> Iterator[tuple[str, int]]:
    """What a verb has counted."""
    agents, sessions = counts(report.inventory)
    yield from (("agents", agents), ("stores", len(report.inventory.stores)), ("sessions", sessions))
    yield "transcripts", len(report.inventory.transcripts)
    if isinstance(report, ApplyReport) and report.outcomes:
        yield "rows_written", sum(outcome.rows_written for outcome in report.outcomes)
        yield "sources_archived", len(report.archiving.moved)
    verification = verification_of(report)
    if verification is not None:
        numbers = parity(verification)
        yield from (("sessions_arrived", numbers.sessions[0]), ("sessions_expected", numbers.sessions[1]))
        yield from (("events_arrived", numbers.events[0]), ("events_expected", numbers.events[1]))
        yield from (("missing", numbers.missing), ("changed", numbers.changed), ("moved", numbers.moved))
    elif isinstance(report, PlanReport):
        yield "databases_to_write", sum(planned.writes for planned in report.plan.databases)
        yield "quarantined", sum(len(planned.rejects) for planned in report.plan.databases)
        histories = (history for planned in report.plan.databases for history in planned.histories)
        yield "events", sum(history.event_count for history in histories)
    yield "findings", len(report.findings)


def sayings(output: bytes) -> tuple[str, ...]:
    """The codes of all known sentences in an output, through the frames that ``doctor`` draws around its text."""
    text = _FRAME.sub(" ", output.decode("utf-8", "replace"))
    return tuple(code for code, pattern in _COMPILED.items() if pattern.search(text))
