"""The JSON of one line of a transcript, and the whole records that can be saved of a line that is none."""

from __future__ import annotations

import json
import re
from itertools import accumulate, pairwise
from typing import NoReturn

from migrator.openclaw.places.paths import js_trim

UTF8_REPLACED = "utf8-replaced"
"""The transform of bytes that are no UTF-8: each bad sequence is U+FFFD, as OpenClaw's runtime reads it."""

MAX_DEPTH = 500
"""Deeper nesting counts as malformed. Python's own limit varies with its version; this one judges alike."""

_ALL_BUT_BRACKETS = re.compile(r'"[^"]*"|[^][{}"]+')
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


def cut_at_nuls(raw: bytes) -> list[bytes]:
    """Save a whole object before the first NUL byte and one after the last; the rest stays one piece.

    Power loss leaves such lines: a record and then NUL bytes up to the end of a disk block (issue 119887: six
    good records and 284 NUL bytes), or a record that was appended behind such a block.
    """
    first, after_last = raw.find(b"\0"), raw.rfind(b"\0") + 1
    start = first if _is_object(raw[:first]) else 0
    stop = after_last if _is_object(raw[after_last:]) else len(raw)
    return [piece for piece in (raw[:start], raw[start:stop], raw[stop:]) if piece]


def _is_object(raw: bytes) -> bool:
    try:
        return isinstance(parse_line(decode_line(raw)[0]), dict)
    except ValueError:
        return False


_RECORD = re.compile(r'\{[ \t]*"(?:type|id|parentId|timestamp)"[ \t]*:')
_MOST_STARTS = 64
"""So often a whole record is looked for on a damaged line, so that no line takes more than linear time."""


def cut_at_records(raw: bytes) -> list[bytes]:
    """Save the whole records on a line on which two writers have put theirs (github/copilot-cli#4098).

    What begins the line or follows a whole record is one if it is an object; behind a broken one only what has all that
    an event has, because the parts of a broken message are objects, too.
    """
    text = raw.decode("latin-1")  # one character for each byte
    cuts, at, behind_record = [0], 0, True
    for _ in range(_MOST_STARTS):
        if not behind_record:
            start = _RECORD.search(text, at)
            if start is None:
                break
            at = start.start()
        end = _end_of_record(text, at, any_object=behind_record)
        if end is not None:
            cuts += [at, end] if not behind_record else [end]
        at = at + 1 if end is None else end
        behind_record = end is not None
    cuts = sorted({*cuts, len(text)})
    return [raw[start:stop] for start, stop in pairwise(cuts)]


def _end_of_record(text: str, at: int, any_object: bool) -> int | None:
    start = at + len(text[at : at + 16]) - len(text[at : at + 16].lstrip(" \t\r"))
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    is_event = isinstance(value.get("type"), str) and {"id", "timestamp"} <= value.keys()
    return end if any_object or (is_event and ("parentId" in value or value["type"] == "session")) else None


def decode_line(raw: bytes) -> tuple[str, tuple[str, ...]]:
    """Give the text of a line, trimmed as OpenClaw trims it, and the transform that it took to get one."""
    try:
        return js_trim(raw.decode()), ()
    except UnicodeDecodeError:
        return js_trim(raw.decode(errors="replace")), (UTF8_REPLACED,)


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(name)


# Numbers become floats: only times are looked at, and Python refuses ints of more than 4,300 digits.
_DECODER = json.JSONDecoder(parse_int=float, parse_constant=_reject_constant)


def parse_line(text: str) -> object:
    """Parse strict JSON; raises ValueError for anything else, and for nesting beyond ``MAX_DEPTH``."""
    try:
        value: object = _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if len(text) > 2 * MAX_DEPTH and text.count("[") + text.count("{") > MAX_DEPTH < _depth(text):
        raise ValueError("nested too deeply")
    return value


def _depth(text: str) -> int:
    """Count how deeply valid JSON is nested."""
    without_escapes = text.replace("\\\\", "").replace('\\"', "")
    return max(accumulate(map(_STEPS.__getitem__, _ALL_BUT_BRACKETS.sub("", without_escapes))))
