"""What a journal tells about its run."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator import commands
from migrator.model.errors import UsageError
from migrator.runs.run_record import all_records, read_record
from tests.worlds import World, auth_row, entry, owner


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.agent("new", {"a": entry("s1", 5)})
    world.agent("old", {"a": entry("s2", 5)})
    world.database("old", owner("old"), auth_row("p", "{}"))
    return world


def apply(world: World, **selection: object) -> Path:
    report = commands.apply(world.request(**selection), None, yes=True, archive=True)  # type: ignore[arg-type]
    return Path(str(report.run))


def test_a_record_has_every_place_that_a_run_has_touched(world: World) -> None:
    record = read_record(apply(world))
    assert [one.path for one in record.created] == [world.database_path("new")]
    [changed] = record.changed
    assert (changed.path, changed.before["auth_profile_store"][0]) == (world.database_path("old"), 1)
    assert changed.after is not None
    assert changed.after["cache_entries"][0] == 1
    assert {one.source for one in record.archived} == {world.store_path("new"), world.store_path("old")}
    assert record.made == (world.database_path("new").parent,)
    assert {one.path for one in record.directories} == {
        world.state,
        world.agent_path("new"),
        world.database_path("old").parent,
        world.store_path("new").parent,
        world.store_path("old").parent,
    }


def test_runs_are_numbered_in_their_order_whatever_the_clock_says(world: World) -> None:
    folders = [apply(world, agents=(name,)) for name in ("old", "new")]
    assert [record.folder for record in all_records(world.state)] == folders
    assert [record.number for record in all_records(world.state)] == [1, 2]


def test_a_folder_without_a_journal_is_no_run(world: World) -> None:
    with pytest.raises(UsageError):
        read_record(world.state)
    apply(world)
    (world.state / "migrator-runs" / "other").mkdir()
    assert len(all_records(world.state)) == 1


@pytest.mark.parametrize(
    "line",
    [
        '{"step": "archive", "source": "x", "archive": "../../x", "sha256": ""}',
        '{"step": "archive", "source": "x\\u0000", "archive": "0/x", "sha256": ""}',
        '{"step": "backup", "database": "x", "folder": "..", "files": {}, "tables": {}}',
        '{"step": "build", "database": "x"}',
        '{"step": "publish", "database": "x", "tables": []}',
        '{"step": "directory", "path": "x", "mode": "0", "mtime_ns": 0}',
        '{"step": "directory", "path": "x", "mode": true, "mtime_ns": 0}',
        '{"step": "committed", "database": "x", "checkpointed": 1}',
        '{"step": "gossip"}',
        '{"database": "x"}',
    ],
)
def test_a_journal_that_makes_no_sense_is_refused(world: World, line: str) -> None:
    folder = apply(world)
    with (folder / "journal.jsonl").open("a") as journal:
        journal.write(line + "\n")
    with pytest.raises(UsageError):
        read_record(folder)
