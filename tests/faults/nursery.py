"""A process that has all imports behind it and forks one child for each run of the program.

A run is a process of its own: it can be killed, traced, and made to fail. Only its start is cheap, since Python and the
modules are there already, and a tracer sees nothing but the run itself.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

DRIVER = Path(__file__).parent / "driver.py"


class Nursery:
    """Makes runs of the driver, one at a time."""

    def __init__(self) -> None:
        command = [sys.executable, "-I", "-B", str(DRIVER), "nursery"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
        atexit.register(self._process.communicate)

    def run(self, words: Sequence[str], environment: Mapping[str, str], said: Path, tracer: Sequence[str] = ()) -> int:
        """Run the driver; give its exit code, or minus the signal that ended it. Its stderr goes to the file ``said``.

        ``tracer`` is the command line of an strace, to which the run is shown from the first thing that it does.
        """
        self._tell({"words": list(words), "environment": dict(environment), "said": str(said), "halt": bool(tracer)})
        run = int(self._hear())
        if not tracer:
            return int(self._hear())
        _wait(run, "State:\tT")
        with subprocess.Popen([*tracer, "-p", str(run)], stderr=subprocess.DEVNULL) as tracing:
            _wait(run, f"TracerPid:\t{tracing.pid}")
            os.kill(run, signal.SIGCONT)
            return int(self._hear())

    def _tell(self, request: Mapping[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()

    def _hear(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@cache
def nursery() -> Nursery:
    """The one of this process."""
    return Nursery()


def _wait(process: int, line: str) -> None:
    """Wait until a process is in the state that a line of its status shows."""
    deadline = time.monotonic() + 60
    while line not in Path(f"/proc/{process}/status").read_text():
        if time.monotonic() > deadline:
            raise TimeoutError(line)
        time.sleep(0.001)
