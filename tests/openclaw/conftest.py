"""Runs real OpenClaw releases that ``scripts/openclaw`` has installed, in a scratch home."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


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


def cache_folder() -> Path:
    """Where ``scripts/openclaw`` keeps what it installs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("OPENCLAW_CACHE") or f"{base}/openclaw-releases").absolute()


def launcher(version: str) -> Path:
    """The launcher of a release; skips where it is not installed, but fails in CI."""
    found = cache_folder() / f"run-{version}"
    if not found.exists():
        missing = f"OpenClaw {version} is not installed: run scripts/openclaw {version}"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@pytest.fixture(scope="session")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for temporary files that the tests of one worker share: what Node has compiled once stays there."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture
def openclaw(tmp_path: Path, temporary: Path) -> Callable[[str], Release]:
    """Give a runner for a release by its version; skips where it is not installed, but fails in CI."""

    def find(version: str) -> Release:
        scratch = tmp_path / f"openclaw-{version}"
        shared = temporary / version
        for folder in (scratch, shared):
            folder.mkdir(exist_ok=True)
        if not (scratch / "tmp").is_symlink():
            (scratch / "tmp").symlink_to(shared)
        return Release(launcher(version), scratch)

    return find
