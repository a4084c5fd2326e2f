"""The way back as a user sees it: what is written, what is refused, and what is not lost on the way."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import CliRunner

from migrator import commands
from migrator.cli.main import main
from migrator.commands.export import export
from migrator.commands.request import Request
from migrator.exporting.export_tree import Wish
from migrator.model.errors import MigratorError, NothingFoundError, RefusedError, UsageError
from migrator.model.exported import Layout
from migrator.model.request import Selection, Surroundings
from migrator.openclaw.places.paths import store_database
from tests import sqlite_worlds
from tests.conftest import fingerprint
from tests.sqlite_worlds import NODES_23, execute, insert
from tests.worlds import World, cache_row, entry, owner, raw_store, table

Unpack = Callable[[str], Path]
Files = dict[str, bytes]

HEADER = '{"type":"session","version":3,"id":"%s","timestamp":"2026-09-21T14:13:20.000Z","cwd":"/"}'
SAID = '{"type":"message","id":"m1","parentId":null,"message":{"role":"user","content":"Grüße 🦞"}}'


def request_for(state: Path, **selection: object) -> Request:
    surroundings = Surroundings({}, "/home/user", str(state.parent), str(state.parent))
    return Request(Selection(state_dir=str(state), **selection), surroundings)  # type: ignore[arg-type]


def files(folder: Path, name: str = "*") -> Files:
    """The content of all files below a folder, by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob(name) if path.is_file()}


def sessions_of(state: Path) -> Files:
    """The stores and transcripts of all agents."""
    found = files(state / "agents", "sessions.json") | files(state / "agents", "*.jsonl")
    return {name: content for name, content in found.items() if f"{os.sep}sessions{os.sep}" in name}


def database_of_9_6(world: World, *fills: sqlite_worlds.Fill) -> None:
    world.database("main", owner("main", version=23), *fills, version=23, tables=NODES_23)


def node(key: str, session_id: str, **members: object) -> sqlite_worlds.Fill:
    text = json.dumps(entry(session_id, 7, **members))
    return insert("session_nodes", (key, session_id, text, 1, 7, None))


def events(session_id: str, *texts: str) -> sqlite_worlds.Fill:
    rows = ((session_id, seq, text, 7, None, None, None) for seq, text in enumerate(texts))
    return insert("transcript_events", *rows)


@pytest.mark.parametrize("name", ["legacy-2026.6.1", "legacy-2026.7.1", "legacy-2026.7.1-with-database"])
def test_what_was_migrated_comes_back_byte_for_byte(unpack: Unpack, tmp_path: Path, name: str) -> None:
    state = unpack(name)
    before = sessions_of(state)
    assert commands.apply(request_for(state), None, yes=True).exit_code == 0
    assert export(request_for(state), str(tmp_path / "back"), Wish()).exit_code == 0
    assert before
    assert sessions_of(tmp_path / "back") == before


@pytest.mark.parametrize("name", ["defect-both-spellings", "defect-no-session-id", "defect-topic-transcript"])
def test_stores_come_back_as_the_same_json_and_transcripts_with_the_same_lines(
    unpack: Unpack, tmp_path: Path, name: str
) -> None:
    state = unpack(name) / "before"
    before = sessions_of(state)
    commands.apply(request_for(state), None, yes=True)
    export(request_for(state), str(tmp_path / "back"), Wish())
    after = sessions_of(tmp_path / "back")
    for path, content in before.items():
        if path.endswith(".json"):
            assert json.loads(after[path]) == json.loads(content)
        else:
            assert content in after.values()
    assert len(after) == len(before)


def test_a_store_in_another_layout_comes_back_in_the_layout_of_openclaw(world: World) -> None:
    world.agent("main", b'{"agent:main:b":{"sessionId":"b","n":1E3,"big":9007199254740993,"empty":{}},"a":{"e":[]}}')
    commands.apply(world.request(), None, yes=True)
    export(world.request(), str(world.root / "back"), Wish())
    text = (world.root / "back" / "agents" / "main" / "sessions" / "sessions.json").read_text()
    assert text == (
        '{\n  "agent:main:b": {\n    "sessionId": "b",\n    "n": 1E3,\n    "big": 9007199254740993,\n    "empty": {}\n'
        '  },\n  "a": {\n    "e": []\n  }\n}'
    )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_real_upgrade_comes_back_with_every_session_and_every_event(unpack: Unpack, tmp_path: Path) -> None:
    state = unpack("upgraded-2026.7.1-to-2026.9.6")
    legacy = sessions_of(unpack("legacy-2026.7.1"))
    report = export(request_for(state), str(tmp_path / "back"), Wish())
    back = sessions_of(tmp_path / "back")
    assert report.exit_code == 0
    for path, content in legacy.items():
        came = path.replace("Retired Agent", "retired-agent")  # the upgrade moved it
        if path.endswith(".json"):
            assert len(json.loads(back[came])) == len(json.loads(content))
        else:
            assert [json.loads(line) for line in back[came].splitlines()] == [
                json.loads(line) for line in content.splitlines()
            ]


def test_folded_fields_are_unfolded_and_the_transcript_is_named_again(unpack: Unpack, tmp_path: Path) -> None:
    export(request_for(unpack("upgraded-2026.7.1-to-2026.9.6")), str(tmp_path / "back"), Wish())
    store = json.loads((tmp_path / "back" / "agents" / "main" / "sessions" / "sessions.json").read_bytes())
    legacy = json.loads((unpack("legacy-2026.7.1") / "agents" / "main" / "sessions" / "sessions.json").read_bytes())
    for name in ("route", "deliveryContext", "lastChannel", "lastTo", "lastAccountId"):
        assert store["agent:main:main"][name] == legacy["agent:main:main"][name]
    assert store["agent:main:main"]["sessionFile"] == f"{store['agent:main:main']['sessionId']}.jsonl"
    assert not any("delivery" in one for one in store.values())


def test_archives_come_back_when_they_are_asked_for(unpack: Unpack, tmp_path: Path) -> None:
    state = unpack("defect-both-spellings") / "after"
    without = export(request_for(state), str(tmp_path / "without"), Wish())
    export(request_for(state), str(tmp_path / "with"), Wish(archived=True))
    assert without.exported is not None
    assert dict(without.exported.only_in_sqlite)["session_transcript_archives"] == 4
    assert not files(tmp_path / "without", "*.deleted.*")
    archives = files(tmp_path / "with", "*.jsonl.deleted.2026-11-22T10-59-*Z")
    assert len(archives) == 4
    assert all(content.count(b"\n") == 21 for content in archives.values())


def test_each_generation_of_a_session_is_a_file_of_its_own(world: World) -> None:
    windows = insert(
        "session_windows",
        ("old", "agent:main:main", None, None, 1, 1),
        ("new", "agent:main:main", "old", "reset", 2, 2),
    )
    database_of_9_6(
        world,
        node("agent:main:main", "new"),
        windows,
        events("old", HEADER % "old", SAID),
        events("new", HEADER % "new"),
    )
    export(world.request(), str(world.root / "back"), Wish(sessions=frozenset({"agent:main:main"})))
    folder = world.root / "back" / "agents" / "main" / "sessions"
    assert (folder / "old.jsonl").read_text() == HEADER % "old" + "\n" + SAID + "\n"
    assert (folder / "new.jsonl").read_text() == HEADER % "new" + "\n"
    record = json.loads((world.root / "back" / "only-in-sqlite.json").read_bytes())
    assert record["agents/main/sessions"]["tables"]["session_windows"][0]["previous_session_id"] == "old"


FIRST = '{"type":"message","id":"%s","parentId":null,"message":{"role":"user","content":"x"}}'
NEXT = '{"type":"message","id":"%s2","parentId":"%s","message":{"role":"user","content":"y"}}'


@pytest.mark.parametrize(
    ("entries", "names"),
    [
        ({"agent:main:a": "s-topic-7.jsonl"}, ["s.jsonl", "s-topic-7.jsonl"]),
        ({"agent:main:a": None}, ["s.jsonl", "s-topic-7.jsonl", "s-topic-8.jsonl"]),
        (
            {"agent:main:a": "s-topic-7.jsonl", "agent:main:b": "s-topic-8.jsonl"},
            ["s-topic-7.jsonl", "s-topic-8.jsonl"],
        ),
    ],
)
def test_several_files_of_one_session_come_back_as_files_of_their_own(
    world: World, tmp_path_factory: pytest.TempPathFactory, entries: dict[str, str | None], names: list[str]
) -> None:
    folder = world.agent("main", {key: entry("s", 7, sessionFile=name) for key, name in entries.items()}) / "sessions"
    for number, name in enumerate(names):
        lines = [HEADER.replace('"/"', f'"/{number}"') % "s", FIRST % number, NEXT % (number, number)]
        (folder / name).write_text("".join(f"{line}\n" for line in lines))
    before = sessions_of(world.state)
    assert commands.apply(world.request(), None, yes=True).exit_code == 0
    report = export(world.request(), str(world.root / "back"), Wish())
    after = sessions_of(world.root / "back")
    assert sorted(after.values()) == sorted(before.values())
    assert report.exported is not None
    known = {"s.jsonl", *entries.values()}
    assert {path: content for path, content in after.items() if Path(path).name in known} == {
        path: content for path, content in before.items() if Path(path).name in known
    }
    made_up = len(set(names) - known)
    assert dict(report.exported.only_in_sqlite).get("sessionFile", 0) == made_up
    again = World(tmp_path_factory.mktemp("again"))
    shutil.copytree(world.root / "back", again.state)
    commands.apply(again.request(), None, yes=True)
    assert table(again.database_path("main"), "transcript_events") == table(
        world.database_path("main"), "transcript_events"
    )


def test_a_header_that_is_repeated_in_one_file_does_not_cut_it(world: World) -> None:
    folder = world.agent("main", {"agent:main:a": entry("s", 7)}) / "sessions"
    lines = [HEADER % "s", FIRST % 1, HEADER.replace('"/"', '"/2"') % "s", NEXT % (1, 1), HEADER % "s"]
    (folder / "s.jsonl").write_text("".join(f"{line}\n" for line in lines))
    before = sessions_of(world.state)
    commands.apply(world.request(), None, yes=True)
    export(world.request(), str(world.root / "back"), Wish())
    assert sessions_of(world.root / "back") == before


def test_the_prompts_to_which_entries_point_come_along_if_they_are_sound(world: World) -> None:
    prompts = [b"x" * 600, b"damaged " * 80]
    digests = [sha256(prompt).hexdigest() for prompt in prompts]
    references = [{"version": 1, "algorithm": "sha256", "hash": one, "bytes": 600} for one in (*digests, "../../x", 7)]
    entries = {
        f"agent:main:{number}": entry(f"s{number}", 7, skillsSnapshot={"skills": [], "promptRef": reference})
        for number, reference in enumerate(references)
    }
    sessions = world.agent("main", entries) / "sessions"
    for prompt, digest in zip(prompts, digests, strict=True):
        path = sessions / "skills-prompts" / "sha256" / digest[:2] / f"{digest}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(prompt.replace(b"damaged", b"DAMAGED"))
    before = files(world.state, "*.txt")
    commands.apply(world.request(), None, yes=True)
    export(world.request(), str(world.root / "back"), Wish())
    after = files(world.root / "back", "*.txt")
    assert after == {path: content for path, content in before.items() if content == prompts[0]}
    folders = [path for path in (world.root / "back").rglob("*") if path.is_dir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    export(world.request(), str(world.root / "read"), Wish(Layout.MARKDOWN))
    assert files(world.root / "read", "*.txt") == {}


def test_only_what_is_asked_for_is_written(world: World) -> None:
    database_of_9_6(
        world,
        node("agent:main:a", "a"),
        node("agent:main:b", "b"),
        events("a", HEADER % "a"),
        events("b", HEADER % "b"),
    )
    export(world.request(), str(world.root / "back"), Wish(sessions=frozenset({"b"})))
    found = files(world.root / "back")
    assert sorted(found) == ["agents/main/sessions/b.jsonl", "agents/main/sessions/sessions.json"]
    assert list(json.loads(found["agents/main/sessions/sessions.json"])) == ["agent:main:b"]
    with pytest.raises(NothingFoundError):
        export(world.request(), str(world.root / "none"), Wish(sessions=frozenset({"c"})))
    assert not (world.root / "none").exists()


def test_what_has_no_legacy_form_is_written_beside_the_tree(world: World) -> None:
    participants = """CREATE TABLE session_participants (session_key TEXT, actor_id TEXT)"""
    database_of_9_6(
        world,
        node("agent:main:a", "a", delivery={"kind": "internal"}),
        execute("ALTER TABLE session_nodes ADD COLUMN project_id TEXT"),
        execute("UPDATE session_nodes SET project_id = 'p1'"),
        execute(participants),
        insert("session_participants", ("agent:main:a", "bob")),
    )
    report = export(world.request(), str(world.root / "back"), Wish())
    assert report.exported is not None
    assert dict(report.exported.only_in_sqlite) == {"delivery": 1, "project_id": 1, "session_participants": 1}
    record = json.loads((world.root / "back" / "only-in-sqlite.json").read_bytes())["agents/main/sessions"]
    assert record["sessions"]["agent:main:a"] == {"members": ["delivery"], "columns": {"project_id": "p1"}}
    assert record["tables"]["session_participants"] == [{"session_key": "agent:main:a", "actor_id": "bob"}]
    store = json.loads((world.root / "back" / "agents" / "main" / "sessions" / "sessions.json").read_bytes())
    assert store["agent:main:a"]["delivery"] == {"kind": "internal"}


def test_a_damaged_row_and_a_damaged_event_are_named_and_the_rest_is_written(world: World) -> None:
    database_of_9_6(
        world,
        node("agent:main:a", "a"),
        insert("session_nodes", ("agent:main:bad", "bad", "no json", 1, 7, None)),
        events("a", HEADER % "a", SAID),
        insert("transcript_events", ("a", 2, None, 7, b"no zstd", 9, "{}")),
    )
    report = export(world.request(), str(world.root / "back"), Wish())
    assert report.exit_code == 15
    assert [(finding.code, finding.subject.text) for finding in report.findings if "export" in finding.code] == [
        ("export.no-entry", "agent:main:bad"),
        ("export.no-event", "a"),
    ]
    assert (world.root / "back/agents/main/sessions/a.jsonl").read_text() == HEADER % "a" + "\n" + SAID + "\n"


@pytest.mark.parametrize("session_id", ["../../evil", "a:b", "x" * 300, "", "con\0trol"])
def test_a_session_id_that_is_no_file_name_never_leads_out_of_the_folder(world: World, session_id: str) -> None:
    database_of_9_6(world, node("agent:main:a", session_id), events(session_id, SAID))
    export(world.request(), str(world.root / "back"), Wish())
    [name] = [name for name in files(world.root / "back") if name.endswith(".jsonl")]
    assert name.startswith("agents/main/sessions/session-")
    record = json.loads((world.root / "back" / "only-in-sqlite.json").read_bytes())
    assert record["agents/main/sessions"]["files"] == {os.path.basename(name): session_id}


def test_markdown_is_for_people(world: World) -> None:
    database_of_9_6(world, node("agent:main:a", "a"), events("a", HEADER % "a", SAID))
    export(world.request(), str(world.root / "back"), Wish(Layout.MARKDOWN))
    assert list(files(world.root / "back")) == ["agents/main/sessions/a.md"]
    text = (world.root / "back" / "agents" / "main" / "sessions" / "a.md").read_text()
    assert text.startswith("# agent:main:a\n")
    assert "\n## User\n\nGrüße 🦞\n" in text


def test_everything_that_is_written_belongs_to_its_owner_alone(world: World) -> None:
    database_of_9_6(world, node("agent:main:a", "a"), events("a", HEADER % "a"))
    export(world.request(), str(world.root / "back"), Wish())
    for path in [world.root / "back", *(world.root / "back").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def refused(world: World, folder: Path) -> type[MigratorError]:
    with pytest.raises(MigratorError) as caught:
        export(world.request(), str(folder), Wish())
    return caught.type


def test_a_directory_with_something_in_it_or_inside_the_state_directory_is_refused(world: World) -> None:
    database_of_9_6(world, node("agent:main:a", "a"))
    full, link = world.root / "full", world.root / "link"
    full.mkdir()
    (full / "file").write_text("mine")
    link.symlink_to(world.root / "elsewhere")
    before = fingerprint(world.state)
    for folder in (full, link, world.state / "back", world.state, world.root / "no" / "parent"):
        assert refused(world, folder) is UsageError
    assert fingerprint(world.state) == before
    assert files(full) == {"file": b"mine"}


def test_an_empty_directory_is_filled_and_the_state_directory_is_not_touched(world: World) -> None:
    database_of_9_6(world, node("agent:main:a", "a"), events("a", HEADER % "a"))
    (world.root / "back").mkdir()
    before = fingerprint(world.state)
    assert export(world.request(), str(world.root / "back"), Wish()).exit_code == 0
    assert fingerprint(world.state) == before


def test_an_export_that_fails_leaves_nothing(world: World) -> None:
    database_of_9_6(world, node("agent:main:a", "a"), events("a", HEADER % "a"))
    world.request()
    before = sorted(world.root.iterdir())
    with patch("migrator.commands.export._lines", return_value=0):
        assert refused(world, world.root / "back") is RefusedError
    with patch("migrator.exporting.export_tree.os.fsync", side_effect=OSError(28, "no space")):
        assert refused(world, world.root / "back") is RefusedError
    assert sorted(world.root.iterdir()) == before


def test_what_a_killed_export_left_does_not_stop_the_next(world: World) -> None:
    database_of_9_6(world, node("agent:main:a", "a"))
    left = world.root / "openclaw-session-migrator-dead"
    left.mkdir()
    for name in (".scratch", "half"):
        (left / name).touch()
    os.utime(left, (1, 1))
    assert export(world.request(), str(world.root / "back"), Wish()).exit_code == 0
    assert not left.exists()
    assert "half" not in files(world.root / "back")


def test_a_directory_of_the_user_is_never_taken_for_a_half_written_export(world: World) -> None:
    database_of_9_6(world, node("agent:main:a", "a"))
    mine = world.root / ".back.partial" / "mine"
    mine.parent.mkdir()
    mine.touch()
    assert export(world.request(), str(world.root / "back"), Wish()).exit_code == 0
    assert mine.exists()


def test_history_that_no_entry_claimed_comes_back_without_one(world: World) -> None:
    folder = world.agent("main", raw_store({"agent:main:a": '{"sessionId": "a", "updatedAt": 7}'}))
    (folder / "sessions" / "lost.jsonl").write_text(HEADER % "lost" + "\n" + SAID + "\n")
    before = sessions_of(world.state)
    commands.apply(world.request(), None, yes=True)
    export(world.request(), str(world.root / "back"), Wish())
    assert json.loads(sessions_of(world.root / "back")["main/sessions/sessions.json"]).keys() == {"agent:main:a"}
    assert sessions_of(world.root / "back")["main/sessions/lost.jsonl"] == before["main/sessions/lost.jsonl"]


def test_rows_of_the_first_sqlite_build_and_stores_in_other_places_come_back(world: World) -> None:
    elsewhere = world.store(world.root / "elsewhere" / "my.json", {})
    shutil.move(
        world.database("main", owner("main"), cache_row("agent:main:x", entry("x", 7))),
        store_database(str(elsewhere))[0],
    )
    world.database("main", owner("main"), cache_row("agent:main:a", entry("a", 7)))
    export(world.request(), str(world.root / "one"), Wish())
    assert list(files(world.root / "one")) == ["agents/main/sessions/sessions.json"]
    report = export(world.request(stores=(str(elsewhere),)), str(world.root / "two"), Wish())
    [store] = files(world.root / "two", "sessions.json")
    assert store.startswith("stores/openclaw-session-store-")
    assert report.exported is not None
    assert report.exported.stores[0].sessions == 1


def test_off_a_terminal_the_report_names_nothing(world: World, unpack: Unpack) -> None:
    state = unpack("upgraded-2026.7.1-to-2026.9.6")
    for form in ("text", "json"):
        words = ["export", str(world.root / form), "--state-dir", str(state), "--archived", "--report", form]
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 0, result.output
        assert "16 sessions" in result.output or json.loads(result.output)["export"]["databases"]
        for secret in ("retired", "ops-team", "telegram", str(world.root)):
            assert secret not in result.output.lower()
