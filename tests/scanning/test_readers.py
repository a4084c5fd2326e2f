"""Sources and databases that a scan has found, read again: what has not changed is what it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from migrator.commands.request import take_inventory
from migrator.parallel import Workers
from tests.worlds import World, entry


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    for name in ("a", "b", "c"):
        world.agent(name, {f"agent:{name}:1": entry(f"{name}-1", 5)})
        world.store_path(name).with_name(f"{name}-1.jsonl").write_text('{"type":"session","id":"x"}\n{"type":"y"}\n')
    return world


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_has_the_same_bytes_is_not_decoded_again_nor_kept_twice(world: World, jobs: int) -> None:
    request = replace(world.request(), workers=Workers(jobs))
    earlier = take_inventory(request)
    fresh = take_inventory(request, earlier)
    assert fresh == earlier
    assert [one.entries is two.entries for one, two in zip(fresh.stores, earlier.stores, strict=True)] == [True] * 3
    assert [one is two for one, two in zip(fresh.transcripts, earlier.transcripts, strict=True)] == [True] * 3


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_has_changed_is_read_anew(world: World, jobs: int) -> None:
    request = replace(world.request(), workers=Workers(jobs))
    earlier = take_inventory(request)
    world.agent("b", {"agent:b:1": entry("b-1", 6)})
    transcript = world.store_path("c").with_name("c-1.jsonl")
    transcript.write_text(transcript.read_text() + '{"type":"z"}\n')
    transcript.with_name("new.jsonl").write_text('{"type":"session","id":"new"}\n')
    world.store_path("a").with_name("a-1.jsonl").unlink()
    assert take_inventory(request, earlier) == take_inventory(request)
