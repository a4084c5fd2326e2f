"""What ``--from`` names is added to databases that real releases have upgraded: a store, a transcript, a database."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.commands.test_elsewhere import DATABASE, named, run
from tests.commands.test_given import take_in
from tests.conftest import fingerprint

Unpack = Callable[[str], Path]
UPGRADED = ("database-moved-aside", "upgraded-by-7.2-beta.1", "invented-to-2026.8.2")
"""Of schema 23, 8 and 19, each with the state as it was before."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep away from whatever runs and lies on this machine."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def unpacked(unpack: Unpack, name: str) -> tuple[Path, Path]:
    """The state before and after an upgrade, without what the import has set aside."""
    whole = unpack(name)
    for aside in (whole / "after").glob("agents/*/session-sqlite-import-archive"):
        shutil.rmtree(aside)
    for live in (whole / "after").glob("agents/*/sessions/*.json*"):
        live.unlink()
    return whole / "before", whole / "after"


def histories(database: Path) -> dict[str, int]:
    """How many events each session that has a row has."""
    with closing(sqlite3.connect(database)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        column, table = (
            ("current_session_id", "session_nodes") if "session_nodes" in names else ("session_id", "session_entries")
        )
        counts = dict(connection.execute("SELECT session_id, count(*) FROM transcript_events GROUP BY 1"))
        return {one: counts.get(one, 0) for (one,) in connection.execute(f"SELECT {column} FROM {table}")}


def lose(database: Path, session_id: str) -> None:
    """Take a session with its history out of a database, as if it had never come there."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        for table, column in (
            *(("transcript_events", "session_id"), ("session_entries", "session_id"), ("sessions", "session_id")),
            *(("session_nodes", "current_session_id"), ("session_windows", "session_id")),
        ):
            if table in names:
                connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (session_id,))


def with_transcript(before: Path, after: Path) -> tuple[Path, str, Path]:
    """A database of an upgraded state, the session in it that has the longest history, and its file of before."""
    database = after / "agents" / "main" / "agent" / DATABASE
    counts = histories(database)
    files = {
        json.loads(path.read_text("utf-8-sig").partition("\n")[0]).get("id"): path
        for path in (before / "agents" / "main" / "sessions").glob("*.jsonl")
    }
    session_id = max((one for one in counts if one in files), key=counts.__getitem__)
    assert counts[session_id] > 2
    return database, session_id, files[session_id]


@pytest.mark.parametrize("name", UPGRADED)
def test_a_database_gives_back_a_session_with_its_history(unpack: Unpack, tmp_path: Path, name: str) -> None:
    database, session_id, _ = with_transcript(*unpacked(unpack, name))
    counts = histories(database)
    shutil.copy(database, tmp_path / "a copy")
    lose(database, session_id)
    assert histories(database) == {one: count for one, count in counts.items() if one != session_id}
    assert take_in(database.parents[3], tmp_path / "a copy") == 0
    assert histories(database) == counts
    assert run(database.parents[3], "apply", "--yes", "--from", str(tmp_path / "a copy"))[1]["verdict"] == (
        "already-migrated"
    )


@pytest.mark.parametrize("name", UPGRADED)
def test_a_store_gives_back_an_entry_and_a_transcript_its_history_then(
    unpack: Unpack, tmp_path: Path, name: str
) -> None:
    before, after = unpacked(unpack, name)
    database, session_id, transcript = with_transcript(before, after)
    counts = histories(database)
    store = Path(shutil.copy(before / "agents" / "main" / "sessions" / "sessions.json", tmp_path / "my store"))
    entries = {one["sessionId"] for one in json.loads(store.read_text()).values() if "sessionId" in one}
    assert session_id in entries
    lose(database, session_id)
    take_in(after, store, "--agent", "main")
    assert histories(database) == counts | {session_id: 0}
    history = Path(shutil.copy(transcript, tmp_path / "my history"))
    take_in(after, history, "--agent", "main")
    assert abs(histories(database)[session_id] - counts[session_id]) <= 1  # a release may have put a header in front


@pytest.mark.parametrize("name", UPGRADED)
def test_a_transcript_alone_completes_a_history_that_breaks_off(unpack: Unpack, tmp_path: Path, name: str) -> None:
    database, session_id, transcript = with_transcript(*unpacked(unpack, name))
    counts = histories(database)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        last = f"(SELECT max(seq) FROM transcript_events WHERE session_id = '{session_id}')"
        connection.execute(f"DELETE FROM transcript_events WHERE session_id = '{session_id}' AND seq = {last}")
    copy = Path(shutil.copy(transcript, tmp_path / "history.txt"))
    take_in(database.parents[3], copy)
    assert histories(database) == counts


@pytest.mark.parametrize("name", UPGRADED)
def test_what_lies_inside_and_is_of_an_upgraded_database_is_named_until_it_is_taken_in(
    unpack: Unpack, name: str
) -> None:
    database, session_id, transcript = with_transcript(*unpacked(unpack, name))
    state = database.parents[3]
    lose(database, session_id)
    (state / "attic").mkdir()
    shutil.copy(transcript, state / "attic" / "notes")
    assert named(state, "scan", "copy.events-only-here").keys() == {"attic/notes"}
    take_in(state, state / "attic" / "notes", "--agent", "main")
    assert named(state, "scan", "copy.events-only-here") == {}


@pytest.mark.parametrize("release", ["2026.9.6", "2026.8.2"])
@pytest.mark.parametrize("way", ["put back", "--from"])
def test_an_entry_takes_over_its_history_that_a_release_has_upgraded_as_a_recovered_session(
    unpack: Unpack, release: str, way: str
) -> None:
    state = unpack("recovered-sessions-upgraded") / release
    database = state / "agents" / "main" / "agent" / DATABASE
    copy = state / "agents" / "main" / "sessions" / "sessions.json.bak"
    assert all(":recovered:" in key for key in keys_of(database))
    counts = histories(database)
    before = fingerprint(state)
    if way == "put back":
        shutil.copy(copy, copy.with_name("sessions.json"))
        assert run(state, "apply", "--yes")[0] == 0
    else:
        take_in(state, copy)
    assert keys_of(database) == {one: one for one in json.loads(copy.read_text())}
    assert (histories(database), sum(counts.values())) == (counts, 15)
    assert run(state, "verify")[1]["verdict"] == ("proved" if way == "put back" else "unjudged")
    arguments = () if way == "put back" else ("--from", str(copy))
    assert run(state, "apply", "--yes", *arguments)[1]["verdict"] == "already-migrated"
    assert run(state, "rollback", next((state / "migrator-runs").glob("2*")).name)[0] == 0
    if way == "--from":
        changed = {path for path, _ in before.items() ^ fingerprint(state).items() if "migrator-runs" not in path}
        assert changed <= {str(state), f"{state}/."}


def test_a_recovered_session_that_somebody_has_changed_after_the_upgrade_is_left_alone(unpack: Unpack) -> None:
    state = unpack("recovered-sessions-upgraded") / "2026.9.6"
    database = state / "agents" / "main" / "agent" / DATABASE
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "UPDATE session_nodes SET entry_json = json_set(entry_json, '$.label', 'mine'), label = 'mine'"
        )
        connection.execute("UPDATE session_nodes SET entry_valid = 1")
    keys = set(keys_of(database))
    run(state, "apply", "--yes", "--from", str(state / "agents" / "main" / "sessions" / "sessions.json.bak"))
    assert set(keys_of(database)) == keys


def keys_of(database: Path) -> dict[str, str]:
    """The key of each session, with the one that its window names."""
    with closing(sqlite3.connect(database)) as connection:
        return dict(
            connection.execute(
                "SELECT n.session_key, w.session_key FROM session_nodes n JOIN session_windows w"
                " ON w.session_id = n.current_session_id WHERE n.entry_valid = 1"
            )
        )
