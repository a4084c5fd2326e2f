"""Every string of an installation that a report knows: nothing of it may leave the process in clear."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from migrator.model.inventory import Inventory
from migrator.model.report import Report, forecast_of, origin_of
from migrator.model.words import Finding, Name


def report_names(report: Report) -> Iterator[Name]:
    """Every string of the installations that a report is about: nothing of it may leave the process in clear."""
    origin = origin_of(report)
    theirs = names(origin) if origin is not report.inventory else ()
    return chain(names(report.inventory, forecast_of(report)), theirs)


def names(inventory: Inventory, forecast: tuple[Finding, ...] = ()) -> Iterator[Name]:
    """Every string of an installation that a scan has kept."""
    return (name for name in _all_names(inventory, forecast) if name.text)


def _all_names(inventory: Inventory, forecast: tuple[Finding, ...]) -> Iterator[Name]:
    yield from (Name("path", inventory.state_dir), Name("config", inventory.config_path or ""))
    yield from (Name("config-value", text) for text in inventory.names)
    for agent in inventory.agents:
        yield from (Name("agent", agent.directory), Name("agent-id", agent.normalized_id), Name("path", agent.path))
        yield from (Name("file", file.path) for file in agent.files)
    keys: set[str] = set()
    for store in inventory.stores:
        yield from (Name("store", store.path), Name("store", store.real_path))
        keys.update(entry.key for entry in store.entries)
        yield from (Name("session-id", entry.session_id) for entry in store.entries if entry.session_id is not None)
    for database in inventory.databases:
        yield Name("database", database.path)
        keys.update(row.key for rows in (database.cache_rows, database.typed_rows) for row in rows)
    yield from (Name("session", key) for key in keys)
    for finding in (*inventory.findings, *forecast):
        yield from (finding.subject, *finding.others)
