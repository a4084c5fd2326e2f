"""One event of a proof log, as those see it who add up or render."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from migrator.proofs.proof_events import Json


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a log, as :func:`fault_in` lets it pass. ``line`` counts from 1, ``at`` is its time."""

    line: int
    name: str
    facts: Mapping[str, Json]
    at: str = ""

    def number(self, field: str) -> int:
        """Give a count; 0 where there is none."""
        value = self.facts.get(field)
        return value if isinstance(value, int) else 0

    def word(self, field: str) -> str:
        """Give a word, label, digest or version; empty where there is none."""
        value = self.facts.get(field)
        return value if isinstance(value, str) else ""

    def counts(self, field: str) -> Counter[str]:
        """Give the counts by word; empty where there are none."""
        value = self.facts.get(field)
        items = value.items() if isinstance(value, Mapping) else ()
        return Counter({word: count for word, count in items if isinstance(count, int)})

    def words(self, field: str) -> list[str]:
        """Give the words of a list; none where there is none."""
        value = self.facts.get(field)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
