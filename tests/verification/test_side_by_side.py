"""The short cut for histories whose events have kept their places finds what the search would find."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.openclaw.text.active_branch import read_link
from migrator.openclaw.text.transcript import read_line
from migrator.verification.branches import hidden
from migrator.verification.event_matching import SAME_JSON, Lines, match_events, side_by_side
from tests.changes.test_event_transforms import CASES, HEADER, PREFIX, SESSION

Event = dict[str, Any]


def lines_of(texts: Sequence[bytes]) -> Lines:
    lines = [(read_line(text, number, 0, complete=True), text) for number, text in enumerate(texts, start=1)]
    return lambda: lines


def spelled(event: object) -> bytes:
    return json.dumps(event, separators=(",", ":"), default=float).encode()


_MESSAGES = st.sampled_from(
    [
        {"role": "assistant", "content": "x"},
        {"role": "assistant", "content": [{"type": "text", "text": "x"}]},
        {"role": "assistant", "content": "x", "provider": "codex"},
        {"role": "assistant", "content": [{"type": "text", "text": "x"}], "provider": "openai"},
        {"role": "user", "content": "x", "n": 1.0},
        {"role": "user", "content": "x", "n": 1},
    ]
)
_ID = st.sampled_from(["a", "b", "c"])
_MESSAGE = st.fixed_dictionaries({"type": st.just("message"), "id": _ID, "message": _MESSAGES})
_EVENT = _MESSAGE | st.fixed_dictionaries(
    {"type": st.sampled_from(["message", "label", "leaf"])},
    optional={"id": _ID | st.just(""), "parentId": st.none() | _ID, "message": _MESSAGES, "targetId": _ID},
)
_HEADER = st.fixed_dictionaries({"type": st.just("session"), "id": _ID, "version": st.integers(1, 3)})
_OTHER = st.sampled_from([None, 7, "x"])
_EVENTS = st.lists(_MESSAGE, min_size=2, max_size=4) | st.lists(_EVENT | _HEADER | _OTHER, max_size=6)


def wrapped(event: object) -> object:
    """What an import makes of an answer that is text."""
    if not isinstance(event, dict):
        return event
    message = event.get("message")
    if not isinstance(message, dict) or message["role"] == "user" or not isinstance(message["content"], str):
        return event
    text = {"type": "text", "text": message["content"]}
    return {**event, "message": {**message, "content": [text]}}


def renamed(event: object) -> object:
    """The same for one of a provider that has another name now."""
    message = event.get("message") if isinstance(event, dict) else None
    changed: object = json.loads(json.dumps(event).replace('"codex"', '"openai"'))
    return changed if message else event


def raised(event: object) -> object:
    """The same for a header of an older version."""
    return {**event, "version": 3} if isinstance(event, dict) and event["type"] == "session" else event


def blanks(event: object) -> bytes:
    """The same JSON in another spelling."""
    return json.dumps(event).encode()


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    """A file, and what is stored for it: mostly as it is or as releases change it, and sometimes anything."""
    events = draw(_EVENTS)
    ways = [spelled, spelled, blanks, lambda e: spelled(wrapped(e)), lambda e: spelled(renamed(wrapped(e)))]
    ways.append(lambda event: spelled(raised(event)))
    stored = [draw(st.sampled_from(ways))(event) for event in events]
    stored += map(
        spelled, draw(st.just([]) | st.lists(st.sampled_from([*events, *map(wrapped, events)] or [7]), max_size=2))
    )
    if stored and draw(st.integers(0, 3)) == 0:
        stored = draw(st.permutations(stored))
    return [spelled(event) for event in events], stored


@settings(max_examples=600)
@given(both=histories(), by_release=st.booleans())
def test_it_finds_what_the_search_finds_or_leaves_it_to_the_search(
    both: tuple[list[bytes], list[bytes]], by_release: bool
) -> None:
    source, stored = both
    found = side_by_side(lines_of(source), lambda: stored, SESSION, by_release)
    searched = match_events(lines_of(source), lambda: stored, SESSION, by_release)
    if found is not None:
        assert (found.matches, found.extra) == (searched.matches, searched.extra)


@settings(max_examples=600)
@given(both=histories(), by_release=st.booleans())
def test_what_it_says_is_shown_alike_hides_nothing(both: tuple[list[bytes], list[bytes]], by_release: bool) -> None:
    source, stored = both
    found = side_by_side(lines_of(source), lambda: stored, SESSION, by_release)
    if found is not None and found.shown_alike:
        links = [(number, read_link(text)) for number, text in enumerate(source, start=1)]
        assert hidden(links, [read_link(text) for text in stored]) is None


@pytest.mark.parametrize(("name", "source", "stored"), CASES)
def test_each_change_of_an_event_with_an_id_is_named_without_a_search(name: str, source: Event, stored: Event) -> None:
    if not isinstance(source, dict) or not source.get("id"):
        return
    version = {"hook-message-renamed": 2, "ids-made-up": 1}.get(name, 3)
    head = [] if source["type"] == "session" else [spelled({**HEADER, "version": version})]
    found = side_by_side(lines_of([*head, spelled(source)]), lambda: [*head, spelled(stored)], SESSION, True)
    assert found is not None
    assert found.matches[-1].changes == (name,)


ONE, TWO = ({"type": "message", "id": own, "message": {"role": "assistant", "content": "x"}} for own in "ab")


def test_what_came_later_is_extra_and_may_change_what_is_shown() -> None:
    stored = [json.dumps(ONE).encode(), spelled(TWO), b"7"]
    found = side_by_side(lines_of([spelled(ONE), spelled(TWO)]), lambda: stored, SESSION, True)
    assert found is not None
    assert [(match.place, match.changes) for match in found.matches] == [(0, (SAME_JSON,)), (1, ())]
    assert len(found.extra) == 1
    assert not found.shown_alike


def test_it_is_no_help_where_an_event_is_missing_has_moved_or_shares_its_id() -> None:
    one, two = spelled(ONE), spelled(TWO)
    twin = {**ONE, "type": "label"}
    for source, stored in (
        ([one, two], [one]),
        ([one, two], [two, one]),
        ([one, two], [spelled({**ONE, "message": 7}), two]),
        ([spelled(twin), one], [spelled(twin), spelled(wrapped(ONE))]),
    ):
        assert side_by_side(lines_of(source), lambda stored=stored: stored, SESSION, True) is None  # type: ignore[misc]


def test_what_is_shown_is_looked_at_where_an_event_has_another_place_in_the_tree_or_none() -> None:
    head, label = spelled({**HEADER, "version": 1}), {"type": "label"}
    made_up = {**label, "id": f"{PREFIX}-1", "parentId": None}
    for source, stored in (
        ([head, spelled(label), spelled(ONE)], [head, spelled(made_up), spelled(ONE)]),
        ([spelled(ONE), spelled(label)], [spelled(ONE), json.dumps(label).encode()]),
    ):
        found = side_by_side(lines_of(source), lambda stored=stored: stored, SESSION, True)  # type: ignore[misc]
        assert found is not None
        assert not found.shown_alike
