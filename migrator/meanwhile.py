"""Long work that leaves Python alone, such as hashing a file or SQLite's own checks, done while Python goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

_T = TypeVar("_T")

_WORTHWHILE = 1 << 20
"""Bytes; less is done before a thread has begun."""


@contextmanager
def meanwhile(job: Callable[[], _T], size: int) -> Iterator[Callable[[], _T]]:
    """Begin a job on ``size`` bytes; what is given waits for its result, or raises what it has raised."""
    if size < _WORTHWHILE:
        yield job
        return
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(job).result
