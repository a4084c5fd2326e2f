"""Sources that are moved out of the way: by rename, into numbered folders, never a link."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator import commands
from migrator.execution.archive import archive_sources
from migrator.model.errors import ChangedError
from migrator.model.plan import Plan
from migrator.runs.run import RUNS, Run
from tests.worlds import NOON, World, entry


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    for name in ("main", "ops"):
        world.agent(name, {"a": entry(f"s-{name}", 5)})
    (world.store_path("main").parent / "s-main.jsonl").write_bytes(b'{"type":"session","id":"s-main"}\n')
    return world


@pytest.fixture
def plan(world: World) -> Plan:
    made = commands.plan(world.request()).plan
    assert made is not None
    return made


@pytest.fixture
def run(world: World, plan: Plan) -> Iterator[Run]:
    run = Run(world.state, NOON)
    yield run
    run.close()


def test_every_source_is_moved_into_a_numbered_folder_and_noted(world: World, plan: Plan, run: Run) -> None:
    sources = [world.store_path("main"), world.store_path("main").parent / "s-main.jsonl", world.store_path("ops")]
    contents = sorted(path.read_bytes() for path in sources)
    moved = [Path(path) for path in archive_sources(plan, run)]
    assert not any(path.exists() for path in sources)
    assert sorted(path.read_bytes() for path in moved) == contents
    assert [path.parent for path in moved] == [run.folder / "archive" / f"{number:06d}" for number in range(3)]
    steps = [json.loads(line) for line in (run.folder / "journal.jsonl").read_text().splitlines()]
    notes = [step for step in steps if step["step"] == "archive"]
    assert sorted(world.state / note["source"] for note in notes) == sorted(sources)
    assert {step["path"] for step in steps if step["step"] == "directory"} == {
        f"agents/{name}/sessions" for name in ("main", "ops")
    }
    assert [run.folder / "archive" / note["archive"] for note in notes] == moved
    assert [Path(note["source"]).name for note in notes] == [path.name for path in moved]


def test_a_link_stays(world: World, plan: Plan, run: Run) -> None:
    store = world.store_path("main")
    store.rename(store.with_name("kept.json"))
    store.symlink_to("kept.json")
    moved = archive_sources(plan, run)
    assert len(moved) == 2
    assert store.is_symlink()
    assert store.with_name("kept.json").is_file()


def test_what_is_on_another_filesystem_stays(
    world: World, plan: Plan, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, far = os.stat, str(world.store_path("ops"))

    def stat(path: str, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
        found = real(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
        return os.stat_result([*found[:2], found.st_dev + 1, *found[3:]]) if path == far else found

    monkeypatch.setattr(os, "stat", stat)
    moved = archive_sources(plan, run)
    assert len(moved) == 2
    assert world.store_path("ops").is_file()
    assert not world.store_path("main").exists()


def test_nothing_is_moved_when_any_source_has_changed(world: World, plan: Plan, run: Run) -> None:
    world.store(world.store_path("ops"), {"a": entry("s-ops", 6)})
    with pytest.raises(ChangedError):
        archive_sources(plan, run)
    assert world.store_path("main").is_file()
    assert list((world.state / RUNS).glob("*/archive/*")) == []
