"""A history beside the stored one, event by event: which is which where every event has kept its place.

A release changes an event here and there, and few of them move. Where none has, no more needs to be decoded than what
differs. Where one may have, :func:`migrator.verification.event_matching.match_events` searches; what is found here it
would find, too.
"""

from __future__ import annotations

from collections import Counter

from msgspec import UNSET
from msgspec.structs import replace

from migrator.openclaw.text.active_branch import Link, read_link
from migrator.openclaw.text.js_values import strictly_equal
from migrator.openclaw.text.transcript import Line, LineKind, read_line
from migrator.sqlite.events import event_hash
from migrator.verification.event_matching import (
    SAME_JSON,
    Lines,
    Match,
    Matching,
    Texts,
    changes_of,
    parsed,
    traits,
    version_of,
)


def side_by_side(lines: Lines, stored: Texts, session_id: str, by_release: bool) -> Matching | None:
    """Match as :func:`match_events` does; None where an event is not in the place that it has in its history.

    Nor where an event that a release has changed may be mistaken for another one: where it shares its id.
    """
    pairs = _Pairs(session_id, by_release)
    remaining = iter(stored())
    for line, text in lines():
        there = next(remaining, None)
        if there is None or not pairs.add(line, text, there):
            return None
    more = list(remaining)
    if not pairs.are_unmistakable(more):
        return None
    shown_alike = pairs.show_alike and pairs.ends_with_id and not more
    return Matching(tuple(pairs.matches), tuple(map(event_hash, more)), shown_alike)


class _Pairs:
    """Takes the events of a history with what is stored in the place of each."""

    def __init__(self, session_id: str, by_release: bool) -> None:
        self.matches: list[Match] = []
        self.show_alike = True
        self._session_id = session_id
        self._by_release = by_release
        self._ids: Counter[str | None] = Counter()
        self._changed: list[tuple[str | None, str | None]] = []  # the ids before and after
        self._header = b""
        self._version: int | None = 1  # of the format, without a header; None where that is still to be read
        self._last = b""

    def add(self, line: Line, text: bytes, there: bytes) -> bool:
        """Whether the stored event is this one, or what a release makes of it."""
        self._ids[line.event_id] += 1
        self._last = text
        if line.kind is LineKind.HEADER:
            self._header, self._version = text, None
        changes: tuple[str, ...] | None = ()
        if text != there:
            changes = self._changes(line, text, there)
            self.show_alike = self.show_alike and _place_in_tree(text) == _place_in_tree(there)
        if changes is not None:
            self.matches.append(Match(line.number, len(self.matches), changes))
        return changes is not None

    def _changes(self, line: Line, text: bytes, there: bytes) -> tuple[str, ...] | None:
        event, stored = parsed(text), parsed(there)
        if strictly_equal(event, stored):
            return (SAME_JSON,)
        if not self._by_release or {*traits(event)}.isdisjoint(traits(stored)):
            return None
        self._changed.append((line.event_id, read_line(there, 1, 0, complete=True).event_id))
        if self._version is None:
            self._version = version_of(parsed(self._header))
        return changes_of(event, stored, self._session_id, self._version)

    def are_unmistakable(self, more: list[bytes]) -> bool:
        """Whether no event that was changed can be equal to another one, before or after: equal events have one id.

        ``more`` is what is stored behind the events of the history.
        """
        if not self._changed:
            return True
        stored = Counter(new for _, new in self._changed)
        stored.update(read_line(text, 1, 0, complete=True).event_id for text in more)
        return all(
            (self._ids[own], self._ids[new]) == (1, own == new) and stored[own] == (own == new)
            for own, new in self._changed
        )

    @property
    def ends_with_id(self) -> bool:
        """Whether the last event has an id by which it is known in the stored history."""
        link = read_link(self._last)
        return link.type != "session" and link.event_id is not None


def _place_in_tree(event: bytes) -> tuple[Link, bool]:
    """What decides whether OpenClaw shows an event: not what is said, but that something is."""
    link = read_link(event)
    return replace(link, message=UNSET), link.is_message
