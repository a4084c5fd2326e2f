"""Which of the known table sets a database has: by its version and by the columns of its tables.

Two shapes say 16, and a number alone is easily written, so a table that is not what its release creates makes
the whole shape unknown. Additional tables and columns are fine: OpenClaw 2026.9.6 tolerates them, too. A schema that
is newer than all that we know is read if it still has every column that we read; nothing is ever written to it.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from migrator.model.inventory import Shape
from migrator.sqlite.rows import columns, select, text_codec, to_utf8
from migrator.sqlite.snapshot import open_snapshot


@dataclass(frozen=True, slots=True)
class _Layout:
    """The columns that readers and writers rely on, those of the primary key in their order."""

    key: tuple[str, ...]
    others: frozenset[str]


def _layout(key: str, others: str) -> _Layout:
    return _Layout(tuple(key.split()), frozenset(others.split()))


_LAYOUTS = {
    "schema_meta": _layout("meta_key", "role schema_version agent_id"),
    "cache_entries": _layout("scope key", "value_json blob expires_at updated_at"),
    "sessions": _layout("session_id", "session_key created_at updated_at"),
    "session_entries": _layout("session_key", "session_id entry_json updated_at"),
    "session_routes": _layout("session_key", "session_id updated_at"),
    "session_nodes": _layout("session_key", "current_session_id entry_json updated_at"),
    "session_windows": _layout("session_id", "session_key previous_session_id reason created_at"),
    "transcript_events": _layout("session_id seq", "event_json created_at"),
    "session_transcript_archives": _layout(
        "session_id generation", "session_key reason encoding archive_blob archive_sha256"
    ),
    "session_transcript_cold_archives": _layout(
        "session_id",
        "generation archive_name archive_sha256 event_count raw_bytes last_seq storage archive_blob",
    ),
}
_QUOTED_NAMES = ", ".join(f"'{name}'" for name in _LAYOUTS)

_ENTRY_TABLES = frozenset({"sessions", "session_entries", "transcript_events"})
_NODE_TABLES = frozenset({"session_nodes", "session_windows", "transcript_events"})
_NOT_IN_NODES = frozenset({"sessions", "session_entries", "session_routes"})
_NOT_BEFORE_NODES = frozenset(
    {"session_nodes", "session_windows", "session_transcript_archives", "session_transcript_cold_archives"}
)


def detect(connection: sqlite3.Connection) -> tuple[Shape, int | None]:
    """Give shape and ``user_version`` of a database; (UNREADABLE, None) if its schema cannot be read."""
    try:
        [(version,)] = select(connection, "sqlite_master", "PRAGMA user_version")
        [(objects,)] = select(connection, "sqlite_master", "SELECT count(*) FROM sqlite_master")
        if version == 0 and objects == 0:
            return Shape.EMPTY, version
        present = _tables(connection)
        if present is None:
            return Shape.UNKNOWN, version
        if version in (0, 1):
            return (Shape.V1 if _is_v1(connection, present) else Shape.UNKNOWN), version
    except sqlite3.Error:
        return Shape.UNREADABLE, None
    if 4 <= version <= 13 and present >= _ENTRY_TABLES and not present & _NOT_BEFORE_NODES:
        return Shape.ENTRIES, version
    if version >= 14 and present >= _NODE_TABLES and not present & _NOT_IN_NODES:
        return Shape.NODES, version
    return Shape.UNKNOWN, version


def owner(connection: sqlite3.Connection) -> tuple[str | None, str | None]:
    """Read role and agent id from the primary ``schema_meta`` row; None for what is not there.

    Later releases keep further rows in this table, so the key counts. Raises DamagedTableError.
    """
    if not columns(connection, "schema_meta"):
        return None, None
    codec = text_codec(connection)
    sql = "SELECT CAST(role AS BLOB), CAST(agent_id AS BLOB) FROM schema_meta WHERE meta_key = 'primary'"
    for role, agent_id in select(connection, "schema_meta", sql):
        return _text(role, codec), _text(agent_id, codec)
    return None, None


def integrity(connection: sqlite3.Connection) -> tuple[tuple[str, int], ...]:
    """Count what SQLite's own checks object to, at most 100 of a kind: finding code and number, or nothing.

    A flipped bit inside a value is not seen. The words of the checks are not given, because they can quote
    data.
    """
    checks = {
        "database.integrity": "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
        "database.foreign-key": "SELECT count(*) FROM (SELECT 1 FROM pragma_foreign_key_check LIMIT 100)",
    }
    problems = []
    for code, sql in checks.items():
        try:
            [(count,)] = select(connection, "sqlite_master", sql)
        except sqlite3.Error:
            count = 1
        if count:
            problems.append((code, count))
    return tuple(problems)


def integrity_of(path: str) -> tuple[tuple[str, int], ...]:
    """The same of the database at ``path``. Raises as :func:`open_snapshot` does."""
    with open_snapshot(path) as connection:
        return integrity(connection)


def _tables(connection: sqlite3.Connection) -> frozenset[str] | None:
    """Name the known tables that are there; None if one is a view, virtual, or of another layout."""
    sql = f"""
        SELECT lower(name), type = 'table' AND rootpage > 0 FROM sqlite_master
        WHERE type <> 'index' AND lower(name) IN ({_QUOTED_NAMES})"""
    found = {_ascii(name): plain for name, plain in select(connection, "sqlite_master", sql)}
    if not all(plain and _fits(connection, name) for name, plain in found.items()):
        return None
    return frozenset(found)


def _fits(connection: sqlite3.Connection, table: str) -> bool:
    layout, found = _LAYOUTS[table], columns(connection, table)
    key = sorted((place, name) for name, (place, _generated) in found.items() if place)
    generated = any(generated for _place, generated in found.values())
    is_known = tuple(name for _, name in key) == layout.key and layout.others <= found.keys()
    return is_known and not generated and _tells_all_keys_apart(connection, table)


def _tells_all_keys_apart(connection: sqlite3.Connection, table: str) -> bool:
    """Whether keys of a table are compared byte by byte: with ``COLLATE NOCASE`` two sessions would share a row."""
    sql = f"""
        SELECT count(*) FROM pragma_index_list('{table}') AS one JOIN pragma_index_xinfo(one.name) AS part
        WHERE one.origin = 'pk' AND part.key AND lower(part.coll) <> 'binary'"""
    [(count,)] = select(connection, "sqlite_master", sql)
    return not count


def _is_v1(connection: sqlite3.Connection, present: frozenset[str]) -> bool:
    """Tell whether there are the tables of schema 1, all typed ones or none, and no triggers."""
    if present & _NOT_BEFORE_NODES:
        return False
    if present & (_ENTRY_TABLES | _NOT_IN_NODES) and not present >= _ENTRY_TABLES:
        return False
    sql = f"""
        SELECT count(*) FROM sqlite_master
        WHERE type = 'trigger' AND lower(tbl_name) IN ({_QUOTED_NAMES})"""
    [(triggers,)] = select(connection, "sqlite_master", sql)
    return not triggers and bool(present or columns(connection, "auth_profile_store"))


def _ascii(name: str | bytes) -> str:
    """Give one of our own names as text, whatever the ``text_factory`` of the connection."""
    return name.decode("ascii") if isinstance(name, bytes) else name


def _text(value: bytes | None, codec: str | None) -> str | None:
    return None if value is None else to_utf8(value, codec).decode("utf-8", "surrogateescape")
