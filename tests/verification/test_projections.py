"""Every single byte that a run has written is checked: flip one in any column of any session table."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from migrator import commands
from migrator.commands.request import Request
from migrator.model.request import Selection, Surroundings

TABLES = {
    "cache_entries": ("scope", "key", "value_json", "updated_at"),
    "session_entries": ("session_key", "session_id", "entry_json", "updated_at"),
    "session_routes": ("session_key", "session_id", "updated_at"),
    "sessions": ("session_id", "session_key", "created_at", "updated_at", "session_entry_provenance", "session_scope"),
    "transcript_events": ("session_id", "seq", "event_json", "created_at"),
    "transcript_event_identities": ("session_id", "event_id", "seq", "event_type", "parent_id", "created_at"),
    "schema_meta": ("meta_key", "role", "agent_id"),
}
COLUMNS = [(table, column) for table, columns in TABLES.items() for column in columns]


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import tarfile

    from tests.conftest import FIXTURES

    root = tmp_path_factory.mktemp("projections")
    with tarfile.open(FIXTURES / "legacy-2026.6.1.tar.xz") as archive:
        archive.extractall(root, filter="fully_trusted")
    state = root / "legacy-2026.6.1"
    assert commands.apply(request(state), None, yes=True).exit_code == 0
    return state


def request(state: Path) -> Request:
    return Request(Selection(state_dir=str(state)), Surroundings({}, "/home/user", str(state), str(state)))


def test_an_untouched_result_has_no_contradiction(migrated: Path) -> None:
    assert commands.verify(request(migrated)).exit_code == 0


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_one_flipped_byte_in_any_column_is_found(migrated: Path, table: str, column: str) -> None:
    database = migrated / "agents" / "main" / "agent" / "openclaw-agent.sqlite"
    intact = database.read_bytes()
    try:
        connection = sqlite3.connect(database, isolation_level=None)
        rowid, kind, value = connection.execute(
            f"SELECT rowid, typeof({column}), CAST({column} AS BLOB) FROM {table}"
            f" WHERE {column} IS NOT NULL ORDER BY rowid DESC LIMIT 1"
        ).fetchone()
        place = len(value) // 2
        flipped: object = value[:place] + bytes([value[place] ^ 8]) + value[place + 1 :]
        connection.execute(f"UPDATE {table} SET {column} = CAST(? AS {kind}) WHERE rowid = ?", (flipped, rowid))
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
        assert database.read_bytes() != intact
        assert commands.verify(request(migrated)).exit_code == 1
    finally:
        database.write_bytes(intact)


@pytest.mark.parametrize("table", [table for table in TABLES if table != "schema_meta"])
def test_one_missing_row_in_any_table_is_found(migrated: Path, table: str) -> None:
    database = migrated / "agents" / "main" / "agent" / "openclaw-agent.sqlite"
    intact = database.read_bytes()
    try:
        connection = sqlite3.connect(database, isolation_level=None)
        connection.execute(f"DELETE FROM {table} WHERE rowid = (SELECT max(rowid) FROM {table})")
        connection.close()
        assert commands.verify(request(migrated)).exit_code == 1
    finally:
        database.write_bytes(intact)


@pytest.mark.parametrize("change", ["swap two events", "give an event to another session"])
def test_events_out_of_place_are_found(migrated: Path, change: str) -> None:
    database = migrated / "agents" / "main" / "agent" / "openclaw-agent.sqlite"
    intact = database.read_bytes()
    if change == "swap two events":
        sql = "UPDATE transcript_events SET seq = CASE seq WHEN 3 THEN -1 WHEN 4 THEN 3 ELSE seq END"
        sql += "; UPDATE transcript_events SET seq = 4 WHERE seq = -1"
    else:
        sql = (
            "UPDATE transcript_events SET session_id = (SELECT session_id FROM sessions WHERE session_id NOT IN"
            " (SELECT session_id FROM transcript_events) LIMIT 1), seq = 0 WHERE seq = 5"
        )
    try:
        connection = sqlite3.connect(database, isolation_level=None)
        connection.executescript(sql)
        connection.close()
        assert database.read_bytes() != intact
        assert commands.verify(request(migrated)).exit_code == 1
    finally:
        database.write_bytes(intact)
