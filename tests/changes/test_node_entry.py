from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.openclaw.changes.node_entry import node_entry
from migrator.openclaw.changes.transforms import explain_entry
from migrator.openclaw.text.js_values import strictly_equal
from migrator.openclaw.text.json_text import parse_strict

SAFE = 2**53 - 1
members = st.fixed_dictionaries(
    {},
    optional={
        "sessionId": st.sampled_from(["a", " b ", "", "../evil", 7, None]),
        "updatedAt": st.none() | st.integers(0, SAFE),
        "sessionStartedAt": st.integers(0, SAFE),
        "lastChannel": st.sampled_from(["telegram", "webchat"]),
        "lastTo": st.just("1"),
        "label": st.text(max_size=5),
        "model": st.sampled_from(["m", " m "]),
        "archivedAt": st.integers(0, 9),
    },
)


@given(members, st.booleans())
def test_id_and_time_of_the_row_are_those_in_its_text(entry: dict[str, object], archived: bool) -> None:
    made = node_entry(json.dumps(entry), archived=archived, fold=True)
    stored = json.loads(made.text)
    assert (stored["sessionId"], stored["updatedAt"]) == (made.session_id, made.updated_at)
    assert ("archivedAt" in stored) == (archived or "archivedAt" in entry)
    assert stored["delivery"]["kind"] in ("none", "internal", "external")


@given(members)
def test_what_a_repair_makes_of_an_entry_is_explained_by_named_transforms(entry: dict[str, object]) -> None:
    source = parse_strict(json.dumps(entry))
    stored = parse_strict(node_entry(json.dumps(entry), archived=False, fold=True).text)
    assert isinstance(source, dict)
    assert isinstance(stored, dict)
    assert explain_entry(source, stored) is not None


@given(members, st.integers(0, SAFE))
def test_without_folding_an_entry_stays_byte_for_byte(entry: dict[str, object], updated_at: int) -> None:
    text = json.dumps({**entry, "sessionId": "a", "updatedAt": updated_at}, indent=1)
    assert node_entry(text, archived=False, fold=False).text == text


def test_a_made_up_session_id_depends_on_the_entry_alone() -> None:
    one, same, other = (
        node_entry(text, archived=False, fold=True).session_id for text in ('{"n":1}', '{ "n": 1 }', '{"n":2}')
    )
    assert one == same != other


def test_members_that_did_not_change_keep_their_spelling() -> None:
    text = '{"sessionId":"a","updatedAt":7,"big":9007199254740993,"x":1.50}'
    made = node_entry(text, archived=False, fold=True)
    assert made.text == text[:-1] + ',"delivery":{"kind":"none"}}'


def test_columns_hold_nothing_that_they_cannot() -> None:
    text = json.dumps(
        {"sessionId": "a", "updatedAt": 7, "pinnedAt": 1e300, "label": "\ud800", "createdAt": "x", "icon": 3}
    )
    made = node_entry(text, archived=False, fold=True)
    assert made.columns == {}
    assert strictly_equal(json.loads(made.text)["label"], "\ud800")


@pytest.mark.parametrize("text", ["[]", "null", "7", "no json"])
def test_what_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no "):
        node_entry(text, archived=False, fold=True)
