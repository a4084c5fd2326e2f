"""All that a database says, table by table, however its bytes are laid out: in its file, in a ``-wal``, on which page.

Two databases with the same digests are the same to every reader. What SQLite's own ``PRAGMA optimize`` writes does not
count, nor does the content of a virtual table, which is in ordinary tables beside it.
"""

from __future__ import annotations

import marshal
import sqlite3
from hashlib import sha256

Tables = dict[str, tuple[int, str]]
"""Table name to number of rows and digest of their content; :data:`SCHEMA` stands for the table definitions."""

SCHEMA = "sqlite_schema"

_PRAGMAS = ("user_version", "application_id", "encoding")


def table_digests(connection: sqlite3.Connection) -> Tables:
    """Read a whole database. The same rows have the same digest on every platform. Raises sqlite3.Error."""
    factory, connection.text_factory = connection.text_factory, bytes
    try:
        settings = [connection.execute(f"PRAGMA {name}").fetchone() for name in _PRAGMAS]
        definitions = connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name"
        ).fetchall()
        found = {SCHEMA: (len(definitions), sha256(marshal.dumps([*settings, *definitions], 2)).hexdigest())}
        for kind, name, _, sql in definitions:
            if kind == b"table" and not (sql or b"").upper().startswith(b"CREATE VIRTUAL"):
                found[name.decode("utf-8", "surrogateescape")] = _digest(connection, name.decode("utf-8", "replace"))
        return found
    finally:
        connection.text_factory = factory


def _digest(connection: sqlite3.Connection, table: str) -> tuple[int, str]:
    """The rows in the order of their keys; an index would give them in another one."""
    total, count = sha256(), 0
    quoted = table.replace('"', '""')
    for row in connection.execute(f'SELECT * FROM "{quoted}" NOT INDEXED'):
        total.update(marshal.dumps(row, 2))
        count += 1
    return count, total.hexdigest()
