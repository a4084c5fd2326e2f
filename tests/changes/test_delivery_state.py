from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.openclaw.changes.delivery_state import LEGACY_FIELDS, fold_delivery

_Object = dict[str, Any]


def external(context: _Object, route: _Object, origin: _Object) -> _Object:
    """Make a delivery that leads out of OpenClaw."""
    return {"kind": "external", "route": route, "context": context, "origin": origin}


TELEGRAM = {"channel": "telegram", "to": "1"}
TO_ONE = {"channel": "telegram", "target": {"to": "1"}}

# What OpenClaw 2026.9.6 itself makes of these fields.
CASES: tuple[tuple[_Object, _Object], ...] = (
    ({}, {"kind": "none"}),
    ({"lastTo": "1"}, {"kind": "none"}),
    ({"origin": {"to": "1"}}, external({"to": "1"}, {"target": {"to": "1"}}, {"to": "1"})),
    ({"deliveryContext": {"accountId": "__proto__"}}, {"kind": "none"}),
    (
        {"lastAccountId": "b", "channel": "irc", "deliveryContext": {"channel": "irc", "to": "#a", "accountId": "a"}},
        external(
            {"channel": "irc", "accountId": "b"},
            {"channel": "irc", "accountId": "b"},
            {"provider": "irc", "accountId": "b"},
        ),
    ),
    ({"channel": "webchat", "lastChannel": "webchat", "lastTo": "x"}, {"kind": "internal"}),
    ({"route": {"channel": "heartbeat"}}, {"kind": "internal"}),
    ({"lastChannel": " Telegram", "lastTo": " 1 "}, external(TELEGRAM, TO_ONE, {"provider": "telegram", "to": "1"})),
    (
        {"channel": "telegram", "lastTo": "3", "lastThreadId": Decimal("12.75")},
        external(
            {"channel": "telegram", "to": "3", "threadId": 12},
            {"channel": "telegram", "target": {"to": "3"}, "thread": {"id": 12}},
            {"provider": "telegram", "to": "3", "threadId": 12},
        ),
    ),
    (
        {"lastChannel": "webchat", "deliveryContext": TELEGRAM, "route": {"channel": "webchat", "target": {"to": "x"}}},
        external(TELEGRAM, TO_ONE, {"provider": "telegram", "to": "1"}),
    ),
    (
        {"route": {"channel": "slack", "accountId": "A b"}, "lastChannel": "telegram", "lastTo": "4"},
        external(
            {"channel": "slack", "accountId": "a-b"},
            {"channel": "slack", "accountId": "a-b"},
            {"provider": "slack", "accountId": "a-b"},
        ),
    ),
    (
        {"origin": {"provider": "lark", "to": "6", "threadId": None}},
        external(
            {"channel": "feishu", "to": "6"},
            {"channel": "feishu", "target": {"to": "6"}},
            {"provider": "lark", "to": "6"},
        ),
    ),
    (
        {"route": {**TO_ONE, "target": {"to": "1", "rawTo": "tg:1", "chatType": "direct"}}},
        external(
            TELEGRAM,
            {"channel": "telegram", "target": {"to": "1", "rawTo": "tg:1", "chatType": "direct"}},
            {"provider": "telegram", "to": "1", "chatType": "direct"},
        ),
    ),
    ({"route": [1], "deliveryContext": {"channel": " ", "to": 5}, "origin": {}}, {"kind": "none"}),
    (
        {"delivery": {"kind": "none"}, "channel": "telegram", "lastTo": "1"},
        external(TELEGRAM, TO_ONE, {"provider": "telegram", "to": "1"}),
    ),
    ({"delivery": {"kind": "internal", "x": 1}, "channel": "cron"}, {"kind": "internal", "x": 1}),
    ({"delivery": external({}, {}, {}), "lastChannel": "telegram"}, external({}, {}, {})),
    ({"delivery": "x"}, {"kind": "none"}),
)


@pytest.mark.parametrize(("fields", "delivery"), CASES)
def test_the_legacy_fields_become_one_delivery(fields: _Object, delivery: _Object) -> None:
    folded = fold_delivery({"sessionId": "s", **fields})

    assert folded == {"sessionId": "s", "delivery": delivery}


@pytest.mark.parametrize(("known", "folded"), [(None, "group"), ("direct", "direct")])
def test_the_chat_type_of_the_origin_is_kept_unless_there_is_one(known: str | None, folded: str) -> None:
    entry: _Object = {"chatType": known, "origin": {"chatType": "group"}}

    assert fold_delivery(entry)["chatType"] == folded


def test_an_unknown_chat_type_is_not_taken_over() -> None:
    assert "chatType" not in fold_delivery({"origin": {"chatType": "thread"}})


def test_an_entry_that_has_a_delivery_and_no_legacy_field_is_left_alone() -> None:
    entry: _Object = {"sessionId": "s", "delivery": {"kind": "internal"}}

    assert fold_delivery(entry) is entry


_TEXTS = st.sampled_from(["telegram", "webchat", "cron", " IMSG", "", "  ", "1", "Default Bot"])
_SCALARS = _TEXTS | st.sampled_from([None, True, 0, 7, Decimal("1.5")])
_PARTS = st.dictionaries(
    st.sampled_from(["channel", "provider", "to", "rawTo", "accountId", "threadId", "id", "kind", "chatType"]), _SCALARS
)
_ROUTES = _PARTS | st.fixed_dictionaries({}, optional={"channel": _TEXTS, "target": _PARTS, "thread": _PARTS})


@given(
    st.dictionaries(st.sampled_from([*LEGACY_FIELDS, "delivery", "chatType"]), _SCALARS | _ROUTES | st.lists(_SCALARS))
)
def test_folding_leaves_no_legacy_field_and_nothing_to_fold(entry: _Object) -> None:
    folded = fold_delivery(entry)

    assert not set(LEGACY_FIELDS) & folded.keys()
    assert folded["delivery"]["kind"] in ("none", "internal", "external")  # type: ignore[index]  # an object now
    assert fold_delivery(folded) is folded


@given(st.dictionaries(st.text(max_size=3), _SCALARS))
def test_what_is_no_delivery_field_is_kept(others: _Object) -> None:
    entry = {**others, "lastTo": "1"}

    folded = fold_delivery(entry)

    assert {name: folded[name] for name in others} == others
