"""The table of releases: what came of each pair, and the reason of a release that does not upgrade."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fake_release import fake_release
from tests.worlds import World, entry

SCRIPT = Path(__file__).parents[2] / "scripts" / "matrix"
OLD, NEW = "2026.1.30", "2026.9.6"
REFUSES = 'if words[:1] == ["doctor"]: sys.exit("FsSafeError: native no-replace move is unavailable")'
LOSES = 'if words[:1] == ["doctor"]: os.remove(state + "/agents/main/agent/openclaw-agent.sqlite")'


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache of releases with a state that one of them has made."""
    world = World(tmp_path / "world")
    sessions = world.agent("main", {"agent:main:main": entry("s1", 5)}) / "sessions"
    (sessions / "s1.jsonl").write_text('{"type": "session", "version": 3, "id": "s1"}\n')
    world.config(agents={"list": [{"id": "main"}]})
    (tmp_path / "cache").mkdir()
    world.state.rename(tmp_path / "cache" / f"state-{OLD}")
    return tmp_path / "cache"


def release(cache: Path, twist: str = "", number: str = NEW) -> None:
    fake_release(cache, twist).rename(cache / f"run-{number}")


def matrix(cache: Path, new: str = NEW) -> tuple[int, str, dict[str, Any]]:
    """Its exit code, its last line, and the table that it has kept."""
    command = [sys.executable, str(SCRIPT), "--old", OLD, "--new", new, "--json", str(cache / "matrix.json")]
    environment = {**os.environ, "OPENCLAW_CACHE": str(cache)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()[-1], json.loads((cache / "matrix.json").read_text())


@pytest.mark.parametrize(
    ("twist", "exit_code", "words"),
    [
        pytest.param(
            "", 0, "migrator: complete; openclaw: differences (openclaw-reads", id="it imports nothing itself"
        ),
        pytest.param(REFUSES, 0, "migrator: not-upgraded (this installation of OpenClaw is incomplete", id="refuses"),
        pytest.param(LOSES, 1, "1 sessions missing, 1 events in no database); openclaw:", id="loses"),
    ],
)
def test_each_pair_says_what_came_of_both_ways(cache: Path, twist: str, exit_code: int, words: str) -> None:
    release(cache, twist)
    code, line, table = matrix(cache)
    assert (code, words in line) == (exit_code, True)
    assert list(table[OLD][NEW]) == ["migrator", "openclaw"]


def test_a_further_run_tries_only_what_is_missing(cache: Path) -> None:
    release(cache)
    _, first, table = matrix(cache)
    release(cache, LOSES)
    assert matrix(cache) == (0, first, table), "a pair that was tried is not tried again"
    release(cache, number="2026.8.2")
    _, _, grown = matrix(cache, f"{NEW},2026.8.2")
    assert list(grown[OLD]) == ["2026.8.2", NEW]
    assert grown[OLD][NEW] == table[OLD][NEW]


def test_what_could_not_be_tried_is_tried_again(cache: Path) -> None:
    release(cache, "sys.exit(1)")
    kept = cache / "matrix.json"
    kept.write_text(json.dumps({OLD: {NEW: {"refused": ["npm could not install it"]}}}))
    release(cache)
    code, line, _ = matrix(cache)
    assert (code, "migrator: complete" in line) == (0, True)
