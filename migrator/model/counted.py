"""Numbers in sentences: each with the noun, the verb and the pronoun that go with it.

A sentence of ours says ``{count:entry} of {subject} {count:points|point} to it``: the first becomes ``1 entry`` or
``2 entries``, the second the word for one or for many.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from migrator.model.words import Number

_CHOICE = re.compile(r"\{\w+:[^{}|]*\|([^{}]*)\}")
_NOUN = re.compile(r"\{(\w+):([^{}]*)\}")


def plural(count: Number, noun: str) -> str:
    """A number with its noun: ``1 session``, ``2 sessions``, ``1,000 entries``."""
    return f"{count:,} {noun if count == 1 else _many(noun)}"


def _many(noun: str) -> str:
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"


@dataclass(frozen=True, slots=True)
class Counted:
    """A number for a sentence; ``shown`` is how it looks alone, such as a line or a size that is no count."""

    count: Number
    shown: str

    def __format__(self, words: str) -> str:
        """The number with this noun; of two words with a bar between them, the one for one or the one for many."""
        if not words:
            return self.shown
        one, is_choice, many = words.partition("|")
        if is_choice:
            return one if self.count == 1 else many
        return plural(self.count, one)


def counted(facts: Mapping[str, Number]) -> dict[str, Counted]:
    """Numbers by name, as a sentence of ours takes them."""
    return {name: Counted(count, str(count)) for name, count in facts.items()}


def in_general(sentence: str) -> str:
    """A sentence that is not yet about any number: the words for many, with a place for the number."""
    return _NOUN.sub(lambda found: f"{{{found[1]}}} {_many(found[2])}", _CHOICE.sub(r"\1", sentence))
