"""Strict JSON as OpenClaw's ``JSON.parse`` takes it, but with exact numbers and in linear time.

Which release reads which format: ``migrator/openclaw/README.md``, "The legacy files".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn, TypeVar

_T = TypeVar("_T")
_NO_BLANK = re.compile(r"[^ \t\n\r]")


@dataclass(frozen=True, slots=True)
class Member:
    """Where a member of a JSON object stands in its text; ``start`` is that of the opening quote."""

    key: str
    start: int
    value_start: int
    value_end: int


def parse_strict(text: str) -> object:
    """Parse one strict JSON document.

    Integers become int, other numbers Decimal, and so do ``-0`` and integers of more digits than int() converts. Of
    members with the same name the last one counts. Raises ValueError for anything else, NaN and too deep
    nesting included.
    """
    start = skip_blanks(text, 0)
    if _MINUS_ZERO.search(text):
        value, end = _patiently(text, start)
    else:
        value, end = _decode_or_refuse(text, start)
    if skip_blanks(text, end) != len(text):
        _refuse(end)
    return value


def object_members(text: str, start: int = 0) -> Iterator[Member]:
    """Yield the members of the strict JSON object that begins at ``text[start]``, or after blanks there.

    What follows the object is not looked at. Raises ValueError, perhaps after some members, if it is no
    object.
    """
    at = _pass(text, start, "{")
    if text.startswith("}", at):
        return
    while True:
        key, key_end = _decode_or_refuse(text, at)
        if not isinstance(key, str):
            _refuse(at)
        value_start = _pass(text, key_end, ":")
        value_end = _decode_or_refuse(text, value_start)[1]
        yield Member(key, at, value_start, value_end)
        at = skip_blanks(text, value_end)
        if text.startswith("}", at):
            return
        at = _pass(text, at, ",")


def decode(text: str, at: int) -> tuple[object, int]:
    """Parse the strict JSON value that begins at ``at``; return it and its end.

    Raises ValueError if there is none, and RecursionError if it is nested deeper than the stdlib decoder
    goes (more than 900 levels).
    """
    return recurse(lambda: _decode_here(text, at))


def recurse(job: Callable[[], _T]) -> _T:
    """Run a recursive job; whether it raises RecursionError does not depend on the depth of the caller."""
    try:
        return job()
    except RecursionError:
        with ThreadPoolExecutor(max_workers=1) as pool:
            return pool.submit(job).result()


def skip_blanks(text: str, at: int) -> int:
    """Pass what strict JSON takes for blank."""
    solid = _NO_BLANK.search(text, at)
    return solid.start() if solid else len(text)


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and the infinities are no JSON")


def _long_integer(literal: str) -> int | Decimal:
    if literal == "-0":
        return Decimal(literal)  # an int has no sign to keep
    try:
        return int(literal)
    except ValueError:
        return Decimal(literal)


def _far_number(literal: str) -> Decimal:
    """Read a number whose exponent may be beyond Decimal's, then as JavaScript does: infinite, or zero."""
    try:
        return Decimal(literal)
    except ArithmeticError:
        return Decimal(float(literal))


_MINUS_ZERO = re.compile(r"-0(?![\d.eE])")
# Two decoders, because a function of ours for each number would make the first one much slower.
_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)
_PATIENT_DECODER = json.JSONDecoder(parse_float=_far_number, parse_int=_long_integer, parse_constant=_no_constant)


def _decode_here(text: str, at: int) -> tuple[object, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError:
        raise
    except (ValueError, ArithmeticError):
        return _PATIENT_DECODER.raw_decode(text, at)


def _patiently(text: str, at: int) -> tuple[object, int]:
    try:
        return recurse(lambda: _PATIENT_DECODER.raw_decode(text, at))
    except (ValueError, RecursionError, ArithmeticError):
        _refuse(at)


def _decode_or_refuse(text: str, at: int) -> tuple[object, int]:
    try:
        return decode(text, at)
    except (ValueError, RecursionError):
        _refuse(at)


def _refuse(at: int) -> NoReturn:
    raise ValueError(f"no strict JSON at character {at}") from None


def _pass(text: str, at: int, mark: str) -> int:
    """Pass a punctuation mark and the blanks around it."""
    at = skip_blanks(text, at)
    if not text.startswith(mark, at):
        _refuse(at)
    return skip_blanks(text, at + 1)
