"""Files are told by what they hold, whatever their names: by their first bytes, with one walk that follows nothing."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from migrator.filesystem import first_bytes
from migrator.scanning import discovery
from migrator.scanning.discovery import Holds, is_litter, recognise, walk

STORE = {"agent:main:main": {"sessionId": "s1", "updatedAt": 5}}
EVENT = {"type": "session", "id": "s1", "version": 3}


@pytest.mark.parametrize(
    "head",
    [
        json.dumps(STORE).encode(),
        json.dumps(STORE, indent=2).encode(),
        b"\xef\xbb\xbf" + json.dumps(STORE).encode(),
        json.dumps(STORE).encode("utf-16"),
        b"// ours\n{main: {sessionId: 's1'}}",
        json.dumps(STORE).encode()[:40],
    ],
)
def test_a_map_of_keys_to_entries_is_a_store_however_it_is_written(head: bytes) -> None:
    assert recognise(head) is Holds.STORE


@pytest.mark.parametrize(
    "event",
    [EVENT, {"type": "message", "id": "m1", "message": {}}, {"id": "s1", "type": "session"}],
)
def test_a_line_of_a_session_is_a_transcript(event: dict[str, object]) -> None:
    assert recognise(json.dumps(event).encode() + b"\n{}\n") is Holds.TRANSCRIPT


def test_a_first_line_that_is_longer_than_what_is_read_of_it_still_tells_a_transcript() -> None:
    line = b'{"type":"message","message":"' + b"x" * 9000
    assert recognise(line) is Holds.TRANSCRIPT


@pytest.mark.parametrize(
    "head",
    [b"", b"\0" * 99, b"{}", b'{"name":"package","version":"1"}', b'{"type":"module"}', b"# Notes\nsessionId", b"[]"],
)
def test_what_is_neither_is_left_alone(head: bytes) -> None:
    assert recognise(head) is None


@pytest.mark.parametrize("name", ["._sessions.json", ".DS_Store", "lost+found", "@eaDir", "x.jsonl@SynoEAStream"])
def test_what_file_systems_and_desktops_leave_is_litter(name: str) -> None:
    assert is_litter(name)
    assert not is_litter("main")


def test_a_walk_opens_no_link_and_says_where_it_has_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "DEEPEST", 2)
    outside, state = tmp_path / "outside", tmp_path / "state"
    for folder in (outside, state / "a" / "b" / "c"):
        folder.mkdir(parents=True)
        (folder / "anything").write_text(json.dumps(STORE))
    (state / "a" / "b" / "here").write_text(json.dumps(STORE))
    (state / "link").symlink_to(outside)
    (state / "file").symlink_to(outside / "anything")
    made = walk(str(state))
    assert [one.path for one in made.found] == [str(state / "a" / "b" / "here")]
    assert made.too_deep == [str(state / "a" / "b" / "c")]
    assert walk(str(state), [str(state / "a")]).found == []


def test_no_name_keeps_a_file_closed_and_only_its_beginning_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"a.js", "b.PNG", "c.py", "map", "notes.txt", "data", ".js.bak"}
    for name in names:
        (tmp_path / name).write_text(json.dumps(STORE) + " " * 9000)
    opened: dict[str, int] = {}
    read = first_bytes

    def note(path: str, count: int, folder: int | None = None) -> bytes:
        opened[Path(path).name] = count
        return read(path, count, folder)

    monkeypatch.setattr(discovery, "first_bytes", note)
    assert {Path(one.path).name for one in walk(str(tmp_path)).found} == names
    assert opened == dict.fromkeys(names, 4096)


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_journal_of_sqlite_is_told_by_its_beginning(tmp_path: Path, mode: str) -> None:
    with closing(sqlite3.connect(tmp_path / "base", isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("CREATE TABLE t (x)")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t VALUES (1)")
        [journal] = [one for one in tmp_path.iterdir() if one.name in ("base-wal", "base-journal")]
        connection.execute("PRAGMA cache_spill = 1")
        connection.execute("PRAGMA cache_size = 1")
        connection.executemany("INSERT INTO t VALUES (?)", [("x" * 5000,)] * 50)
        assert recognise(journal.read_bytes()) is Holds.JOURNAL
