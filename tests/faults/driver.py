"""Runs the program with a clock that stands still, and on request without something that it relies on.

``python -I driver.py MEASURE ARGUMENT...``: MEASURE is "none", or what is to be left out. That is one of its own safety
measures, to show that the absence is noticed, a clock that can be trusted, or memory. Only tests use this file, so the
program itself has no switch for any of it. ``python -I driver.py nursery`` reads the requests of ``nursery.py``, and
forks a child for each that goes on as if it had just been started with these arguments.
"""

from __future__ import annotations

import errno
import functools
import importlib
import itertools
import json
import os
import pkgutil
import resource
import signal
import sqlite3
import stat
import sys
from collections.abc import Callable
from datetime import datetime, timezone, tzinfo
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

import migrator
from migrator.cli import invocation, runner
from migrator.cli import main as cli
from migrator.execution import builder, executor
from migrator.openclaw.places import locks


class StoppedClock(datetime):
    """Always noon: what is written must not depend on when."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> StoppedClock:
        return cls(2026, 11, 22, 12, 0, tzinfo=tz)


def without_fsync_of(is_kind: Callable[[int], bool]) -> None:
    real = os.fsync

    def fsync(handle: int) -> None:
        if not is_kind(os.fstat(handle).st_mode):
            real(handle)

    setattr(os, "fsync", fsync)  # noqa: B010


class Autocommit(sqlite3.Connection):
    """A connection that commits every statement by itself."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:  # noqa: ANN401 - as in its base
        ignored = sql.startswith(("BEGIN", "COMMIT"))
        return super().execute("SELECT 1" if ignored else sql, parameters)


def without_transaction() -> None:
    def open_writable(path: str, **_options: object) -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, factory=Autocommit)

    for module in (builder, executor):
        setattr(module, "open_writable", open_writable)  # noqa: B010


def with_a_jumping_clock() -> None:
    """Ten years forward and twenty back with every look at it; never the same time twice."""
    looks = itertools.count()

    class JumpingClock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> JumpingClock:
            look = next(looks)
            return cls(2026 + (10, -10, 0)[look % 3], 11, 22, 12, 0, look % 60, tzinfo=tz)

    setattr(invocation, "datetime", JumpingClock)  # noqa: B010


def with_two_devices() -> None:
    """Let the folders of runs be on another device than all else, so that nothing gets there, or away, by its name."""

    def across(original: Callable[..., None]) -> Callable[..., None]:
        def call(source: str | Path, target: str | Path, **named: bool) -> None:
            if ("/migrator-runs/" in str(source)) is not ("/migrator-runs/" in str(target)):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            original(source, target, **named)

        return call

    for name in ("rename", "link"):
        setattr(os, name, across(getattr(os, name)))


def import_everything() -> None:
    for module in pkgutil.walk_packages(migrator.__path__, "migrator."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def with_memory_for(megabytes: int) -> None:
    """No more memory than this beyond what the imports have taken, those that come late included."""
    import_everything()
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


MEASURES: dict[str, Callable[[], object]] = {
    "none": lambda: None,
    "steady clock": with_a_jumping_clock,
    **{f"memory beyond {size} MB": functools.partial(with_memory_for, size) for size in range(1, 65)},
    "two devices": with_two_devices,
    "directory fsync": lambda: without_fsync_of(stat.S_ISDIR),
    "file fsync": lambda: without_fsync_of(stat.S_ISREG),
    "single transaction": without_transaction,
}


def child_of_the_nursery() -> list[str]:
    """Fork at each request, and tell the process and then how it ended; returns in the children, with the arguments."""
    import_everything()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            settle(**request)
            return list(request["words"])
        print(child, flush=True)  # noqa: T201
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201
    sys.exit()


def settle(words: list[str], environment: dict[str, str], said: str, halt: bool) -> None:
    """Take on the environment and the output of a request, and halt if a tracer is to come."""
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(0, 1)
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    if halt:
        os.kill(os.getpid(), signal.SIGSTOP)


if __name__ == "__main__":
    setattr(runner, "even_clock", lambda: partial(StoppedClock.now, timezone.utc))  # noqa: B010 - of every request
    # How many processes the machine has would shift the numbers of the calls, by which faults are placed.
    setattr(locks, "process_ids", list)  # noqa: B010
    measure, *arguments = child_of_the_nursery() if sys.argv[1:] == ["nursery"] else sys.argv[1:]
    MEASURES[measure]()
    cli.main(arguments, prog_name="migrator")
