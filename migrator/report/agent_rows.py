"""One row for each store and database of an inventory, by agent directory, with its state in one word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from itertools import chain
from typing import Any

from migrator.model.inventory import Agent, Database, Inventory, Shape, Store
from migrator.model.words import Name
from migrator.report.parts import AgentRow, State


def directory_of(database: Database | None, directories: Container[str]) -> Name | None:
    """The agent directory whose sessions a database holds, or None if it is of none."""
    directory = database.directory if database is not None else None
    return Name("agent", directory) if directory is not None and directory in directories else None


def agent_rows(inventory: Inventory) -> list[AgentRow]:
    """The rows, by agent directory; an agent directory with neither store nor database has one, too."""
    databases = {database.path: database for database in inventory.databases}
    agents = {agent.directory: agent for agent in inventory.agents}
    found: list[tuple[str | None, Store | None, Database | None]] = [
        (store.agent, store, databases.get(store.database)) for store in inventory.stores
    ]
    with_store = {store.database for store in inventory.stores}
    found += [(database.directory, None, database) for path, database in databases.items() if path not in with_store]
    seen = {directory for directory, _, _ in found}
    found += [(directory, None, None) for directory in agents if directory not in seen]
    found.sort(key=lambda row: (row[0] is None, row[0] or ""))
    return [_row(agents.get(directory or ""), store, database) for directory, store, database in found]


def _row(agent: Agent | None, store: Store | None, database: Database | None) -> AgentRow:
    kinds = Counter(file.kind for file in agent.files) if agent else Counter()
    rows = {row.key for row in chain(database.cache_rows, database.typed_rows)} if database else set()
    keys = [entry.key for entry in store.entries if entry.problem is None] if store else []
    lacking = sum(key not in rows for key in keys)
    state = _first_trouble(store, database) or _progress(store, len(keys), lacking, len(rows))
    return AgentRow(
        agent=Name("agent", agent.directory) if agent else None,
        agent_id=Name("agent-id", agent.normalized_id) if agent else None,
        **_of_store(store),
        entries=len(keys),
        problems=len(store.entries) - len(keys) + len(store.damage) if store else 0,
        transcripts=kinds.get("transcript", 0),
        **_of_database(database),
        rows=len(rows),
        sessions=len(rows) + lacking,
        state=state or ("unclaimed" if kinds.get("transcript") else "empty"),
    )


def _of_store(store: Store | None) -> dict[str, Any]:
    if store is None:
        return {"store": None, "store_kind": None, "store_bytes": None}
    size = store.identity.size if store.identity else None
    return {"store": Name("store", store.path), "store_kind": store.kind, "store_bytes": size}


def _of_database(database: Database | None) -> dict[str, Any]:
    if database is None:
        return {"database": None, "database_bytes": None, "shape": None, "schema": None}
    return {
        "database": Name("database", database.path),
        "database_bytes": sum(identity.size for _, identity in database.files),
        "shape": database.shape,
        "schema": database.version,
    }


def _first_trouble(store: Store | None, database: Database | None) -> State | None:
    """The word for what could not be read, or not all of it; None where all could."""
    shape = database.shape if database else Shape.MISSING
    if shape is Shape.UNREADABLE or (store and store.identity is None):
        return "unreadable"
    if shape is Shape.UNKNOWN:
        return "unknown"
    if store and (store.damage or any(entry.problem for entry in store.entries)):
        return "damaged"
    return None


def _progress(store: Store | None, entries: int, lacking: int, rows: int) -> State | None:
    """The word for how much is in the database, or None where neither it nor the store has a session.

    ``lacking`` are those of the ``entries`` without a row of their key.
    """
    if not entries and not rows:
        return None
    if not lacking:
        return "migrated"
    # A newer release gives keys another spelling; only a verification can match those.
    if store and store.is_set_aside:
        return "migrated" if rows >= entries else "partial"
    return "partial" if rows else "legacy"
