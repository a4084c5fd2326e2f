"""What a verb found or did: plain data, which every format shows."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.execution.undo import Undone
from migrator.model.conclusions import remedy
from migrator.model.explanation import Explanation
from migrator.model.exported import Exported
from migrator.model.inventory import Inventory
from migrator.model.outcome import Outcome
from migrator.model.plan import Plan
from migrator.model.upgrade import Upgrade
from migrator.model.verification import OTHER_BRANCH, Verification
from migrator.model.words import Finding
from migrator.scanning.host import Filesystem


@dataclass(frozen=True, slots=True)
class Report:
    """What a verb found or did. ``word`` is the verdict in one word, one of ``conclusions.OUTCOMES``.

    ``forecast`` never counts for the exit code: it is about OpenClaw's own upgrade, and about the ``filesystems`` that
    it would write to.
    ``origin`` is what a verification has judged by, where that is not the inventory itself.
    """

    verb: str
    word: str
    exit_code: int
    inventory: Inventory
    plan: Plan | None = None
    verification: Verification | None = None
    outcomes: tuple[Outcome, ...] = ()
    run: str | None = None
    archived: tuple[str, ...] = ()
    undone: Undone | None = None
    unmet: tuple[str, ...] = ()
    exported: Exported | None = None
    explained: Explanation | None = None
    forecast: tuple[Finding, ...] = ()
    filesystems: tuple[Filesystem, ...] = ()
    origin: Inventory | None = None
    upgrade: Upgrade | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the latest step that made any, what it led to, and what stopped single databases."""
        latest: Plan | Verification | Inventory = self.plan or self.verification or self.inventory
        exported = self.exported.findings if self.exported is not None else ()
        stopped = (made for outcome in self.outcomes if (made := outcome.finding) is not None)
        shown = self.verification.findings if self.plan is not None and self.verification is not None else ()
        branches = (finding for finding in shown if finding.code == OTHER_BRANCH)
        return (*latest.findings, *branches, *exported, *stopped)

    @property
    def next_step(self) -> str:
        """What to do now."""
        return remedy(self.word, self.verification.in_quarantine if self.verification is not None else 0)
