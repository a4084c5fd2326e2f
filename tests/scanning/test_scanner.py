"""What is where: every agent directory by its name on disk, every store and database once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migrator import commands
from migrator.model.errors import NothingFoundError
from migrator.model.inventory import Inventory, Shape, StoreKind
from tests.conftest import fingerprint
from tests.worlds import DATABASE, World, cache_row, entry, owner


def scan(world: World, **selection: object) -> Inventory:
    return commands.scan(world.request(**selection)).inventory  # type: ignore[arg-type]


def stores(inventory: Inventory) -> list[tuple[str, StoreKind, str | None]]:
    return [(store.path, store.kind, store.agent) for store in inventory.stores]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_inventory_has_everything_that_is_there(world: World) -> None:
    world.agent("main", {"k": entry("s1", 5)})
    world.agent("ops", {"k": entry("s1", 5)})
    world.agent("rows only")
    world.database("rows only", owner("rows-only"), cache_row("k", entry("s1", 5)))
    root = world.root_store({"k": entry("s1", 5)})
    inventory = scan(world)
    assert inventory.state_dir == str(world.state)
    assert [(agent.directory, agent.normalized_id) for agent in inventory.agents] == [
        ("main", "main"),
        ("ops", "ops"),
        ("rows only", "rows-only"),
    ]
    assert stores(inventory) == [
        (str(world.store_path("main")), StoreKind.AGENT, "main"),
        (str(world.store_path("ops")), StoreKind.AGENT, "ops"),
        (str(root), StoreKind.ROOT, "main"),
    ]
    assert [(database.path, database.shape) for database in inventory.databases] == [
        (str(world.database_path("main")), Shape.MISSING),
        (str(world.database_path("ops")), Shape.MISSING),
        (str(world.database_path("rows only")), Shape.V1),
    ]
    assert {store.path: store.database for store in inventory.stores} == {
        str(world.store_path("main")): str(world.database_path("main")),
        str(world.store_path("ops")): str(world.database_path("ops")),
        str(root): str(world.database_path("main")),
    }


def test_the_files_of_an_agent_are_listed_without_its_store(world: World) -> None:
    folder = world.agent("main", {"k": entry("s1", 5)}) / "sessions"
    (folder / "deep" / "er").mkdir(parents=True)
    for name in ("s1.jsonl", "sessions.json.bak.1", "deep/er/x.txt"):
        (folder / name).write_bytes(b"12345")
    (folder / "link.jsonl").symlink_to(folder / "nothing")
    [agent] = scan(world).agents
    found = {os.path.relpath(file.path, folder): file.size for file in agent.files}
    assert found.keys() == {"s1.jsonl", "sessions.json.bak.1", "deep/er/x.txt", "link.jsonl"}
    assert found["s1.jsonl"] == 5


@pytest.mark.parametrize(
    ("env", "folder"),
    [
        ({"OPENCLAW_STATE_DIR": "{root}/elsewhere"}, "elsewhere"),
        ({"OPENCLAW_HOME": "{root}/other"}, "other/.openclaw"),
        ({}, "home/.openclaw"),
        ({}, "home/.clawdbot"),
        ({"OPENCLAW_STATE_DIR": "~/mine"}, "home/mine"),
    ],
)
def test_the_state_directory_is_found_where_openclaw_looks(tmp_path: Path, env: dict[str, str], folder: str) -> None:
    world = World(tmp_path, {name: value.replace("{root}", str(tmp_path)) for name, value in env.items()})
    state = tmp_path / folder
    world.store(state / "agents" / "main" / "sessions" / "sessions.json", {"k": entry("s1", 5)})
    inventory = scan(world, state_dir=None)
    assert inventory.state_dir == str(state)
    assert len(inventory.stores) == 1


def test_without_a_state_directory_there_is_nothing_to_scan(world: World) -> None:
    with pytest.raises(NothingFoundError):
        scan(world, state_dir=None)


def test_a_file_in_the_place_of_a_directory_is_no_crash(world: World) -> None:
    world.agent("main", {"k": entry("s1", 5)})
    world.agent("flat")
    (world.agent_path("flat") / "sessions").write_text("")
    (world.agent_path("flat") / "agent").write_text("")
    (world.state / "sessions").write_text("")
    assert len(scan(world).stores) == 1


def test_agents_may_be_missing_or_a_file(world: World) -> None:
    world.root_store({"k": entry("s1", 5)})
    assert len(scan(world).stores) == 1
    (world.state / "agents").write_text("")
    assert len(scan(world).stores) == 1


def test_the_agents_directory_itself_may_be_a_link_inside(world: World) -> None:
    world.store(world.state / "real" / "main" / "sessions" / "sessions.json", {"k": entry("s1", 5)})
    (world.state / "agents").symlink_to("real")
    inventory = scan(world)
    assert [agent.directory for agent in inventory.agents] == ["main"]
    assert [database.agent_id for database in inventory.databases] == ["main"]


def test_an_agents_directory_that_leads_out_is_not_passed_over_in_silence(world: World, tmp_path: Path) -> None:
    world.store(tmp_path / "outside" / "main" / "sessions" / "sessions.json", {"k": entry("s1", 5)})
    world.root_store({"k": entry("s1", 5)})
    (world.state / "agents").symlink_to(tmp_path / "outside")
    inventory = scan(world)
    assert len(inventory.stores) == 1
    assert [finding.code for finding in inventory.findings] != []


def test_a_loop_of_links_is_no_crash(world: World) -> None:
    world.agent("main", {"k": entry("s1", 5)})
    world.agent_path("loop").symlink_to(world.agent_path("loop"))
    (world.agent_path("main") / "sessions" / "self").symlink_to(world.agent_path("main"))
    (world.agent("other") / "sessions").symlink_to(world.agent_path("other") / "sessions")
    before = fingerprint(world.state)
    inventory = scan(world)
    assert [store.agent for store in inventory.stores if store.identity is not None] == ["main"]
    assert "store.unreadable" in {finding.code for finding in inventory.findings}
    assert fingerprint(world.state) == before


def test_a_linked_database_inside_is_read_and_outside_is_not(world: World, tmp_path: Path) -> None:
    for name, place in (("in", world.state), ("out", tmp_path)):
        world.agent(name, {"k": entry("s1", 5)})
        real = world.database(name, owner(name)).rename(place / f"{name}.sqlite")
        world.database_path(name).symlink_to(real)
    inventory = scan(world)
    shapes = {Path(database.path).parent.parent.name: database.shape for database in inventory.databases}
    assert shapes.get("in") is Shape.V1
    assert shapes.get("out") is not Shape.V1
    assert "database.link-outside" in {finding.code for finding in inventory.findings}


def test_only_what_was_selected_is_in_the_inventory(world: World) -> None:
    for name in ("main", "ops"):
        world.agent(name, {"k": entry("s1", 5)})
        world.database(name, owner(name))
        (world.agent_path(name) / "sessions" / "s1.jsonl").write_bytes(b'{"type":"session","id":"s1"}\n')
    whole = scan(world)
    assert [len(part) for part in (whole.agents, whole.stores, whole.databases)] == [2, 2, 2]
    selections: list[dict[str, object]] = [
        {"agents": ("ops",)},
        {"stores": (str(world.store_path("ops")),)},
        {"agents": ("ops",), "stores": (str(world.store_path("ops")),)},
    ]
    for selection in selections:
        part = scan(world, **selection)
        assert [store.path for store in part.stores] == [str(world.store_path("ops"))], selection
        assert [database.path for database in part.databases] == [str(world.database_path("ops"))], selection
        assert {agent.directory for agent in part.agents} <= {"ops"}, selection


def test_databases_are_named_by_the_directory_and_never_by_the_id(world: World) -> None:
    for name in ("Ops Team", "OPS", "###"):
        world.agent(name, {"k": entry("s1", 5)})
    inventory = scan(world)
    assert {database.path for database in inventory.databases} == {
        str(world.agent_path(name) / "agent" / DATABASE) for name in ("Ops Team", "OPS", "###")
    }
    assert sorted(database.agent_id for database in inventory.databases) == ["main", "ops", "ops-team"]


def found(world: World, code: str) -> list[tuple[str, dict[str, float]]]:
    """What a code was found on, below the state directory, with its facts."""
    made = commands.scan(world.request()).inventory.findings
    return [
        (os.path.relpath(one.subject.text, world.state), dict(one.facts)) if one.subject.kind != "agent" else ("", {})
        for one in made
        if one.code == code
    ]


def test_a_file_with_a_name_that_no_release_gives_is_said(world: World) -> None:
    folder = world.agent("main", {"k": entry("s1", 5)}) / "sessions"
    (folder / "sessions.json.old copy").write_text("{}")
    assert found(world, "file.unknown-class") == [("agents/main/sessions/sessions.json.old copy", {})]


def test_repeated_lines_and_bytes_that_are_no_utf8_are_said_once_for_a_transcript(world: World) -> None:
    folder = world.agent("main", {"k": entry("s1", 5)}) / "sessions"
    line = b'{"type":"message","id":"m1"}\n'
    (folder / "s1.jsonl").write_bytes(b'{"type":"session","id":"s1"}\n' + 3 * line + 2 * b'{"type":"x","v":"\xff"}\n')
    place = "agents/main/sessions/s1.jsonl"
    assert found(world, "transcript.duplicate-line") == [(place, {"count": 2})]
    assert found(world, "transcript.invalid-utf8") == [(place, {"count": 2})]


def test_a_damaged_table_is_told_from_a_file_that_is_no_database(world: World) -> None:
    world.agent("main", {"k": entry("s1", 5)})
    path = world.database("main", owner("main"), *(cache_row(f"k{n}", entry("s1", n, x="y" * 900)) for n in range(50)))
    data = bytearray(path.read_bytes())
    half = len(data) // 2 & ~4095
    data[half : half + 4096] = b"\xff" * 4096
    path.write_bytes(data)
    assert [place for place, _ in found(world, "database.damaged-table")] == [f"agents/main/agent/{DATABASE}"]


@pytest.mark.parametrize(("names", "findings"), [(1, 0), (2, 1), (9, 1), (10, 2), (40, 5)])
def test_names_that_are_one_agent_to_openclaw_are_each_said_once(world: World, names: int, findings: int) -> None:
    spelled = {f"ops{'!' * number}" for number in range(names)}
    for name in spelled:
        world.agent(name, {"k": entry("s1", 5)})
    made = [one for one in scan(world).findings if one.code == "agent.id-collision"]
    assert len(made) == findings
    assert {name.text for one in made for name in (one.subject, *one.others)} == (spelled if made else set())
    assert sum(len(one.others) + 1 for one in made) <= names + 1
