"""The progress bar: what the steps tell of their work, as one line on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from migrator.model.progress import Progress, silent
from migrator.model.words import Name

if TYPE_CHECKING:
    from tqdm import tqdm


_WIDEST_NAME = 24
_FORMAT = "{desc} {percentage:3.0f}% |{bar}| {n_fmt} of {total_fmt}{speed}"
_EVERY = 0.1  # seconds
_SILENT = 0.5  # seconds, in which most commands are done


@cache
def _line() -> type[tqdm[Any]]:
    """The bar of tqdm, with speed and time left once they are known; made when one is shown, as tqdm takes time."""
    from tqdm import tqdm

    class Line(tqdm):  # type: ignore[type-arg] # it is generic in the stubs only
        @property
        def format_dict(self) -> MutableMapping[str, Any]:
            told = super().format_dict
            rate = told["rate"] or (told["n"] / told["elapsed"] if told["elapsed"] else 0)
            left = (told["total"] - told["n"]) / rate if rate else 0
            speed = f", {self.format_sizeof(rate, 'B/s')}, {self.format_interval(left)} left" if rate else ""
            return {**told, "speed": speed}

    return Line


class _Bar(Progress):
    """One line on stderr: the phase, for whom, a bar, how much of how much, how fast, and how long it will take."""

    def __init__(self, namer: Callable[[Name], str]) -> None:
        self._namer, self._doing = namer, ""
        self._shown: tqdm[Any] | None = None

    def start(self, doing: str, total: int) -> None:
        self.close()
        self._doing = doing
        line = _line()
        line.monitor_interval = 0  # no thread, which a signal could find in a bad moment
        self._shown = line(
            desc=doing,
            total=total,
            unit="B",
            unit_scale=True,
            leave=False,
            delay=_SILENT,
            dynamic_ncols=True,
            mininterval=_EVERY,
            bar_format=_FORMAT,
        )

    def enter(self, agent: str | None) -> None:
        from migrator.report.layout import fitted

        if self._shown is not None:
            name = "" if agent is None else " " + fitted(self._namer(Name("agent", agent)), _WIDEST_NAME)
            self._shown.set_description_str(self._doing + name, refresh=False)

    def __call__(self, count: int) -> None:
        if self._shown is not None:
            # Files may have grown since they were counted; more than all of it is never done.
            self._shown.update(min(count, (self._shown.total or 0) - self._shown.n))

    def over(self, what: str) -> None:
        from tqdm import tqdm

        self.close()
        tqdm.write(what, file=sys.stderr)

    def close(self) -> None:
        """Wipe the line out."""
        if self._shown is not None:
            self._shown.close()


@contextmanager
def bar(enabled: bool, namer: Callable[[Name], str]) -> Iterator[Progress]:
    """Show the progress on stderr while the block runs, if that is enabled and a terminal; then wipe it out."""
    if not enabled:
        yield silent
        return
    shown = _Bar(namer)
    try:
        yield shown
    finally:
        shown.close()
