"""Which event of a history is which event in a database: equal ones first, the rest by the named changes of releases.

A release rewrites events when it imports them, and again in later runs of its doctor. An event that is rewritten keeps
its id, or at least its type and time; by those it is found, and the named changes must explain all that differs.

Few events are changed, and fewer move. Where every one has kept its place, they are compared side by side, and no more
is decoded than what differs; what is found so a search would find, too.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from msgspec import UNSET
from msgspec.structs import replace

from migrator.model.words import HASH_BYTES
from migrator.openclaw.changes.transforms import explain_event
from migrator.openclaw.text.active_branch import Link, read_link
from migrator.openclaw.text.js_values import Json, canonical, js_numbers, strictly_equal
from migrator.openclaw.text.json_text import parse_strict
from migrator.openclaw.text.transcript import Line, LineKind, read_line
from migrator.sqlite.events import event_hash

SAME_JSON = "same-json"
_DROPPED = {LineKind.DUPLICATE: "duplicate-event-dropped", LineKind.NULL: "null-line-dropped"}
"""What OpenClaw's own import leaves out, and what that is called."""

_TRIED = 8
"""So many stored events of one id, or of one type and time, are compared with an event; a transcript has one or two."""

Lines = Callable[[], Iterable[tuple[Line, bytes]]]
Texts = Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Match:
    """What became of one event: its place in the database, and the named changes on its way there.

    An event without a place is missing, unless a change says why the database may lack it.
    """

    line: int
    place: int | None
    changes: tuple[str, ...] = ()

    @property
    def is_missing(self) -> bool:
        """Whether it is neither there nor left out for a reason."""
        return self.place is None and not self.changes


@dataclass(frozen=True, slots=True)
class Matching:
    """What became of each event of a history, in order, and the hashes of the stored events that are none of them.

    ``shown_alike``: it is known that OpenClaw shows of the stored history what it shows of this one.
    """

    matches: tuple[Match, ...]
    extra: tuple[bytes, ...]
    shown_alike: bool = False

    @property
    def missing(self) -> tuple[Match, ...]:
        """The events that the database should have, and has not."""
        return tuple(match for match in self.matches if match.is_missing)

    @property
    def missing_is_tail(self) -> bool:
        """Whether nothing that is there comes behind the first one that is missing."""
        first = next((match.line for match in self.matches if match.is_missing), None)
        return first is None or all(match.place is None or match.line < first for match in self.matches)


def match_events(lines: Lines, stored: Texts, session_id: str, by_release: bool) -> Matching:
    """Match the events of a history with those that a database holds for its session.

    Both are read twice where equal events are not all there is, so that only what differs is kept in memory.
    ``by_release`` says that a release wrote the database, and may have made its changes; what this program writes has
    every event as it is.
    """
    hashes: list[bytes] = []
    free: dict[bytes, list[int]] = defaultdict(list)
    for place, text in enumerate(stored()):
        free[_digest(_parsed(text))].append(place)
        hashes.append(event_hash(text))
    matches, after = [], -1
    for line, text in lines():
        places = free.get(_digest(_parsed(text)))
        found = _take(places, after) if places else None
        after = after if found is None else found
        same = found is None or hashes[found] == event_hash(text)
        matches.append(Match(line.number, found, () if same else (SAME_JSON,)))
    rest = {place for places in free.values() for place in places}
    if by_release and any(match.place is None for match in matches):
        matches = list(_explained(matches, lines, _Rest(rest, stored), session_id))
        rest -= {match.place for match in matches if match.place is not None}
    return Matching(tuple(matches), tuple(hashes[place] for place in sorted(rest)))


def _explained(matches: list[Match], lines: Lines, rest: _Rest, session_id: str) -> Iterator[Match]:
    """The matches again; an event without a place gets that of the stored event that changes make of it."""
    version, after = 1, -1  # the version of the format, until a header says otherwise
    for match, (line, text) in zip(matches, lines(), strict=True):
        if line.kind is LineKind.HEADER:
            version = _version_of(_parsed(text))
        if match.place is None:
            match = rest.match(line, _parsed(text), session_id, version, after)
        after = after if match.place is None else match.place
        yield match


class _Rest:
    """The stored events that are equal to none of the history: a change may explain them."""

    def __init__(self, places: Iterable[int], stored: Texts) -> None:
        wanted = set(places)
        self._events = {place: _parsed(text) for place, text in enumerate(stored()) if place in wanted}
        self._by_trait: dict[object, deque[int]] = defaultdict(deque)
        for place, event in self._events.items():
            for trait in _traits(event):
                self._by_trait[trait].append(place)

    def match(self, line: Line, event: Json, session_id: str, version: int, after: int) -> Match:
        """Take the stored event that known changes make of an event; those behind ``after`` come first."""
        for place in sorted(self._candidates(event), key=lambda place: (place < after, place)):
            changes = _changes_of(event, self._events[place], session_id, version)
            if changes is not None:
                del self._events[place]
                return Match(line.number, place, changes)
        dropped = _DROPPED.get(line.kind)
        return Match(line.number, None, (dropped,) if dropped else ())

    def _candidates(self, event: Json) -> set[int]:
        found: set[int] = set()
        for trait in _traits(event):
            places = self._by_trait.get(trait)
            while places and places[0] not in self._events:
                places.popleft()
            untaken = (place for place in places or () if place in self._events)
            found.update(place for place, _ in zip(untaken, range(_TRIED), strict=False))
        return found


def _traits(event: Json) -> Iterator[object]:
    """What stays the same of an event that is rewritten: its id, its type with its time; all of what is no object."""
    if not isinstance(event, Mapping):
        yield _digest(js_numbers(event))
        return
    kind, time, own = event.get("type"), event.get("timestamp"), event.get("id")
    if kind == "session":
        yield "header"
        return
    if isinstance(own, str) and own:
        yield "id", own
    yield "type", str(kind), time if isinstance(time, str) else None


def _changes_of(event: Json, stored: Json, session_id: str, version: int) -> tuple[str, ...] | None:
    """Name the changes of a release that make the one of the other; None if none do."""
    if isinstance(event, dict) and isinstance(stored, dict):
        return explain_event(event, stored, session_id, version)
    return ("javascript-numbers",) if _digest(js_numbers(event)) == _digest(stored) else None


def _version_of(header: Json) -> int:
    """The version of the format of a transcript that has this header."""
    version = header.get("version") if isinstance(header, dict) else None
    return version if isinstance(version, int) else 1


def _parsed(text: bytes) -> Json:
    """The event as JSON; text that is none stands for itself."""
    try:
        return parse_strict(text.decode())
    except ValueError:
        return text.decode("utf-8", "backslashreplace")


def _digest(value: Json) -> bytes:
    return blake2b(canonical(value), digest_size=HASH_BYTES).digest()


def _take(places: list[int], after: int) -> int:
    """The first place behind ``after``; where there is none, the first: the order is lost anyway."""
    behind = bisect_right(places, after)
    return places.pop(behind if behind < len(places) else 0)


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
        event, stored = _parsed(text), _parsed(there)
        if strictly_equal(event, stored):
            return (SAME_JSON,)
        if not self._by_release or {*_traits(event)}.isdisjoint(_traits(stored)):
            return None
        self._changed.append((line.event_id, read_line(there, 1, 0, complete=True).event_id))
        if self._version is None:
            self._version = _version_of(_parsed(self._header))
        return _changes_of(event, stored, self._session_id, self._version)

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
