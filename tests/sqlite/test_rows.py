from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.sqlite.rows import DamagedTableError, columns, finite, select, text_codec, to_utf8
from tests.sqlite_worlds import CACHE, insert, make


def test_an_error_in_the_middle_names_the_table_and_how_far_it_came() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.executemany("INSERT INTO t VALUES (?)", [(1,), (2,), (-(2**63),)])
        found = []
        with pytest.raises(DamagedTableError) as caught:
            for (value,) in select(connection, "t", "SELECT abs(x) FROM t"):
                found.append(value)
    assert found in ([1], [1, 2])  # Python before 3.12 drops the last row before an error
    assert (caught.value.table, caught.value.rows) == ("t", len(found))


def test_the_words_of_sqlite_are_not_passed_on() -> None:
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(DamagedTableError) as caught:
        list(select(connection, "t", "SELECT CAST(x'ff' AS TEXT) AS secret"))
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_an_error_of_the_caller_is_not_blamed_on_the_table() -> None:
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(sqlite3.OperationalError):
        for _ in select(connection, "t", "SELECT 1"):
            raise sqlite3.OperationalError("mine")


@settings(deadline=None)
@given(st.text())
def test_text_in_any_encoding_comes_as_utf_8(text: str) -> None:
    for codec in (None, "utf-16-le", "utf-16-be"):
        assert to_utf8(text.encode(codec or "utf-8"), codec) == text.encode()


def test_broken_utf_16_is_kept_as_far_as_it_goes() -> None:
    assert to_utf8("\ud800a".encode("utf-16-le", "surrogatepass") + b"x", "utf-16-le") == b"\xed\xa0\x80a"


@pytest.mark.parametrize(("encoding", "codec"), [("UTF-8", None), ("UTF-16le", "utf-16-le"), ("UTF-16be", "utf-16-be")])
def test_the_encoding_of_a_database_is_known(tmp_path: Path, encoding: str, codec: str | None) -> None:
    path = make(tmp_path / "db", 1, (CACHE,), encoding=encoding)
    for factory in (str, bytes):
        with closing(sqlite3.connect(path)) as connection:
            connection.text_factory = factory
            assert text_codec(connection) == codec
            assert columns(connection, "cache_entries")["key"] == (2, False)


def test_columns_tell_key_and_generated_ones(tmp_path: Path) -> None:
    table = "CREATE TABLE t (A TEXT, b TEXT, c AS (a || b), PRIMARY KEY (b, A))"
    with closing(sqlite3.connect(make(tmp_path / "db", 1, (table,), insert("t", ("1", "2"))))) as connection:
        assert columns(connection, "t") == {"a": (2, False), "b": (1, False), "c": (0, True)}
        assert columns(connection, "absent") == {}


def test_infinity_is_no_time() -> None:
    assert [finite(value) for value in (None, 0, 1.5, float("inf"), -float("inf"))] == [
        None,
        0,
        1.5,
        None,
        None,
    ]
