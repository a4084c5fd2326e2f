"""Long work that leaves Python alone, such as hashing a file or SQLite's own checks, done while Python goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

_T = TypeVar("_T")

_WORTHWHILE = 1 << 20
"""Bytes; less is done before a thread has begun."""

_has_cores = ContextVar("has_cores", default=True)


def has_cores() -> bool:
    """Whether there is more than one core for what is done here."""
    return _has_cores.get()


@contextmanager
def on_one_core() -> Iterator[None]:
    """Do one thing after the other in this block: there is only one core for it."""
    before = _has_cores.set(False)
    try:
        yield
    finally:
        _has_cores.reset(before)


@contextmanager
def meanwhile(job: Callable[[], _T], size: int, *, waits: bool = False) -> Iterator[Callable[[], _T]]:
    """Begin a job on ``size`` bytes; what is given waits for its result, or raises what it has raised.

    A job that only ``waits``, as for a disk, needs no core.
    """
    if size < _WORTHWHILE or not (waits or _has_cores.get()):
        yield job
        return
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(job).result
