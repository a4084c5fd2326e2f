"""Seconds, CPU seconds and peak memory of one command, with all processes that it starts."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_EVERY = 0.1  # seconds between two looks at the memory, each of which takes some milliseconds


@dataclass(frozen=True, slots=True)
class Sample:
    """One run. ``peak`` is in bytes: what all its processes held together, what they share being counted once."""

    wall: float
    cpu: float
    peak: int


class FailedError(Exception):
    """A command ended with another exit code than it should."""


def run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> tuple[Sample, bytes]:
    """Run a command to its end and give what it took and what it printed.

    Raises FailedError unless it succeeds. Memory is what Linux counts: the most that a process had resident, or that
    several had together, in proportion to how many share it (PSS), at any look.
    """
    begun = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command],
        env=None if environment is None else {**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    watch = _Watch(process.pid)
    errors: list[bytes] = []
    assert process.stdout is not None  # noqa: S101 - piped
    assert process.stderr is not None  # noqa: S101
    reader = threading.Thread(target=lambda stream: errors.append(stream.read()), args=(process.stderr,))
    reader.start()
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    reader.join()
    together = watch.stop()
    if process.returncode != 0:
        raise FailedError(f"{command}: exit {process.returncode}\n{errors[0].decode(errors='replace')[-2000:]}")
    return Sample(wall, usage.ru_utime + usage.ru_stime, max(usage.ru_maxrss * 1024, together)), output


class _Watch:
    """Looks at the memory of a process and its descendants until it is told to stop."""

    def __init__(self, pid: int) -> None:
        self._pid, self._peak, self._ended = pid, 0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """The most bytes that were seen."""
        self._ended.set()
        self._thread.join()
        return self._peak

    def _look(self) -> None:
        while not self._ended.wait(_EVERY):
            family = _family(self._pid)
            if len(family) > 1:
                self._peak = max(self._peak, sum(map(_proportional, family)))


def _family(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


def _proportional(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
