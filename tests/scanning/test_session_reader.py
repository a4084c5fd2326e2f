from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from migrator.model.errors import BusyError
from migrator.scanning.session_reader import OpenDatabases


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    """Six databases with one event each."""
    made = []
    for number in range(6):
        path = tmp_path / f"{number}.sqlite"
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(
                "CREATE TABLE transcript_events (session_id TEXT, seq INTEGER, event_json TEXT, created_at)"
            )
            connection.execute("INSERT INTO transcript_events VALUES ('s', 0, ?, 0)", (f"[{number}]",))
        made.append(str(path))
    return made


def test_a_database_is_opened_once_and_read_many_times(paths: list[str]) -> None:
    with closing(OpenDatabases()) as opened:
        reader = opened.reader(paths[0])
        assert [list(reader.events("s")) for _ in range(3)] == [[b"[0]"]] * 3
        assert opened.reader(paths[0]) is reader


def test_of_many_databases_a_few_are_open_and_all_are_read(paths: list[str]) -> None:
    with closing(OpenDatabases()) as opened:
        first = opened.reader(paths[0])
        for _ in range(2):
            assert [list(opened.reader(path).events("s")) for path in paths] == [[f"[{n}]".encode()] for n in range(6)]
        with pytest.raises(sqlite3.ProgrammingError):
            first.connection.execute("SELECT 1")  # closed for others


def test_a_database_that_is_written_while_it_is_open_is_busy_at_the_end(paths: list[str]) -> None:
    opened = OpenDatabases()
    opened.reader(paths[0])
    with closing(sqlite3.connect(paths[0])) as connection, connection:
        connection.execute("INSERT INTO transcript_events VALUES ('s', 1, '[]', 0)")
    with pytest.raises(BusyError):
        opened.close()
