"""Databases that lie elsewhere: damaged, without their journals, with events alone, newer than the one in place."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator.cli.main import main
from tests.commands.test_elsewhere import DATABASE, VERBS, named, run, set_aside
from tests.conftest import fingerprint

Unpack = Callable[[str], Path]
ASIDE = f"{DATABASE}.bak"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep away from whatever runs and lies on this machine."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def into_journal(path: Path) -> Path:
    """Let the -wal of a database hold all of it, as a process leaves it that was killed before a checkpoint."""
    work = path.with_name("work")
    with closing(sqlite3.connect(work)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        with closing(sqlite3.connect(path)) as reader:
            reader.backup(writer)
        for ending in ("", "-wal"):
            shutil.copy(f"{work}{ending}", f"{path}{ending}")
    for left in path.parent.glob("work*"):
        left.unlink()
    return Path(f"{path}-wal")


def events(path: Path, change: str = "SELECT 1", *, whole: bool = False) -> int:
    """How many events a database has, after a change; ``whole``: with what follows from it in other tables."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA foreign_keys = {int(whole)}")
        connection.execute(change)
        return int(connection.execute("SELECT count(*) FROM transcript_events").fetchone()[0])


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("place", ["attic/openclaw-agent.sqlite-wal", "agents/main/agent/old-wal"])
def test_a_journal_whose_database_is_not_beside_it_is_named_until_the_two_are_together_again(
    unpack: Unpack, verb: str, place: str
) -> None:
    state = set_aside(unpack, "old")
    database = state / "agents" / "main" / "agent" / "old"
    journal, alone = into_journal(database), state / place
    alone.parent.mkdir(exist_ok=True)
    database.rename(state / "elsewhere")
    journal.rename(alone)
    before = fingerprint(state)
    assert named(state, verb, "copy.journal-alone").keys() == {place}
    assert fingerprint(state) == before
    refused = CliRunner().invoke(main, ["apply", "--yes", "--state-dir", str(state), "--from", str(alone)])
    assert refused.exit_code == 12
    (state / "elsewhere").rename(str(alone).removesuffix("-wal"))
    assert named(state, verb, "copy.journal-alone") == {}
    found = named(state, verb, "copy.database-only-here") | named(state, verb, "database.set-aside")
    assert found == {place.removesuffix("-wal"): 75}


def lone(unpack: Unpack, place: str) -> Path:
    """An agent that has its store yet, and the journal of its lost database at a place."""
    state = set_aside(unpack, "old")
    journal = into_journal(state / "agents" / "main" / "agent" / "old")
    (state / "agents" / "main" / "agent" / "old").rename(state.parent / "old")
    (state / place).parent.mkdir(exist_ok=True)
    journal.rename(state / place)
    return state


ALONE = ["attic/x-wal", f"agents/main/agent/{DATABASE}-wal.bak", "attic/notes.txt"]


@pytest.mark.parametrize("place", ALONE)
def test_while_a_journal_alone_tells_of_sessions_that_are_nowhere_else_nothing_is_proved(
    unpack: Unpack, place: str
) -> None:
    state = lone(unpack, place)
    code, report = run(state, "verify")
    [found] = [one for one in report["findings"] if one["code"] == "copy.journal-alone"]
    assert (code, report["verdict"]) == (1, "differences")
    assert found["facts"]["length"] == (state / place).stat().st_size
    assert found["facts"]["count"] >= 75  # another program's id stands in an entry
    assert found["facts"]["events"] >= 35  # as many as the other agent has not, or more where their text has changed
    told = CliRunner().invoke(main, ["explain", str(state / place), "--state-dir", str(state)]).output
    assert "--from" not in told.partition("copy.journal-alone")[0]
    (state / place).rename(state.parent / "kept")
    assert run(state, "verify")[1]["verdict"] != "differences"


@pytest.mark.parametrize("place", ALONE)
def test_a_journal_alone_whose_sessions_are_in_place_is_named_and_all_is_proved(unpack: Unpack, place: str) -> None:
    state = unpack("legacy-2026.6.1")
    assert run(state, "apply", "--yes")[0] == 0
    copy = state.parent / "copy"
    shutil.copy(state / "agents" / "main" / "agent" / DATABASE, copy)
    (state / place).parent.mkdir(exist_ok=True)
    into_journal(copy).rename(state / place)
    code, report = run(state, "verify")
    [found] = [one for one in report["findings"] if one["code"] == "copy.journal-alone"]
    assert (code, report["verdict"], found["facts"]["count"], found["facts"]["events"]) == (0, "proved", 0, 0)
    (state / "agents" / "main" / "sessions").rename(state.parent / "sessions")
    with closing(sqlite3.connect(state / "agents" / "main" / "agent" / DATABASE)) as connection, connection:
        connection.execute("DELETE FROM transcript_events WHERE rowid IN (SELECT max(rowid) FROM transcript_events)")
    code, report = run(state, "verify")
    [found] = [one for one in report["findings"] if one["code"] == "copy.journal-alone"]
    assert (code != 0, found["facts"]["count"], found["facts"]["events"]) == (True, 0, 1)


def test_a_journal_alone_of_an_upgraded_database_in_place_tells_nothing_new(unpack: Unpack) -> None:
    """An id that another program has given stands in an entry, and is no session."""
    state = unpack("database-moved-aside") / "after"
    database = state / "agents" / "main" / "agent" / DATABASE
    shutil.copy(database, state / "copy")
    into_journal(state / "copy")
    (state / "copy").unlink()
    _, report = run(state, "scan")
    [found] = [one["facts"] for one in report["findings"] if one["code"] == "copy.journal-alone"]
    assert (found["count"], found["events"]) == (0, 0)


def test_a_journal_of_another_program_is_nobodys_business(unpack: Unpack) -> None:
    state = unpack("legacy-2026.6.1")
    with closing(sqlite3.connect(state / "cookies")) as connection, connection:
        connection.execute("CREATE TABLE cookies (name TEXT)")
    into_journal(state / "cookies").rename(state / "else-wal")
    (state / "cookies").write_bytes((state / "cookies").read_bytes()[:3000])
    _, report = run(state, "scan")
    assert not [one for one in report["findings"] if one["code"].startswith("copy.")]


def test_what_is_only_in_the_journal_of_a_database_aside_is_taken_in(unpack: Unpack) -> None:
    state = set_aside(unpack, ASIDE)
    aside = state / "agents" / "main" / "agent" / ASIDE
    into_journal(aside)
    assert run(state, "apply", "--yes", "--from", str(aside))[0] == 0
    assert named(state, "verify", "database.set-aside") == {}
    assert events(aside.with_name(DATABASE)) == 59


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", [ASIDE, "notes.txt", "photo.png"])
@pytest.mark.parametrize("share", [0.4, 0.9])
def test_a_database_that_was_cut_is_named_whatever_it_is_called(
    unpack: Unpack, verb: str, name: str, share: float
) -> None:
    state = set_aside(unpack, name)
    cut = state / "agents" / "main" / "agent" / name
    data = cut.read_bytes()
    cut.write_bytes(data[: int(len(data) * share)])
    assert named(state, verb, "copy.database-unreadable").keys() == {f"agents/main/agent/{name}"}


def test_what_sqlite_recovers_of_a_cut_database_is_taken_in(unpack: Unpack) -> None:
    """The remedy names the command of sqlite3; here its work is done with what a sound copy gives."""
    state = set_aside(unpack, "old")
    cut = state / "agents" / "main" / "agent" / "old"
    with closing(sqlite3.connect(cut)) as sound:
        dump = "\n".join(line for line in sound.iterdump() if "sqlite_sequence" not in line and "fts" not in line)
        version = sound.execute("PRAGMA user_version").fetchone()[0]
    cut.write_bytes(cut.read_bytes()[:50000])
    recovered = state / "recovered"
    with closing(sqlite3.connect(recovered)) as connection:
        connection.create_function("octet_length", 1, lambda text: None if text is None else len(text.encode()))
        connection.executescript(f"{dump}; PRAGMA user_version = {version}")
    assert run(state, "apply", "--yes", "--from", str(recovered))[0] == 0
    assert events(state / "agents" / "main" / "agent" / DATABASE) == 59


@pytest.mark.parametrize("verb", VERBS)
def test_a_database_aside_that_has_events_and_no_entries_is_named_with_its_events(unpack: Unpack, verb: str) -> None:
    state = set_aside(unpack, ASIDE)
    shutil.rmtree(state / "agents" / "work")  # whose invented history is the same
    aside = state / "agents" / "main" / "agent" / ASIDE
    count = events(aside, "DELETE FROM session_nodes")
    _, report = run(state, verb)
    [found] = [one for one in report["findings"] if one["code"] == "database.set-aside"]
    assert found["facts"] == {"count": 0, "events": count}
    assert run(state, "apply", "--yes", "--from", str(aside))[0] == 0
    assert events(aside.with_name(DATABASE)) == count
    assert named(state, "verify", "database.set-aside") == {}


@pytest.mark.parametrize("verb", VERBS)
def test_a_database_aside_with_more_events_than_the_one_in_place_is_named_with_these(unpack: Unpack, verb: str) -> None:
    state = unpack("database-moved-aside") / "after"
    shutil.rmtree(state / "agents" / "main" / "session-sqlite-import-archive")
    database = state / "agents" / "main" / "agent" / DATABASE
    shutil.copy(database, state / "newer")
    longest = "(SELECT session_id FROM transcript_events GROUP BY 1 ORDER BY count(*) DESC LIMIT 1)"
    left = events(database, f"DELETE FROM transcript_events WHERE session_id = {longest} AND seq > 1", whole=True)
    lost = 59 - left
    _, report = run(state, verb)
    [found] = [one for one in report["findings"] if one["code"] == "copy.database-only-here"]
    assert (found["subject"], found["facts"]) == ("newer", {"count": 0, "events": lost})
    assert run(state, "apply", "--yes", "--from", str(state / "newer"))[0] == 0
    assert events(database) == 59
    assert named(state, verb, "copy.database-only-here") == {}


def test_an_exact_copy_of_a_database_and_one_of_before_the_upgrade_say_nothing_new(unpack: Unpack) -> None:
    """A release changes the texts of some events when it takes them over, and none of them is another event."""
    whole = unpack("upgraded-rich-to-2026.9.6")
    before, state = whole / "before", whole / "after"
    assert run(before, "apply", "--yes")[0] in (0, 15)
    shutil.copy(before / "agents" / "main" / "agent" / DATABASE, state / "of before")
    shutil.copy(state / "agents" / "main" / "agent" / DATABASE, state / "exact")
    assert named(state, "scan", "copy.database-only-here") == {}


@pytest.mark.parametrize("verb", VERBS)
def test_a_state_directory_inside_that_only_has_more_events_is_named_with_these(unpack: Unpack, verb: str) -> None:
    state = unpack("legacy-2026.6.1")
    shutil.copytree(state, state.parent / "copy", symlinks=True)
    (state.parent / "copy").rename(state / "old home")
    assert named(state, verb, "copy.state-inside") == {}
    transcript = next((state / "old home" / "agents" / "main" / "sessions").glob("*.jsonl"))
    with transcript.open("a") as stream:
        stream.write('{"type":"message","id":"more","message":{"role":"user","content":"and more"}}\n')
    _, report = run(state, verb)
    [found] = [one for one in report["findings"] if one["code"] == "copy.state-inside"]
    assert found["facts"] == {"count": 0, "events": 1}


@pytest.mark.parametrize("verb", VERBS)
def test_damaged_databases_and_lone_journals_inside_of_another_state_directory_are_named_themselves(
    unpack: Unpack, verb: str
) -> None:
    state = unpack("nested-state-dirs")
    old = set_aside(unpack, "old").joinpath("agents", "main", "agent")
    inside = state / ".openclaw" / "agents" / "main" / "agent"
    inside.mkdir(exist_ok=True)
    into_journal(old / "old").rename(inside / "x-wal")
    shutil.copy(old.parent.parent / "work" / "agent" / DATABASE, inside / DATABASE)
    data = (inside / DATABASE).read_bytes()
    (inside / DATABASE).write_bytes(data[:300000])
    place = ".openclaw/agents/main/agent"
    assert named(state, verb, "copy.journal-alone").keys() == {f"{place}/x-wal"}
    assert named(state, verb, "copy.database-unreadable").keys() == {f"{place}/{DATABASE}"}
