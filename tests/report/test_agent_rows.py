"""The rows of a scan: every agent directory has one, and its state in one word."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator import commands
from migrator.report.building import document_of
from migrator.report.parts import STATES
from tests import worlds
from tests.worlds import World, entry


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("os.fsync", lambda _handle: None)
    return World(tmp_path)


def states(world: World) -> dict[str, str]:
    document = document_of(commands.scan(world.request()))
    return {row.agent.text if row.agent is not None else "-": row.state for row in document.agents}


def test_the_state_of_each_agent_directory_is_one_word(world: World) -> None:
    store = {"agent:main:a": entry("a", 1), "agent:main:b": entry("b", 2)}
    world.agent("legacy", store)
    world.agent("broken", b'{"agent:main:a": {"sessionId": "a"}, "agent:main:b": {')
    world.agent("blank", {})
    world.agent("lost")
    (world.agent("history") / "sessions").mkdir()
    (world.agent("history") / "sessions" / "a.jsonl").write_bytes(b'{"type":"session","id":"a"}\n')
    world.agent("half", store)
    world.database("half", worlds.cache_row("agent:main:a", entry("a", 1)))
    world.agent("foreign", store)
    world.database("foreign", version=99)
    world.agent("garbage", store)
    world.database("garbage").write_bytes(b"no database")
    assert states(world) == {
        "blank": "empty",
        "broken": "damaged",
        "foreign": "unknown",
        "garbage": "unreadable",
        "half": "partial",
        "history": "unclaimed",
        "legacy": "legacy",
        "lost": "empty",
    }


def test_what_was_migrated_is_so_with_and_without_its_store(world: World) -> None:
    world.agent("main", {"agent:main:a": entry("a", 1)})
    commands.apply(world.request(), None, yes=True)
    assert states(world) == {"main": "migrated"}
    commands.apply(world.request(), None, yes=True, archive=True)
    assert set(states(world).values()) == {"migrated"}


def test_rows_come_in_the_order_of_the_directories(world: World) -> None:
    for name in ("b", "c", "a"):
        world.agent(name, {"agent:main:a": entry("a", 1)})
    assert list(states(world)) == ["a", "b", "c"]


def test_each_state_is_a_word_with_a_sentence() -> None:
    assert all(word.isalpha() and meaning.endswith(".") for word, meaning in STATES.items())
