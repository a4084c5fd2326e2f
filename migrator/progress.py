"""Progress: the steps say how many bytes they have worked through; only here it becomes a bar, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]
"""Called by a step with the number of further source bytes that it has worked through."""


def silent(_count: int) -> None:
    """No bar."""


@contextmanager
def bar(word: str, enabled: bool) -> Iterator[Advance]:
    """Show the bytes and their rate on stderr while the block runs, if enabled."""
    if not enabled:
        yield silent
        return
    from tqdm import tqdm

    with tqdm(desc=word, unit="B", unit_scale=True, leave=False, disable=None) as shown:

        def advance(count: int) -> None:
            shown.update(count)

        yield advance
