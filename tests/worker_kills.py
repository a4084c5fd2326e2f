"""Kill a process while it passes a result on, which no pool of the standard library survives.

    python -m tests.worker_kills --times 200     # both ways in which processes begin; says what it saw

A process that sleeps in a write has passed on a part of a result that does not fit
the pipe. Each time one is stopped there for certain: nobody takes from the pipe until it is dead.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from unittest.mock import patch

from migrator import parallel
from migrator.model.errors import SystemFailedError
from migrator.model.progress import Progress
from migrator.model.words import Name
from migrator.parallel import Workers

ON_LINUX = sys.platform == "linux"
METHODS = ("fork", "spawn") if ON_LINUX else ("spawn",)
WRITE = "1" if platform.machine() == "x86_64" else "64"
LIMIT = 30
"""Seconds after which a run counts as one that hangs."""
LONG = 1 << 22
"""Bytes of a result, more than any pipe holds."""


class HangError(Exception):
    """A run did not end."""


def answer_at_length(number: int, _progress: Progress) -> bytes:
    return bytes([number]) * LONG


def name_of(number: int) -> Name:
    return Name("database", f"number {number}")


def kill_at_the_worst_moment(method: str, times: int) -> tuple[int, float]:
    """How often a process was killed in the midst of a result and the run ended with an error, and the longest time.

    Raises HangError.
    """
    slowest, killed = 0.0, 0
    with patch.object(parallel, "_HAS_FORK", method == "fork"):
        for _ in range(times):
            begun = time.monotonic()
            with _ending_in_time():
                killed += _run()
            slowest = max(slowest, time.monotonic() - begun)
    return killed, slowest


def _run() -> bool:
    try:
        with Workers(2).map(answer_at_length, range(100), name_of, count=100, size=0, together=1) as results:
            next(results)
            os.kill(_one_that_writes(), signal.SIGKILL)
            for result in results:
                assert len(result) == LONG
    except SystemFailedError as error:
        return error.subject is not None and not multiprocessing.active_children()
    return False


def _one_that_writes() -> int:
    """A process that sleeps while it writes, waited for; there is one, since nobody takes what it passes on."""
    while True:
        for child in multiprocessing.active_children():
            if child.pid is not None and _sleeps_in_write(child.pid):
                return child.pid
        time.sleep(0.002)


def _sleeps_in_write(process: int) -> bool:
    """Whether a process waits for room in a pipe or socket: in call number 1 of Linux on x86-64, or 64 on ARM."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        call = Path(f"/proc/{process}/syscall").read_text().split()[0]
    except OSError:
        return False
    return state == "S" and call == WRITE


@contextmanager
def _ending_in_time() -> Iterator[None]:
    def too_late(_signal: int, _frame: FrameType | None) -> None:
        raise HangError(f"nothing has happened for {LIMIT} seconds")

    before = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=200)
    times = parser.parse_args().times
    for method in METHODS:
        begun = time.monotonic()
        killed, slowest = kill_at_the_worst_moment(method, times)
        took = time.monotonic() - begun
        sys.stdout.write(
            f"{method}: {killed} of {times} kills ended as errors, 0 hangs, slowest {slowest:.2f} s, {took:.0f} s\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
