"""One random change of a database, of any kind."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from differences.values import Values

TABLES = (
    "session_nodes",
    "session_windows",
    "session_entries",
    "sessions",
    "cache_entries",
    "transcript_events",
    "transcript_event_identities",
    "session_transcript_active_events",
    "session_transcript_archives",
    "session_key_contract",
)
"""Those that hold what sessions are and say, in any shape; the rest is made of them, or says nothing of a session."""

Json = object


@dataclass(frozen=True, slots=True)
class Change:
    """What was changed: the kind, the table, the column, and a few words."""

    kind: str
    table: str
    column: str
    words: str


def changed(database: Path, chance: Values) -> Change | None:
    """Change one thing in a database; None if there is nothing of the kind that chance has picked."""
    with closing(opened(database)) as connection:
        known = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        tables = [name for name in TABLES if name in known and _count(connection, name)]
        with without_triggers(connection):
            made = chance.pick(*_KINDS)(connection, chance, chance.pick(*tables))
        connection.commit()
    return made


def opened(database: Path) -> sqlite3.Connection:
    """A connection that may write anything a column takes: a damage or a defect asks no constraint either."""
    connection = sqlite3.connect(database)
    connection.create_function("octet_length", 1, _octets, deterministic=True)  # older SQLites lack it
    connection.execute("PRAGMA ignore_check_constraints = ON")
    return connection


def _octets(value: object) -> int | None:
    if value is None:
        return None
    return len(value if isinstance(value, bytes) else str(value).encode())


@contextmanager
def without_triggers(connection: sqlite3.Connection) -> Iterator[None]:
    """Keep triggers from noticing: a damage or a defect does not wake them either."""
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in found:
        connection.execute(f'DROP TRIGGER "{name}"')
    yield
    for _, statement in found:
        connection.execute(statement)


def _value(connection: sqlite3.Connection, c: Values, table: str) -> Change | None:
    """Another value in one column of one row."""
    rowid = _row(connection, c, table)
    column = c.pick(*(str(row[1]) for row in connection.execute(f'PRAGMA table_info("{table}")')))
    [(old,)] = connection.execute(f'SELECT "{column}" FROM "{table}" WHERE rowid = ?', (rowid,))
    new, words = _another(old, c)
    try:
        connection.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (new, rowid))
    except sqlite3.IntegrityError:
        return None
    return Change("value", table, column, words)


def _another(old: object, c: Values) -> tuple[object, str]:
    if isinstance(old, str) and old.startswith("{"):
        text, words = _another_json(old, c)
        return text, words
    if isinstance(old, str):
        return c.pick(old + "x", old.swapcase() if old.swapcase() != old else old + "x", old[:-1]), "text"
    if isinstance(old, int | float):
        return old + c.pick(1, -1, 1000), "number"
    if isinstance(old, bytes):
        return old[: len(old) // 2] + b"\0" + old[len(old) // 2 + 1 :], "bytes"
    return c.pick("x", 1), "was null"


def _another_json(text: str, c: Values) -> tuple[str, str]:
    """Change, drop or add one member somewhere in an object."""
    whole = json.loads(text)
    holder, name = c.pick(*_members(whole))
    kind = c.pick("another value", "dropped", "added")
    if kind == "added":
        holder["invented"] = 1
    elif kind == "dropped":
        del holder[name]
    else:
        value = holder[name]
        holder[name] = value + "x" if isinstance(value, str) else 7 if value != 7 else 8
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")), f"{kind}: {name}"


def _members(value: Json) -> Iterator[tuple[dict[str, Json], str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield value, name
            yield from _members(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _members(inner)


def _deletion(connection: sqlite3.Connection, c: Values, table: str) -> Change:
    connection.execute(f'DELETE FROM "{table}" WHERE rowid = ?', (_row(connection, c, table),))
    return Change("row", table, "", "deleted")


def _order(connection: sqlite3.Connection, c: Values, _table: str) -> Change | None:
    """Two neighbouring events in each other's place, with their identities."""
    found = connection.execute(
        "SELECT a.session_id, a.seq FROM transcript_events a JOIN transcript_events b"
        " ON b.session_id = a.session_id AND b.seq = a.seq + 1 ORDER BY 1, 2"
    ).fetchall()
    if not found:
        return None
    session, seq = c.pick(*found)
    for table in ("transcript_events", "transcript_event_identities"):
        for before, after in ((seq, -1), (seq + 1, seq), (-1, seq + 1)):
            connection.execute(f"UPDATE {table} SET seq = ? WHERE session_id = ? AND seq = ?", (after, session, before))
    return Change("order", "transcript_events", "seq", "two neighbours")


def _link(connection: sqlite3.Connection, c: Values, _table: str) -> Change | None:
    """Another parent of an event, in its text and in its identity."""
    found = connection.execute(
        "SELECT rowid, session_id, seq, event_json FROM transcript_events WHERE event_json LIKE '%parentId%'"
    ).fetchall()
    if not found:
        return None
    rowid, session, seq, text = c.pick(*found)
    ids = connection.execute(
        "SELECT event_id FROM transcript_event_identities WHERE session_id = ? AND seq < ?", (session, seq)
    ).fetchall()
    event = json.loads(text)
    others = [one for (one,) in ids if one != event.get("parentId")]
    event["parentId"] = c.pick(*others) if others else None if event.get("parentId") else "none"
    made = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    connection.execute("UPDATE transcript_events SET event_json = ? WHERE rowid = ?", (made, rowid))
    names = {str(row[1]) for row in connection.execute("PRAGMA table_info(transcript_events)")}
    if "event_utf8_bytes" in names:
        connection.execute(
            "UPDATE transcript_events SET event_utf8_bytes = ? WHERE rowid = ?", (len(made.encode()), rowid)
        )
    connection.execute(
        "UPDATE transcript_event_identities SET parent_id = ? WHERE session_id = ? AND seq = ?",
        (event["parentId"], session, seq),
    )
    return Change("link", "transcript_events", "parentId", "another parent")


def _swap(connection: sqlite3.Connection, c: Values, _table: str) -> Change | None:
    """The histories of two sessions in each other's place."""
    found = [one for (one,) in connection.execute("SELECT DISTINCT session_id FROM transcript_events ORDER BY 1")]
    if len(found) < 2:
        return None
    one = c.pick(*found)
    other = c.pick(*(name for name in found if name != one))
    for table in ("transcript_events", "transcript_event_identities"):
        for before, after in ((one, "aside"), (other, one), ("aside", other)):
            connection.execute(f"UPDATE {table} SET session_id = ? WHERE session_id = ?", (after, before))
    return Change("link", "transcript_events", "session_id", "two histories")


_KINDS: tuple[Callable[[sqlite3.Connection, Values, str], Change | None], ...] = (
    _value,
    _value,
    _value,
    _value,
    _deletion,
    _deletion,
    _order,
    _link,
    _swap,
)


def _count(connection: sqlite3.Connection, table: str) -> int:
    [(count,)] = connection.execute(f'SELECT count(*) FROM "{table}"')
    return int(count)


def _row(connection: sqlite3.Connection, c: Values, table: str) -> int:
    offset = c.number(_count(connection, table))
    [(rowid,)] = connection.execute(f'SELECT rowid FROM "{table}" ORDER BY rowid LIMIT 1 OFFSET ?', (offset,))
    return int(rowid)
