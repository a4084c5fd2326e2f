"""Copies of a transcript that went their own way: nothing of them is lost, and none takes over the conversation."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from migrator import commands
from migrator.commands import Report
from migrator.commands.rollback import rollback
from migrator.model.verification import HistoryVerdict
from migrator.model.words import Finding
from migrator.openclaw.text.active_branch import active_branch, read_link
from tests.sqlite_worlds import execute
from tests.worlds import World, change, entry

KEY = "agent:main:main"
HEADER = '{"type":"session","version":3,"id":"s1"}'


def chain(names: str, behind: str | None = None) -> list[str]:
    """Messages of which each is the child of the one before it."""
    pairs = zip(names, [behind, *names], strict=False)
    events = [
        {"type": "message", "id": name, "parentId": parent, "message": {"role": "user"}} for name, parent in pairs
    ]
    return [json.dumps(event) for event in events]


OWN = [HEADER, *chain("abcd")]
COPY = [HEADER, *chain("ab"), *chain("xy", "b")]


def put(world: World, name: str, lines: list[str]) -> None:
    (world.store_path("main").parent / name).write_text("".join(f"{line}\n" for line in lines))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One session, with its own transcript."""
    world = World(tmp_path)
    world.agent("main", {KEY: entry("s1", 5)})
    put(world, "s1.jsonl", OWN)
    return world


def applied(world: World) -> Report:
    report = commands.apply(world.request(), None, yes=True)
    assert report.exit_code == 0
    return report


def codes(report: Report) -> list[str]:
    return [one.code for one in report.findings if one.code.startswith("transcript.")]


def stored(database: Path, session_id: str = "s1") -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        sql = "SELECT event_json FROM transcript_events WHERE session_id = ? ORDER BY seq"
        return [text for (text,) in connection.execute(sql, (session_id,))]


def sessions(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [key for (key,) in connection.execute("SELECT session_key FROM session_entries ORDER BY session_key")]


def shown(events: list[str]) -> list[str]:
    return [events[index] for index in active_branch(read_link(event.encode()) for event in events)]


def in_order_of_files(world: World) -> None:
    """Make the history what earlier versions of this program made of it: file by file."""
    lines = [*OWN, *COPY[3:]]
    seqs = {text: seq for seq, text in enumerate(lines)}
    database = world.database_path("main")
    moved = [(seqs[text], text) for text in stored(database)]
    with closing(sqlite3.connect(database)) as connection, connection:
        for shift in (1000, 0):
            for seq, text in moved:
                for table, where in (
                    ("transcript_events", "event_json = :text"),
                    ("transcript_event_identities", "event_id = json_extract(:text, '$.id')"),
                ):
                    sql = f"UPDATE {table} SET seq = :seq WHERE {where}"
                    connection.execute(sql, {"seq": seq + shift, "text": text})


@pytest.mark.parametrize("case", ["transcript-conflict-diverged", "transcript-conflict-copies"])
def test_openclaw_shows_the_branch_of_the_live_file_and_every_event_of_every_copy_is_in(
    unpack: Callable[[str], Path], tmp_path: Path, case: str
) -> None:
    shutil.move(unpack(case), tmp_path / "world-state")
    world = World(tmp_path / "world")
    world.root.mkdir()
    (tmp_path / "world-state").rename(world.state)
    folder = world.store_path("main").parent
    report = applied(world)
    assert "transcript.joined" in codes(report)
    store = json.loads(world.store_path("main").read_text())
    for one in store.values():
        history = stored(world.database_path("main"), one["sessionId"])
        own = (folder / f"{one['sessionId']}.jsonl").read_text().splitlines()
        assert shown(history) == shown(own)
        for path in folder.glob(f"*{one['sessionId']}*.jsonl"):
            assert set(path.read_text().splitlines()) <= set(history)
    assert len(sessions(world.database_path("main"))) == len(store)
    assert commands.verify(world.request()).exit_code == 0
    assert applied(world).word == "already-migrated"


def test_a_finding_says_how_many_events_of_which_file_joined_which_session(world: World) -> None:
    put(world, "s1 2.jsonl", COPY)
    [finding] = [one for one in applied(world).findings if one.code == "transcript.joined"]
    assert (Path(finding.subject.text).name, finding.facts) == ("s1 2.jsonl", (("count", 2),))
    assert [name.text for name in finding.others] == ["s1"]


def test_the_file_that_the_entry_names_decides(world: World) -> None:
    world.agent("main", {KEY: entry("s1", 5, sessionFile="zz.jsonl")})
    put(world, "zz.jsonl", COPY)
    applied(world)
    assert shown(stored(world.database_path("main"))) == COPY[1:]


def test_a_copy_that_comes_after_the_migration_is_kept_as_a_session_of_its_own(world: World) -> None:
    applied(world)
    put(world, "s1 2.jsonl", COPY)
    assert "transcript.kept-apart" in codes(applied(world))
    database = world.database_path("main")
    assert (stored(database), len(sessions(database))) == (OWN, 2)
    [apart] = [key for key in sessions(database) if ":recovered:orphan-" in key]
    assert stored(database, apart.rpartition(":")[2]) == COPY
    assert commands.verify(world.request()).exit_code == 0
    assert applied(world).word == "already-migrated"


def test_a_session_that_goes_on_after_a_join_is_completed_behind_its_own_branch(world: World) -> None:
    put(world, "s1 2.jsonl", [*OWN, *chain("xy", "d")])
    applied(world)
    put(world, "s1.jsonl", [*OWN, *chain("ef", "d")])
    applied(world)
    history = stored(world.database_path("main"))
    assert (len(history), shown(history)) == (9, [*OWN[1:], *chain("ef", "d")])
    assert commands.verify(world.request()).exit_code == 0


def other_branches(report: Report) -> list[Finding]:
    return [one for one in report.findings if one.code == "transcript.other-branch"]


def test_what_an_earlier_version_wrote_is_not_called_damaged_but_its_branch_is_named(world: World) -> None:
    put(world, "s1 2.jsonl", COPY)
    applied(world)
    in_order_of_files(world)
    report = commands.verify(world.request())
    assert report.exit_code == 1
    [finding] = other_branches(report)
    assert (Path(finding.subject.text).name, dict(finding.facts)) == ("s1.jsonl", {"event": 4, "count": 2})
    assert report.verification is not None
    assert report.verification.count_histories(HistoryVerdict.OTHER_BRANCH) == 1
    assert report.verification.failed_checks == ()
    before = world.database_path("main").read_bytes()
    again = commands.apply(world.request(), None, yes=True)
    assert (again.exit_code, codes(again)) == (1, ["transcript.other-branch"])
    assert world.database_path("main").read_bytes() == before


def test_rolling_back_and_applying_again_puts_the_branch_right(world: World) -> None:
    put(world, "s1 2.jsonl", COPY)
    applied(world)
    in_order_of_files(world)
    [run] = world.runs()
    assert rollback(world.request(), str(run), set_aside=True).exit_code == 0
    applied(world)
    assert commands.verify(world.request()).exit_code == 0


@pytest.mark.parametrize(
    ("damage", "hidden"),
    [
        ("""UPDATE transcript_events SET event_json = replace(event_json, '"c"', '"a"') WHERE seq = 4""", None),
        ("""UPDATE transcript_events SET seq = seq + 10 WHERE seq = 2""", {"event": 4, "count": 2}),
    ],
    ids=["changed", "moved-to-the-end"],
)
def test_a_history_whose_events_are_all_there_in_another_order_is_not_proved(
    world: World, damage: str, hidden: dict[str, int] | None
) -> None:
    applied(world)
    change(world.database_path("main"), execute("DELETE FROM transcript_event_identities"), execute(damage))
    assert commands.verify(world.request()).exit_code == 1


def test_what_a_session_has_got_since_is_no_difference(world: World) -> None:
    applied(world)
    later = chain("ef", "d") + chain("g", "a")  # and somebody went back to its beginning
    with closing(sqlite3.connect(world.database_path("main"))) as connection, connection:
        for seq, text in enumerate(later, start=len(OWN)):
            connection.execute("INSERT INTO transcript_events VALUES ('s1', ?, ?, 0)", (seq, text))
    assert other_branches(commands.verify(world.request())) == []
