"""JSON values as JavaScript sees them, and two values compared strictly or by digest.

OpenClaw reads and writes every entry and event with ``JSON.parse`` and ``JSON.stringify``: a number becomes a
double and is written in the shortest way that reads back as the same double (ECMAScript, ``Number::toString``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, TypeGuard

import msgspec

from migrator.openclaw.places.paths import js_trim

Json = object
"""A parsed JSON value: dict, list, str, int, Decimal, bool or None, as ``json_text.parse_strict`` gives it."""

_PLAIN_INTEGERS = 1 << 53  # up to here every integer is a double
_EXPONENT_FROM = 10**21  # from here on JavaScript writes integers with an exponent
_NOTHING = object()
_PLAIN_FROM = 1e-6  # below, it writes fractions with one


def is_number(value: Json) -> TypeGuard[int | Decimal]:
    """Whether a value is a JSON number; true and false are none."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def is_finite(value: Json) -> TypeGuard[int | Decimal]:
    """Whether a value is a number that a double can hold."""
    return is_number(value) and js_number(value) is not None


def is_truthy(value: Json) -> bool:
    """Whether JavaScript takes a value for true: all but null, false, zero and the empty string."""
    return isinstance(value, dict | list) or bool(value)


def trimmed(value: Json) -> str | None:
    """Give a trimmed string; None for a blank one and for anything else (``normalizeOptionalString``)."""
    return (js_trim(value) or None) if isinstance(value, str) else None


def js_number(value: int | Decimal) -> int | Decimal | None:
    """Give a number as it reads after JavaScript has read and written it; None for one that becomes null."""
    if isinstance(value, int) and -_PLAIN_INTEGERS <= value <= _PLAIN_INTEGERS:
        return value
    try:
        double = float(value)
    except OverflowError:
        return None
    if not math.isfinite(double):
        return None
    digits = Decimal(repr(double))
    if double.is_integer() and abs(double) < _EXPONENT_FROM:
        return int(digits)
    if double.is_integer() or abs(double) < _PLAIN_FROM:
        return digits.normalize()
    return digits


def js_numbers(value: Json) -> Json:
    """Give a value with every number as JavaScript writes it; the same object if all are so already."""
    if not _has_foreign_number(value):
        return value
    box: dict[Any, Any] = {0: value}
    pending: list[Any] = [box]
    while pending:
        container = pending.pop()
        for place, item in enumerate(container) if isinstance(container, list) else [*container.items()]:
            if isinstance(item, dict | list):
                container[place] = item.copy()
                pending.append(container[place])
            elif is_number(item):
                container[place] = js_number(item)
    return box[0]


def _has_foreign_number(value: Json) -> bool:
    for item in scalars(value):
        if isinstance(item, str) or (type(item) is int and -_PLAIN_INTEGERS <= item <= _PLAIN_INTEGERS):
            continue  # as nearly all are
        if is_number(item) and not strictly_equal(js_number(item), item):
            return True
    return False


def scalars(value: Json) -> Iterator[Json]:
    """Everything in a value that is no object and no array, in any order; however deep it is."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending += item.values()
        elif isinstance(item, list):
            pending += item
        else:
            yield item


def strictly_equal(one: Json, other: Json) -> bool:
    """Whether two JSON values are the same, with ``1``, ``1.0``, ``1E0``, ``true`` and ``-0`` all different.

    The order of members does not matter, the order of items does.
    """
    if isinstance(one, str):
        return isinstance(other, str) and one == other
    try:
        return one == other and _EXACT.encode(one) == _EXACT.encode(other)
    except (RecursionError, ValueError, TypeError, OverflowError):  # half characters, far numbers, depth
        return _equal_one_by_one(one, other)


_EXACT = msgspec.json.Encoder(order="deterministic")
"""Writes two values that Python takes for equal alike exactly if they are the same; but not every value."""


def _equal_one_by_one(one: Json, other: Json) -> bool:
    """The same for any values. Does not recurse, so depth does not matter."""
    pending = [(one, other)]
    while pending:
        left, right = pending.pop()
        if type(left) is not type(right):
            return False
        if isinstance(left, dict) and isinstance(right, dict):
            if left.keys() != right.keys():
                return False
            pending += [(value, right[name]) for name, value in left.items()]
        elif isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                return False
            pending += zip(left, right, strict=True)
        elif isinstance(left, Decimal) and isinstance(right, Decimal):
            if left.as_tuple() != right.as_tuple():
                return False
        elif left != right:
            return False
    return True


def canonical(value: Json) -> bytes:
    """Write a value so that two values have the same bytes exactly if they are :func:`strictly_equal`.

    For hashing only: numbers that are no integers are written in a way that no JSON parser takes.
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    except (TypeError, RecursionError):  # the encoder knows no Decimal and no depth
        return "".join(_canonical_pieces(value)).encode()


def _canonical_pieces(value: Json) -> Iterator[str]:
    """Write what the standard encoder writes, and Decimals."""
    pending: list[tuple[str, Json]] = [("", value)]  # what comes before a value, and it; or what comes last
    while pending:
        before, item = pending.pop()
        yield before
        if isinstance(item, dict) and item:
            names = sorted(item)
            pending.append(("}", _NOTHING))
            pending += [(f",{json.dumps(name)}:", item[name]) for name in reversed(names[1:])]
            pending.append((f"{{{json.dumps(names[0])}:", item[names[0]]))
        elif isinstance(item, list) and item:
            pending.append(("]", _NOTHING))
            pending += [(",", member) for member in reversed(item[1:])]
            pending.append(("[", item[0]))
        elif isinstance(item, Decimal):
            sign, digits, exponent = item.as_tuple()
            yield f"{'-' * sign}{''.join(map(str, digits))}E{exponent}"
        elif item is not _NOTHING:
            yield json.dumps(item)
