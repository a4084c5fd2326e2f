"""The table of releases: what came of each pair, and the reason of a release that does not upgrade."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fake_release import fake_release
from tests.worlds import World, entry

SCRIPT = Path(__file__).parents[2] / "scripts" / "matrix"
REFUSES = 'if words[:1] == ["doctor"]: sys.exit("FsSafeError: native no-replace move is unavailable")'
LOSES = 'if words[:1] == ["doctor"]: os.remove(state + "/agents/main/agent/openclaw-agent.sqlite")'


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path / "world")
    world.agent("main", {"agent:main:main": entry("s1", 5)})
    world.config(agents={"list": [{"id": "main"}]})
    return world


@pytest.mark.parametrize(
    ("twist", "exit_code", "words"),
    [
        pytest.param(
            "", 0, "migrator: complete; openclaw: differences (openclaw-reads", id="it imports nothing itself"
        ),
        pytest.param(REFUSES, 0, "migrator: not-upgraded (this installation of OpenClaw is incomplete", id="refuses"),
        pytest.param(LOSES, 1, "migrator: differences (openclaw-reads", id="loses"),
    ],
)
def test_each_pair_says_what_came_of_both_ways(
    world: World, tmp_path: Path, twist: str, exit_code: int, words: str
) -> None:
    cache = tmp_path / "cache"
    fake_release(cache, twist).rename(cache / "run-2026.9.6")
    command = [sys.executable, str(SCRIPT), "--new", "2026.9.6", "--state", f"old={world.state}"]
    done = subprocess.run(
        [*command, "--json", str(tmp_path / "matrix.json")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OPENCLAW_CACHE": str(cache)},
    )
    assert (done.returncode, done.stderr) == (exit_code, "")
    assert words in done.stdout.splitlines()[2]
    table = json.loads((tmp_path / "matrix.json").read_text())
    assert list(table["old"]["2026.9.6"]) == ["migrator", "openclaw"]
