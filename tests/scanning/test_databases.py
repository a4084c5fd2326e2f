"""One database as plain data, read without a trace."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path

import pytest

from migrator import commands
from migrator.model.inventory import Database, Shape, StoredTranscript
from migrator.model.words import Finding
from migrator.scanning.databases import read_database
from migrator.scanning.session_reader import stored_text
from migrator.sqlite.events import event_hash
from migrator.sqlite.snapshot import open_snapshot
from tests import run_worlds, sqlite_worlds
from tests.conftest import fingerprint
from tests.sqlite_worlds import NODES_23, execute, insert
from tests.worlds import World, cache_row, entry, fill_wal, owner, reading


def read(path: Path, agent: str = "main") -> tuple[Database, list[str]]:
    before = fingerprint(path.parent)
    database, findings = read_database(str(path), agent)
    assert fingerprint(path.parent) == before
    return database, codes(findings)


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in findings]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_missing_database_is_missing_and_stays_so(world: World) -> None:
    database, findings = read(world.agent("main") / "openclaw-agent.sqlite")
    assert (database.shape, database.files, findings) == (Shape.MISSING, (), [])


def test_the_other_names_of_a_database_are_counted_and_changed_with_it_and_a_rollback_gives_back_this_one(
    world: World,
) -> None:
    world.agent("main", {"k": entry("s1", 5)})
    path, other = world.database("main", owner("main"), cache_row("k", entry("s1", 1))), world.root / "backup.sqlite"
    os.link(path, other)
    before = path.read_bytes()
    _, findings = read_database(str(path), "main")
    assert [(one.code, one.facts) for one in findings] == [("database.hard-linked", (("count", 1),))]
    run_worlds.apply(world)
    assert other.read_bytes() == path.read_bytes() != before
    run_worlds.roll_back(world)
    assert path.read_bytes() == before != other.read_bytes()
    assert codes(read_database(str(path), "main")[1]) == []


def test_a_file_without_a_byte_is_empty(world: World) -> None:
    database, findings = read(world.store(world.database_path("main"), b""))
    assert (database.shape, database.version, findings) == (Shape.EMPTY, 0, [])


def test_the_rows_of_both_shapes_are_known_by_digest_time_and_session_id(world: World) -> None:
    world.agent("main", {"k": entry("s1", 5), "none": entry(None, 6)})
    commands.apply(world.request(), None, yes=True)
    database, findings = read(world.database_path("main"))
    assert (database.shape, database.version, database.owner, findings) == (Shape.V1, 1, "main", [])
    assert [(row.key, row.updated_at, row.session_id) for row in database.cache_rows] == [
        ("k", 5, "s1"),
        ("none", 6, None),
    ]
    assert [row.key for row in database.typed_rows] == ["k"]
    assert database.typed_rows[0] == database.cache_rows[0]


def test_a_row_is_known_by_the_digest_of_its_exact_text(world: World) -> None:
    text = '{"sessionId" : "s1", "n": 1.0}'
    path = world.database("main", owner("main"), cache_row("k", text), cache_row("k", "{}", scope="other"))
    [row] = read(path)[0].cache_rows
    assert row.sha256 == sha256(text.encode()).digest()


@pytest.mark.parametrize("value", [None, "", "x", "[]", b"\xff", 5])
def test_a_row_without_a_readable_entry_has_neither_time_nor_session_id(world: World, value: object) -> None:
    row = insert("cache_entries", ("session_entries", "k", value, None, None, 7))
    [found] = read(world.database("main", owner("main"), row))[0].cache_rows
    assert (found.key, found.updated_at, found.session_id) == ("k", None, None)


@pytest.mark.parametrize("key", ["", "a\0b", "__proto__", "🦞", "\ufffd"])
def test_the_text_of_a_row_is_found_by_its_key(world: World, key: str) -> None:
    path = world.database("main", owner("main"), cache_row(key, '{"a": 1.0}'), cache_row("other", "{}"))
    with reading(path) as connection:
        assert stored_text(connection, key, Shape.V1) == b'{"a": 1.0}'
        assert stored_text(connection, key + "?", Shape.V1) is None


def test_a_key_that_is_no_utf8_is_read_and_found(world: World) -> None:
    row = execute(
        "INSERT INTO cache_entries VALUES ('session_entries', CAST(x'61ff' AS TEXT), '{\"a\":1}', NULL, NULL, 1)"
    )
    path = world.database("main", owner("main"), row)
    assert [found.key for found in read(path)[0].cache_rows] == ["a\udcff"]
    with reading(path) as connection:
        assert stored_text(connection, "a\udcff", Shape.V1) == b'{"a":1}'


def test_finding_a_row_by_its_key_uses_the_index(world: World) -> None:
    path = world.database("main", owner("main"), cache_row("k", "{}"))
    statements: list[str] = []
    with reading(path) as connection:
        connection.set_trace_callback(statements.append)
        stored_text(connection, "k", Shape.V1)
        connection.set_trace_callback(None)
        [lookup] = [sql for sql in statements if "FROM cache_entries" in sql]
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {lookup}")]
    assert [step.startswith(b"SEARCH") and b"key=" in step for step in plan] == [True]


@pytest.mark.parametrize(
    ("agent_id", "found"),
    [("main", []), ("MAIN", []), (" main ", []), ("ops", ["database.wrong-owner"]), (None, [])],
)
def test_the_owner_is_compared_by_its_normalized_id(world: World, agent_id: str | None, found: list[str]) -> None:
    row = insert("schema_meta", ("primary", "agent", 1, agent_id, None, 1, 1))
    database, findings = read(world.database("main", row))
    assert (database.owner, findings) == (agent_id, found)


def test_another_role_is_a_finding(world: World) -> None:
    assert read(world.database("main", owner("main", role="global")))[1] == ["database.wrong-role"]


def test_only_the_primary_row_says_whose_a_database_is(world: World) -> None:
    other = insert("schema_meta", ("another-row", "global", 1, "somebody", None, 1, 1))
    assert read(world.database("main", owner("main"), other))[1] == []


@pytest.mark.parametrize(("version", "shape"), [(8, Shape.ENTRIES), (23, Shape.NODES), (99, Shape.UNKNOWN)])
def test_a_newer_database_is_known_for_what_it_is(world: World, version: int, shape: Shape) -> None:
    tables = {
        Shape.ENTRIES: (sqlite_worlds.META, *sqlite_worlds.TYPED),
        Shape.NODES: sqlite_worlds.NODES_23,
        Shape.UNKNOWN: sqlite_worlds.CACHE_ONLY,
    }[shape]
    database, findings = read(world.database("main", owner("main"), version=version, tables=tables))
    assert (database.shape, database.version) == (shape, version)
    assert len(findings) == 1


@pytest.mark.parametrize("content", [b"no database " * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_what_is_no_database_is_unreadable(world: World, content: bytes) -> None:
    database, findings = read(world.store(world.database_path("main"), content))
    assert database.shape in (Shape.UNREADABLE, Shape.UNKNOWN)
    assert len(findings) == 1


def test_a_directory_or_a_dangling_link_is_unreadable_and_not_missing(world: World) -> None:
    folder = world.agent("main")
    (folder / "directory").mkdir()
    (folder / "link").symlink_to(folder / "nothing")
    for name in ("directory", "link"):
        assert read(folder / name)[0].shape is Shape.UNREADABLE


def test_rows_in_a_filled_wal_count(world: World) -> None:
    path = world.database("main", owner("main"), cache_row("k", json.dumps(entry("s1", 5))))
    fill_wal(path, execute("UPDATE cache_entries SET value_json = ?", json.dumps(entry("s1", 9))))
    database, findings = read(path)
    assert [row.updated_at for row in database.cache_rows] == [9]
    assert [suffix for suffix, _ in database.files] == ["", "-wal"]
    assert findings == []


def test_a_row_is_found_without_an_index_that_is_damaged(tmp_path: Path) -> None:
    world = World(tmp_path)
    rows = [
        (f"agent:main:{number:03}" + "x" * 300, "a", f'{{"sessionId":"a{number}"}}', 1, 7, None) for number in range(40)
    ]
    path = world.database("main", insert("session_nodes", *rows), version=23, tables=NODES_23)
    content = bytearray(path.read_bytes())
    index_leaf = 0x0A
    for start in range(4096, len(content), 4096):
        if content[start] == index_leaf and b"agent:main:" in content[start : start + 4096]:
            content[start : start + 4096] = bytes(4096)
    path.write_bytes(content)
    with open_snapshot(str(path)) as connection:
        assert stored_text(connection, rows[7][0], Shape.NODES) == b'{"sessionId":"a7"}'


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 0, 3, 2), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_a_history_is_in_the_order_of_seq_however_its_events_were_written(world: World, order: tuple[int, ...]) -> None:
    rows = [("b", 0, "one", 1), ("b", 7, "two", 1), ("a", 1, "three", 1), ("a", 2, "four", 1)]
    written = insert("transcript_events", *(rows[at] for at in order))
    path = world.database("main", owner("main"), written, tables=sqlite_worlds.BOTH)
    assert read(path)[0].transcripts == (
        StoredTranscript("a", event_hash(b"three") + event_hash(b"four")),
        StoredTranscript("b", event_hash(b"one") + event_hash(b"two")),
    )
