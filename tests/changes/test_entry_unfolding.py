from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.openclaw.changes.entry_transforms import IMPORT_TRANSFORMS, Entry
from migrator.openclaw.changes.entry_unfolding import unfold_entry
from migrator.openclaw.text.js_values import strictly_equal
from tests.real_results import Real, load

texts = st.sampled_from(["telegram", "webchat", "Slack", " matrix ", "", "12345", "default", "x:y"])
contexts = st.fixed_dictionaries({}, optional=dict.fromkeys(("channel", "to", "accountId", "threadId"), texts))
legacy_entries = st.fixed_dictionaries(
    {"sessionId": texts},
    optional={
        "chatType": st.sampled_from(["direct", "group", "channel", "odd"]),
        "deliveryContext": contexts,
        "origin": st.fixed_dictionaries({}, optional=dict.fromkeys(("provider", "to", "chatType", "label"), texts)),
        "route": st.fixed_dictionaries({}, optional={"channel": texts, "accountId": texts}),
        **dict.fromkeys(("channel", "lastChannel", "lastTo", "lastAccountId", "lastThreadId"), texts),
        "pendingFinalDelivery": st.booleans(),
        "pendingFinalDeliveryText": texts,
        "pendingFinalDeliveryCreatedAt": st.integers(-5, 5),
        "fallbackNoticeSelectedModel": texts,
        "fallbackNoticeActiveModel": texts,
        "fallbackNoticeReason": texts,
        "memoryFlushCompactionCount": st.integers(-3, 3),
        "memoryFlushFailureCount": st.integers(-3, 3),
    },
)


def folded(entry: Entry) -> Entry:
    """What the import of a release makes of an entry."""
    for step in IMPORT_TRANSFORMS:
        entry = step.apply(entry, {})
    return entry


@given(legacy_entries)
def test_folding_what_was_unfolded_gives_the_same_entry_again(entry: Entry) -> None:
    stored = folded(entry)
    legacy, _ = unfold_entry(stored)
    assert strictly_equal(folded(legacy), stored)


@given(legacy_entries)
def test_a_member_stays_folded_only_if_it_is_named(entry: Entry) -> None:
    legacy, kept = unfold_entry(folded(entry))
    for name in ("delivery", "pendingFinalDelivery", "fallbackNotice", "memoryFlush"):
        assert isinstance(legacy.get(name), dict) == (name in kept)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    yield load(tmp_path_factory.mktemp("real"))


def test_every_delivery_that_a_real_release_has_stored_is_unfolded_or_internal(real: Real) -> None:
    seen = set()
    for pair in real.entries:
        _, kept = unfold_entry(pair.stored)
        delivery = pair.stored.get("delivery", {})
        seen.add(delivery.get("kind"))
        assert ("delivery" in kept) == (delivery.get("kind") == "internal")
    assert {"none", "external"} <= seen


def test_an_entry_without_folded_members_is_given_back_as_it_is() -> None:
    entry: Entry = {"sessionId": "a", "unknown": {"delivery": 1}}
    assert unfold_entry(entry) == (entry, ())
    assert unfold_entry(entry)[0] is entry


def test_a_delivery_in_a_form_that_no_release_writes_stays() -> None:
    for delivery in (
        {"kind": "external"},
        {"kind": "odd"},
        {"kind": "external", "route": [], "context": [], "origin": []},
    ):
        assert unfold_entry({"delivery": delivery}) == ({"delivery": delivery}, ("delivery",))
