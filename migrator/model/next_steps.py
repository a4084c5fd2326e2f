"""What a user should do next, from what was found."""

from __future__ import annotations

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


def lost_in(found: Verification) -> str:
    """How many sessions and events are in no database, with their verb; empty where none are."""
    missing = found.count(Verdict.MISSING) + found.count(Verdict.MERGED)
    events = sum(one.events - one.present for database in found.databases for one in database.histories)
    counted = ((missing, "session"), (events, "event"))
    told = " and ".join(plural(count, noun) for count, noun in counted if count)
    return f"{told} {'is' if missing + events == 1 else 'are'}" if told else ""


def accepting(found: Verification) -> tuple[tuple[str, str], ...]:
    """The options that accept all that is wrong: empty where more is than that sessions are elsewhere."""
    if found.count(Verdict.CHANGED) or not FAIL_IF_MOVED.issuperset(found.failed_checks):
        return ()
    return tuple(("--accept", word.value) for word in ACCEPTABLE if found.count(word))


def said(options: tuple[tuple[str, str], ...]) -> str:
    """Options in a sentence."""
    return " ".join(word for option in options for word in option)
