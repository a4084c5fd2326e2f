"""Waiting for others: what was refused because somebody is at work is asked again until it may go on."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

from migrator.model.errors import BusyError

Result = TypeVar("Result")

_PAUSE = 0.5
"""Seconds between two attempts."""

_deadline: ContextVar[float] = ContextVar("_deadline", default=0.0)
"""Until when the verb that runs may wait."""


def _never(_result: object) -> bool:
    return False


def retry_while_busy(work: Callable[[], Result], seconds: float, is_busy: Callable[[Result], bool] = _never) -> Result:
    """Do ``work``, again and again while others are busy, for no longer than ``seconds``.

    ``is_busy`` says of a result that it, too, only tells of somebody at work; it is given when the time is over.

    A verb that stops at BusyError has written nothing, or whole databases that the next attempt finds done.
    Raises BusyError when the time is over.
    """
    token = _deadline.set(time.monotonic() + seconds)
    try:
        return _repeated(work, lambda error: isinstance(error, BusyError), is_busy)
    finally:
        _deadline.reset(token)


def when_unlocked(statement: Callable[[], Result]) -> Result:
    """Execute a statement of SQLite, again and again while others lock its database, as long as the verb may wait.

    SQLite itself would wait deaf to signals. Raises sqlite3.OperationalError when the time is over.
    """
    return _repeated(statement, lambda error: isinstance(error, sqlite3.OperationalError) and "locked" in str(error))


def _repeated(
    work: Callable[[], Result], may_pass: Callable[[Exception], bool], is_busy: Callable[[Result], bool] = _never
) -> Result:
    while True:
        try:
            result = work()
            left = _deadline.get() - time.monotonic()
            if left <= 0 or not is_busy(result):
                return result
        except (BusyError, sqlite3.OperationalError) as error:
            left = _deadline.get() - time.monotonic()
            if left <= 0 or not may_pass(error):
                raise
        time.sleep(min(_PAUSE, left))
