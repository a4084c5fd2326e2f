"""Whose history each transcript is, and what of it a database lacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator import commands
from migrator.model.plan import DatabasePlan, Plan
from migrator.model.words import HASH_BYTES
from migrator.model.writes import HistoryWrite, SourceFile
from tests.worlds import World, entry

KEY = "agent:main:main"


def lines(session_id: str | None, *messages: str) -> bytes:
    events = [] if session_id is None else [{"type": "session", "id": session_id}]
    events += [{"type": "message", "id": message} for message in messages]
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """One session, whose files the tests put beside the store."""
    monkeypatch.setattr("os.fsync", lambda _handle: None)
    world = World(tmp_path)
    world.agent("main", {KEY: entry("s1", 5)})
    return world


def put(world: World, name: str, content: bytes) -> None:
    (world.store_path("main").parent / name).write_bytes(content)


def planned(world: World) -> tuple[Plan, DatabasePlan]:
    plan = commands.plan(world.request()).plan
    assert plan is not None
    [database] = plan.databases
    return plan, database


def codes(plan: Plan) -> list[str]:
    return [finding.code for finding in plan.findings if finding.code.startswith("transcript.")]


def claim(history: HistoryWrite) -> tuple[str, str, list[str], bool]:
    return (
        history.session_id,
        history.key,
        [Path(file.name.text).name for file in history.files],
        history.entry is not None,
    )


@pytest.mark.parametrize(
    ("name", "header", "pointer"),
    [("s1.jsonl", None, None), ("odd.jsonl", "s1", None), ("odd.jsonl", "s1", "odd.jsonl")],
    ids=["by-name", "by-header", "by-entry"],
)
def test_a_transcript_belongs_to_the_session_that_claims_it(
    world: World, name: str, header: str | None, pointer: str | None
) -> None:
    if pointer is not None:
        world.agent("main", {KEY: entry("s1", 5, sessionFile=pointer)})
    put(world, name, lines(header, "m1"))
    plan, database = planned(world)
    assert [claim(history) for history in database.histories] == [("s1", KEY, [name], False)]
    assert "transcript.recovered" not in codes(plan)


def test_a_transcript_without_a_claim_becomes_an_archived_session_of_its_own(world: World) -> None:
    put(world, "Lost.jsonl", lines("Lost", "m1"))
    plan, database = planned(world)
    [history] = database.histories
    assert claim(history) == ("Lost", "agent:main:recovered:lost", ["Lost.jsonl"], True)
    made = json.loads(history.entry or "")
    assert made == {"sessionId": "Lost", "updatedAt": history.updated_at, "archivedAt": history.updated_at}
    assert codes(plan) == ["transcript.recovered"]


def test_a_transcript_without_a_claim_that_has_grown_is_completed(world: World) -> None:
    put(world, "Lost.jsonl", lines("Lost", "m1"))
    assert commands.apply(world.request(), None, yes=True).exit_code == 0
    put(world, "Lost.jsonl", lines("Lost", "m1", "m2"))
    assert commands.apply(world.request(), None, yes=True).exit_code == 0
    _, database = planned(world)
    assert [(history.present, history.pending) for history in database.histories] == [(3, False)]


def test_several_files_are_one_history_that_ends_with_the_one_named_after_the_session(world: World) -> None:
    names = ["a.jsonl", "b.jsonl", "s1.jsonl"]
    for name, message in zip(names, ("m2", "m3", "m1"), strict=True):
        put(world, name, lines("s1", message))
    plan, database = planned(world)
    [history] = database.histories
    assert claim(history) == ("s1", KEY, ["s1.jsonl", "a.jsonl", "b.jsonl"], False)
    own, a, b = history.files
    header, m1, m2, m3 = hash_at(own, 0), hash_at(own, 1), hash_at(a, 1), hash_at(b, 1)
    assert history.hashes == header + m2 + m3 + m1  # the header that all have is taken once
    assert codes(plan).count("transcript.in-front") == 2


def hash_at(file: SourceFile, index: int) -> bytes:
    return file.hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES]


@pytest.mark.parametrize(
    ("later", "present", "pending", "expected"),
    [
        (("m1", "m2"), 3, False, []),
        (("m1", "m2", "m3"), 3, True, []),
        (("m1",), 3, False, ["transcript.database-has-more"]),
        (("m1", "other"), 3, False, ["transcript.diverges"]),
    ],
    ids=["same", "longer", "shorter", "other"],
)
def test_only_what_a_database_lacks_at_its_end_is_written(
    world: World, later: tuple[str, ...], present: int, pending: bool, expected: list[str]
) -> None:
    put(world, "s1.jsonl", lines("s1", "m1", "m2"))
    assert commands.apply(world.request(), None, yes=True).exit_code == 0
    put(world, "s1.jsonl", lines("s1", *later))
    plan, database = planned(world)
    [history] = database.histories
    assert (history.present, history.pending, codes(plan)) == (present, pending, expected)
