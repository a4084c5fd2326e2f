from __future__ import annotations

from pathlib import Path

import pytest
import zstandard

from migrator.commands.request import take_inventory
from migrator.model.inventory import Inventory
from migrator.scanning.repair_sources import copies, deleted
from tests.conftest import fingerprint
from tests.worlds import World, entry

TIME = "2026-09-21T14-13-20.000Z"
LINES = b'{"type":"session","id":"b"}\n{"type":"message","id":"m"}\n'


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.agent("main", {"agent:main:a": entry("a", 1), "agent:main:b": entry("b", 1)})
    folder = made.agent_path("main") / "sessions"
    made.store(folder / "sessions.json.bak", {"agent:main:old": entry("old", 1)})
    (folder / "sessions.json.corrupt-1795345168000").write_bytes(b"no store at all")
    for name in (f"b.jsonl.bak.{TIME}", f"b.jsonl.deleted.{TIME}", f"c.jsonl.reset.{TIME}"):
        (folder / name).write_bytes(LINES)
    (folder / f"d.jsonl.deleted.{TIME}.zst").write_bytes(zstandard.compress(LINES))
    return made


def names(found: Inventory) -> set[str]:
    return {Path(path).name for path in [*(one.path for one in found.stores), *(one.path for one in found.transcripts)]}


def test_copies_stand_for_the_live_files_of_the_same_agent(world: World) -> None:
    before = fingerprint(world.state)
    found = copies(take_inventory(world.request()))
    assert {"sessions.json.bak", f"b.jsonl.bak.{TIME}"} <= names(found)
    assert not any("deleted" in name or "reset" in name for name in names(found))
    assert {store.database for store in found.stores} == {str(world.database_path("main"))}
    assert fingerprint(world.state) == before


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("b", f"b.jsonl.deleted.{TIME}"),
        ("agent:main:b", f"b.jsonl.deleted.{TIME}"),
        ("c", f"c.jsonl.reset.{TIME}"),
        ("d", f"d.jsonl.deleted.{TIME}.zst"),
    ],
)
def test_deleted_and_reset_files_are_sources_for_what_is_named_only(world: World, named: str, expected: str) -> None:
    found = deleted(take_inventory(world.request()), (named,))
    assert names(found) == {expected}
    assert names(deleted(take_inventory(world.request()), ("nobody",))) == set()
