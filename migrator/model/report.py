"""What each verb found or did: plain data, which every format shows."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from msgspec import Struct

from migrator.model.conclusions import (
    AFTER_SCAN,
    IN_A_PLAN,
    LEFT_BEHIND,
    OUTCOMES,
    Tally,
    accepting,
    after_judging,
    after_scan,
    holds_sessions,
    lost_in,
    remedy,
    tally_of,
)
from migrator.model.explanation import Explanation
from migrator.model.exported import Exported
from migrator.model.inventory import Inventory
from migrator.model.outcome import NOT_ARCHIVED, Archiving, Outcome
from migrator.model.plan import Plan
from migrator.model.upgrade import Upgrade
from migrator.model.verification import OTHER_BRANCH, Verification
from migrator.model.words import Finding, Name


class Filesystem(Struct, frozen=True, forbid_unknown_fields=True):
    """A filesystem that an upgrade writes to. ``needed`` is an estimate, ``free`` what a user may write, in bytes."""

    place: Name
    kind: str
    read_only: bool
    free: int
    needed: int


class Undone(Struct, frozen=True, forbid_unknown_fields=True):
    """What was taken back: databases removed and restored, sources put back, and how much had to be set aside."""

    removed: int = 0
    restored: int = 0
    put_back: int = 0
    set_aside: int = 0


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run and what taking it back would still do, None where it is over.

    ``state`` is one of our words, ``time`` in milliseconds; ``obstacles`` are codes of findings that make a rollback
    refuse.
    """

    folder: str
    time: int
    state: str
    takes_back: Undone | None = None
    obstacles: tuple[str, ...] = ()


CommandLine = tuple[Name | str | int, ...]
"""The words of a command."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What every verb says: its ``word``, one of :data:`migrator.model.conclusions.OUTCOMES`, and what it looked at.

    ``unmet`` are the expectations of the user that were not met, in words; ``given``, by verb, the options of this
    command that say what it is about, as far as the other verb has them too.
    """

    verb: ClassVar[str]
    word: str
    exit_code: int
    inventory: Inventory
    unmet: tuple[str, ...] = ()
    given: Mapping[str, tuple[CommandLine, ...]] = field(default_factory=dict)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the latest step that made any."""
        return self.inventory.findings

    @property
    def next_step(self) -> str:
        """What to do now."""
        verification = verification_of(self)
        lost = sum(finding.code == "entry.lost-history" for finding in self.inventory.findings)
        return remedy(self.word, verification.in_quarantine if verification is not None else 0, lost)

    @property
    def next_command(self) -> CommandLine:
        """The one command to go on with, ready to be typed; empty where there is none or several."""
        return ()

    def command(self, *words: str, also: Sequence[CommandLine] = ()) -> CommandLine:
        """A whole command about the same: its first words, the options that it needs, and those that were given."""
        told = self.inventory.state_dir_source == "--state-dir"
        place = [("--state-dir", Name("path", self.inventory.state_dir))] if told else []
        options = dict.fromkeys([*place, *also, *self.given.get(words[0], ())])
        return ("migrator", *words, *(word for option in options for word in option))

    def rollback_command(self, run: str) -> CommandLine:
        """The whole command that takes a run back."""
        return self.command("rollback", os.path.basename(run))


@dataclass(frozen=True, kw_only=True)
class ScanReport(Report):
    """What is there. ``forecast`` never counts for the exit code: it is about OpenClaw's own upgrade."""

    verb = "scan"
    forecast: tuple[Finding, ...]
    filesystems: tuple[Filesystem, ...]

    @property
    def next_step(self) -> str:
        """Plan where there is something to move, else judge what is in the databases."""
        if self.word != "scanned":
            return super().next_step
        return AFTER_SCAN[after_scan(self.inventory)]

    @property
    def next_command(self) -> CommandLine:
        """The command that plans or judges what was found."""
        verb = after_scan(self.inventory) if self.word == "scanned" else ""
        return self.command(verb) if verb else ()


@dataclass(frozen=True, kw_only=True)
class PlanReport(Report):
    """What would be done. ``saved`` is the file that has the plan, if there is one."""

    verb = "plan"
    plan: Plan
    saved: str | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the plan."""
        return self.plan.findings

    @property
    def next_step(self) -> str:
        """What to do now. Nobody is sent to verify what is not there."""
        if self.word == "up-to-date" and not holds_sessions(self.inventory):
            return "Read the findings: nothing can be written, and nothing is there to verify."
        return super().next_step

    @property
    def next_command(self) -> CommandLine:
        """The command that carries the plan out, or, where there is nothing to write, judges what is there."""
        if self.word == "pending" and self.saved is not None:
            beside = (one for one in self.given.get("apply", ()) if one[0] not in IN_A_PLAN)
            return ("migrator", "apply", Name("argument", self.saved), *(word for one in beside for word in one))
        if self.word == "pending":
            return self.command("apply", "--yes")
        return self.command("verify") if self.word == "up-to-date" and holds_sessions(self.inventory) else ()


@dataclass(frozen=True, kw_only=True)
class VerifyReport(Report):
    """Whether every session is there.

    ``origin`` is what was judged by, where that is not the inventory itself, and ``against`` the path that named it.
    """

    verb = "verify"
    verification: Verification
    origin: Inventory | None = None
    against: str | None = None

    @property
    def next_step(self) -> str:
        """What can be put back and how, or accepted, where that is all that is wrong."""
        return after_judging(self.verb, self.word, super().next_step, self._tally)

    @property
    def next_command(self) -> CommandLine:
        """The command that says what can be put back, or accepts what is elsewhere."""
        if self.word != "differences":
            return ()
        if lost_in(self._tally):
            given = [("--from", Name("argument", self.against))] if self.against is not None else []
            return self.command("plan", also=given)
        accepted = accepting(self._tally)
        return self.command("verify", also=accepted) if accepted else ()

    @property
    def _tally(self) -> Tally:
        return tally_of(self.verification, by_other_sources=self.origin is not None)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the verification."""
        return self.verification.findings


@dataclass(frozen=True, kw_only=True)
class ApplyReport(Report):
    """What was done, and whether every session is there now.

    ``run`` is the folder of the run, None where there was nothing to do; ``archiving`` tells which sources are in it.
    """

    verb = "apply"
    plan: Plan
    verification: Verification
    outcomes: tuple[Outcome, ...] = ()
    run: str | None = None
    archiving: Archiving = NOT_ARCHIVED

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the plan, what it led to, what stopped single databases, and on sources that stay."""
        stopped = (made for outcome in self.outcomes if (made := outcome.finding) is not None)
        return (*self.plan.findings, *_other_branches(self.verification), *stopped, *self.archiving.staying)

    @property
    def next_step(self) -> str:
        """What to do now. While a source stays that was to be moved, nobody is told that there is nothing to do."""
        comforts = self.word in ("proved", "already-migrated") and self.archiving.staying
        return OUTCOMES[LEFT_BEHIND].remedy if comforts else super().next_step


@dataclass(frozen=True, kw_only=True)
class ProveReport(Report):
    """What came of an upgrade that was tried; ``verification`` is None where nothing was migrated."""

    verb = "prove"
    plan: Plan
    verification: Verification | None
    upgrade: Upgrade
    forecast: tuple[Finding, ...]
    filesystems: tuple[Filesystem, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the plan, and what it led to."""
        return (*self.plan.findings, *_other_branches(self.verification))

    @property
    def next_step(self) -> str:
        """Accept what is elsewhere, where that is all that is wrong."""
        failed = [check.name for trial in self.upgrade.trials[:1] for check in trial.checks if not check.passed]
        return after_judging(self.verb, self.word, super().next_step, tally_of(self.verification, failed))


@dataclass(frozen=True, kw_only=True)
class ExportReport(Report):
    """What was written to files."""

    verb = "export"
    exported: Exported

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the scan and of the export."""
        return (*self.inventory.findings, *self.exported.findings)


@dataclass(frozen=True, kw_only=True)
class ExplainReport(Report):
    """What is known about one thing."""

    verb = "explain"
    explained: Explanation


@dataclass(frozen=True, kw_only=True)
class RollbackReport(Report):
    """What was taken back: neither ``run`` nor ``undone`` where that was refused.

    ``runs`` are all that there are, the last one first, where only they were asked for.
    """

    verb = "rollback"
    run: str | None = None
    undone: Undone | None = None
    runs: tuple[KnownRun, ...] = ()

    @property
    def next_step(self) -> str:
        """Take the last run back that can be, of those that were listed."""
        if self.word != "listed":
            return super().next_step
        if not self.runs:
            return "Nothing to do: no run has written here."
        if self.next_command:
            return "This takes back the last run; name another to take that one back."
        return "Nothing to do: every run was taken back."

    @property
    def next_command(self) -> CommandLine:
        """The command that takes the last run back that is in force."""
        in_force = [run for run in self.runs if run.takes_back is not None]
        return self.rollback_command(in_force[0].folder) if in_force else ()


def _other_branches(verification: Verification | None) -> tuple[Finding, ...]:
    found = verification.findings if verification is not None else ()
    return tuple(finding for finding in found if finding.code == OTHER_BRANCH)


def plan_of(report: Report) -> Plan | None:
    """The plan of a verb that has made one."""
    return report.plan if isinstance(report, PlanReport | ApplyReport | ProveReport) else None


def verification_of(report: Report) -> Verification | None:
    """The verification of a verb that has made one."""
    return report.verification if isinstance(report, VerifyReport | ApplyReport | ProveReport) else None


def run_of(report: Report) -> str | None:
    """The folder of the run that a verb has made or taken back."""
    return report.run if isinstance(report, ApplyReport | RollbackReport) else None


def origin_of(report: Report) -> Inventory:
    """What a verb has judged by: the inventory itself, if nothing else was named."""
    return (report.origin if isinstance(report, VerifyReport) else None) or report.inventory


def forecast_of(report: Report) -> tuple[Finding, ...]:
    """What OpenClaw's own upgrade would do, where the verb has looked."""
    return report.forecast if isinstance(report, ScanReport | ProveReport) else ()
