"""Which of many names was probably meant, where the one that was typed is none of them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_MOST = 5
_SHORTEST = 3  # letters of a part that may stand for a whole name
_MOST_COMPARED = 20_000  # names: more would take seconds


def parts_of(typed: str, known: Iterable[str]) -> list[str]:
    """The names that have what was typed in them, in any case; none for what is too short to mean anything."""
    part = typed.casefold()
    return [one for one in dict.fromkeys(known) if part in one.casefold()] if len(part) >= _SHORTEST else []


def near(typed: str, known: Iterable[str]) -> list[str]:
    """The first names that have what was typed in them, then those that are spelled much like it."""
    names = list(dict.fromkeys(known))
    alike = get_close_matches(typed, names[:_MOST_COMPARED], _MOST, 0.7)
    return list(dict.fromkeys([*parts_of(typed, names), *alike]))[:_MOST]
