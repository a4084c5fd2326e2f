"""Every single thing that can be changed in a database of a release: one column of one row, one trigger, one index."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from migrator.verification.node_projections import guards
from mutations.changes import opened, without_triggers

TABLES = (
    "schema_meta",
    "session_key_contract",
    "session_nodes",
    "session_windows",
    "session_canonical_validation_pending",
    "transcript_events",
    "transcript_event_identities",
    "session_transcript_active_events",
    "session_transcript_index_state",
    "transcript_rewrite_watermarks",
    "conversations",
    "session_conversations",
)


@dataclass(frozen=True, slots=True)
class Single:
    """One change: a name to print, and how it is made."""

    name: str
    sql: str
    values: tuple[object, ...] = ()


def single_changes(database: Path) -> Iterator[Single]:
    """All that there are, in the same order each time; of a table without rows none."""
    with closing(opened(database)) as connection:
        for table in TABLES:
            declared = connection.execute("SELECT name, type FROM pragma_table_info(?)", (table,)).fetchall()
            for column, kind in declared:
                found = connection.execute(
                    f"SELECT rowid, {column} FROM {table} ORDER BY {column} IS NULL, {column} DESC, rowid LIMIT 1"
                ).fetchone()
                if found is not None:
                    for words, value in _others(column, kind, found[1]):
                        sql = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"
                        yield Single(f"{table}.{column}{words}", sql, (value, found[0]))
            if declared and connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None:
                sql = f"DELETE FROM {table} WHERE rowid = (SELECT min(rowid) FROM {table})"
                yield Single(f"{table} row deleted", sql)
        dropped = guards(connection, TABLES)
        yield from (Single(f"{kind} {name} dropped", f'DROP {kind} "{name}"') for kind, name, _ in dropped)


def make(database: Path, change: Single) -> None:
    """Make a change behind the back of triggers and constraints, as damage does."""
    with closing(opened(database)) as connection:
        if change.sql.startswith("DROP"):
            connection.execute(change.sql)
        else:
            with without_triggers(connection):
                connection.execute(change.sql, change.values)
        connection.commit()


def _others(column: str, kind: str, value: object) -> Iterator[tuple[str, object]]:
    """Other values of a column, with words that tell them apart."""
    if column == "entry_json":
        entry = json.loads(str(value))
        for member, other in (("sessionId", "another"), ("updatedAt", 1), ("label", "another"), ("archivedAt", 1)):
            yield f" ({member})", json.dumps({**entry, member: other})
        yield " (no JSON)", "{"
    elif column == "event_json":
        event = json.loads(str(value))
        yield " (member)", json.dumps({**event, "another": 1})
        yield " (no JSON)", "{"
    elif kind == "INTEGER":
        yield "", value + 1 if isinstance(value, int) else 1
    elif kind == "BLOB":
        yield "", b"another"
    elif isinstance(value, str) and value.swapcase() != value:
        yield " (case)", value.swapcase()
        yield "", value + "x"
    else:
        yield "", f"{value}x" if isinstance(value, str) else "agent:main:another"
