"""Copies of databases with their journals: byte for byte, and put back so that they always make sense."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from migrator.model.errors import BusyError
from migrator.runs.backups import copy_set, file_set, is_restored, restore_set, settle, tidy_after_restore
from tests.sqlite_worlds import execute as sql
from tests.worlds import World, auth_row, change, fill_wal, owner
from tests.worlds import files as contents


@pytest.fixture(params=["plain", "wal", "hot journal"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database in one file, one with rows in its ``-wal``, and one whose writer was killed."""
    path = World(tmp_path).database("main", owner("main"), *(auth_row(f"p{n}", "x" * 900) for n in range(40)))
    if request.param == "wal":
        fill_wal(path, auth_row("q", "{}"))
        Path(f"{path}-shm").write_bytes(b"\0" * 32768)
    if request.param == "hot journal":
        make_hot_journal(path)
    for suffix, _ in file_set(path):
        os.utime(f"{path}{suffix}", ns=(7, 7))
    return path


def make_hot_journal(path: Path) -> None:
    """Keep the files as they are in the middle of a transaction that is larger than the cache."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 2")
        connection.execute("PRAGMA cache_spill = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE auth_profile_store SET store_json = store_json || 'y'")
        files = {suffix: Path(f"{path}{suffix}").read_bytes() for suffix in ("", "-journal")}
        connection.execute("ROLLBACK")
    for suffix, content in files.items():
        Path(f"{path}{suffix}").write_bytes(content)


def stored(path: Path, folder: Path) -> list[tuple[object, ...]]:
    """The rows, read from a copy: opening the original would change it."""
    folder.mkdir()
    copy_set(path, folder)
    with closing(sqlite3.connect(folder / path.name)) as connection:
        return connection.execute("SELECT * FROM auth_profile_store ORDER BY store_key").fetchall()


def test_a_set_is_copied_and_put_back_byte_for_byte(database: Path, tmp_path: Path) -> None:
    before, rows = contents(database.parent), stored(database, tmp_path / "first")
    backup = tmp_path / "backup"
    backup.mkdir()
    files = copy_set(database, backup)
    assert is_restored(database, files)
    assert len(files) == len(before)
    change(database, auth_row("later", "{}"), sql("DELETE FROM auth_profile_store WHERE store_key = 'p1'"))
    assert not is_restored(database, files)
    restore_set(database, backup, files, lambda new, _beside: new.replace(database))
    tidy_after_restore(database, backup)
    assert is_restored(database, files)
    assert contents(database.parent) == before
    assert stored(database, tmp_path / "last") == rows
    assert set(os.listdir(backup)) == {path.name for path in database.parent.iterdir()}


def test_settling_keeps_every_row_and_leaves_one_file(database: Path, tmp_path: Path) -> None:
    rows = stored(database, tmp_path / "before")
    settle(database)
    assert os.listdir(database.parent) == [database.name]
    assert stored(database, tmp_path / "after") == rows


def test_a_database_in_use_is_not_settled(tmp_path: Path) -> None:
    database = World(tmp_path).database("main", owner("main"))
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusyError):
            settle(database)
        other.execute("ROLLBACK")
