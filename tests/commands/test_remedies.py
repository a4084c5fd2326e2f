"""One trouble each, found by the program; what it advises is done, and the trouble is gone."""

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
from migrator.scanning import discovery
from tests.commands.test_databases_elsewhere import into_journal
from tests.commands.test_elsewhere import DATABASE, named
from tests.worlds import World, databases, entry

KEYS = {"agent:main:one", "agent:main:two"}
STORE = json.dumps({key: entry(key[-3:], 5) for key in sorted(KEYS)}, indent=2)
LINES = '{"type":"session","id":"one"}\n{"type":"message","id":"m1"}\n{"type":"message","id":"m2"}\n'
COPY = "agents/main/sessions/sessions.json.bak"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep away from whatever runs and lies on this machine."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


class Case:
    """A state directory with an agent whose store has two sessions and a copy; one of them has a history."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.world = World(root)
        self.world.agent("main", STORE)
        self.state = self.world.state
        self.folder = self.state / "agents" / "main" / "sessions"
        self.store = self.folder / "sessions.json"
        self.copy = self.state / COPY
        self.copy.write_text(STORE)
        (self.folder / "one.jsonl").write_text(LINES)
        self.database = self.state / "agents" / "main" / "agent" / DATABASE

    def apply(self, *arguments: object) -> int:
        """The exit code of ``apply --yes``."""
        command = ["apply", "--yes", "--state-dir", str(self.state), *map(str, arguments)]
        return CliRunner().invoke(main, command).exit_code

    def outside(self, path: Path) -> Path:
        """Put something outside of the state directory, with a link in its place."""
        target = self.root / "outside" / path.name
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
        path.symlink_to(target)
        return target


def cut(case: Case) -> None:
    case.store.write_text(STORE[:-40])


def link_sessions(case: Case) -> None:
    case.outside(case.folder)


def link_store(case: Case) -> None:
    case.outside(case.store)


def link_database(case: Case) -> None:
    assert case.apply() == 0
    case.outside(case.database)


def only_journal(case: Case) -> None:
    assert case.apply() == 0
    into_journal(case.database)
    case.database.rename(case.root / "database")


def break_database(case: Case) -> None:
    assert case.apply() == 0
    case.database.write_bytes(case.database.read_bytes()[:3000])


def history_outside(case: Case) -> None:
    target = case.root / "one.jsonl"
    (case.folder / "one.jsonl").rename(target)
    case.store.write_text(STORE.replace('"one",', f'"one", "sessionFile": "{target}",', 1))


def damaged_entry(case: Case) -> None:
    case.store.write_text(STORE.replace('"updatedAt"', "updated?At", 1))


def migrate_copy(case: Case) -> int:
    return case.apply("--store", case.copy, "--agent", "main")


def put_back(case: Case) -> int:
    if case.store.is_dir():
        case.store.rmdir()
    case.store.unlink(missing_ok=True)
    shutil.copy(case.copy, case.store)
    return case.apply()


def follow(case: Case) -> int:
    return case.apply("--follow")


def move_in(case: Case) -> int:
    for path in (case.folder, case.store, case.database):
        if path.is_symlink():
            target = path.resolve()
            path.unlink()
            target.rename(path)
    return case.apply()


def name_store(case: Case) -> int:
    return case.apply("--store", case.store.resolve(), "--agent", "main")


def put_database_back(case: Case) -> int:
    (case.root / "database").rename(case.database)
    case.database.chmod(0o600)
    return case.apply()


def move_journal_aside(case: Case) -> int:
    Path(f"{case.database}-wal").rename(case.root / "journal")
    return case.apply()


def move_database_aside(case: Case) -> int:
    case.database.rename(case.root / "broken")
    return case.apply()


def copy_history_in(case: Case) -> int:
    shutil.copy(case.root / "one.jsonl", case.folder)
    return case.apply()


def utf16_database(case: Case) -> None:
    assert case.apply() == 0
    _made_anew(case.database, "UTF-16")


def make_database_anew(case: Case) -> int:
    _made_anew(case.database, "UTF-8")
    return case.apply()


def _made_anew(database: Path, encoding: str) -> None:
    """What the .dump command of sqlite3 makes, read into a new database."""
    with closing(sqlite3.connect(database)) as connection:
        dump, [version] = "\n".join(connection.iterdump()), connection.execute("PRAGMA user_version").fetchone()
    database.unlink()
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(f"PRAGMA encoding = '{encoding}'; {dump}; PRAGMA user_version = {version}")
    database.chmod(0o600)


def empty(case: Case) -> None:
    case.store.write_text("")


def only_copies(case: Case) -> None:
    case.store.unlink()


def no_file(case: Case) -> None:
    case.store.unlink()
    case.store.mkdir()


def array(case: Case) -> None:
    case.store.write_text("[]")


KEPT = 15
"""All sessions are there, and the damaged pieces of what stays in its place are in quarantine."""

REMEDIES: dict[str, tuple[str, Callable[[Case], None], Callable[[Case], int], int]] = {
    "an older copy of an empty store": ("store.empty", empty, migrate_copy, KEPT),
    "an empty store, put back": ("store.empty", empty, put_back, 0),
    "an older copy of a cut store": ("store.truncated", cut, migrate_copy, KEPT),
    "only copies, put back": ("store.only-copies", only_copies, put_back, 0),
    "a folder for a store": ("store.not-a-file", no_file, put_back, 0),
    "an array for a store": ("store.not-object", array, put_back, 0),
    "a damaged entry": ("entry.not-json", damaged_entry, migrate_copy, KEPT),
    "a link to sessions, followed": ("agent.link-outside", link_sessions, follow, 0),
    "a link to sessions, moved in": ("agent.link-outside", link_sessions, move_in, 0),
    "a link to sessions, store named": ("agent.link-outside", link_sessions, name_store, 0),
    "a link to a store, followed": ("store.link-outside", link_store, follow, 0),
    "a link to a store, named": ("store.link-outside", link_store, name_store, 0),
    "a link to a database, followed": ("database.link-outside", link_database, follow, 0),
    "a link to a database, moved in": ("database.link-outside", link_database, move_in, 0),
    "a journal alone, database put back": ("database.only-journal", only_journal, put_database_back, 0),
    "a journal alone, moved aside": ("database.only-journal", only_journal, move_journal_aside, 0),
    "a broken database, moved aside": ("database.unreadable", break_database, move_database_aside, 0),
    "a database in UTF-16, made anew": ("database.utf-16", utf16_database, make_database_anew, 0),
    "a history outside, followed": ("transcript.outside", history_outside, follow, 0),
    "a history outside, copied in": ("transcript.outside", history_outside, copy_history_in, 0),
}


@pytest.mark.parametrize("name", REMEDIES)
def test_what_a_finding_advises_helps(tmp_path: Path, name: str) -> None:
    code, make, remedy, expected = REMEDIES[name]
    case = Case(tmp_path)
    make(case)
    before = CliRunner().invoke(main, ["scan", "--state-dir", str(case.state), "--allow-empty", "--format", "json"])
    assert code in {one["code"] for one in json.loads(before.stdout)["findings"]}
    assert remedy(case) == expected
    [base, *_] = [path for path in databases(case.state) if path.name == DATABASE]
    with closing(sqlite3.connect(base)) as connection:
        assert {key for (key,) in connection.execute("SELECT session_key FROM session_entries")} == KEYS
        assert connection.execute("SELECT count(*) FROM transcript_events").fetchone() == (3,)


def test_what_lies_too_deep_is_seen_by_a_scan_that_begins_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case(tmp_path)
    deep = case.state.joinpath(*"abcdef")
    deep.mkdir(parents=True)
    shutil.copytree(case.state / "agents", deep / "agents")
    monkeypatch.setattr(discovery, "DEEPEST", 4)
    [place] = named(case.state, "scan", "place.too-deep")
    assert named(case.state, "scan", "copy.state-inside") == {}
    said = CliRunner().invoke(main, ["scan", str(case.state / place), "--names", "clear"])
    assert f"one lies in it: {deep}" in said.stderr
