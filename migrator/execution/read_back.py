"""Read back whether a database holds what was planned: before anything is done to it, and after."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from migrator.model.errors import ChangedError
from migrator.model.inventory import Shape
from migrator.model.plan import DatabasePlan
from migrator.model.words import Name
from migrator.planning.digests import content_digest, held
from migrator.scanning.databases import stored_transcripts
from migrator.sqlite.content import Tables, Texts, content


def check_unchanged(connection: sqlite3.Connection, planned: DatabasePlan) -> None:
    """Raise ChangedError unless a database has the sessions that were planned on."""
    if _read_back(connection, planned.database.shape)[1:] != held(planned.database):
        raise ChangedError(
            "The sessions in {subject} changed after they were planned; plan again.",
            Name("database", planned.database.path),
        )


def check_result(
    connection: sqlite3.Connection, planned: DatabasePlan, expected: str, problems: Callable[[], object]
) -> Tables:
    """Read back what was written and compare it with what was promised; give the digests of all tables.

    ``problems`` is empty for a sound database.
    """
    tables, cached, typed, histories = _read_back(connection, planned.database.shape)
    if content_digest(cached, typed, histories) != expected or problems():
        raise ChangedError(
            "What was written to {subject} does not read back as planned; nothing was kept. Plan again.",
            Name("database", planned.database.path),
        )
    return tables


def _read_back(connection: sqlite3.Connection, shape: Shape) -> tuple[Tables, Texts, Texts, dict[str, bytes]]:
    """The digests of all tables, of each session's text in both shapes, and the hashes of each history."""
    tables, sessions, histories = content(connection)
    typed = sessions.get("session_nodes" if shape is Shape.NODES else "session_entries", {})
    if histories is None:
        histories = {stored.session_id: stored.hashes for stored in stored_transcripts(connection)}
    return tables, sessions.get("cache_entries", {}), typed, histories
