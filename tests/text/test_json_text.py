"""Strict JSON with exact numbers, and the places of an object's members in its text."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.openclaw.text.json_text import Member, object_members, parse_strict

NO_JSON = [
    *("", " ", "{", "[1,]", "{'a':1}", "{a:1}", "01", "+1", ".5", "1.", "NaN", "[Infinity]", "-Infinity", "nul"),
    *('"\t"', '"\\x41"', "1 2", "{} x", "\ufeff{}", "\xa01", "// c\n1", '{"a":1,}', '{"a" 1}', "\0", '"open'),
]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
blanks = st.text(" \t\r\n", max_size=3)


@given(values, blanks, blanks)
def test_a_document_is_parsed_as_the_stdlib_parses_it(value: object, before: str, after: str) -> None:
    assert parse_strict(before + json.dumps(value) + after) == value


@pytest.mark.parametrize("text", NO_JSON)
def test_whatever_is_no_strict_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^no strict JSON at character "):
        parse_strict(text)


def test_refusals_do_not_quote_the_text() -> None:
    with pytest.raises(ValueError, match=r"^no strict JSON at character ") as refusal:
        parse_strict('{"secret": secret}')
    assert "secret" not in str(refusal.value)


def test_numbers_are_exact() -> None:
    assert parse_strict("[1, 1.10, 1E2, -0.0]") == [1, Decimal("1.10"), Decimal("1E2"), Decimal("-0.0")]
    assert str(parse_strict("1.10")) == "1.10"
    assert str(parse_strict("9" * 5000)) == "9" * 5000
    assert parse_strict("1e99999999999999999999") == Decimal("Infinity")
    assert parse_strict("[1e99999999999999999999, " + "9" * 5000 + ", 0.1]") == [
        Decimal("Infinity"),
        Decimal("9" * 5000),
        Decimal("0.1"),
    ]


def test_the_last_of_duplicate_names_counts() -> None:
    assert parse_strict('{"a": 1, "b": 2, "a": 3}') == {"a": 3, "b": 2}


def test_too_deep_nesting_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^no strict JSON at character "):
        parse_strict("[" * 200_000 + "]" * 200_000)


def test_nine_hundred_levels_are_parsed_from_a_deep_call_stack() -> None:
    def from_below(frames: int) -> object:
        return from_below(frames - 1) if frames else parse_strict("[" * 900 + "]" * 900)

    assert isinstance(from_below(400), list)


@given(st.lists(st.tuples(st.text(max_size=5), values), max_size=5), st.lists(blanks, min_size=5, max_size=5))
def test_members_are_found_where_they_stand(pairs: list[tuple[str, object]], gaps: list[str]) -> None:
    a, b, c, d, e = gaps
    texts = [b + json.dumps(key) + c + ":" + d + json.dumps(value) + e for key, value in pairs]
    text = "[1," + a + "{" + (",".join(texts) or b) + "}, rest"
    members = list(object_members(text, 3))
    assert [(m.key, json.loads(text[m.value_start : m.value_end])) for m in members] == pairs
    for member in members:
        assert text.startswith(json.dumps(member.key) + c + ":", member.start)
        assert text[member.value_start : member.value_end].strip() == text[member.value_start : member.value_end]


def test_escaped_and_duplicate_keys_are_all_found() -> None:
    assert list(object_members(r'{"\u0061":1,"a":[2]}')) == [Member("a", 1, 10, 11), Member("a", 12, 16, 19)]


@pytest.mark.parametrize("text", ["", " ", "[]", '"a"', "null", '{"a":1', '{"a":1,}', "{1:2}", '{"a":01}', '{"a" 1}'])
def test_members_of_what_is_no_object_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^no strict JSON at character "):
        list(object_members(text))
