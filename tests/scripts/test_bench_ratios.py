"""Speed and memory as ratios that do not depend on the machine: what grows with the input, and how fast.

Seconds are measured by ``scripts/bench`` only. Here the calls of functions are counted, the bytes that are read, and
the memory that a process has held.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator import commands
from tests.scripts.test_memory import peak_bytes
from tests.worlds import World

FEW, MANY = 200, 1000
"""Five times as many entries, as in the target of ``scripts/bench``."""

linux = pytest.mark.skipif(sys.platform != "linux", reason="counts as Linux does")


def store(count: int, size: int = 1000) -> bytes:
    """Entries of about a size, in the layout of OpenClaw."""
    entries = {
        f"agent:main:chat:{number:07d}": {
            "sessionId": f"{number:032x}",
            "updatedAt": 1_760_000_000_000 + number,
            "label": "grüße",
            "usage": [{"model": "m", "cost": number / 7} for _ in range(4)],
            "text": "x" * size,
        }
        for number in range(count)
    }
    return json.dumps(entries, indent=2, ensure_ascii=False).encode()


def calls(work: Callable[[], object]) -> int:
    """How many functions are called, those written in C included."""
    count = 0

    def see(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def legacy(folder: Path, count: int) -> World:
    world = World(folder)
    world.agent("main", store(count))
    return world


def work_of_apply(folder: Path, count: int) -> int:
    world = legacy(folder, count)
    return calls(lambda: commands.apply(world.request(), None, yes=True))


def test_five_times_as_many_entries_take_at_most_five_and_a_half_times_the_work(tmp_path: Path) -> None:
    work_of_apply(tmp_path / "first", 1)  # what is only done once must not count
    assert work_of_apply(tmp_path / "many", MANY) <= 5.5 * work_of_apply(tmp_path / "few", FEW)


def test_a_migration_calls_no_more_functions_per_entry_than_it_did(tmp_path: Path) -> None:
    few, many = (work_of_apply(tmp_path / str(count), count) for count in (FEW, MANY))
    assert (many - few) / (MANY - FEW) < 420


BYTES_READ = """
import sys
from migrator.cli.main import main
try:
    main()
finally:
    print(next(line for line in open("/proc/self/io") if line.startswith("rchar")), file=sys.stderr)
"""


def bytes_read(*arguments: object) -> int:
    """The bytes that a command reads from files."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", BYTES_READ, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return int(done.stderr.split()[-1])


@linux
def test_every_byte_of_a_store_is_read_a_few_times_whatever_its_size(tmp_path: Path) -> None:
    few, many = (legacy(tmp_path / str(count), count) for count in (FEW, MANY))
    added = len(store(MANY)) - len(store(FEW))
    plan = bytes_read("plan", "--state-dir", many.state) - bytes_read("plan", "--state-dir", few.state)
    assert plan < 2.1 * added
    apply = bytes_read("apply", "--yes", "--state-dir", many.state) - bytes_read(
        "apply", "--yes", "--state-dir", few.state
    )
    assert apply < 50 * added


@linux
def test_an_entry_takes_about_a_kilobyte_of_memory_whatever_its_size(tmp_path: Path) -> None:
    few, many = (legacy(tmp_path / str(count), count) for count in (1000, 8000))
    for words in (("apply", "--yes"), ("verify",)):
        grown = peak_bytes(*words, "--state-dir", many.state) - peak_bytes(*words, "--state-dir", few.state)
        assert grown / 7000 < 1400


@linux
def test_one_long_entry_takes_no_more_memory_than_a_few_copies_of_it(tmp_path: Path) -> None:
    size = 20_000_000
    short, long = World(tmp_path / "short"), World(tmp_path / "long")
    short.agent("main", store(1))
    long.agent("main", store(1, size))
    for words in (("plan",), ("apply", "--yes"), ("verify",)):
        grown = peak_bytes(*words, "--state-dir", long.state) - peak_bytes(*words, "--state-dir", short.state)
        assert grown < 4.2 * size, words
