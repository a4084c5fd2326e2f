"""The benchmark measures the same work: its floor writes the rows that this program writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from migrator import commands
from tests.worlds import World, reading

SCRIPTS = Path(__file__).parents[2] / "scripts"
MAKE = """
import sys
from pathlib import Path
from benchmark.worlds import World
World("small", entries=6, size=900, agents=2, lines=3).build(Path(sys.argv[1]))
"""
TABLES = {
    "cache_entries": "key, value_json, updated_at",
    "session_entries": "session_key, session_id, entry_json, updated_at",
    "session_routes": "session_key, session_id, updated_at",
    "sessions": "session_id, session_key, updated_at",
    "transcript_events": "session_id, seq, event_json, created_at",
    "transcript_event_identities": "session_id, event_id, seq, event_type, parent_id, created_at",
}


def run(*words: str | Path) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SCRIPTS), str(SCRIPTS.parent)])}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


@pytest.fixture
def world(tmp_path: Path) -> World:
    run("-c", MAKE, tmp_path)
    return World(tmp_path)


def rows(world: World) -> dict[str, list[tuple[object, ...]]]:
    """All rows of both databases, without their order."""
    found: dict[str, list[tuple[object, ...]]] = {}
    for agent in ("agent0000", "agent0001"):
        for name, columns in TABLES.items():
            with_order = table_columns(world.database_path(agent), name, columns)
            found[f"{agent} {name}"] = sorted(with_order, key=repr)
    return found


def table_columns(path: Path, name: str, columns: str) -> list[tuple[object, ...]]:

    with reading(path) as connection:
        return connection.execute(f"SELECT {columns} FROM {name}").fetchall()


def test_the_floor_writes_the_rows_that_the_program_writes(world: World, tmp_path: Path) -> None:
    taken = json.loads(run(SCRIPTS / "benchmark" / "floor.py", tmp_path / "index.pickle"))
    assert taken.keys() == {"wall", "cpu", "peak"}
    least = rows(world)
    for agent in ("agent0000", "agent0001"):
        world.database_path(agent).unlink()
        world.database_path(agent).parent.rmdir()
    assert commands.apply(world.request(), None, yes=True).exit_code == 0
    assert rows(world) == least


def test_the_inputs_are_the_same_each_time(world: World, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    run("-c", MAKE, again)
    stores = [world.store_path("agent0001"), World(again).store_path("agent0001")]
    assert stores[0].read_bytes() == stores[1].read_bytes()


@pytest.mark.parametrize("script", ["bench", "matrix"])
def test_it_begins_with_nothing_but_python(script: str) -> None:
    bare = [sys.executable, "-E", "-S", str(SCRIPTS / script), "--help"]
    done = subprocess.run(bare, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {script} ")
