"""What ``--from`` names is taken in, whatever it is and wherever it lies, and the trouble that it was for is gone."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator.cli.main import main
from migrator.proofs.bundle import holds_proof
from tests.commands.test_elsewhere import DATABASE, named, run, set_aside
from tests.conftest import fingerprint
from tests.worlds import databases

Unpack = Callable[[str], Path]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep away from whatever runs and lies on this machine."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def take_in(state: Path, path: Path, *arguments: str) -> int:
    """Apply with a source, and see that the run is proved and the source as it was."""
    before = fingerprint(path)
    code, report = run(state, "apply", "--yes", "--from", str(path), *arguments)
    assert report["verdict"] in ("proved", "quarantined"), report
    [newest] = sorted((state / "migrator-runs").glob("2*"))[-1:]
    assert holds_proof(newest)
    if state not in path.parents:
        assert fingerprint(path) == before
    return code


def keys_in(state: Path, agent: str = "main") -> set[str]:
    with closing(sqlite3.connect(state / "agents" / agent / "agent" / DATABASE)) as connection:
        return {key for (key,) in connection.execute("SELECT session_key FROM session_entries")}


def events_in(state: Path, agent: str = "main") -> int:
    with closing(sqlite3.connect(state / "agents" / agent / "agent" / DATABASE)) as connection:
        return int(connection.execute("SELECT count(*) FROM transcript_events").fetchone()[0])


def test_a_copy_of_a_store_is_taken_in_and_not_named_any_more(unpack: Unpack) -> None:
    state = unpack("copies-with-sessions-only-there")
    copies = sorted(state / name for name in named(state, "scan", "copy.sessions-only-here"))
    assert take_in(state, copies[0]) == 0
    assert len(named(state, "verify", "copy.sessions-only-here")) == len(copies) - 1


def test_a_folder_of_copies_outside_is_taken_in_at_once_with_the_keys_of_all(unpack: Unpack, tmp_path: Path) -> None:
    state = unpack("copies-with-sessions-only-there")
    folder = tmp_path / "a folder of mine"
    folder.mkdir()
    keys = {"agent:main:main"}
    for name in named(state, "scan", "copy.sessions-only-here"):
        (state / name).rename(folder / Path(name).name)
        keys |= set(json.loads((folder / Path(name).name).read_text()))
    assert run(state, "apply", "--yes")[0] == 0
    assert take_in(state, folder) == 0
    assert keys_in(state) == keys


@pytest.mark.parametrize("is_first", [True, False])
def test_a_transcript_outside_joins_its_session_before_or_after_that_was_migrated(
    unpack: Unpack, tmp_path: Path, is_first: bool
) -> None:
    state = unpack("copies-with-sessions-only-there")
    store = state / "agents" / "main" / "sessions" / "sessions.json"
    [session_id] = (entry["sessionId"] for entry in json.loads(store.read_text()).values())
    outside = tmp_path / "saved" / "notes.txt"
    outside.parent.mkdir()
    whole = sum(len(path.read_text().splitlines()) for path in store.parent.glob("*.jsonl"))
    store.with_name(f"{session_id}.jsonl").rename(outside)
    if not is_first:
        assert run(state, "apply", "--yes")[0] == 0
    assert take_in(state, outside) == 0
    assert events_in(state) == whole
    assert not any(session_id in key for key in keys_in(state))


@pytest.mark.parametrize("is_put_back", [True, False])
def test_a_history_that_comes_when_its_store_is_put_away_joins_the_session_that_is_in_the_database(
    unpack: Unpack, tmp_path: Path, is_put_back: bool
) -> None:
    state = unpack("copies-with-sessions-only-there")
    folder = state / "agents" / "main" / "sessions"
    [session_id] = (entry["sessionId"] for entry in json.loads((folder / "sessions.json").read_text()).values())
    outside = tmp_path / "late"
    (folder / f"{session_id}.jsonl").rename(outside)
    others = sum(len(path.read_text().splitlines()) for path in folder.glob("*.jsonl"))
    assert run(state, "apply", "--yes", "--archive-sources")[0] == 0
    keys = keys_in(state)
    if is_put_back:
        shutil.copy(outside, folder / f"{session_id}.jsonl")
        assert run(state, "apply", "--yes")[0] == 0
    else:
        assert take_in(state, outside) == 0
    assert keys_in(state) == keys
    assert events_in(state) == others + len(outside.read_text().splitlines())


@pytest.mark.parametrize("place", ["state", "folder"])
def test_a_database_that_was_set_aside_is_taken_in_where_there_is_none_any_more(
    unpack: Unpack, tmp_path: Path, place: str
) -> None:
    state = set_aside(unpack, f"{DATABASE}.corrupt-1795381699999")
    aside = state / "agents" / "main" / "agent" / f"{DATABASE}.corrupt-1795381699999"
    if place == "folder":
        (tmp_path / "saved").mkdir()
        aside = aside.rename(tmp_path / "saved" / "some name")
    assert take_in(state, aside if place == "state" else aside.parent) == 0
    assert (len(keys_in(state)), events_in(state)) == (75, 59)
    assert named(state, "verify", "database.set-aside") == {}


def test_a_plan_with_a_database_as_source_can_be_applied_and_is_the_same_each_time(
    unpack: Unpack, tmp_path: Path
) -> None:
    state = set_aside(unpack, f"{DATABASE}.bak")
    aside = state / "agents" / "main" / "agent" / f"{DATABASE}.bak"
    planned = str(tmp_path / "plan.json")
    assert run(state, "plan", "--from", str(aside), "--output", planned)[0] == 0
    result = CliRunner().invoke(main, ["apply", planned])
    assert result.exit_code == 0, result.output
    assert len(keys_in(state)) == 75


def test_what_is_only_in_a_backup_of_the_whole_comes_back_even_to_an_agent_that_is_gone(
    unpack: Unpack, tmp_path: Path
) -> None:
    state = unpack("database-moved-aside") / "before"
    backup = tmp_path / "backup"
    shutil.copytree(state, backup)
    shutil.rmtree(state / "agents" / "work")
    assert take_in(state, backup) == 0
    assert len(keys_in(state, "work")) == len(json.loads((backup / "agents/work/sessions/sessions.json").read_text()))


def test_a_state_directory_inside_is_taken_in_and_not_named_any_more(unpack: Unpack) -> None:
    state = unpack("nested-state-dirs")
    for name in named(state, "scan", "copy.state-inside"):
        assert take_in(state, state / name) == 0
    assert named(state, "verify", "copy.state-inside") == {}
    assert len(databases(state)) == 1


def test_copies_that_editors_left_of_transcripts_join_their_sessions(unpack: Unpack) -> None:
    state = unpack("transcript-conflict-copies")
    for name in named(state, "scan", "copy.events-only-here"):
        assert take_in(state, state / name) == 0
    assert named(state, "verify", "copy.events-only-here") == {}


def test_a_transcript_that_was_deleted_comes_back_if_it_is_named_itself(unpack: Unpack) -> None:
    state = unpack("only-deleted-archives-left")
    copies = named(state, "verify", "copy.events-only-here")
    assert sum(copies.values()) == 22
    for name in copies:
        if name in named(state, "verify", "copy.events-only-here"):
            assert take_in(state, state / name) == 0
    assert named(state, "verify", "copy.events-only-here") == {}
    assert events_in(state) == 22


def test_old_versions_that_a_sync_program_keeps_are_taken_in(unpack: Unpack) -> None:
    state = unpack("nas-and-volume-junk")
    assert take_in(state, state / "agents" / ".stversions") == 0
    for code in ("copy.events-only-here", "copy.sessions-only-here"):
        assert named(state, "verify", code) == {}


@pytest.mark.parametrize("is_put_back", [True, False])
def test_an_entry_that_comes_later_takes_over_the_session_that_was_made_up_for_its_history(
    unpack: Unpack, is_put_back: bool
) -> None:
    state = unpack("defect-empty-store")
    store = state / "agents" / "main" / "sessions" / "sessions.json"
    copy = store.with_name("sessions.json.bak")
    assert run(state, "apply", "--yes")[0] == 15
    assert all("recovered" in key for key in keys_in(state))
    if is_put_back:
        shutil.copy(copy, store)
        assert run(state, "apply", "--yes")[0] == 0
    else:
        take_in(state, copy)
    assert keys_in(state) == set(json.loads(copy.read_text()))
    assert events_in(state) == 15
    before = fingerprint(state)
    assert run(state, "apply", "--yes")[1]["verdict"] == "already-migrated"
    assert {path for path, _ in before.items() ^ fingerprint(state).items() if DATABASE in path} == set()


def test_a_session_that_somebody_has_changed_since_it_was_made_up_is_left_alone(unpack: Unpack) -> None:
    state = unpack("defect-empty-store")
    assert run(state, "apply", "--yes")[0] == 15
    with closing(sqlite3.connect(databases(state)[0])) as connection, connection:
        connection.execute("UPDATE session_entries SET entry_json = json_set(entry_json, '$.label', 'mine')")
    take_in(state, state / "agents" / "main" / "sessions" / "sessions.json.bak")
    assert len(keys_in(state)) == 6


def test_what_holds_nothing_or_can_not_be_read_is_refused_by_name(unpack: Unpack, tmp_path: Path) -> None:
    state = unpack("legacy-2026.6.1")
    empty = tmp_path / "shopping list"
    empty.write_text("milk, bread and butter, and nothing else")
    (tmp_path / "locked").symlink_to("locked")
    for path, code in ((empty, 10), (tmp_path / "not there", 10), (tmp_path / "locked", 12)):
        result = CliRunner().invoke(main, ["apply", "--yes", "--state-dir", str(state), "--from", str(path)])
        assert result.exit_code == code, result.output
    assert not (state / "migrator-runs").exists()


def test_sources_that_were_named_stay_where_they_are_when_the_others_are_put_away(
    unpack: Unpack, tmp_path: Path
) -> None:
    state = unpack("copies-with-sessions-only-there")
    copy = state / "agents" / "main" / "sessions" / "sessions 2.json"
    assert take_in(state, copy, "--archive-sources") == 0
    assert copy.exists()
    assert not copy.with_name("sessions.json").exists()


def test_a_session_of_a_state_directory_inside_is_explained_with_the_command_that_takes_it_in(unpack: Unpack) -> None:
    state = unpack("nested-state-dirs")
    key = "agent:main:telegram:direct:8"
    assert list(named(state, f"explain {key}", "copy.state-inside")) == [".openclaw"]
    assert "--from" in CliRunner().invoke(main, ["explain", key, "--state-dir", str(state)]).output


def test_nobody_says_of_a_transcript_that_is_only_in_an_archive_that_there_is_nothing_to_do(unpack: Unpack) -> None:
    state = unpack("only-deleted-archives-left")
    session_id = next((state / "agents/main/sessions").glob("*.deleted.*")).name.partition(".")[0]
    said = CliRunner().invoke(main, ["explain", session_id, "--state-dir", str(state)]).output
    assert "Nothing to do: all of it" not in said
    assert "--from" in said
