"""A history that is all there, and shows something else than the session's own file, is told from one that went on."""

from __future__ import annotations

import json
from collections.abc import Sequence

from migrator.openclaw.text.active_branch import Link, read_link
from migrator.verification.branches import Hidden, hidden

HEADER: dict[str, object] = {"type": "session", "id": "s1"}
Event = dict[str, object]


def message(event_id: str | None, parent: str | None) -> Event:
    made: Event = {"type": "message", "message": {"role": "user"}}
    return made if event_id is None else {**made, "id": event_id, "parentId": parent}


def links(events: list[Event]) -> list[Link]:
    return [read_link(json.dumps(event).encode()) for event in events]


def found(own: list[Event], stored: list[Event], others: Sequence[Event] = ()) -> Hidden | None:
    return hidden(list(enumerate(links(own), start=1)), links(stored), links([*others]))


A, B, C, X = message("a", None), message("b", "a"), message("c", "b"), message("x", "a")
OWN = [HEADER, A, B, C]


def test_the_same_branch_hides_nothing() -> None:
    assert found(OWN, OWN) is None
    assert found(OWN, [HEADER, A, X, B, C], [HEADER, A, X]) is None


def test_the_first_message_out_of_view_is_where_the_branches_part() -> None:
    assert found(OWN, [*OWN, X], [HEADER, A, X]) == Hidden(messages=2, line=3)


def test_parents_that_an_upgrade_has_changed_are_noticed() -> None:
    assert found(OWN, [HEADER, A, B, message("c", "a")]) == Hidden(messages=1, line=3)


def test_a_control_among_the_events_of_the_file_is_noticed() -> None:
    control: Event = {"type": "leaf", "id": "l", "parentId": "c", "targetId": "a"}
    assert found([*OWN, message("d", "c")], [*OWN, control, message("d", "l")]) == Hidden(messages=2, line=3)


def test_what_came_later_is_no_difference_wherever_it_led() -> None:
    assert found(OWN, [*OWN, message("d", "c")]) is None
    assert found(OWN, [*OWN, message("d", "a")]) is None


def test_events_that_got_ids_are_compared_by_their_number() -> None:
    own = [HEADER, *[message(None, None)] * 3]
    linear = [message("1", None), message("2", "1"), message("3", "2")]
    assert found(own, [HEADER, *linear]) is None
    assert found(own, [HEADER, *linear, message("4", "1")]) is None
    assert found(own, [HEADER, *linear[:2], message("3", None)]) == Hidden(messages=2, line=3)


def test_what_is_missing_is_not_out_of_view() -> None:
    assert found(OWN, [HEADER, A, B]) is None
