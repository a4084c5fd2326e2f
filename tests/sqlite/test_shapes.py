from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from migrator.model.inventory import Shape
from migrator.sqlite import shapes
from migrator.sqlite.rows import DamagedTableError
from migrator.sqlite.snapshot import open_snapshot
from tests.sqlite_worlds import (
    AUTH,
    BOTH,
    CACHE,
    CACHE_ONLY,
    COLD,
    ENTRIES,
    EVENTS,
    META,
    NODES,
    NODES_16,
    NODES_19,
    NODES_23,
    NODES_VALID,
    SESSIONS,
    TYPED,
    WINDOWS,
    damage_last_leaf,
    execute,
    insert,
    make,
)

TRIGGER = "CREATE TRIGGER own AFTER INSERT ON {} BEGIN DELETE FROM schema_meta; END"


def detect(path: Path) -> tuple[Shape, int | None]:
    with open_snapshot(str(path)) as connection:
        return shapes.detect(connection)


def owner(path: Path) -> tuple[str | None, str | None]:
    with open_snapshot(str(path)) as connection:
        return shapes.owner(connection)


def integrity(path: Path) -> tuple[tuple[str, int], ...]:
    with open_snapshot(str(path)) as connection:
        return shapes.integrity(connection)


@pytest.mark.parametrize(
    ("world", "database", "expected", "agent_id"),
    [
        ("legacy-2026.7.1-with-database", "agents/main", (Shape.V1, 1), "main"),
        ("upgraded-2026.6.1-to-2026.9.6", "agents/main", (Shape.NODES, 23), "main"),
        ("upgraded-2026.6.1-to-2026.9.6", "agents/Retired Agent", (Shape.NODES, 23), "retired-agent"),
        ("defect-stale-store", "after/agents/work", (Shape.NODES, 23), "work"),
    ],
)
def test_databases_of_real_releases_are_recognised(
    unpack: Callable[[str], Path], world: str, database: str, expected: tuple[Shape, int], agent_id: str
) -> None:
    path = unpack(world) / database / "agent" / "openclaw-agent.sqlite"
    assert detect(path) == expected
    assert owner(path) == ("agent", agent_id)
    assert integrity(path) == ()


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
@pytest.mark.parametrize(
    ("version", "tables", "shape"),
    [
        (0, (), Shape.EMPTY),
        (0, CACHE_ONLY, Shape.V1),
        (1, CACHE_ONLY, Shape.V1),
        (1, BOTH, Shape.V1),
        (1, (META, *TYPED), Shape.V1),
        (1, TYPED, Shape.V1),
        (1, (AUTH,), Shape.V1),
        (1, (META,), Shape.V1),
        (4, BOTH, Shape.ENTRIES),
        (8, TYPED, Shape.ENTRIES),
        (13, BOTH, Shape.ENTRIES),
        (14, NODES_16, Shape.NODES),
        (16, NODES_16, Shape.NODES),
        (16, (META, NODES_VALID, WINDOWS, EVENTS), Shape.NODES),
        (19, NODES_19, Shape.NODES),
        (23, NODES_23, Shape.NODES),
    ],
)
def test_known_versions_with_their_tables_have_a_shape(
    tmp_path: Path, version: int, tables: Sequence[str], shape: Shape, encoding: str
) -> None:
    assert detect(make(tmp_path / "db", version, tables, encoding=encoding)) == (shape, version)


@pytest.mark.parametrize(
    ("version", "tables"),
    [
        pytest.param(24, CACHE_ONLY, id="newer, with old tables"),
        pytest.param(-1, CACHE_ONLY, id="negative"),
        pytest.param(2, BOTH, id="a version that no release had"),
        pytest.param(3, BOTH, id="another one"),
        pytest.param(14, BOTH, id="entries under the version of nodes"),
        pytest.param(13, NODES_16, id="nodes under the version of entries"),
        pytest.param(1, NODES_23, id="nodes under version 1"),
        pytest.param(0, NODES_23, id="nodes under version 0"),
        pytest.param(1, (), id="version 1 without tables"),
        pytest.param(23, (), id="version 23 without tables"),
        pytest.param(8, CACHE_ONLY, id="entries without their tables"),
        pytest.param(16, (META, NODES, EVENTS), id="nodes without windows"),
        pytest.param(0, ("CREATE TABLE notes (x)",), id="somebody else's database"),
        pytest.param(1, ("CREATE TABLE notes (x)",), id="somebody else's database at version 1"),
        pytest.param(1, (*CACHE_ONLY, ENTRIES), id="typed rows without the tables they need"),
        pytest.param(1, (*CACHE_ONLY, SESSIONS, EVENTS), id="sessions without entries"),
        pytest.param(1, (*CACHE_ONLY, COLD), id="version 1 with an archive"),
        pytest.param(19, (*NODES_19, ENTRIES), id="nodes beside entries"),
        pytest.param(8, (*TYPED, WINDOWS), id="entries beside windows"),
        pytest.param(1, (META, CACHE.replace("value_json", "value")), id="another column"),
        pytest.param(1, (META, CACHE.replace("(scope, key)", "(key, scope)")), id="another order of the key"),
        pytest.param(1, (META, CACHE.replace("(scope, key)", "(scope)")), id="a shorter key"),
        pytest.param(1, (META, CACHE.replace(" key TEXT", " key TEXT COLLATE NOCASE")), id="keys without case"),
        pytest.param(
            16, (META, NODES.replace("key TEXT", "key TEXT COLLATE NOCASE"), WINDOWS, EVENTS), id="nodes, too"
        ),
        pytest.param(1, (META, CACHE.replace("blob BLOB", "blob AS (key)")), id="a generated column"),
        pytest.param(1, (META, CACHE.replace("blob BLOB", "blob AS (key) STORED")), id="a stored generated column"),
        pytest.param(1, (META.replace("agent_id", "agent"), CACHE), id="another owner table"),
        pytest.param(
            1,
            (
                "CREATE TABLE t (scope, key, value_json, blob, expires_at, updated_at)",
                "CREATE VIEW cache_entries AS SELECT * FROM t",
                META,
            ),
            id="a view instead of a table",
        ),
        pytest.param(
            1,
            (
                META,
                "CREATE VIRTUAL TABLE cache_entries USING fts5(scope, key, value_json, blob, expires_at, updated_at)",
            ),
            id="a virtual table",
        ),
        pytest.param(1, (*CACHE_ONLY, TRIGGER.format("cache_entries")), id="a table that acts on its own"),
        pytest.param(1, (*BOTH, TRIGGER.format("session_entries")), id="another one that acts on its own"),
    ],
)
def test_whatever_does_not_fit_is_unknown(tmp_path: Path, version: int, tables: Sequence[str]) -> None:
    assert detect(make(tmp_path / "db", version, tables)) == (Shape.UNKNOWN, version)


def test_a_newer_schema_with_every_column_that_is_read_is_known_by_them(tmp_path: Path) -> None:
    assert detect(make(tmp_path / "db", 24, NODES_23)) == (Shape.NODES, 24)
    without = [sql.replace("entry_json", "entry_text") for sql in NODES_23]
    assert detect(make(tmp_path / "other", 24, without)) == (Shape.UNKNOWN, 24)


def test_a_virtual_table_whose_module_is_not_here_is_unknown_and_not_unreadable(tmp_path: Path) -> None:
    fills = (
        execute("PRAGMA writable_schema = ON"),
        execute("UPDATE sqlite_master SET sql = replace(sql, 'fts5', 'elsewhere') WHERE name = 'cache_entries'"),
    )
    virtual = "CREATE VIRTUAL TABLE cache_entries USING fts5(scope, key)"
    assert detect(make(tmp_path / "db", 1, (META, virtual), *fills)) == (Shape.UNKNOWN, 1)


def test_more_columns_tables_and_other_letters_are_tolerated(tmp_path: Path) -> None:
    wider = CACHE.replace("blob BLOB", "blob BLOB, extra TEXT")
    trigger = "CREATE TRIGGER own AFTER INSERT ON notes BEGIN DELETE FROM notes; END"
    tables = (META.replace("schema_meta", "Schema_Meta"), wider, "CREATE TABLE notes (x)", trigger)
    assert detect(make(tmp_path / "db", 1, tables)) == (Shape.V1, 1)


def test_an_empty_file_is_an_empty_database(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"")
    assert detect(tmp_path / "db") == (Shape.EMPTY, 0)
    assert owner(tmp_path / "db") == (None, None)


def test_what_sqlite_cannot_read_is_unreadable(tmp_path: Path) -> None:
    content = make(tmp_path / "db", 1, CACHE_ONLY).read_bytes()
    damaged = {
        "text": b"no database at all, but long enough for a header" * 100,
        "cut in the header": content[:60],
        "cut in the middle": content[: len(content) // 2],
        "schema page gone": content[:100] + b"\xff" * 3996 + content[4096:],
    }
    for name, data in damaged.items():
        (tmp_path / name).write_bytes(data)
        assert detect(tmp_path / name) == (Shape.UNREADABLE, None), name


def test_the_kind_of_text_of_the_connection_does_not_matter(tmp_path: Path) -> None:
    path = make(tmp_path / "db", 1, BOTH, insert("schema_meta", ("primary", "agent", 1, "main", None, 0, 0)))
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        assert shapes.detect(connection) == (Shape.V1, 1)
        assert shapes.owner(connection) == ("agent", "main")
        assert shapes.integrity(connection) == ()


def test_only_the_primary_row_names_the_owner(tmp_path: Path) -> None:
    historical = ("historical-transcript-directives-v1", "other", 1, "other", "{}", 0, 0)
    path = make(tmp_path / "one", 1, CACHE_ONLY, insert("schema_meta", historical))
    assert owner(path) == (None, None)
    primary = ("primary", "agent", 1, "Main", None, 0, 0)
    path = make(tmp_path / "two", 1, CACHE_ONLY, insert("schema_meta", historical, primary))
    assert owner(path) == ("agent", "Main")


def test_an_owner_may_be_missing_or_no_text(tmp_path: Path) -> None:
    assert owner(make(tmp_path / "none", 1, (CACHE,))) == (None, None)
    null = insert("schema_meta", ("primary", "agent", 1, None, None, 0, 0))
    assert owner(make(tmp_path / "null", 1, CACHE_ONLY, null)) == ("agent", None)
    bad = execute("INSERT INTO schema_meta VALUES ('primary', 'agent', 1, CAST(x'ff41' AS TEXT), NULL, 0, 0)")
    assert owner(make(tmp_path / "bad", 1, CACHE_ONLY, bad)) == ("agent", "\udcffA")


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_an_owner_in_utf_16_is_read(tmp_path: Path, encoding: str) -> None:
    row = insert("schema_meta", ("primary", "agent", 1, "é🦞", None, 0, 0))
    assert owner(make(tmp_path / "db", 1, CACHE_ONLY, row, encoding=encoding)) == ("agent", "é🦞")


def test_an_owner_table_that_cannot_be_read_is_not_an_absent_owner(tmp_path: Path) -> None:
    row = insert("schema_meta", ("primary", "agent", 1, "main", None, 0, 0))
    path = make(tmp_path / "db", 1, (META,), row)
    damage_last_leaf(path)
    with pytest.raises(DamagedTableError) as caught:
        owner(path)
    assert caught.value.table == "schema_meta"


def test_dangling_references_are_counted_without_their_text(tmp_path: Path) -> None:
    child = "CREATE TABLE secret_child (x REFERENCES secret_parent (y))"
    tables = ("CREATE TABLE secret_parent (y PRIMARY KEY)", child)
    path = make(tmp_path / "db", 1, tables, insert("secret_child", (1,), (2,), (3,)))
    assert integrity(path) == (("database.foreign-key", 3),)
    many = insert("secret_child", *((number,) for number in range(300)))
    assert integrity(make(tmp_path / "many", 1, tables, many)) == (("database.foreign-key", 100),)


def test_damage_is_counted_without_its_text(tmp_path: Path) -> None:
    rows = insert("schema_meta", *((f"secret {n}", "r" * 500, 1, None, None, 0, 0) for n in range(100)))
    path = make(tmp_path / "db", 1, CACHE_ONLY, rows)
    damage_last_leaf(path)
    ((code, count),) = integrity(path)
    assert code == "database.integrity"
    assert count > 0


def test_a_check_that_cannot_be_made_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"no database at all, but long enough for a header" * 100)
    assert integrity(tmp_path / "db") == (("database.integrity", 1), ("database.foreign-key", 1))


def test_a_schema_whose_damage_is_no_text_is_unreadable(tmp_path: Path) -> None:
    path = make(tmp_path / "d.sqlite", 23, NODES_23)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET name = CAST(x'ff' AS TEXT), sql = 'CREATE TABLE (' WHERE rowid = 1"
        )
        connection.commit()
    assert detect(path) == (Shape.UNREADABLE, None)
