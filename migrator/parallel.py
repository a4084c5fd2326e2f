"""The same work on many things that have nothing to do with each other, in several processes at a time."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from migrator.meanwhile import has_cores, on_one_core
from migrator.model.errors import SystemFailedError
from migrator.model.progress import Progress, silent

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

    _Future = Future[tuple[list[Any], int]]

_T = TypeVar("_T")
_R = TypeVar("_R")

Work = Callable[[_T, Progress], _R]

WORTHWHILE = 8 << 20
"""Bytes of work; less is done before other processes have begun."""

_HAS_FORK = sys.platform == "linux"
_CHUNKS = 8  # per process, so that none is long at work when the others are done


def cores() -> int:
    """How many processes to use where nobody says it: one where they begin anew, and slowly, instead of by fork."""
    return len(os.sched_getaffinity(0)) if _HAS_FORK else 1


@contextmanager
def each(
    work: Work[_T, _R],
    things: Iterable[_T],
    size: int,
    jobs: int | None,
    progress: Progress = silent,
    *,
    count: int,
    together: int | None = None,
) -> Iterator[Iterator[_R]]:
    """What ``work`` makes of each of ``count`` things, in their order, on as many at a time as there are ``jobs``.

    ``jobs`` is None for the number of cores, if ``size``, in bytes, is worth it. With one job, or where there is only
    one core, everything is done right here, one thing after the other as they are asked for, and so is a single thing.
    Otherwise so many things ``together`` go to a process, which is never far ahead of what is asked for. Whatever
    ``work`` raises comes here; leaving the block ends the processes when they are done with what they have begun.
    Raises SystemFailedError where one of them was ended by somebody else.
    """
    wanted = jobs or (cores() if size >= WORTHWHILE else 1)
    if wanted == 1 or count < 2 or not has_cores():
        yield (work(thing, progress) for thing in things)
        return
    # These take 30 ms to import, and nobody needs them for less.
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    processes = min(wanted, count)
    context = multiprocessing.get_context("fork" if _HAS_FORK else "spawn")
    pool = ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(work,))
    try:
        parts = _parts(things, together or max(1, count // (processes * _CHUNKS)))
        begun = deque(pool.submit(_do, part) for part in islice(parts, 2 * processes))
        yield _results(pool, begun, parts, progress)
    except BrokenProcessPool:
        raise SystemFailedError(ChildProcessError()) from None
    finally:
        # A process that is ended while it passes a result on would be waited for without end.
        pool.shutdown(cancel_futures=True)


def _parts(things: Iterable[_T], length: int) -> Iterator[list[_T]]:
    things = iter(things)
    while part := list(islice(things, length)):
        yield part


def _results(
    pool: ProcessPoolExecutor, begun: deque[_Future], parts: Iterator[list[Any]], progress: Progress
) -> Iterator[Any]:
    while begun:
        made, count = begun.popleft().result()
        begun.extend(pool.submit(_do, part) for part in islice(parts, 1))
        progress(count)
        yield from made


class _Counted(Progress):
    """Adds up what is done in another process."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, count: int) -> None:
        """Note that so many further bytes are done."""
        self.count += count


# Given once to each process, and inherited by fork: most of it is never copied.
_work: Work[Any, Any]


def _begin(work: Work[Any, Any]) -> None:
    """Prepare a process: it ends when it is told to, or with the one that it works for."""
    global _work
    _work = work
    gc.freeze()  # what is inherited is not looked through for garbage, which would copy it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one waits for the others
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(things: list[Any]) -> tuple[list[Any], int]:
    counted = _Counted()
    with on_one_core():
        return [_work(thing, counted) for thing in things], counted.count
