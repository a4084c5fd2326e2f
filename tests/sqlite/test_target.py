from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.model.inventory import Shape
from migrator.sqlite import cache_rows, target, typed_entries
from migrator.sqlite.events import put_events
from migrator.sqlite.rows import whole_ms
from migrator.sqlite.shapes import detect
from tests.sqlite_worlds import CACHE_ONLY, NewEvent, make

NOW = 1_790_000_000_000
HALF = NOW + 0.5
TEXT = '{"sessionId":"s1"}'
TABLES = {
    "schema_meta",
    "cache_entries",
    "auth_profile_store",
    "auth_profile_state",
    "sessions",
    "session_entries",
    "session_routes",
    "transcript_events",
    "transcript_event_identities",
}


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        target.create_tables(connection)
        yield connection


def rows(connection: sqlite3.Connection, query: str) -> list[tuple[object, ...]]:
    return connection.execute(query).fetchall()


def schema(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    return rows(connection, "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")


def put_rows(connection: sqlite3.Connection, session_id: str = "s1", key: str = "agent:main:a") -> None:
    typed_entries.put_sessions(connection, [typed_entries.Owner(session_id, key, NOW, NOW - 9)])
    typed_entries.put_typed_rows(connection, [typed_entries.TypedRow(key, session_id, TEXT, NOW, "done")])


def put_whole_session(connection: sqlite3.Connection) -> None:
    put_rows(connection)
    put_events(connection, [event("s1", seq) for seq in range(2)])


def event(session_id: str, seq: int) -> NewEvent:
    return NewEvent(session_id, seq, f'{{"id":"e{seq}"}}'.encode(), NOW, f"e{seq}", "message")


def test_all_tables_are_made_and_none_is_strict(database: sqlite3.Connection) -> None:
    listed = rows(database, "SELECT name, strict FROM pragma_table_list WHERE name NOT LIKE 'sqlite_%'")
    assert set(listed) == {(table, 0) for table in TABLES}


def test_the_tables_are_a_shape_that_we_know(database: sqlite3.Connection) -> None:
    target.stamp_owner(database, "main", NOW)
    assert detect(database) == (Shape.V1, target.SCHEMA_VERSION)


def test_the_upgrade_finds_nothing_unknown_on_events(database: sqlite3.Connection) -> None:
    assert rows(database, "SELECT name FROM pragma_table_info('transcript_events')") == [
        ("session_id",),
        ("seq",),
        ("event_json",),
        ("created_at",),
    ]
    assert not rows(
        database,
        "SELECT name FROM sqlite_schema WHERE tbl_name = 'transcript_events' AND type <> 'table' AND sql <> ''",
    )


def test_making_the_tables_again_changes_nothing(database: sqlite3.Connection) -> None:
    put_whole_session(database)
    before = schema(database), list(database.iterdump())
    target.create_tables(database)
    assert (schema(database), list(database.iterdump())) == before


def test_tables_that_a_release_made_are_kept_with_their_rows(tmp_path: Path) -> None:
    path = make(tmp_path / "db", 1, CACHE_ONLY)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO auth_profile_store VALUES ('k', '{}', 1)")
        connection.execute("INSERT INTO cache_entries VALUES ('other', 'k', 'v', x'00', 5, 6)")
        before = schema(connection)
        target.create_tables(connection)
        cache_rows.put_cache_rows(connection, [("k", TEXT, NOW)])
        assert set(before) < set(schema(connection))
        assert rows(connection, "SELECT * FROM auth_profile_store") == [("k", "{}", 1)]
        assert rows(connection, "SELECT * FROM cache_entries WHERE scope = 'other'") == [
            ("other", "k", "v", b"\0", 5, 6)
        ]


def test_a_database_of_2026_7_1_takes_our_rows_and_keeps_its_own(unpack: Callable[[str], Path]) -> None:
    path = unpack("legacy-2026.7.1-with-database") / "agents" / "main" / "agent" / "openclaw-agent.sqlite"
    own = "SELECT * FROM auth_profile_store", "SELECT * FROM memory_index_meta", "SELECT * FROM memory_index_state"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        before = [rows(connection, query) for query in own]
        [(created_at, updated_at)] = rows(connection, "SELECT created_at, updated_at FROM schema_meta")
        target.create_tables(connection)
        target.stamp_owner(connection, "main", NOW * 2)
        put_whole_session(connection)
        assert [rows(connection, query) for query in own] == before
        assert any(before)
        assert rows(connection, "SELECT created_at, updated_at FROM schema_meta") == [(created_at, NOW * 2)]
        assert updated_at != NOW * 2


def test_tables_and_rows_can_be_rolled_back() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        target.create_tables(connection)
        target.stamp_owner(connection, "main", NOW)
        put_whole_session(connection)
        connection.execute("ROLLBACK")
        assert not schema(connection)
        assert rows(connection, "PRAGMA user_version") == [(0,)]


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 1), (7, 7)])
def test_only_an_unversioned_database_gets_a_version(database: sqlite3.Connection, before: int, after: int) -> None:
    database.execute(f"PRAGMA user_version = {before}")
    target.stamp_owner(database, "work", NOW)
    assert rows(database, "PRAGMA user_version") == [(after,)]


def test_the_owner_is_stamped_once_and_touched_again(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO schema_meta VALUES ('other', 'agent', 1, 'work', 'x', 1, 2)")
    target.stamp_owner(database, "work", 5)
    target.stamp_owner(database, "work", 9)
    assert rows(database, "SELECT * FROM schema_meta ORDER BY meta_key DESC") == [
        ("primary", "agent", 1, "work", None, 5, 9),
        ("other", "agent", 1, "work", "x", 1, 2),
    ]


def test_a_cache_row_is_replaced_in_its_own_scope_only(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO cache_entries VALUES ('session_entries', 'k', 'old', x'00', 5, 6)")
    database.execute("INSERT INTO cache_entries VALUES ('usage', 'k', 'old', x'00', 5, 6)")
    cache_rows.put_cache_rows(database, [("k", TEXT, NOW), ("l", TEXT, NOW)])
    assert rows(database, "SELECT * FROM cache_entries ORDER BY scope, key") == [
        ("session_entries", "k", TEXT, None, None, NOW),
        ("session_entries", "l", TEXT, None, None, NOW),
        ("usage", "k", "old", b"\0", 5, 6),
    ]


def test_putting_rows_again_deletes_nothing(database: sqlite3.Connection) -> None:
    put_whole_session(database)
    before = list(database.iterdump())
    put_rows(database)
    assert list(database.iterdump()) == before
    assert rows(database, "SELECT count(*) FROM transcript_event_identities") == [(2,)]


def test_a_session_that_is_put_again_keeps_its_entries_and_events(database: sqlite3.Connection) -> None:
    put_whole_session(database)
    typed_entries.put_sessions(database, [typed_entries.Owner("s1", "agent:main:b", NOW + 1)])
    assert rows(database, "SELECT session_key, created_at, updated_at, session_entry_provenance FROM sessions") == [
        ("agent:main:b", NOW + 1, NOW + 1, 1)
    ]
    counts = [
        rows(database, f"SELECT count(*) FROM {table}")
        for table in ("session_entries", "session_routes", "transcript_events", "transcript_event_identities")
    ]
    assert counts == [[(1,)], [(1,)], [(2,)], [(2,)]]


def test_an_entry_moves_to_another_session_with_its_route(database: sqlite3.Connection) -> None:
    put_whole_session(database)
    typed_entries.put_sessions(database, [typed_entries.Owner("s2", "agent:main:a", NOW + 1)])
    typed_entries.put_typed_rows(database, [typed_entries.TypedRow("agent:main:a", "s2", "{}", NOW + 1)])
    assert rows(database, "SELECT * FROM session_entries") == [("agent:main:a", "s2", "{}", NOW + 1, None)]
    assert rows(database, "SELECT * FROM session_routes") == [("agent:main:a", "s2", NOW + 1)]
    assert rows(database, "SELECT count(*) FROM transcript_events WHERE session_id = 's1'") == [(2,)]


def test_a_session_without_a_start_began_when_it_was_last_updated(database: sqlite3.Connection) -> None:
    typed_entries.put_sessions(database, [typed_entries.Owner("s1", "k", NOW)])
    typed_entries.put_sessions(database, [typed_entries.Owner("s2", "k", NOW, 5)])
    assert rows(database, "SELECT created_at, updated_at FROM sessions ORDER BY session_id") == [(NOW, NOW), (5, NOW)]


def test_rows_of_a_session_that_is_not_there_are_refused(database: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        typed_entries.put_typed_rows(database, [typed_entries.TypedRow("k", "gone", TEXT, NOW)])
    with pytest.raises(sqlite3.IntegrityError):
        put_events(database, [event("gone", 0)])


def test_an_event_is_never_overwritten(database: sqlite3.Connection) -> None:
    put_whole_session(database)
    with pytest.raises(sqlite3.IntegrityError):
        put_events(database, [NewEvent("s1", 1, b"null", NOW + 5)])


def test_the_first_event_with_an_id_keeps_it(database: sqlite3.Connection) -> None:
    put_whole_session(database)
    put_events(database, [NewEvent("s1", 2, b"null", NOW + 5, "e0", "custom", "e1")])
    assert rows(database, "SELECT seq, event_json, created_at FROM transcript_events ORDER BY seq") == [
        (0, '{"id":"e0"}', NOW),
        (1, '{"id":"e1"}', NOW),
        (2, "null", NOW + 5),
    ]
    assert rows(database, "SELECT event_id, seq, event_type FROM transcript_event_identities ORDER BY seq") == [
        ("e0", 0, "message"),
        ("e1", 1, "message"),
    ]


def test_every_time_is_stored_whole(database: sqlite3.Connection) -> None:
    cache_rows.put_cache_rows(database, [("k", TEXT, HALF)])
    typed_entries.put_sessions(database, [typed_entries.Owner("s1", "k", HALF, HALF)])
    typed_entries.put_typed_rows(database, [typed_entries.TypedRow("k", "s1", TEXT, HALF)])
    times = [
        ("cache_entries", "updated_at"),
        ("sessions", "created_at"),
        ("sessions", "updated_at"),
        ("session_entries", "updated_at"),
        ("session_routes", "updated_at"),
    ]
    for table, column in times:
        assert rows(database, f"SELECT typeof({column}), {column} FROM {table}") == [("integer", NOW)], (table, column)


@pytest.mark.parametrize("text", ["", " pad ", "__proto__", "a\0b", "\0", "É🦞", "x" * 100_000, "agent:main:Main"])
def test_any_key_and_id_is_stored_verbatim(database: sqlite3.Connection, text: str) -> None:
    cache_rows.put_cache_rows(database, [(text, text, NOW)])
    typed_entries.put_sessions(database, [typed_entries.Owner(text, text, NOW)])
    typed_entries.put_typed_rows(database, [typed_entries.TypedRow(text, text, text, NOW)])
    put_events(database, [NewEvent(text, 0, text.encode(), NOW)])
    assert rows(database, "SELECT key, value_json FROM cache_entries") == [(text, text)]
    assert rows(database, "SELECT session_key, session_id, entry_json FROM session_entries") == [(text, text, text)]
    assert rows(database, "SELECT session_key, session_id FROM session_routes") == [(text, text)]
    assert rows(database, "SELECT session_id, event_json FROM transcript_events") == [(text, text)]


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_whole_time_is_one_that_javascript_can_count(value: float) -> None:
    whole = whole_ms(value)
    assert type(whole) is int
    assert abs(whole) <= 2**53 - 1
    if abs(value) <= 2**53 - 1:
        assert abs(whole) <= abs(value) < abs(whole) + 1
    else:
        assert abs(whole) == 2**53 - 1
    assert whole * value >= 0
