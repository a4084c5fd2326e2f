"""Invented values: texts, times and ids, the same for the same seed."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TypeVar

Json = object
Object = dict[str, object]
Maker = Callable[[], object]
T = TypeVar("T")

_FIRST = 1_770_000_000_000
_WORDS = (
    "alpha",
    "grün",
    "日本",
    "🦞",
    "it's",
    '"quoted"',
    "back\\slash",
    "two\nlines",
    "\u2028",
    "x" * 30,
    "[[x]]",
    "`code`",
)


class Values:
    """A source of values. Every method gives another one each time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - not for secrets

    def pick(self, *values: T) -> T:
        """One of these."""
        return self.random.choice(values)

    def chance(self, share: float) -> bool:
        """True in this share of all cases."""
        return self.random.random() < share

    def number(self, most: int = 1_000_000) -> int:
        """A number below ``most``."""
        return self.random.randrange(most)

    def id(self) -> str:
        """A UUID."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def time(self) -> int:
        """Milliseconds."""
        return _FIRST + self.number(10**9)

    def text(self, words: int = 6) -> str:
        """Words with what needs care in JSON, in several scripts."""
        return " ".join(self.random.choice(_WORDS) for _ in range(words))


def iso(time: int) -> str:
    """A time as transcripts write it."""
    moment = datetime.fromtimestamp(time // 1000, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time % 1000:03d}Z"
