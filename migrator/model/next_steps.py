"""What a user should do next, from what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from migrator.model.conclusions import OUTCOMES
from migrator.model.counted import plural
from migrator.model.inventory import Inventory
from migrator.model.verification import ACCEPTABLE, FAIL_IF_MOVED, Verdict, Verification

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
