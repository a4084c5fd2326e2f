"""Entries that an upgrade has put elsewhere: moved if all of them arrived, else changed, merged or missing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from migrator import commands
from migrator.model.verification import EntryVerdict, Level, Verdict
from tests.sqlite_worlds import CACHE_ONLY, NODES_VALID, PACKED_EVENTS, WINDOWS, Fill, insert
from tests.worlds import World, entry, owner, verdicts

OLD, NEW = "agent:main:slack:channel:C1", "agent:main:slack:channel:c1"
RECOVERED = "agent:main:recovered:s1"
TABLES = (*CACHE_ONLY, NODES_VALID, WINDOWS, PACKED_EVENTS)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two spellings of one key, of which the older has a label to lose."""
    world = World(tmp_path)
    world.agent("main", {OLD: entry("s1", 5, label="mine"), NEW: entry("s2", 6)})
    return world


def node(key: str, value: Mapping[str, object]) -> Fill:
    text = json.dumps(value)
    return insert("session_nodes", (key, value["sessionId"], text, 1, value["updatedAt"], value.get("archivedAt")))


def upgraded(world: World, *nodes: Fill, level: Level = Level.KNOWN) -> dict[str, EntryVerdict]:
    """The verdicts other than ``same`` when the database of ``main`` has these rows."""
    world.database("main", owner("main", version=23), *nodes, version=23, tables=TABLES)
    return {one.session.text: one for one in verdicts(commands.verify(world.request(), level=level))}


def test_an_entry_under_a_recovered_key_is_moved_if_it_only_got_the_mark_of_the_archived(world: World) -> None:
    kept = entry("s1", 5, label="mine", archivedAt=5)
    found = upgraded(world, node(NEW, entry("s2", 6)), node(RECOVERED, kept))
    assert (found[OLD].verdict, found[OLD].transforms) == (Verdict.MOVED, ("archived",))
    assert found[OLD].places[1].text == RECOVERED


@pytest.mark.parametrize("updated_at", [4, 5, 99])
def test_one_that_lost_its_settings_there_is_changed_however_new_it_looks(world: World, updated_at: int) -> None:
    bare = entry("s1", updated_at, archivedAt=updated_at)
    found = upgraded(world, node(NEW, entry("s2", 6)), node(RECOVERED, bare))
    assert found[OLD].verdict is Verdict.CHANGED
    assert found[OLD].places[1].text == RECOVERED
    assert "label" in [difference.path[0].text for difference in found[OLD].differences]  # type: ignore[union-attr]


def test_one_that_is_nowhere_is_merged_into_the_session_that_has_its_key(world: World) -> None:
    found = upgraded(world, node(NEW, entry("s2", 6)))
    assert found[OLD].verdict is Verdict.MERGED


def test_an_entry_whose_own_key_was_given_to_another_session_of_the_sources_is_looked_for(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"main": entry("s2", 6), "agent:main:main": entry("s1", 5, label="mine")})
    taken = node("agent:main:main", entry("s2", 6))
    found = upgraded(world, taken, node(RECOVERED, entry("s1", 5, label="mine", archivedAt=5)))
    assert {key: one.verdict for key, one in found.items()} == {
        "main": Verdict.TRANSFORMED,
        "agent:main:main": Verdict.MOVED,
    }


def test_a_session_that_began_anew_under_the_same_key_is_newer(world: World) -> None:
    found = upgraded(world, node(NEW, entry("begun later", 99)))
    assert found[NEW].verdict is Verdict.KEPT


def test_a_session_that_went_on_in_another_database_is_moved(world: World) -> None:
    world.agent("other")
    node_there = node("agent:other:x", entry("s1", 99, label="renamed since"))
    world.database("other", owner("other", version=23), node_there, version=23, tables=TABLES)
    found = upgraded(world, node(NEW, entry("s2", 6)))
    assert (found[OLD].verdict, found[OLD].transforms) == (Verdict.MOVED, ())


def test_what_arrived_there_otherwise_and_no_newer_is_changed(world: World) -> None:
    world.agent("other")
    node_there = node("agent:other:x", entry("s1", 5, label="not mine"))
    world.database("other", owner("other", version=23), node_there, version=23, tables=TABLES)
    found = upgraded(world, node(NEW, entry("s2", 6)))
    assert found[OLD].verdict is Verdict.CHANGED


def test_at_a_stricter_level_a_place_is_all_that_is_told(world: World) -> None:
    found = upgraded(world, node(NEW, entry("s2", 6)), node(RECOVERED, entry("s1", 99)), level=Level.BYTES)
    assert found[OLD].verdict is Verdict.MOVED
