from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.sqlite import cache_rows
from migrator.sqlite.rows import BAD_ROW, DamagedTableError, SessionRow
from migrator.sqlite.snapshot import open_snapshot
from tests.sqlite_worlds import CACHE, CACHE_ONLY, META, Fill, damage_last_leaf, execute, insert, make

ENCODINGS = pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])


def cached(key: object, value: object, updated_at: object = 1, scope: str = "session_entries") -> Fill:
    return insert("cache_entries", (scope, key, value, None, None, updated_at))


def sessions(path: Path) -> list[SessionRow]:
    with open_snapshot(str(path)) as connection:
        return list(cache_rows.sessions(connection))


@ENCODINGS
def test_only_the_rows_of_the_scope_are_sessions_in_the_order_of_writing(tmp_path: Path, encoding: str) -> None:
    keys = ["b", "a", "", "\ue000", "🦞", "é", "nul\0in it", "A", "__proto__"]
    others = cached("z", "{}", scope="models"), cached("y", "{}", scope="session_entries2")
    path = make(
        tmp_path / "db",
        1,
        CACHE_ONLY,
        *(cached(key, f'"{key}"', 5) for key in keys),
        *others,
        encoding=encoding,
    )
    assert [row.key.decode() for row in sessions(path)] == keys
    for row in sessions(path):
        assert row == SessionRow(row.key, None, b'"' + row.key + b'"', 5, archived=False)


def test_expired_rows_and_rows_with_a_blob_are_sessions(tmp_path: Path) -> None:
    row = ("session_entries", "k", "{}", b"blob", 1, 2)
    path = make(tmp_path / "db", 1, CACHE_ONLY, insert("cache_entries", row))
    assert sessions(path) == [SessionRow(b"k", None, b"{}", 2, archived=False)]


def test_a_row_without_a_value_is_not_an_empty_one(tmp_path: Path) -> None:
    path = make(tmp_path / "db", 1, CACHE_ONLY, cached("empty", ""), cached("null", None))
    assert [row.entry_json for row in sessions(path)] == [b"", None]
    assert [row.problem for row in sessions(path)] == [None, None]


def test_bytes_that_are_no_utf_8_are_read_as_they_are(tmp_path: Path) -> None:
    insert_bad = (
        "INSERT INTO cache_entries VALUES"
        " ('session_entries', CAST(x'ff00' AS TEXT), CAST(x'7bff' AS TEXT), NULL, NULL, 1)"
    )
    path = make(tmp_path / "db", 1, CACHE_ONLY, execute(insert_bad), cached("good", "{}"))
    assert [(row.key, row.entry_json, row.problem) for row in sessions(path)] == [
        (b"\xff\x00", b"{\xff", None),
        (b"good", b"{}", None),
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [("k", b'{"a":1}'), (b"k", '{"a":1}'), (b"k", None)],
    ids=["blob value", "blob key", "no value"],
)
def test_values_of_other_types_are_problems_and_the_rest_is_read(tmp_path: Path, key: object, value: object) -> None:
    path = make(tmp_path / "db", 1, CACHE_ONLY, cached(key, value), cached("sound", "{}"))
    found = {row.key: row for row in sessions(path)}
    expected = value.encode() if isinstance(value, str) else value
    assert found[b"k"] == SessionRow(b"k", None, expected, 1, False, BAD_ROW)  # type: ignore[arg-type]
    assert found[b"sound"].problem is None


def test_numbers_are_problems_where_the_column_does_not_turn_them_into_text(tmp_path: Path) -> None:
    untyped = CACHE.replace("key TEXT NOT NULL", "key").replace("value_json TEXT", "value_json")
    path = make(tmp_path / "db", 1, (untyped,), cached("k", 1.5), cached(7, "{}"), cached(None, "{}"))
    assert {(row.key, row.entry_json, row.problem) for row in sessions(path)} == {
        (b"k", b"1.5", BAD_ROW),
        (b"7", b"{}", BAD_ROW),
        (b"", b"{}", BAD_ROW),
    }
    path = make(tmp_path / "typed", 1, (CACHE,), cached(7, 1))
    assert sessions(path) == [SessionRow(b"7", None, b"1", 1, archived=False)]


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (5, 5),
        (1.5, 1.5),
        (-1, -1),
        (2**63 - 1, 2**63 - 1),
        ("soon", None),
        (b"5", None),
        (float("inf"), None),
    ],
)
def test_a_time_is_a_finite_number_or_none(tmp_path: Path, stored: object, expected: object) -> None:
    (row,) = sessions(make(tmp_path / "db", 1, CACHE_ONLY, cached("k", "{}", stored)))
    assert (row.updated_at, row.problem) == (expected, None)


def test_without_the_table_there_are_no_sessions(tmp_path: Path) -> None:
    assert sessions(make(tmp_path / "db", 1, (META,))) == []


def test_transcripts_and_generations_are_elsewhere(tmp_path: Path) -> None:
    with open_snapshot(str(make(tmp_path / "db", 1, CACHE_ONLY, cached("k", "{}")))) as connection:
        assert list(cache_rows.events(connection)) == []
        assert list(cache_rows.windows(connection)) == []


@pytest.fixture
def many(tmp_path: Path) -> Path:
    fills = (cached(f"secret {number:04d}", "v" * 1000) for number in range(300))
    return make(tmp_path / "db", 1, CACHE_ONLY, *fills)


def test_a_damaged_page_is_an_error_that_names_the_table_and_no_data(many: Path) -> None:
    damage_last_leaf(many)
    found = []
    with open_snapshot(str(many)) as connection, pytest.raises(DamagedTableError) as caught:
        for row in cache_rows.sessions(connection):
            found.append(row)
    assert 0 < len(found) < 300
    assert (caught.value.table, caught.value.rows) == ("cache_entries", len(found))
    assert "secret" not in str(caught.value)


def test_a_truncated_file_is_an_error_and_not_a_short_list(many: Path) -> None:
    content = many.read_bytes()
    many.write_bytes(content[: len(content) // 2])
    with open_snapshot(str(many)) as connection, pytest.raises(DamagedTableError):
        list(cache_rows.sessions(connection))


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]))
    )
)
def test_every_text_that_was_stored_is_read_back(entries: dict[str, str]) -> None:
    for factory in (str, bytes):
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.execute(CACHE)
            for key, value in entries.items():
                cached(key, value)(connection)
            connection.text_factory = factory
            found = list(cache_rows.sessions(connection))
        assert [row.key for row in found] == [key.encode() for key in entries]
        assert {row.key.decode(): (row.entry_json or b"").decode() for row in found} == entries
