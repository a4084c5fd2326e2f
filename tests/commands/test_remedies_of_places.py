"""What cannot be read, lies elsewhere, or is nobody's: what the program advises is done, and it is asked again."""

from __future__ import annotations

import ast
import errno
import gzip
import hashlib
import json
import lzma
import re
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import zstandard
from click.testing import CliRunner

from migrator.cli.main import main
from tests.commands.test_elsewhere import run
from tests.commands.test_remedies import KEYS, STORE, Case
from tests.scanning.test_unreadable import failing
from tests.worlds import entry

VERBS = ("scan", "plan", "verify")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep away from whatever runs and lies on this machine."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """Two sessions, one of them with a history, and no copy."""
    case = Case(tmp_path)
    case.copy.unlink()
    return case


def asked(case: Case, verb: str, code: str, *more: object) -> list[str]:
    """What a verb says this of."""
    _, report = run(case.state, verb, *map(str, more))
    return [_as_it_is(one["subject"]) for one in report["findings"] if one["code"] == code]


def _as_it_is(text: str) -> str:
    return str(ast.literal_eval(text)) if text[0] in "'\"" else text


def in_database(path: Path) -> tuple[set[str], int]:
    """The keys of the sessions, and how many events, a database has."""
    with closing(sqlite3.connect(path)) as connection:
        keys = {key for (key,) in connection.execute("SELECT session_key FROM session_entries")}
        return keys, int(connection.execute("SELECT count(*) FROM transcript_events").fetchone()[0])


def explained(case: Case, what: object, *more: object) -> str:
    command = ["explain", str(what), "--state-dir", str(case.state), *map(str, more)]
    result = CliRunner().invoke(main, command)
    return " ".join(result.output.split())


# a store outside that the configuration names


@pytest.fixture
def original(case: Case) -> Path:
    """The store of another installation, to which the configuration of this copy still leads."""
    path = case.root / "original" / "sessions.json"
    path.parent.mkdir()
    case.store.rename(path)
    (case.state / "openclaw.json").write_text(json.dumps({"session": {"store": str(path)}}))
    return path


@pytest.mark.parametrize("verb", VERBS)
def test_with_a_configuration_of_its_own_a_copy_leaves_the_store_of_the_original_alone(
    case: Case, original: Path, verb: str
) -> None:
    assert asked(case, verb, "store.outside") == [str(original)]
    own = case.root / "own.json"
    own.write_text("{}")
    assert asked(case, verb, "store.outside", "--config", own) == []
    assert case.apply("--config", own) == 0
    assert [path.name for path in original.parent.iterdir()] == ["sessions.json"]


def test_a_store_outside_is_moved_only_once_it_is_named(case: Case, original: Path) -> None:
    assert case.apply("--archive-sources") == 0
    assert original.exists()
    assert case.apply("--archive-sources", "--store", original) == 0
    assert not original.exists()
    assert asked(case, "verify", "store.outside") == []
    assert in_database(original.with_name("openclaw-agent.sqlite")) == (KEYS, 3)


# a store that nothing gives to an agent, and the database beside it that no release opens


@pytest.fixture
def nobodys(case: Case) -> Path:
    """A store that lies in no agent directory."""
    path = case.root / "found" / "sessions.json"
    path.parent.mkdir()
    case.store.rename(path)
    return path


@pytest.mark.parametrize("verb", VERBS)
def test_a_store_that_is_nobodys_goes_to_the_agent_that_is_said(case: Case, nobodys: Path, verb: str) -> None:
    assert asked(case, verb, "store.no-agent", "--store", nobodys) == [str(nobodys)]
    assert case.apply("--store", nobodys) == 12
    assert case.apply("--store", nobodys, "--agent", "main") == 0
    assert asked(case, verb, "store.no-agent", "--store", nobodys, "--agent", "main") == []
    assert in_database(case.database) == (KEYS, 3)
    assert [path.name for path in nobodys.parent.iterdir()] == ["sessions.json"]


@pytest.fixture
def never_opened(case: Case, nobodys: Path) -> Path:
    """The database that an old build of this program has made beside it, and all that is left of the sessions."""
    assert case.apply("--store", nobodys, "--agent", "main") == 0
    _, report = run(case.state, "scan", "--store", str(nobodys))
    names = re.findall(r"openclaw-session-store-[0-9a-f]{16}\.sqlite", json.dumps(report))
    path = nobodys.with_name(names[0])
    case.database.rename(path)
    (case.folder / "one.jsonl").unlink()
    return path


@pytest.mark.parametrize("verb", VERBS)
def test_the_sessions_of_a_database_that_no_release_opens_are_put_where_releases_look(
    case: Case, nobodys: Path, never_opened: Path, verb: str
) -> None:
    assert asked(case, verb, "database.never-opened", "--store", nobodys) == [str(never_opened)]
    assert case.apply("--from", never_opened) == 0
    assert in_database(case.database) == (KEYS, 3)
    assert asked(case, verb, "database.never-opened", "--allow-empty") == []


@pytest.mark.parametrize("verb", ["plan", "apply"])
def test_what_is_given_needs_no_session_in_the_state_directory(case: Case, verb: str) -> None:
    """A new machine, and the state directory of the old one."""
    old = case.root / "old"
    case.state.rename(old)
    case.state.mkdir()
    assert run(case.state, *((verb,) if verb == "plan" else (verb, "--yes")), "--from", str(old))[0] == 0
    if verb == "apply":
        assert in_database(case.database) == (KEYS, 3)
        assert run(case.state, "verify", "--against", str(old))[0] == 0


# what cannot be read


def closed_store(case: Case) -> Path:
    return case.world.store(case.state / "agents" / "work" / "sessions" / "sessions.json", {"agent:work:w": entry("w")})


def closed_transcript(case: Case) -> Path:
    return case.folder / "one.jsonl"


CLOSED: dict[str, Callable[[Case], Path]] = {
    "store.unreadable": closed_store,
    "transcript.unreadable": closed_transcript,
}


@pytest.mark.parametrize("code", CLOSED)
def test_what_cannot_be_read_is_never_called_complete_and_once_it_can_apply_takes_it_in(case: Case, code: str) -> None:
    path = CLOSED[code](case)
    relative = str(path.relative_to(case.state))
    with failing("open", str(path), errno.EACCES):
        for verb in VERBS:
            assert asked(case, verb, code) == [relative]
        assert case.apply() == 1
        _, report = run(case.state, "verify")
        assert states(report)[path.relative_to(case.state).parts[1]] is False
        assert "Nothing to do" not in explained(case, path)
        assert "It can not be read" in explained(case, path)
        assert "Something could not: follow the findings" in explained(case, "agent:main:one")
        assert asked(case, "scan", "run.differences")
    for verb in VERBS:
        assert asked(case, verb, code) == []
    assert case.apply() == 0
    assert case.apply() == 0
    code_of_verify, report = run(case.state, "verify")
    assert (code_of_verify, set(states(report).values())) == (0, {True})
    assert in_database(case.database) == (KEYS, 3)
    assert asked(case, "scan", "run.differences") == []
    assert "Nothing to do: all of it" in explained(case, path)


def states(report: dict[str, Any]) -> dict[str, bool]:
    """Which agents a verification calls complete."""
    return {one["agent"]: one["complete"] for one in report["verification"]["databases"]}


@pytest.mark.parametrize("name", ["attic", "attic/deep"])
def test_a_closed_folder_is_explained_and_once_it_is_open_what_is_in_it_is_named(case: Case, name: str) -> None:
    closed = case.state / name
    closed.mkdir(parents=True)
    (closed / "old.json").write_text(STORE.replace("one", "six").replace("two", "ten"))
    with failing("open", str(closed), errno.EACCES), failing("scandir", str(closed), errno.EACCES):
        for verb in VERBS:
            assert asked(case, verb, "place.closed") == [name]
        assert "It can not be read" in explained(case, closed)
        assert "Run scan as its owner" in explained(case, closed)
    for verb in VERBS:
        assert asked(case, verb, "place.closed") == []
        assert asked(case, verb, "copy.sessions-only-here") == [f"{name}/old.json"]


# a run that is over


def test_a_run_that_ended_with_differences_which_are_gone_by_themselves_asks_for_nothing_more(case: Case) -> None:
    path = CLOSED["transcript.unreadable"](case)
    with failing("open", str(path), errno.EACCES):
        assert case.apply() == 1
    path.unlink()
    assert case.apply() == 0
    assert asked(case, "scan", "run.differences") == []
    [journal] = (case.state / "migrator-runs").glob("*/journal*")
    assert CliRunner().invoke(main, ["rollback", journal.parent.name, "--state-dir", str(case.state)]).exit_code == 0
    assert not case.database.exists()


# a database of another agent


def test_a_database_of_another_agent_is_moved_away_and_what_belongs_there_comes_back(
    unpack: Callable[[str], Path],
) -> None:
    state = unpack("upgraded-2026.7.1-to-2026.9.6")
    own, other = (state / "agents" / name / "agent" / "openclaw-agent.sqlite" for name in ("main", "ops-team"))
    other.replace(own)
    code, report = run(state, "plan")
    refused = [one["subject"] for one in report["findings"] if one["code"] == "database.wrong-owner"]
    assert (code, refused) == (12, ["agents/main/agent/openclaw-agent.sqlite"])
    (state / "attic").mkdir()
    moved = own.replace(state / "attic" / own.name)
    assert "database.wrong-owner" not in {one["code"] for one in run(state, "scan")[1]["findings"]}
    run(state, "apply", "--yes", "--from", str(moved))
    found = {one["agent"]: one["parity"] for one in run(state, "verify")[1]["verification"]["databases"]}
    assert [found[name]["sessions"] for name in ("main", "ops-team")] == [[12, 12], [2, 2]]
    assert [found[name]["events"] for name in ("main", "ops-team")] == [[12, 12], [6, 6]]


# what is packed, and copies of which nothing can be read


def packed_with(pack: Callable[[bytes], bytes], ending: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.with_name(f"{path.name}{ending}").write_bytes(pack(path.read_bytes()))
        path.unlink()

    return write


def as_tar(path: Path) -> None:
    with tarfile.open(path.with_name("backup.tar.gz"), "w:gz") as archive:
        archive.add(path, "agents/main/sessions/sessions.json")
    path.unlink()


def as_zip(path: Path) -> None:
    with zipfile.ZipFile(path.with_name("backup.zip"), "w") as archive:
        archive.write(path, "agents/main/sessions/sessions.json")
    path.unlink()


PACKINGS: dict[str, Callable[[Path], None]] = {
    "gzip": packed_with(gzip.compress, ".gz"),
    "xz": packed_with(lzma.compress, ".xz"),
    "zstd": packed_with(zstandard.compress, ".zstd"),
    "tar": as_tar,
    "zip": as_zip,
}


@pytest.mark.parametrize("place", ["attic", "agents/main/sessions", "inside/agents/main/sessions"])
@pytest.mark.parametrize("packing", PACKINGS)
def test_what_is_packed_is_named_and_taken_in_once_it_is_unpacked(case: Case, packing: str, place: str) -> None:
    plain = case.state / place / "old.json"
    plain.parent.mkdir(parents=True, exist_ok=True)
    plain.write_text(STORE.replace("one", "six").replace("two", "ten"))
    content = plain.read_bytes()
    PACKINGS[packing](plain)
    for verb in VERBS:
        [name] = asked(case, verb, "copy.packed")
        assert (case.state / name).parent == case.state / place
        assert asked(case, verb, "file.unknown-class") == []
    assert "Nothing to do" not in explained(case, case.state / name)
    assert case.apply("--from", case.state / name) == 12
    unpacked = case.root / "unpacked.json"
    unpacked.write_bytes(content)
    assert case.apply("--from", unpacked, "--agent", "main") == 0
    assert in_database(case.database) == (KEYS | {"agent:main:six", "agent:main:ten"}, 3)


@pytest.mark.parametrize("place", ["attic", "inside/agents/main/sessions"])
@pytest.mark.parametrize("events", [3, 3000])
def test_a_transcript_that_a_release_has_packed_is_counted_and_taken_in_wherever_it_lies(
    case: Case, place: str, events: int
) -> None:
    """The longer one fills more than a block of the frame."""
    rows = [{"type": "session", "version": 3, "id": "six"}]
    rows += [
        {"type": "custom", "id": f"{n:08x}", "data": hashlib.sha256(bytes([n % 256])).hexdigest()}
        for n in range(events)
    ]
    name = f"six.jsonl.deleted.2026-11-22T11-05-59.946Z.{'0' * 32}.zst"
    path = case.state / place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(zstandard.compress(b"".join(json.dumps(row).encode() + b"\n" for row in rows)))
    code = "copy.events-only-here" if place == "attic" else "copy.state-inside"
    for verb in VERBS:
        assert asked(case, verb, code) != []
    assert case.apply("--from", path, "--agent", "main") == 0
    assert in_database(case.database)[1] >= events + 1
    assert asked(case, "scan", code) == []


def test_a_state_with_nothing_but_a_packed_backup_is_not_called_empty(case: Case) -> None:
    as_tar(case.store)
    (case.folder / "one.jsonl").unlink()
    assert run(case.state, "scan")[0] == 0
    assert (run(case.state, "verify")[0], run(case.state, "verify")[1]["verdict"]) == (10, "unjudged")


@pytest.mark.parametrize(
    "data",
    [
        b"PK\3\4 word/document.xml",
        b"\x1f\x8b",
        gzip.compress(b"{}", mtime=0),
        b"\xfd7zXZ\0",
        b"\x1f\x8b" * 9,
        b"(\xb5/\xfd",
    ],
)
def test_what_others_have_packed_is_nobodys_business(case: Case, data: bytes) -> None:
    (case.state / "download").write_bytes(data)
    assert asked(case, "scan", "copy.packed") == []


@pytest.mark.parametrize("data", [STORE.encode("utf-16-le"), b"\0" * 100, b"garbage"])
def test_a_copy_of_a_store_of_which_nothing_can_be_read_is_named(case: Case, data: bytes) -> None:
    case.copy.write_bytes(data)
    for verb in VERBS:
        assert asked(case, verb, "copy.damaged") == ["agents/main/sessions/sessions.json.bak"]
    case.copy.write_bytes(b"{}\n")
    assert asked(case, "scan", "copy.damaged") == []
