"""Locks that came from elsewhere never keep a command from its work, and their reports say why they do not count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from migrator.cli import main as cli

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def run(command: str, state: Path, *options: str) -> Result:
    """Call a command on a state directory."""
    return CliRunner().invoke(cli.main, [command, "--state-dir", str(state), *options])


def found(command: str, state: Path) -> list[str]:
    """Give the codes of the locks that a command reports."""
    findings = json.loads(run(command, state, "--format", "json").stdout)["findings"]
    return sorted(one["code"] for one in findings if one["code"].startswith(("lock.", "gateway.")))


@pytest.fixture
def restored(unpack: Callable[[str], Path]) -> Iterator[Path]:
    """Give a state directory from a backup, one lock of which names a process that runs here, but is no OpenClaw."""
    state = unpack("locks-from-a-backup")
    with subprocess.Popen(["sleep", "600"]) as sleeper:
        for path in state.glob("agents/main/sessions/*.lock"):
            path.write_text(path.read_text().replace('"LIVE"', str(sleeper.pid)))
        yield state
        sleeper.kill()


def test_locks_from_a_backup_keep_nobody_from_migrating(restored: Path) -> None:
    for command in ("scan", "plan", "verify"):
        codes = found(command, restored)
        assert len(codes) == 3
        assert set(codes) <= {"lock.other-process", "lock.unseen"}
    told = run("scan", restored)
    assert told.exit_code == 0, told.output
    assert "gone" not in told.output
    assert run("apply", restored, "--yes").exit_code == 0
    assert run("verify", restored).exit_code == 0


@pytest.mark.parametrize("follower", [["tail", "-f", "openclaw.log"], ["sleep", "600"]])
def test_a_program_that_is_no_openclaw_is_no_gateway(restored: Path, tmp_path: Path, follower: list[str]) -> None:
    (tmp_path / "openclaw.log").touch()
    lock = restored / "tmp/openclaw-0/gateway.state.lock"
    lock.parent.mkdir(parents=True)
    with subprocess.Popen(follower, cwd=tmp_path) as process:
        lock.write_text(json.dumps({"pid": process.pid}))
        os.utime(lock, (time.time() - 40, time.time() - 40))
        assert "gateway.live" not in found("scan", restored)
        assert run("apply", restored, "--yes").exit_code == 0
        process.kill()


def test_what_passes_for_a_gateway_is_told_with_its_reason(restored: Path) -> None:
    lock = restored / "tmp/openclaw-0/gateway.state.lock"
    lock.parent.mkdir(parents=True)
    with subprocess.Popen(["openclaw-gateway", "-c", "input()"], executable=sys.executable, stdin=-1) as process:
        lock.write_text(json.dumps({"pid": process.pid}))
        refused = run("apply", restored, "--yes")
        assert refused.exit_code == 11
        assert "its program or its start time fits the lock" in " ".join(refused.output.split())
        process.kill()


def test_a_young_lock_of_nobody_that_can_be_seen_is_waited_for(restored: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    lock = restored / "agents/main/sessions/sessions.json.lock"
    lock.write_text(json.dumps({"pid": ended.pid}))
    refused = run("apply", restored, "--yes")
    assert refused.exit_code == 11
    assert "gone" not in refused.output
    os.utime(lock, (time.time() - 28.5, time.time() - 28.5))
    assert run("apply", restored, "--yes", "--wait", "20").exit_code == 0
