"""Others at work: gateways and writers of every era, another run of this program, another writer of a database."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator import commands
from migrator.cli import main as cli
from migrator.commands.rollback import rollback
from migrator.model.errors import BusyError
from migrator.runs.run import locked
from tests.conftest import fingerprint
from tests.faults.scene import APPLY, Scene
from tests.worlds import World, entry

UID = os.getuid() if hasattr(os, "getuid") else 0

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the age of a process is read from /proc")


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.agent("main", {"first key": entry("session-1", 5)})
    world.request()
    return world


@pytest.fixture
def writer() -> Iterator[subprocess.Popen[bytes]]:
    """Somebody else's process."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


def started(pid: int) -> int:
    """When a process started, in clock ticks since boot."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def config_hash(world: World) -> str:
    return hashlib.sha256(str(world.state / "openclaw.json").encode()).hexdigest()[:8]


def by_configuration(world: World, pid: int) -> dict[str, object]:
    """What gateways write into their locks up to 2026.6.1, an hour ago; the members of later ones come on top."""
    config = str(world.state / "openclaw.json")
    return {"pid": pid, "createdAt": "2026-11-22T11:00:00.000Z", "configPath": config, "startTime": started(pid)}


ERAS: dict[str, tuple[Callable[[World], Path], dict[str, object]]] = {
    "clawdbot": (lambda w: w.root / f"tmp/clawdbot-{UID}/gateway.{config_hash(w)}.lock", {}),
    "2026.6.1": (lambda w: w.root / f"tmp/openclaw-{UID}/gateway.{config_hash(w)}.lock", {}),
    "2026.7.1, with a port": (lambda w: w.root / f"tmp/openclaw-{UID}/gateway.{config_hash(w)}.lock", {"port": 18789}),
    "without user ids": (lambda w: w.root / f"tmp/openclaw/gateway.{config_hash(w)}.lock", {}),
    "2026.8.2, by configuration": (
        lambda w: w.state / f"tmp/openclaw-{UID}/gateway.{config_hash(w)}.lock",
        {"port": 1},
    ),
    "2026.9.6, by state": (lambda w: w.state / f"tmp/openclaw-{UID}/gateway.state.lock", {"role": "gateway"}),
    "a writer of a transcript": (lambda w: w.store_path("main").with_name("session-1.jsonl.lock"), {}),
    "a writer of the store": (lambda w: w.store_path("main").with_name("sessions.json.lock"), {}),
}


def make_lock(world: World, era: str, content: dict[str, object]) -> Path:
    place, more = ERAS[era]
    path = place(world)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content | more))
    return path


@pytest.mark.parametrize("era", ERAS)
def test_a_live_writer_of_any_era_is_respected(world: World, writer: subprocess.Popen[bytes], era: str) -> None:
    report = commands.apply(world.request(), None, yes=True)
    world.agent("main", {"first key": entry("session-1", 6)})
    make_lock(world, era, by_configuration(world, writer.pid))
    before = fingerprint(world.state)
    with pytest.raises(BusyError):
        commands.apply(world.request(), None, yes=True)
    with pytest.raises(BusyError):
        rollback(world.request(), str(report.run))
    assert fingerprint(world.state) == before


@pytest.mark.parametrize("era", ERAS)
def test_what_a_dead_process_left_is_no_lock(world: World, writer: subprocess.Popen[bytes], era: str) -> None:
    content = by_configuration(world, writer.pid)
    writer.kill()
    writer.wait()
    make_lock(world, era, content)
    assert commands.apply(world.request(), None, yes=True).exit_code == 0


@pytest.mark.parametrize("era", ERAS)
def test_a_process_that_took_over_the_id_of_a_dead_one_is_no_owner(
    world: World, writer: subprocess.Popen[bytes], era: str
) -> None:
    make_lock(world, era, by_configuration(world, writer.pid) | {"startTime": started(writer.pid) - 1})
    assert commands.apply(world.request(), None, yes=True).exit_code == 0


@pytest.mark.parametrize("era", ["2026.6.1", "2026.9.6, by state", "a writer of a transcript"])
def test_it_waits_for_a_writer_if_it_is_told_to(world: World, writer: subprocess.Popen[bytes], era: str) -> None:
    lock = make_lock(world, era, by_configuration(world, writer.pid))
    environment = {"HOME": str(world.root / "home"), "TMPDIR": str(world.root / "tmp")}
    words = ["apply", "--yes", "--state-dir", str(world.state), "--wait"]
    refused = CliRunner().invoke(cli.main, [*words, "1"], env=environment)
    assert refused.exit_code == 11
    threading.Timer(1.0, lock.unlink).start()
    went_on = CliRunner().invoke(cli.main, [*words, "60"], env=environment)
    assert went_on.exit_code == 0, went_on.stderr
    assert not lock.exists(), "it waited"


def test_two_runs_never_work_on_one_state_directory(world: World) -> None:
    with locked(world.state):
        before = fingerprint(world.state)
        with pytest.raises(BusyError):
            commands.apply(world.request(), None, yes=True)
        assert fingerprint(world.state) == before
    assert commands.apply(world.request(), None, yes=True).exit_code == 0


def test_our_lock_is_gone_with_the_process_that_held_it(before: Scene) -> None:
    before.reset()
    holder = (
        "import sys, time; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\n"
        "from migrator.runs.run import locked\n"
        "with locked(Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(600)\n"
    )
    root = str(Path(cli.__file__).parents[2])
    with subprocess.Popen([sys.executable, "-c", holder, str(before.state), root], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert before.run(*APPLY)[0] == 11
        process.send_signal(signal.SIGKILL)
    assert before.run(*APPLY)[0] == 15


def test_a_database_that_somebody_writes_to_is_left_and_told(before: Scene) -> None:
    before.reset()
    database = before.state / "agents/old/agent/openclaw-agent.sqlite"
    content = database.read_bytes()  # now: closing the file again would drop the lock
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        code, said = before.run("apply", "--yes", "--agent", "old")
        other.execute("ROLLBACK")
    assert (code, "Traceback" in said) == (11, False)
    assert database.read_bytes() == content
    assert before.run("apply", "--yes", "--agent", "old")[0] == 15
