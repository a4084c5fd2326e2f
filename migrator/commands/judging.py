"""The word and the exit code for what a verification says."""

from __future__ import annotations

from migrator.findings.table import RULES
from migrator.model.errors import BusyError
from migrator.model.inventory import Inventory
from migrator.model.verification import FAIL_IF_MOVED, LOST, LOST_HISTORIES, UNREAD, Verdict, Verification
from migrator.model.words import Finding, Severity
from migrator.planning.digests import unpreserved

CHANGING = ("store.changing", "transcript.changing", "database.changing")
"""What could not be read, because somebody was writing to it: nothing can be said about it."""

DIFFERENCES, NOTHING_FOUND, REFUSED, QUARANTINED = 1, 10, 12, 15


def has_severity(findings: tuple[Finding, ...], severity: Severity) -> bool:
    """Whether any finding is of a severity."""
    return any(RULES[finding.code].severity is severity for finding in findings)


SET_ASIDE = "database.set-aside"
"""The sessions of an agent are where no release looks: that is no installation to call complete."""

JOURNAL_ALONE = "copy.journal-alone"
"""Nobody knows the whole of it, but where it tells of what is nowhere else, nothing is proved."""

STATE_INSIDE = "copy.state-inside"
"""The subject is a folder, and what is in it is not named one by one."""

ELSEWHERE = frozenset(
    {
        "agent.only-archives",
        "copy.database-only-here",
        "copy.database-unreadable",
        "copy.events-only-here",
        JOURNAL_ALONE,
        "copy.packed",
        "copy.sessions-only-here",
        STATE_INSIDE,
        SET_ASIDE,
    }
)
"""Findings on sessions that lie where no release looks: an installation with one of them is not empty."""


def unread(origin: Inventory, inventory: Inventory) -> tuple[Finding, ...]:
    """What could not be read of the sources of another inventory, and is no finding of this one yet."""
    return tuple(one for one in origin.findings if one.code in UNREAD and one not in inventory.findings)


def judge(
    verification: Verification, inventory: Inventory, unmet: tuple[str, ...] = (), accept: tuple[str, ...] = ()
) -> tuple[str, int]:
    """The word and the exit code: differences first, then what is in quarantine, then all is well."""
    lost = sum(verification.count(one) for one in LOST if one.value not in accept)
    lost += sum(verification.count_histories(one) for one in LOST_HISTORIES if one.value not in accept)
    if unmet:
        return "unexpected", DIFFERENCES
    if any(finding.code in CHANGING for finding in verification.findings):
        return "busy", BusyError.exit_code
    # A second directory is how the sessions moved: who accepts the one accepts the other.
    tolerated = FAIL_IF_MOVED if Verdict.MOVED.value in accept else set()
    aside = any(map(_is_aside, verification.findings))
    if (
        lost
        or aside
        or set(verification.failed_checks) - tolerated
        or has_severity(verification.findings, Severity.REFUSED)
    ):
        return "differences", DIFFERENCES
    if unpreserved(inventory):
        return "quarantined", QUARANTINED
    return "proved", 0


def _is_aside(finding: Finding) -> bool:
    """Whether a finding says that sessions or events are in a database, or in the journal of one, that nobody opens."""
    told = dict(finding.facts)
    journal = finding.code == JOURNAL_ALONE and bool(told.get("count") or told.get("events"))
    return finding.code == SET_ASIDE or journal


def is_elsewhere(verification: Verification) -> bool:
    """Whether nothing is where releases look, and something where they do not: nobody should call that complete."""
    nothing = not any(database.rows or database.histories for database in verification.databases)
    return nothing and any(finding.code in ELSEWHERE for finding in verification.findings)
