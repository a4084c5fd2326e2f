"""The demo, as a stranger runs it on a fresh machine: it speaks at once, shows names, and ends with what to do next."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Shown:
    """What a run of the demo printed, and after how many seconds its first line was there."""

    first: str
    seconds: float
    rest: str
    exit_code: int
    tmp: Path


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    tmp = tmp_path_factory.mktemp("demo")
    env = {**os.environ, "MIGRATOR_VENV": str(tmp / "venv"), "TMPDIR": str(tmp)}
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, str(ROOT / "scripts" / "demo")], stdout=subprocess.PIPE, text=True, env=env, cwd=ROOT
    ) as demo:
        assert demo.stdout is not None
        first = demo.stdout.readline()
        seconds = time.monotonic() - began
        rest = demo.stdout.read()
    return Shown(first, seconds, rest, demo.returncode, tmp)


def test_the_demo_speaks_before_it_sets_anything_up(shown: Shown) -> None:
    assert shown.first.startswith("setting up ...")
    assert shown.seconds < 3


def test_the_demo_migrates_and_verifies_and_shows_the_invented_names(shown: Shown) -> None:
    assert shown.exit_code == 0, shown.rest
    assert "'Retired Agent'" in shown.rest
    assert "agents 3/3, sessions 16/16, " in shown.rest
    assert not re.search(r"\b(agent|session|path):[0-9a-f]{12}\b", shown.rest)


def test_the_demo_ends_with_eight_lines_the_claim_what_was_written_where_and_what_to_do_next(shown: Shown) -> None:
    ending = shown.rest.rstrip("\n").rpartition("\n\n")[2].splitlines()
    assert len(ending) == 8
    assert ending[0].startswith("16 of 16 sessions of 3 agents and 24 of 24 events are where they were;")
    assert ending[-1].endswith("migrator scan")
    folder = Path(ending[1].split()[-1].rstrip(":"))
    assert folder.parent == shown.tmp
    for line in ending[2:5]:
        for place in re.findall(r"(?:^  |; )([\w./*-]+):", line):
            assert list(folder.glob(place)), place
    assert Path(ROOT, ending[-1].split()[-2]).exists()
