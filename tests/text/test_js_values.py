from __future__ import annotations

import json
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.openclaw.text.js_values import (
    _equal_one_by_one,
    canonical,
    is_finite,
    is_number,
    is_truthy,
    js_number,
    js_numbers,
    strictly_equal,
    trimmed,
)
from migrator.openclaw.text.json_text import parse_strict


@pytest.mark.parametrize(
    ("written", "rewritten"),
    [
        ("9007199254740993", "9007199254740992"),
        ("-9007199254740993", "-9007199254740992"),
        ("1e400", "null"),
        ("-1e400", "null"),
        ("1" + "0" * 400, "null"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("0e5", "0"),
        ("1E3", "1000"),
        ("1.0", "1"),
        ("1.50", "1.5"),
        ("0.1", "0.1"),
        ("1e21", "1e+21"),
        ("1.5e22", "1.5e+22"),
        ("100000000000000000000", "100000000000000000000"),
        ("999999999999999999999", "1e+21"),
        ("123456789012345678901234567890", "1.2345678901234568e+29"),
        ("0.000001", "0.000001"),
        ("1e-6", "0.000001"),
        ("0.0000001", "1e-7"),
        ("1.0e-7", "1e-7"),
        ("5e-324", "5e-324"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("1e-400", "0"),
    ],
)
def test_a_number_reads_as_javascript_writes_it(written: str, rewritten: str) -> None:
    number = parse_strict(written)

    assert is_number(number)
    assert strictly_equal(js_number(number), parse_strict(rewritten))


def test_numbers_are_rewritten_at_any_depth_and_nothing_else_is() -> None:
    value: Any = {"a": [Decimal("1.0"), True, None, "1.0"]}
    for _ in range(5_000):
        value = [value]

    changed: Any = js_numbers(value)

    inner = value
    for _ in range(5_000):
        changed, inner = changed[0], inner[0]
    assert strictly_equal(changed, {"a": [1, True, None, "1.0"]})
    assert strictly_equal(inner, {"a": [Decimal("1.0"), True, None, "1.0"]})


def test_a_value_with_the_numbers_of_javascript_is_the_same_object() -> None:
    value = {"a": [1, Decimal("0.5"), Decimal("1E+21"), {"b": None}]}

    assert js_numbers(value) is value


_NUMBERS = st.sampled_from([0, 1, -1, Decimal("0"), Decimal("-0"), Decimal("1"), Decimal("1.0"), Decimal("1E+1"), 10])
_JSON = st.recursive(
    _NUMBERS | st.none() | st.booleans() | st.sampled_from(["", "1", "1E0", "\\ud800", "\ud800", '","']),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["", "a", "b", '"']), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(_JSON, _JSON)
def test_canonical_bytes_are_equal_exactly_if_the_values_are(one: object, other: object) -> None:
    assert (canonical(one) == canonical(other)) == strictly_equal(one, other)


@given(_JSON, _JSON)
def test_values_that_are_compared_at_once_are_equal_exactly_if_they_are_so_one_by_one(
    one: object, other: object
) -> None:
    for left, right in ((one, other), (one, deepcopy(one)), ([other, one], [other, one]), ({"a": one}, {"a": other})):
        assert strictly_equal(left, right) == _equal_one_by_one(left, right)


def test_values_of_any_depth_and_size_are_compared() -> None:
    deep: list[object] = [10**400]
    for _ in range(5000):
        deep = [deep]
    assert strictly_equal({"a": deep, "b": "\ud800"}, {"b": "\ud800", "a": deep})
    assert not strictly_equal({"a": deep, "b": 1}, {"a": deep, "b": True})


@given(st.recursive(st.none() | st.integers() | st.text(), lambda i: st.lists(i) | st.dictionaries(st.text(), i)))
def test_canonical_bytes_of_plain_values_are_sorted_json(value: object) -> None:
    plain = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

    assert canonical(value) == plain
    assert canonical([value, Decimal("0.5")]) == b"[" + plain + b",5E-1]"


def test_canonical_bytes_do_not_depend_on_how_deep_the_caller_is() -> None:
    deep: Any = []
    for _ in range(600):
        deep = {"a": deep}

    def from_below(levels: int) -> bytes:
        return from_below(levels - 1) if levels else canonical(deep)

    assert from_below(300) == canonical(deep)
    for _ in range(5_000):
        deep = [deep]
    assert canonical(deep).startswith(b"[" * 5_000)


@pytest.mark.parametrize("value", [None, False, 0, "", Decimal("0.0"), Decimal("-0")])
def test_what_javascript_takes_for_false(value: object) -> None:
    assert not is_truthy(value)


@pytest.mark.parametrize("value", [True, 1, " ", Decimal("0.1"), [], {}])
def test_what_javascript_takes_for_true(value: object) -> None:
    assert is_truthy(value)


def test_true_is_no_number_and_a_number_may_be_beyond_a_double() -> None:
    assert not is_number(True)
    assert is_finite(Decimal("1E+300"))
    assert not is_finite(Decimal("1E+400"))
    assert not is_finite("1")


@pytest.mark.parametrize(("value", "text"), [("\ufeff a\n", "a"), (" ", None), ("", None), (5, None), (None, None)])
def test_a_text_is_trimmed_or_none(value: object, text: str | None) -> None:
    assert trimmed(value) == text
