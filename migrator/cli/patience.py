"""Waiting for others: a verb that was refused because somebody is at work is asked again until it may go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from migrator.model.errors import BusyError

Result = TypeVar("Result")

_PAUSE = 0.5
"""Seconds between two attempts."""


def patiently(work: Callable[[], Result], seconds: float) -> Result:
    """Do ``work``, again and again while others are busy, for no longer than ``seconds``.

    A verb that stops at BusyError has written nothing, or whole databases that the next attempt finds done.
    Raises BusyError when the time is over.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return work()
        except BusyError:
            left = deadline - time.monotonic()
            if left <= 0:
                raise
        time.sleep(min(_PAUSE, left))
