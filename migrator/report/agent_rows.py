"""One row for each store and database of an inventory, by agent directory, with its state in one word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from itertools import chain
from pathlib import Path

from migrator.model.inventory import Agent, Database, Inventory, Shape, Store, StoreKind
from migrator.model.words import Name
from migrator.report.parts import AgentRow, State

_SET_ASIDE = (StoreKind.IMPORTED, StoreKind.ARCHIVED)


def directory_of(database: str, directories: Container[str]) -> Name | None:
    """The agent directory that a database lies in, or None for one that lies elsewhere."""
    directory = Path(database).parent.parent.name
    return Name("agent", directory) if directory in directories else None


def agent_rows(inventory: Inventory) -> list[AgentRow]:
    """The rows, by agent directory; an agent directory with neither store nor database has one, too."""
    database_of = dict(inventory.pairs)
    databases = {database.path: database for database in inventory.databases}
    agents = {agent.directory: agent for agent in inventory.agents}
    found: list[tuple[str | None, Store | None, Database | None]] = [
        (store.agent, store, databases.get(database_of[store.path])) for store in inventory.stores
    ]
    with_store = set(database_of.values())
    found += [
        (Path(path).parent.parent.name, None, database)
        for path, database in databases.items()
        if path not in with_store
    ]
    seen = {directory for directory, _, _ in found}
    found += [(directory, None, None) for directory in agents if directory not in seen]
    found.sort(key=lambda row: (row[0] is None, row[0] or ""))
    return [_row(agents.get(directory or ""), store, database) for directory, store, database in found]


def _row(agent: Agent | None, store: Store | None, database: Database | None) -> AgentRow:
    kinds = Counter(file.kind for file in agent.files) if agent else Counter()
    rows = {row.key for row in chain(database.cache_rows, database.typed_rows)} if database else set()
    entries = sum(entry.problem is None for entry in store.entries) if store else 0
    lacking = sum(entry.problem is None and entry.key not in rows for entry in store.entries) if store else 0
    state = _state(store, database, entries, lacking, len(rows))
    return AgentRow(
        agent=Name("agent", agent.directory) if agent else None,
        agent_id=Name("agent-id", agent.normalized_id) if agent else None,
        store=Name("store", store.path) if store else None,
        store_kind=store.kind if store else None,
        store_bytes=store.identity.size if store and store.identity else None,
        entries=entries,
        problems=len(store.entries) - entries + len(store.damage) if store else 0,
        transcripts=kinds.get("transcript", 0),
        database=Name("database", database.path) if database else None,
        database_bytes=sum(identity.size for _, identity in database.files) if database else None,
        shape=database.shape if database else None,
        schema=database.version if database else None,
        rows=len(rows),
        sessions=len(rows) + lacking,
        state=state or ("unclaimed" if kinds.get("transcript") else "empty"),
    )


def _state(store: Store | None, database: Database | None, entries: int, lacking: int, rows: int) -> State | None:
    """The word for a store and its database, or None where neither has a session.

    They have ``entries`` and ``rows``; ``lacking`` are the entries without a row of their key.
    """
    shape = database.shape if database else Shape.MISSING
    if shape is Shape.UNREADABLE or (store and store.identity is None):
        return "unreadable"
    if shape is Shape.UNKNOWN:
        return "unknown"
    if store and (store.damage or any(entry.problem for entry in store.entries)):
        return "damaged"
    if not entries and not rows:
        return None
    if not lacking:
        return "migrated"
    # A newer release gives keys another spelling; only a verification can match those.
    if store and store.kind in _SET_ASIDE:
        return "migrated" if rows >= entries else "partial"
    return "partial" if rows else "legacy"
