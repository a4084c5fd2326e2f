"""Gateways that no lock tells of: they are found as processes that work on the state directory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator.cli import main as cli
from migrator.openclaw.places.locks import at_work
from tests.conftest import fingerprint
from tests.worlds import World, entry

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at as Linux shows them")


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.agent("main", {"agent:main:1": entry("s1", 5)})
    return world


@contextmanager
def running(name: str, environment: Mapping[str, str], opened: Path = Path(os.devnull)) -> Iterator[int]:
    """A process of a name, with an environment, that has a file open."""
    with (
        opened.open("rb") as stream,
        subprocess.Popen([name, "600"], executable="/bin/sleep", env=environment, stdin=stream) as process,
    ):
        deadline = time.monotonic() + 10
        while name.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes() and time.monotonic() < deadline:
            time.sleep(0.01)
        yield process.pid
        process.kill()


def found(state: Path) -> list[int]:
    return [int(dict(finding.facts)["pid"]) for finding in at_work(str(state))]


@pytest.mark.parametrize("name", ["openclaw-gateway", "openclaw"])
@pytest.mark.parametrize("variable", ["OPENCLAW_STATE_DIR", "HOME"])
def test_an_openclaw_that_is_set_to_use_the_state_directory_is_found(world: World, name: str, variable: str) -> None:
    home = world.root / "home"
    home.mkdir()
    (home / ".openclaw").symlink_to(world.state)
    value = world.state if variable == "OPENCLAW_STATE_DIR" else home
    with running(name, {variable: str(value)}) as pid:
        assert found(world.state) == [pid]
        assert found(world.state.parent) == []


@pytest.mark.parametrize(("name", "is_found"), [("node", True), ("bun", True), ("openclaw", True), ("tail", False)])
def test_a_runtime_that_has_a_file_of_it_open_is_found(world: World, name: str, is_found: bool) -> None:
    with running(name, {"HOME": "/nonexistent"}, world.store_path("main")) as pid:
        assert found(world.state) == ([pid] if is_found else [])


def test_a_runtime_or_an_openclaw_of_another_state_directory_is_none(world: World) -> None:
    with (
        running("node", {"OPENCLAW_STATE_DIR": str(world.state)}),
        running("openclaw-gateway", {"OPENCLAW_STATE_DIR": str(world.root / "other")}),
    ):
        assert found(world.state) == []


def test_apply_refuses_while_such_a_process_runs_and_says_which(world: World) -> None:
    before = fingerprint(world.state)
    with running("openclaw-gateway", {"OPENCLAW_STATE_DIR": str(world.state)}) as pid:
        result = CliRunner().invoke(cli.main, ["apply", "--yes", "--state-dir", str(world.state)])
        assert result.exit_code == 11
        assert f"Process {pid} runs OpenClaw on" in result.stderr
    assert fingerprint(world.state) == before
    assert CliRunner().invoke(cli.main, ["apply", "--yes", "--state-dir", str(world.state)]).exit_code == 0
