"""All that a database says: the digests change with every value, and with nothing else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from migrator.sqlite.content import SCHEMA, Tables, content, table_digests
from migrator.sqlite.events import event_hash
from tests.worlds import fill_wal

SQL = """
CREATE TABLE t (a TEXT PRIMARY KEY, b);
CREATE TABLE u (a TEXT PRIMARY KEY, b) WITHOUT ROWID;
CREATE INDEX i ON t (b, a);
CREATE VIEW v AS SELECT * FROM t;
INSERT INTO t VALUES ('x', 1), ('y', NULL), ('a', 2.5);
INSERT INTO u VALUES ('x', x'00ff'), ('y', CAST(x'ff' AS TEXT))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "made.sqlite"
    with closing(sqlite3.connect(made)) as connection:
        connection.executescript(SQL)
    return made


def digests(path: Path) -> Tables:
    with closing(sqlite3.connect(path)) as connection:
        return table_digests(connection)


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_tables_are_counted_and_views_are_not(path: Path) -> None:
    assert {name: rows for name, (rows, _) in digests(path).items()} == {"t": 3, "u": 2, SCHEMA: 5}


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("UPDATE t SET b = 1.0 WHERE a = 'a'", "t"),
        ("UPDATE t SET b = '1' WHERE a = 'x'", "t"),
        ("DELETE FROM u WHERE a = 'x'", "u"),
        ("INSERT INTO u VALUES ('z', '')", "u"),
        ("CREATE TABLE w (a)", SCHEMA),
        ("DROP INDEX i", SCHEMA),
        ("PRAGMA user_version = 5", SCHEMA),
    ],
)
def test_any_change_shows_in_its_table(path: Path, statement: str, table: str) -> None:
    before = digests(path)
    execute(path, statement)
    after = digests(path)
    assert {name for name in {*before, *after} if before.get(name) != after.get(name)} - {"w"} == {table}


@pytest.mark.parametrize("statement", ["VACUUM", "PRAGMA journal_mode = WAL", "ANALYZE", "REINDEX"])
def test_another_layout_is_the_same_content(path: Path, statement: str) -> None:
    before = digests(path)
    execute(path, statement)
    assert digests(path) == before


def test_rows_in_a_journal_count(path: Path) -> None:
    before = digests(path)
    fill_wal(path, lambda connection: connection.execute("DELETE FROM t"))
    assert digests(path)["t"][0] == 0 != before["t"][0]


EVENTS = "CREATE TABLE transcript_events (session_id TEXT, seq INTEGER, event_json TEXT, created_at INTEGER)"


def histories(path: Path, *rows: str) -> dict[str, bytes] | None:
    execute(path, EVENTS, f"INSERT INTO transcript_events VALUES {', '.join(rows)}")
    with closing(sqlite3.connect(path)) as connection:
        return content(connection).histories


def test_the_hashes_of_events_are_read_together_with_the_digests(path: Path) -> None:
    found = histories(path, "('s', 0, '{}', 1)", "('t', 0, '[]', 1)", "('s', 2, '{}', 1)")
    assert found == {"s": event_hash(b"{}") * 2, "t": event_hash(b"[]")}


@pytest.mark.parametrize(
    "second", ["('s', 0, '{}', 1)", "(NULL, 2, '{}', 1)", "('s', 'x', '{}', 1)", "('s', 2, NULL, 1)"]
)
def test_histories_that_make_no_sense_in_the_order_of_writing_are_left_to_a_closer_look(
    path: Path, second: str
) -> None:
    assert histories(path, "('s', 1, '{}', 1)", second) is None
