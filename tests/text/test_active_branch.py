"""Which events of a history OpenClaw shows; ``tests/openclaw/test_active_branch.py`` asks the real code."""

from __future__ import annotations

import json

import pytest

from migrator.openclaw.text.active_branch import active_branch, read_link

HEADER = '{"type":"session","id":"s1","version":3}'


def shown(*lines: str) -> list[int]:
    return list(active_branch(read_link(line.encode()) for line in lines))


def event(event_id: str, parent: str | None, kind: str = "message", **more: object) -> str:
    return json.dumps({"type": kind, "id": event_id, "parentId": parent, **more})


def leaf(event_id: str, target: str | None, **more: object) -> str:
    return event(event_id, target, "leaf", targetId=target, **more)


A, B, C = event("a", None), event("b", "a"), event("c", "b")


def test_the_branch_goes_from_the_last_event_back_along_the_parents() -> None:
    assert shown(HEADER, A, B, C) == [1, 2, 3]
    assert shown(HEADER, A, B, C, event("x", "a"), event("y", "x")) == [1, 4, 5]
    assert shown(HEADER, A, event("x", "a"), B, C) == [1, 3, 4]


def test_where_no_event_has_an_id_all_are_shown_but_the_header() -> None:
    assert shown(HEADER, '{"type":"message"}', '{"message":{}}', "null", '{"type":"odd"}', "[1]") == [1, 2]


def test_an_event_without_the_member_continues_the_leaf() -> None:
    assert shown(A, event("x", "a"), '{"type":"message","id":"z"}') == [0, 1, 2]


def test_an_event_whose_parent_has_not_come_continues_the_leaf() -> None:
    assert shown(A, B, event("x", "gone")) == [0, 1, 2]
    assert shown(event("x", "gone"), event("y", "x")) == [0, 1]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ((leaf("l", "a"),), [0]),
        ((leaf("l", "a"), event("x", "l")), [0, 4]),
        ((leaf("l", None),), []),
        ((leaf("l", "unknown"),), [0, 1, 2]),
        ((leaf("l", "a", appendMode="odd"),), [0, 1, 2]),
        ((event("x", "a", appendMode="side"),), [0, 1, 2]),
        ((event("x", "c", "odd"),), [0, 1, 2]),
        ((event("x", "c", "odd"), event("y", "x")), [0, 1, 2, 4]),
    ],
    ids=["leaf", "behind-leaf", "leaf-of-nothing", "unknown", "odd-mode", "side", "opaque", "behind-opaque"],
)
def test_controls_choose_the_leaf_and_side_events_do_not(more: tuple[str, ...], expected: list[int]) -> None:
    assert shown(A, B, C, *more) == expected


def test_behind_a_reset_nothing_leads_back_before_it() -> None:
    reset = event("r", "c", "reset")
    assert shown(A, B, C, reset, event("x", "a")) == [0, 1, 2, 3, 4]
    assert shown(A, B, C, reset, leaf("l", "a")) == [0, 1, 2, 3]


def test_a_circle_of_parents_shows_nothing_of_itself() -> None:
    assert shown(event("a", "b"), event("b", "a"), event("a", "b")) == [0, 1, 2]
    assert shown(leaf("l", None), event("a", "a")) == []


def test_the_last_event_of_an_id_counts() -> None:
    assert shown(A, B, event("a", None, n=2)) == [2]


def test_what_is_no_json_or_no_object_has_no_place() -> None:
    assert shown("{", "3", '{"type":5,"id":7}', A) == [3]
    assert read_link(b'{"id":"\\ud800","message":1}').is_message
