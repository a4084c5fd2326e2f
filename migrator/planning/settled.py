"""Databases that a newer OpenClaw has migrated, beside which a store came back: from a backup, or with an old build.

Nothing is written to such a database. But the next upgrade would import the stale store over its newer rows
(``migrator/openclaw/README.md``: "stale store wins"). Where the database lacks nothing of it there is a plan, so that
apply can verify that and, if it is asked to archive, put the store away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migrator.model.inventory import Database, Entry, Inventory, Row, Store
from migrator.model.plan import Action, Decision
from migrator.model.writes import HistoryWrite
from migrator.openclaw.places.session_key import canonical_key


def is_settled(
    database: Database, stores: Iterable[Store], histories: Iterable[HistoryWrite], inventory: Inventory
) -> bool:
    """Whether a migrated database has a row, as new or newer, for each entry, and all of each history."""
    if not database.is_upgraded or any(history.pending for history in histories):
        return False
    rows = {row.key: row for row in database.typed_rows}
    entries = (entry for store in stores for entry in store.entries if entry.problem is None)
    return all(_holds(_row(database, rows, entry, inventory), entry) for entry in entries)


def kept_rows(database: Database, entries: Iterable[Entry], inventory: Inventory) -> Iterator[Decision]:
    """The decisions for the entries of a settled database: whatever is there stays as it is."""
    rows = {row.key: row for row in database.typed_rows}
    for entry in entries:
        row = _row(database, rows, entry, inventory)
        if row is not None:
            yield Decision(
                key=entry.key,
                action=Action.KEEP if (row.updated_at or 0) > (entry.updated_at or 0) else Action.SAME,
                source=None,
                sha256=row.sha256,
                session_id=row.session_id,
                updated_at=row.updated_at,
                write_cache=False,
                write_typed=False,
                owns_session=False,
                typed_key=entry.key,
                typed_sha256=row.sha256,
            )


def _row(database: Database, rows: dict[str, Row], entry: Entry, inventory: Inventory) -> Row | None:
    """The row of an entry, under its own key or the one that the upgrade has given it."""
    canonical = canonical_key(entry.key, database.agent_id, inventory.main_key, inventory.scope)
    return rows.get(entry.key) or rows.get(canonical)


def _holds(row: Row | None, entry: Entry) -> bool:
    if row is None or entry.session_id is None:
        return False
    newer, age = row.updated_at or 0, entry.updated_at or 0
    return newer > age or (newer == age and row.session_id == entry.session_id)
