"""Histories are written in the order of the plan, whoever reads their files."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from migrator import commands
from migrator.execution.executor import execute
from migrator.execution.history_writer import batches
from migrator.model.errors import ChangedError
from migrator.parallel import Workers
from tests.worlds import World, databases, entry

SIZES = {"a": 600_000, "b": 700_000, "long": 2_500_000, "c": 10, "d": 900_000}
"""Bytes of the transcripts: ``c`` and ``d`` are read together, and ``long`` is too long for another process."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.agent("main", {f"agent:main:{name}": entry(name, 5) for name in SIZES})
    for name, size in SIZES.items():
        lines: list[dict[str, object]] = [{"type": "session", "id": name}]
        lines += [{"type": "message", "id": f"m{n}", "text": "x" * 100_000} for n in range(size // 100_000)]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        world.store_path("main").with_name(f"{name}.jsonl").write_text(text)
    return world


def test_a_database_is_the_same_however_many_processes_read_the_files(world: World) -> None:
    made = []
    for jobs in (1, 2, 3):
        report = commands.apply(replace(world.request(), workers=Workers(jobs)), None, yes=True)
        assert report.exit_code == 0
        [database] = databases(world.state)
        made.append(database.read_bytes())
        shutil.rmtree(database.parent)
        shutil.rmtree(world.state / "migrator-runs")
    assert made[0] == made[1] == made[2]


@pytest.mark.parametrize("name", ["b", "long", "d"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_that_changes_after_the_plan_stops_its_database(
    world: World, monkeypatch: pytest.MonkeyPatch, jobs: int, name: str
) -> None:
    transcript = world.store_path("main").with_name(f"{name}.jsonl")

    def after_a_change(*arguments: Any) -> object:  # noqa: ANN401 - passed on
        transcript.write_bytes(transcript.read_bytes() + b'{"type":"late"}\n')
        return execute(*arguments)

    monkeypatch.setattr(sys.modules["migrator.commands.apply"], "execute", after_a_change)
    with pytest.raises(ChangedError):
        commands.apply(replace(world.request(), workers=Workers(jobs)), None, yes=True)
    assert databases(world.state) == []


def test_batches_end_at_so_many_things_or_so_many_bytes() -> None:
    assert [len(batch) for batch in batches(iter(range(1200)), lambda _: 1)] == [500, 500, 200]
    assert list(batches(iter([5, 1 << 20, 7, 7]), int)) == [[5, 1 << 20], [7, 7]]
    assert list(batches(iter([]), int)) == []
