"""Sessions that lie where no release looks are named by every command, and what a finding advises brings them back."""

from __future__ import annotations

import ast
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from migrator.cli.main import main
from migrator.filesystem import first_bytes
from migrator.scanning import discovery
from tests.conftest import fingerprint
from tests.worlds import databases

Unpack = Callable[[str], Path]
VERBS = ("scan", "plan", "verify")
DATABASE = "openclaw-agent.sqlite"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep away from whatever runs and lies on this machine."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def run(state: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """A command as it is called, with its exit code and its report."""
    command = [*arguments, "--state-dir", str(state), "--format", "json", "--names", "clear"]
    result = CliRunner().invoke(main, command)
    assert result.output.startswith("{"), result.output
    return result.exit_code, json.loads(result.stdout)


def named(state: Path, verb: str, code: str) -> dict[str, int]:
    """What a command names with this code, by path from the state directory or name, and how many."""
    _, report = run(state, *verb.split(maxsplit=1))
    found = [one for one in report["findings"] if one["code"] == code]
    return {_as_it_is(one["subject"]): one["facts"].get("count", 0) for one in found}


def _as_it_is(text: str) -> str:
    """A name as it is on disk: one with a blank stands in quotes in a report."""
    return str(ast.literal_eval(text)) if text[0] in "'\"" else text


@pytest.mark.parametrize("verb", VERBS)
def test_every_copy_of_a_store_under_any_name_is_named_with_the_sessions_that_only_it_has(
    unpack: Unpack, verb: str
) -> None:
    state = unpack("copies-with-sessions-only-there")
    before = fingerprint(state)
    folder = state / "agents" / "main" / "sessions"
    copies = {f"agents/main/sessions/{path.name}": 1 for path in folder.iterdir() if path.suffix != ".jsonl"}
    del copies["agents/main/sessions/sessions.json"]
    assert len(copies) == 13
    assert named(state, verb, "copy.sessions-only-here") == copies
    assert named(state, verb, "file.unknown-class") == {}
    assert fingerprint(state) == before


def test_a_session_in_a_copy_is_explained_and_store_and_agent_take_it_in(unpack: Unpack) -> None:
    state = unpack("copies-with-sessions-only-there")
    copy = state / "agents" / "main" / "sessions" / "sessions 2.json"
    key = next(key for key in json.loads(copy.read_text()) if key != "agent:main:main")
    assert list(named(state, f"explain {key}", "copy.sessions-only-here")) == ["agents/main/sessions/sessions 2.json"]
    assert run(state, "apply", "--yes", "--store", str(copy), "--agent", "main")[0] == 0
    assert len(named(state, "verify", "copy.sessions-only-here")) == 12


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", [f"{DATABASE}.corrupt-1795381699999", f"{DATABASE}.bak", "old copy"])
def test_a_database_that_was_moved_aside_is_named_with_its_sessions(unpack: Unpack, verb: str, name: str) -> None:
    state = set_aside(unpack, name)
    before = fingerprint(state)
    assert named(state, verb, "database.set-aside") == {f"agents/main/agent/{name}": 75}
    assert fingerprint(state) == before


def set_aside(unpack: Unpack, name: str) -> Path:
    """An upgraded installation of which one database was moved aside, and the originals are gone."""
    state = unpack("database-moved-aside") / "after"
    folder = state / "agents" / "main"
    shutil.rmtree(folder / "session-sqlite-import-archive")
    shutil.copy(folder / "agent" / DATABASE, folder / "agent" / name)
    (folder / "agent" / DATABASE).unlink()
    return state


def test_nobody_calls_complete_what_lies_aside_and_putting_it_back_is_enough(unpack: Unpack) -> None:
    name = f"{DATABASE}.corrupt-1795381699999"
    state = set_aside(unpack, name)
    folder = state / "agents" / "main" / "agent"
    code, report = run(state, "verify")
    assert (code, report["verdict"]) == (1, "differences")
    assert list(named(state, f"explain {folder / name}", "database.set-aside")) == [f"agents/main/agent/{name}"]
    (folder / name).rename(folder / DATABASE)
    assert named(state, "scan", "database.set-aside") == {}


def test_a_state_with_nothing_but_a_database_aside_is_not_called_empty(unpack: Unpack) -> None:
    state = set_aside(unpack, f"{DATABASE}.bak")
    shutil.rmtree(state / "agents" / "work")
    assert run(state, "scan")[0] == 0
    assert run(state, "verify")[0] == 1


def test_an_empty_database_in_the_place_of_the_full_one_hides_nothing(unpack: Unpack) -> None:
    state = set_aside(unpack, f"{DATABASE}.bak")
    full = state / "agents" / "main" / "agent" / f"{DATABASE}.bak"
    fresh = full.with_name(DATABASE)
    shutil.copy(full, fresh)
    with closing(sqlite3.connect(fresh)) as connection, connection:
        for table in ("transcript_events", "session_windows", "session_nodes"):
            connection.execute(f"DELETE FROM {table}")
    assert named(state, "verify", "database.set-aside") == {f"agents/main/agent/{DATABASE}.bak": 75}


@pytest.mark.parametrize("verb", VERBS)
def test_state_directories_inside_a_state_directory_are_named_with_their_sessions(unpack: Unpack, verb: str) -> None:
    inside = {".openclaw": 2, "agents/main/agent/codex-home/home/.openclaw": 1}
    assert named(unpack("nested-state-dirs"), verb, "copy.state-inside") == inside


def test_a_state_directory_inside_is_explained_and_can_be_migrated_in_its_place(unpack: Unpack) -> None:
    state = unpack("nested-state-dirs")
    assert named(state, f"explain {state / '.openclaw'}", "copy.state-inside") == {".openclaw": 2}
    assert run(state / ".openclaw", "apply", "--yes")[0] == 0
    assert len(databases(state / ".openclaw")) == 1


@pytest.mark.parametrize("verb", VERBS)
def test_archived_transcripts_are_named_where_they_are_all_that_is_left(unpack: Unpack, verb: str) -> None:
    state = unpack("only-deleted-archives-left")
    _, report = run(state, verb)
    found = [one["facts"] for one in report["findings"] if one["code"] == "agent.only-archives"]
    assert found == [{"count": 4, "events": 22}]


def test_archived_transcripts_come_back_as_the_finding_says(unpack: Unpack) -> None:
    state = unpack("only-deleted-archives-left")
    assert run(state, "verify")[0] == 10
    for path in (state / "agents" / "main" / "sessions").glob("*.deleted.*"):
        path.rename(path.with_name(path.name.partition(".deleted.")[0]))
    assert run(state, "apply", "--yes")[0] == 0
    assert named(state, "scan", "agent.only-archives") == {}


@pytest.mark.parametrize("verb", ["scan", "plan"])
def test_copies_of_transcripts_by_editors_are_named_with_the_events_that_only_they_have(
    unpack: Unpack, verb: str
) -> None:
    state = unpack("transcript-conflict-copies")
    found = named(state, verb, "copy.events-only-here")
    assert {Path(path).name.rpartition(".jsonl")[2]: count for path, count in found.items()} == {".bak": 4, "~": 4}


def test_a_copy_of_a_transcript_is_taken_in_once_it_has_the_name_of_one(unpack: Unpack) -> None:
    state = unpack("transcript-conflict-copies")
    assert run(state, "apply", "--yes")[0] == 0
    assert set(named(state, "verify", "copy.events-only-here").values()) == {4}
    for ending in ("~", ".bak"):
        copy = next((state / "agents" / "main" / "sessions").glob(f"*.jsonl{ending}"))
        shutil.copy(copy, copy.with_name(f"copy of {copy.name.partition('.')[0]}.jsonl"))
    assert run(state, "apply", "--yes")[0] == 0
    assert named(state, "verify", "copy.events-only-here") == {}


def test_litter_of_drives_and_desktops_is_one_quiet_line_and_no_agent(unpack: Unpack) -> None:
    state = unpack("nas-and-volume-junk")
    code, report = run(state, "scan")
    codes = [one["code"] for one in report["findings"]]
    assert code == 0
    assert codes.count("place.litter") == 1
    assert not {"file.unknown-class", "agent.no-round-trip", "agent.unreadable", "place.unreadable"} & {*codes}
    assert len(report["agents"]) == 1
    assert run(state, "apply", "--yes")[0] == 0


@pytest.mark.parametrize("verb", VERBS)
def test_a_file_that_cannot_be_read_is_said_to_be_closed_and_never_to_hold_nothing(
    unpack: Unpack, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    state = unpack("legacy-2026.6.1")
    closed = {"agents/main/sessions/notes.xyz", "attic/data.bin"}
    for name in closed:
        (state / name).parent.mkdir(exist_ok=True)
        (state / name).write_bytes(b"x" * 100)
    read = first_bytes

    def refuse(path: str, length: int, folder: int | None = None) -> bytes:
        if path.endswith(("notes.xyz", "data.bin")):
            raise PermissionError(13, "closed")
        return read(path, length, folder)

    monkeypatch.setattr(discovery, "first_bytes", refuse)
    assert named(state, verb, "place.closed").keys() == closed
    assert named(state, verb, "file.unknown-class") == {}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", ["a.js", "photo.PNG", "build/x.pyc", "font.woff2"])
def test_a_copy_with_the_ending_of_a_program_or_a_picture_is_named_all_the_same(
    unpack: Unpack, verb: str, name: str
) -> None:
    state = unpack("copies-with-sessions-only-there")
    copy = state / "agents" / "main" / "sessions" / "sessions 2.json"
    (state / name).parent.mkdir(exist_ok=True)
    copy.rename(state / name)
    assert named(state, verb, "copy.sessions-only-here")[name] == 1


@pytest.mark.parametrize("verb", ["apply --yes", "verify"])
def test_a_state_directory_with_nothing_but_another_one_inside_is_never_called_migrated(
    unpack: Unpack, tmp_path: Path, verb: str
) -> None:
    state = tmp_path / "state"
    (state / "agents").mkdir(parents=True)
    unpack("legacy-2026.6.1").rename(state / "my backup")
    assert named(state, verb, "copy.state-inside").keys() == {"my backup"}
    assert run(state, *verb.split())[0] == 10
