"""The verdict words of commands with the exit codes that go with each, and what to do next, from what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from migrator.model.counted import counted, plural
from migrator.model.inventory import Inventory
from migrator.model.verification import ACCEPTABLE, FAIL_IF_MOVED, Verdict, Verification


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a verdict word means: the exit codes that go with it, and what to do next."""

    exit_codes: tuple[int, ...]
    remedy: str


LEFT_BEHIND = "left-behind"
"""All is in the databases, and sources that were to be moved away could not be."""

OUTCOMES = {
    "proved": Conclusion((0,), "Nothing to do: every session is in its database, and every source is unchanged."),
    "already-migrated": Conclusion((0,), "Nothing to do: every session was in its database already."),
    "scanned": Conclusion((0,), "Read the findings, then run migrator plan."),
    "pending": Conclusion((0, 1), "Run migrator apply, with the plan file or with --yes."),
    "up-to-date": Conclusion((0,), "Nothing to write. Run migrator verify to see whether everything is there."),
    "unexpected": Conclusion((1,), "Look for what is missing, or correct --expect-agents and --expect-sessions."),
    "explained": Conclusion((0,), "See above, place by place."),
    "exported": Conclusion((0, 15), "Nothing to do: the export is complete."),
    "listed": Conclusion((0,), "Name the run to take back: migrator rollback RUN."),
    "rolled-back": Conclusion((0,), "Nothing to do: everything is as it was before the run."),
    LEFT_BEHIND: Conclusion(
        (1,),
        "Some sources were not moved, and an upgrade would import them: follow the findings on them, and run it again.",
    ),
    "differences": Conclusion(
        (1,), "Read above what is missing, changed, moved or failed, and follow the findings: no source was changed."
    ),
    "not-upgraded": Conclusion(
        (12,),
        "OpenClaw did not upgrade the copy, for the reason that its commands name; nothing is said of what it would "
        "keep. Mend that, and prove again.",
    ),
    "not-tried": Conclusion(
        (0, 12),
        "The copy was migrated, and no upgrade was tried: name the new release with --new, or say --without-openclaw.",
    ),
    "failed": Conclusion((2,), "Report the defect; nothing is claimed."),
    "unjudged": Conclusion(
        (0, 10),
        "There is nothing to compare with. Name something with --against: a backup of the state directory, or the "
        "folder of a run.",
    ),
    "busy": Conclusion((11,), "Stop the gateway, or whatever else writes, and try again."),
    "refused": Conclusion((12,), "Follow the findings; nothing was written."),
    "changed": Conclusion((13,), "Plan again: a source or a database changed."),
    "quarantined": Conclusion(
        (15,), "Read the findings on damaged pieces; apply keeps their bytes in the folder of its run."
    ),
}
"""Every verdict word."""

VERDICTS = {
    "scan": ("scanned", "unexpected"),
    "plan": ("up-to-date", "unexpected", "refused", "pending"),
    "apply": ("proved", "already-migrated", "quarantined", LEFT_BEHIND, "differences", "changed", "busy", "unjudged"),
    "verify": ("proved", "quarantined", "differences", "unexpected", "unjudged", "busy"),
    "prove": (
        "proved",
        "quarantined",
        "differences",
        "not-upgraded",
        "not-tried",
        "busy",
        "changed",
        "refused",
        "failed",
    ),
    "rollback": ("rolled-back", "refused", "differences"),
    "export": ("exported",),
    "explain": ("explained",),
}
"""The verdict words that each verb can come to."""

GOOD = ("proved", "already-migrated", "quarantined", LEFT_BEHIND, "not-tried")
"""The words that claim that nothing is lost."""


def remedy(verdict: str, in_quarantine: int, lost_histories: int = 0) -> str:
    """What to do after a verdict.

    While something is in quarantine, or the history of a session is nowhere, nobody is told that all is there.
    """
    if lost_histories and not in_quarantine and verdict in ("proved", "already-migrated"):
        return (
            "Look for the transcripts of {lost:session} that {lost:has|have} none: all that is here is migrated."
        ).format(**counted({"lost": lost_histories}))
    told = "quarantined" if in_quarantine and verdict in ("proved", "already-migrated") else verdict
    return OUTCOMES[told].remedy


AFTER_SCAN = {
    "plan": "Read the findings; then migrator plan shows what would be written.",
    "verify": "Read the findings; then migrator verify tells whether all is there.",
    "": "Read the findings: there is nothing to migrate, and no database with sessions.",
}
"""What to do after a scan, by the verb to go on with."""
IN_A_PLAN = ("--config", "--follow", "--agent", "--store", "--from", "--bring-back", "--reassign")
"""Options that a plan file knows itself, and that are not said beside it."""


def after_scan(inventory: Inventory) -> str:
    """The verb to go on with after a scan; empty where there is nothing for any."""
    live = [store for store in inventory.stores if store.is_live]
    if not holds_sessions(inventory):
        files = (file.kind for agent in inventory.agents for file in agent.files)
        return "plan" if any(one.entries or one.damage for one in live) or "transcript" in files else ""
    rows = {one.path: {row.key for row in (*one.cache_rows, *one.typed_rows)} for one in inventory.databases}
    lacks = any(entry.key not in rows.get(store.database, ()) for store in live for entry in store.entries)
    return "plan" if lacks else "verify"


def holds_sessions(inventory: Inventory) -> bool:
    """Whether any database has sessions."""
    return any(database.shape.holds_sessions for database in inventory.databases)


@dataclass(frozen=True, slots=True)
class Tally:
    """What a verification has found, as far as it decides what to do next: a report has it, and a proof log."""

    verdicts: Mapping[Verdict, int]
    missing_events: int
    failed_checks: frozenset[str]
    by_other_sources: bool = False


def tally_of(found: Verification | None, failed_checks: Iterable[str] = (), by_other_sources: bool = False) -> Tally:
    """The same of a verification, and of checks that have failed beside it."""
    if found is None:
        return Tally({}, 0, frozenset(failed_checks))
    missing = sum(one.events - one.present for database in found.databases for one in database.histories)
    verdicts = {verdict: found.count(verdict) for verdict in Verdict}
    return Tally(verdicts, missing, frozenset({*found.failed_checks, *failed_checks}), by_other_sources)


def after_judging(verb: str, word: str, usual: str, found: Tally) -> str:
    """The next step of verify and prove: what can be put back and how, or accepted, where that is all that is wrong.

    ``usual`` is what the word alone says.
    """
    if usual == OUTCOMES["proved"].remedy and any(found.verdicts.get(one) for one in ACCEPTABLE):
        return "Nothing to do: every session is in its database, or where you accept it; every source is unchanged."
    lost, accepted = lost_in(found), " ".join(word for option in accepting(found) for word in option)
    if word != "differences" or (lost and verb == "prove"):
        return usual
    if lost:
        given = ", taken from what was judged by" if found.by_other_sources else ""
        return f"{lost} in no database. See with migrator plan what can be put back{given}."
    if accepted and verb == "prove":
        return f"Nothing is lost. If the sessions may be where the upgrade put them, add {accepted}."
    if accepted:
        return f"Nothing is lost. If the sessions may stay where they are, run verify with {accepted}."
    return usual


def lost_in(found: Tally) -> str:
    """How many sessions and events are in no database, with their verb; empty where none are."""
    missing = found.verdicts.get(Verdict.MISSING, 0) + found.verdicts.get(Verdict.MERGED, 0)
    counts = ((missing, "session"), (found.missing_events, "event"))
    told = " and ".join(plural(count, noun) for count, noun in counts if count)
    return f"{told} {'is' if missing + found.missing_events == 1 else 'are'}" if told else ""


def accepting(found: Tally) -> tuple[tuple[str, str], ...]:
    """The options that accept all that is wrong: empty where more is than that sessions are elsewhere."""
    if found.verdicts.get(Verdict.CHANGED) or not FAIL_IF_MOVED.issuperset(found.failed_checks):
        return ()
    return tuple(("--accept", word.value) for word in ACCEPTABLE if found.verdicts.get(word))
