"""Histories are judged wherever they are: in files, in several files, and in the database of a backup."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from migrator import commands
from migrator.model.report import ApplyReport, VerifyReport
from migrator.model.verification import HistoryVerdict, HistoryVerification
from tests.sqlite_worlds import CACHE_ONLY, NODES_VALID, PACKED_EVENTS, WINDOWS, execute, insert
from tests.worlds import World, change, entry, owner

HEADER = '{"type":"session","version":3,"id":"s1","timestamp":"2026-11-22T11:06:17.363Z","cwd":"/"}'


def line(number: int) -> str:
    return f'{{"type":"custom","id":"e{number}","n":{number}}}'


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One session with four events, migrated; ``backup`` is a copy of the state whose files are gone."""
    world = World(tmp_path)
    world.agent("main", {"agent:main:main": entry("s1", 5)})
    transcript = world.agent_path("main") / "sessions" / "s1.jsonl"
    transcript.write_text("\n".join([HEADER, line(1), line(2), line(3)]) + "\n")
    assert commands.apply(world.request(), None, yes=True).exit_code == 0
    shutil.copytree(world.state, world.root / "backup")
    (world.root / "backup" / "agents" / "main" / "sessions" / "s1.jsonl").unlink()
    transcript.unlink()
    return world


def against_backup(world: World) -> VerifyReport:
    return commands.verify(world.request(), str(world.root / "backup"))


def histories(report: ApplyReport | VerifyReport) -> list[HistoryVerification]:
    assert report.verification is not None
    return [history for database in report.verification.databases for history in database.histories]


def test_a_history_in_the_database_of_a_backup_is_a_source(world: World) -> None:
    report = against_backup(world)
    assert report.exit_code == 0
    assert [(one.verdict, one.present, one.events) for one in histories(report)] == [(HistoryVerdict.CONTAINED, 4, 4)]


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ("DELETE FROM transcript_events WHERE seq >= 2", (HistoryVerdict.EXTENDS, 2, 4, 3)),
        ("DELETE FROM transcript_events", (HistoryVerdict.ABSENT, 0, 4, 0)),
        (
            """UPDATE transcript_events SET event_json = '{"type":"custom"}' WHERE seq = 1""",
            (HistoryVerdict.DIVERGES, 3, 4, 2),
        ),
    ],
)
def test_events_that_only_the_backup_has_are_missed(
    world: World, damage: str, expected: tuple[HistoryVerdict, int, int, int]
) -> None:
    change(world.database_path("main"), execute("DELETE FROM transcript_event_identities"), execute(damage))
    report = against_backup(world)
    assert report.exit_code == 1
    [found] = histories(report)
    assert (found.verdict, found.present, found.events, found.first_missing_line) == expected


def test_a_history_that_a_backup_has_twice_is_judged_once(world: World) -> None:
    transcript = world.root / "backup" / "agents" / "main" / "sessions" / "s1.jsonl"
    transcript.write_text("\n".join([HEADER, line(1), line(2), line(3)]) + "\n")
    assert [one.transcript.text for one in histories(against_backup(world))] == [str(transcript)]


def test_what_the_files_of_a_session_share_is_stored_once_and_missing_from_none(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"agent:main:main": entry("s1", 5)})
    sessions = world.agent_path("main") / "sessions"
    (sessions / "s1.jsonl").write_text("\n".join([HEADER, line(1), line(2)]) + "\n")
    # The other file has them in another order, and one more.
    (sessions / "s1-topic-7.jsonl").write_text("\n".join([HEADER, line(2), line(1), line(3)]) + "\n")
    report = commands.apply(world.request(), None, yes=True)
    assert report.exit_code == 0
    assert sorted((one.verdict, one.present, one.events) for one in histories(report)) == [
        (HistoryVerdict.CONTAINED, 3, 3),
        (HistoryVerdict.CONTAINED, 4, 4),
    ]
    only_there = """DELETE FROM transcript_events WHERE event_json LIKE '%"e3"%'"""
    change(world.database_path("main"), execute(only_there))
    assert sorted(one.verdict for one in histories(commands.verify(world.request()))) == [
        HistoryVerdict.CONTAINED,
        HistoryVerdict.EXTENDS,
    ]


@pytest.mark.parametrize("repeated", [line(2), "null", "0"])
def test_what_a_database_of_ours_must_have_twice_is_missed_when_one_is_gone(tmp_path: Path, repeated: str) -> None:
    world = World(tmp_path)
    world.agent("main", {"agent:main:main": entry("s1", 5)})
    lines = [HEADER, line(1), repeated, repeated]
    (world.agent_path("main") / "sessions" / "s1.jsonl").write_text("\n".join(lines) + "\n")
    assert commands.apply(world.request(), None, yes=True).exit_code == 0
    delete_identities = execute("DELETE FROM transcript_event_identities")
    change(world.database_path("main"), delete_identities, execute("DELETE FROM transcript_events WHERE seq = 3"))
    report = commands.verify(world.request())
    assert report.exit_code == 1
    [found] = histories(report)
    expected = (HistoryVerdict.EXTENDS, 3, 4, 4, ())
    assert (found.verdict, found.present, found.events, found.first_missing_line, found.transforms) == expected


def test_a_database_of_a_release_may_lack_what_its_import_drops(tmp_path: Path) -> None:
    world = World(tmp_path)
    text = '{"sessionId":"s1","updatedAt":5}'
    world.agent("main", f'{{"agent:main:main": {text}}}')
    lines = [HEADER, line(1), line(2), line(2), "null", "null"]
    (world.agent_path("main") / "sessions" / "s1.jsonl").write_text("\n".join(lines) + "\n")
    world.database(
        "main",
        owner("main", version=23),
        insert("session_nodes", ("agent:main:main", "s1", text, 1, 5, None)),
        insert("session_windows", ("s1", "agent:main:main", None, None, 5, 5)),
        insert("transcript_events", *(("s1", seq, lines[seq], 5, None, None, None) for seq in range(3))),
        version=23,
        tables=(*CACHE_ONLY, NODES_VALID, WINDOWS, PACKED_EVENTS),
    )
    [found] = histories(commands.verify(world.request()))
    assert (found.verdict, found.present, found.events) == (HistoryVerdict.TRANSFORMED, 6, 6)
    assert found.transforms == (("duplicate-event-dropped", 1), ("null-line-dropped", 2))


def test_a_history_that_another_file_has_put_where_it_is_has_not_moved_there(tmp_path: Path) -> None:
    world = World(tmp_path)
    for agent in ("main", "ops"):
        world.agent(agent, {f"agent:{agent}:main": entry("s1", 5)})
        (world.agent_path(agent) / "sessions" / "s1.jsonl").write_text(f"{HEADER}\n{line(1)}\n")
    assert commands.apply(world.request(), None, yes=True).exit_code == 0
    change(
        world.database_path("main"),
        execute("DELETE FROM transcript_event_identities"),
        execute("DELETE FROM transcript_events"),
    )
    verdicts = {one.verdict for one in histories(commands.verify(world.request()))}
    assert verdicts == {HistoryVerdict.ABSENT, HistoryVerdict.CONTAINED}
