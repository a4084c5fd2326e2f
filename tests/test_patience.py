"""Waiting for writers: as long as was asked for, and no longer."""

from __future__ import annotations

import time

import pytest

from migrator.model.errors import BusyError, RefusedError
from migrator.patience import retry_while_busy


class Clock:
    """Time that passes only in sleep."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_it_goes_on_as_soon_as_nobody_is_busy(clock: Clock) -> None:
    def work() -> str:
        if clock.now < 102:
            raise BusyError("busy")
        return "done"

    assert retry_while_busy(work, 60) == "done"
    assert clock.now == 102


@pytest.mark.parametrize("seconds", [0, 0.2, 7])
def test_it_gives_up_when_the_time_is_over(clock: Clock, seconds: float) -> None:
    attempts = []

    def work() -> None:
        attempts.append(clock.now)
        raise BusyError("busy")

    with pytest.raises(BusyError):
        retry_while_busy(work, seconds)
    assert clock.now == pytest.approx(100 + seconds)
    assert attempts[-1] == pytest.approx(100 + seconds)


def test_a_result_that_only_says_that_somebody_is_at_work_is_asked_for_again(clock: Clock) -> None:
    assert retry_while_busy(lambda: clock.now, 60, lambda now: now < 102) == 102
    assert retry_while_busy(lambda: "busy", 7, lambda word: word == "busy") == "busy"
    assert clock.now == 109


def test_no_other_error_is_waited_for(clock: Clock) -> None:
    def work() -> None:
        raise RefusedError("no")

    with pytest.raises(RefusedError):
        retry_while_busy(work, 60)
    assert clock.now == 100
