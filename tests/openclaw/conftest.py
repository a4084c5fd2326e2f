"""Runs real OpenClaw releases that ``scripts/openclaw`` has installed, in a scratch home."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrator.upgrades.release.cache import launcher_of
from migrator.upgrades.release.client import Client


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it said."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Release:
    """One installed release. ``scratch`` holds its home and temporary files, outside the state directory."""

    launcher: Path
    scratch: Path

    def run(self, *arguments: str, state: Path, timeout: float = 300) -> Outcome:
        """Run a command on a state directory; ``timeout`` is in seconds and fails the test.

        The command leads a process group of its own, which is killed in any case: OpenClaw's launcher starts
        workers that outlive it.
        """
        home, temporary = self.scratch / "home", self.scratch / "tmp"
        for folder in (home, temporary):
            folder.mkdir(parents=True, exist_ok=True)
        environment = {
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "OPENCLAW_STATE_DIR": str(state),
            "PATH": "/usr/bin:/bin",  # the launcher puts its own Node first
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
        }
        # Files, not pipes: a worker that outlives the command would keep a pipe open.
        out, err = self.scratch / "stdout", self.scratch / "stderr"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                [self.launcher, *arguments],
                cwd=home,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
            try:
                returncode = process.wait(timeout)
            except subprocess.TimeoutExpired:
                pytest.fail(f"openclaw {' '.join(arguments)} took more than {timeout} s")
            finally:
                kill_group(process)
        return Outcome(returncode, out.read_text(errors="replace"), err.read_text(errors="replace"))


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End every process of the group, whether or not its leader has ended already."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def launcher(version: str) -> Path:
    """The launcher of a release; skips where it is not installed, but fails in CI."""
    found = launcher_of(version)
    if not found.exists():
        missing = f"OpenClaw {version} is not installed: run scripts/openclaw {version}"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Node keeps what it has compiled: all tests share it, those of other workers too. A start takes half."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "node-compile-cache"
    folder.mkdir(exist_ok=True)
    return folder


def share(compiled: Path, scratch: Path) -> None:
    """Let the processes that have their temporary files in ``scratch`` use it."""
    (scratch / "tmp").mkdir(parents=True, exist_ok=True)
    if not (scratch / "tmp" / compiled.name).is_symlink():
        (scratch / "tmp" / compiled.name).symlink_to(compiled)


@pytest.fixture(autouse=True)
def compiled_once(monkeypatch: pytest.MonkeyPatch, compiled: Path) -> None:
    """Let every client share it."""
    make = Client.__init__

    def shared(client: Client, launcher: Path, state: Path, scratch: Path, node: Path | None = None) -> None:
        make(client, launcher, state, scratch, node)
        share(compiled, scratch)
        client._writable = (*client._writable, compiled)  # type: ignore[assignment]

    monkeypatch.setattr(Client, "__init__", shared)


@pytest.fixture
def openclaw(tmp_path: Path, compiled: Path) -> Callable[[str], Release]:
    """Give a runner for a release by its version; skips where it is not installed, but fails in CI."""

    def find(version: str) -> Release:
        scratch = tmp_path / f"openclaw-{version}"
        share(compiled, scratch)
        return Release(launcher(version), scratch)

    return find
