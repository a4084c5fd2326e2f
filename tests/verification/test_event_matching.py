from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.openclaw.text.transcript import read_line
from migrator.verification.event_matching import SAME_JSON, Matching, match_events
from tests.changes.test_event_transforms import CASES, HEADER, PREFIX, SESSION

_EVENTS = st.lists(
    st.fixed_dictionaries({"type": st.sampled_from(["message", "label"]), "id": st.text("ab", max_size=1)}), max_size=8
)


def matching(source: Sequence[object], stored: Sequence[object], by_release: bool = True) -> Matching:
    """Match two histories that are given as JSON values."""
    lines = [
        (read_line(text, number, 0, complete=True), text) for number, text in enumerate(map(spelled, source), start=1)
    ]
    return match_events(lambda: lines, lambda: map(spelled, stored), SESSION, by_release)


def spelled(event: object) -> bytes:
    """The event as a line."""
    return json.dumps(event, separators=(",", ":"), default=float).encode()


@pytest.mark.parametrize(("name", "source", "stored"), CASES)
def test_each_change_of_an_event_has_its_own_name_in_a_history(name: str, source: object, stored: object) -> None:
    version = 2 if name == "hook-message-renamed" else 3
    version = 1 if name == "ids-made-up" else version
    head = [] if name in ("header-canonical", "version-raised") else [{**HEADER, "version": version}]
    found = matching([*head, source], [*head, stored])
    if name == "javascript-numbers":  # no id and no time: by its type
        assert found.matches[-1].place == 1
    assert found.matches[-1].changes == (name,)
    assert found.extra == ()


def test_what_this_program_wrote_may_have_no_change_of_a_release() -> None:
    for name, source, stored in CASES:
        found = matching([source], [stored], by_release=False)
        assert found.matches[0].is_missing, name
        assert len(found.extra) == 1


def test_an_event_with_another_spelling_is_the_same_json() -> None:
    lines = [(read_line(b'{"a": 1}', 1, 0, complete=True), b'{"a": 1}')]
    found = match_events(lambda: lines, lambda: [b'{"a":1}'], SESSION, by_release=False)
    assert (found.matches[0].place, found.matches[0].changes) == (0, (SAME_JSON,))


def test_a_changed_event_takes_no_place_of_one_that_is_equal_to_another() -> None:
    label = {"type": "message", "id": "a", "message": {"role": "assistant", "content": "x"}}
    wrapped = {**label, "message": {"role": "assistant", "content": [{"type": "text", "text": "x"}]}}
    found = matching([label, wrapped], [wrapped, wrapped])
    assert [(one.place, one.changes) for one in found.matches] == [(1, ("text-content-wrapped",)), (0, ())]


def test_made_up_ids_are_found_in_their_order_without_an_id_to_go_by() -> None:
    source = [{"type": "label", "n": n} for n in range(30)]
    stored = [
        {**one, "id": f"{PREFIX}-{index + 1:x}", "parentId": f"{PREFIX}-{index:x}"}
        for index, one in enumerate(source[:9])
    ]
    stored[0]["parentId"] = None
    found = matching([{"type": "session", "id": SESSION}, *source[:9]], [HEADER, *stored])
    assert [one.place for one in found.matches[1:]] == list(range(1, 10))
    assert {one.changes for one in found.matches[1:]} == {("ids-made-up",)}


def test_an_edited_event_is_missing_and_the_edited_one_is_extra() -> None:
    found = matching([{"type": "label", "id": "a", "x": 1}], [{"type": "label", "id": "a", "x": 2}])
    assert found.matches[0].is_missing
    assert len(found.extra) == 1


@given(source=_EVENTS, stored=_EVENTS)
def test_every_stored_event_is_one_of_the_history_or_extra(source: list[object], stored: list[object]) -> None:
    found = matching(source, stored)
    places = [one.place for one in found.matches if one.place is not None]
    assert len(set(places)) == len(places)
    assert len(places) + len(found.extra) == len(stored)
    assert len(found.matches) == len(source)
