"""Four times as much of anything takes about four times as long, not sixteen times."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator import commands
from tests.hostile.case import BAD, ENTRY
from tests.worlds import World, fresh_world

pytestmark = pytest.mark.no_cover  # what would be timed is mostly the watching

HEADER = '{"type":"session","version":3,"id":"s1"}\n'


def members(count: int, value: str, same: bool = False) -> str:
    return "{" + ",".join(f'"k{0 if same else number}":{value}' for number in range(count)) + "}"


def transcript(world: World, lines: str) -> None:
    folder = world.agent(BAD, '{"k":{"sessionId":"s1"}}') / "sessions"
    (folder / "s1.jsonl").write_text(HEADER + lines)


def agents(world: World, count: int) -> None:
    for number in range(count):
        world.agent(f"agent {number}", '{"k":{"sessionId":"s1"}}')


MAKERS: dict[str, tuple[int, Callable[[World, int], object]]] = {
    "entries": (1500, lambda world, n: world.agent(BAD, members(n, ENTRY))),
    "entries that are none": (1500, lambda world, n: world.agent(BAD, members(n, "null"))),
    "entries of one key": (1500, lambda world, n: world.agent(BAD, members(n, ENTRY, same=True))),
    "a long entry": (1 << 21, lambda world, n: world.agent(BAD, f'{{"k":{{"x":"{"y" * n}"}}}}')),
    "a long key": (1 << 20, lambda world, n: world.agent(BAD, f'{{"{"y" * n}":{{}}}}')),
    "brackets": (40_000, lambda world, n: world.agent(BAD, f'{{"k":{"[" * n}{"]" * n}}}')),
    "brackets that are left open": (40_000, lambda world, n: world.agent(BAD, f'{{"k":{"[{" * n}')),
    "commas": (800, lambda world, n: world.agent(BAD, "{" + "," * n + "}")),
    "words": (3000, lambda world, n: world.agent(BAD, "{" + "x," * n + "}")),
    "quotes that are left open": (3000, lambda world, n: world.agent(BAD, "{" + '\n  "x' * n + "}")),
    "comments that are left open": (20_000, lambda world, n: world.agent(BAD, "{" + "/*" * n + "}")),
    "values that are left out": (2000, lambda world, n: world.agent(BAD, "{" + '"x":' * n + "}")),
    "lines": (4000, lambda world, n: transcript(world, '{"type":"custom"}\n' * n)),
    "damaged lines": (1500, lambda world, n: transcript(world, "{x}\n" * n)),
    "NUL bytes": (1 << 20, lambda world, n: transcript(world, "\0" * n + "\n")),
    "directories": (60, agents),
}


def seconds(make: Callable[[World, int], object], count: int) -> float:
    """How long a plan takes at best, by the clock of the processor."""
    taken = []
    for _ in range(2):
        with fresh_world() as world:
            make(world, count)
            begun = time.process_time()
            commands.plan(world.request())
            taken.append(time.process_time() - begun)
    return min(taken)


@pytest.mark.parametrize("name", MAKERS)
def test_four_times_as_much_takes_no_more_than_a_linear_time(name: str, tmp_path: Path) -> None:
    count, make = MAKERS[name]
    assert seconds(make, 4 * count) < 8 * seconds(make, count) + 0.1
