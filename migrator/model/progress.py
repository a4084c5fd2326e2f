"""What the steps tell of their work: how many bytes there are, whose, and how many are done."""

from __future__ import annotations

from collections.abc import Callable

Advance = Callable[[int], None]
"""Called with the number of further source bytes that are worked through."""


class Progress:
    """What steps tell of their work. This one keeps silent."""

    def start(self, doing: str, total: int) -> None:
        """Begin a stretch of work on so many bytes; ``doing`` is one word of ours, such as "reading"."""

    def enter(self, agent: str | None) -> None:
        """Go on with what belongs to an agent directory, or to none."""

    def __call__(self, count: int) -> None:
        """Note that so many further bytes are done."""

    def over(self, what: str) -> None:
        """Note that something is over, in words of ours; for work that takes minutes and has no bytes."""


silent = Progress()
"""Says nothing."""
