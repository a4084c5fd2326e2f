"""JSON5 at the level of text: where keys, strings and values end, and how they become strict JSON.

JSON5 is what OpenClaw read up to 2026.1.29, and what its migrations still read. All functions are pure.
Everything but the JSON5 parser itself takes linear time, for any nesting.

JSON5 as people write it is rewritten as strict JSON token by token, a hundred times as fast as by the parser: comments,
bare keys, single quotes and trailing commas. For anything beyond (hexadecimal numbers, line continuations, infinities,
unusual blanks) the parser decides; a property test holds the two together.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from migrator.openclaw.text.json_text import decode, parse_strict, recurse

JSON5_LIMIT = 4 << 20
"""Characters of one value beyond which JSON5 is not tried: its parser takes some nine seconds per million."""

BLANKS = "\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
"""What JSON5 takes for blank, as the inside of a regular expression's character set."""

_BARE_KEY_END = re.compile(rf"[\0-#%-/:-@\[\]^`{{-\x7f{BLANKS}]")
_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_BARE_VALUE_END = re.compile(rf"[{BLANKS},:{{}}\[\]\"'/]")
_STRUCTURE = re.compile(r"""[{}\[\]"']|/[/*]""")
_OUTER_STOP = re.compile(r'[{}\[\],"]')
_STRING_STOPS = {'"': re.compile(r'["\\\n\r]'), "'": re.compile(r"['\\\n\r]")}
_LINE_END = re.compile("[\n\r\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")

_CHARACTERS = (
    r"[^{quote}\\\x00-\x1f]*(?:\\(?:[{quote}\\/bfnrt]|u(?![dD][89a-fA-F])[0-9A-Fa-f]{{4}})[^{quote}\\\x00-\x1f]*)*"
)
_TOKEN = re.compile(
    rf"""
    (?P<blank>[ \t\n\r]+ | //[^\n\r\u2028\u2029]* | /\*(?s:.*?)\*/)
    | (?P<text>"{_CHARACTERS.format(quote='"')}")
    | (?P<single>'{_CHARACTERS.format(quote="'")}')
    | (?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
    | (?P<number>(?!-0(?![.0-9eE]))-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![0-9A-Za-z_$.]))
    | (?P<mark>[{{}}\[\]:])
    | (?P<comma>,)
    """,
    re.VERBOSE,
)
_BLANKS = re.compile(r"(?:[ \t\n\r]|//[^\n\r\u2028\u2029]*|/\*(?s:.*?)\*/)*")
_LITERALS = ("true", "false", "null")
_QUOTES = re.compile(r"\\.|\"")


class EndOfTextError(Exception):
    """The text at hand ends inside what is being read."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """Strict JSON ``text`` and the ``value`` it parses to, or a ``problem`` (a finding code) and neither."""

    text: str | None
    value: object
    transforms: tuple[str, ...]
    problem: str | None


def exact(source: str) -> tuple[bytes, str]:
    """Give the bytes of a text decoded with surrogateescape, and the text as JavaScript decodes them."""
    try:
        return source.encode(), source
    except UnicodeEncodeError:
        raw = source.encode("utf-8", "surrogateescape")
        return raw, raw.decode("utf-8", "replace")


def key_end(text: str, at: int) -> int | None:
    """Where the JSON5 key that begins at ``at`` ends; None if none does. Raises EndOfTextError."""
    if text[at] in _STRING_STOPS:
        end, closed = string_end(text, at)
        return end if closed else None
    stop = _BARE_KEY_END.search(text, at)
    if stop is None:
        raise EndOfTextError
    return stop.start() if stop.start() > at else None


def read_key(token: str) -> tuple[str, bool] | None:
    """Decode one JSON5 key and say whether it is strict JSON; None if it is no key."""
    source = exact(token)[1]
    if source.startswith('"'):
        try:
            return str(decode(source, 0)[0]), True
        except ValueError:
            pass
    if _PLAIN_KEY.fullmatch(source):
        return source, False
    try:
        members = parse_strict(json5_to_json(f"{{{source}:0}}")[0])
    except ValueError:
        return None
    return (next(iter(members)), False) if isinstance(members, dict) else None


def read_value(text: str, at: int, *, ended: bool) -> tuple[int, object, str | None]:
    """Parse the value at ``at`` as strict JSON; return its end, itself, and what is wrong with it.

    If something is wrong, the end is that of a JSON5 value, found by brackets and quotes alone. ``ended``
    says that nothing follows the text. Raises EndOfTextError, also for a bare word or number that touches the
    end: more of it may follow.
    """
    bare_end = None
    if text[at] not in "{[\"'":
        stop = _BARE_VALUE_END.search(text, at)
        if stop is None:
            raise EndOfTextError
        bare_end = stop.start()
    problem = "entry.not-json"
    try:
        value, end = decode(text, at)
        if bare_end in (None, end):
            return end, value, None
    except RecursionError:
        problem = "entry.too-deep"
    except json.JSONDecodeError as error:
        if not ended and _may_be_cut(error):
            raise EndOfTextError from None
    except ValueError:
        pass
    return _bracketed_end(text, at) if bare_end is None else bare_end, None, problem


def _may_be_cut(error: json.JSONDecodeError) -> bool:
    """Whether more text might mend an error: a guess that only saves a slower look at a long value."""
    longest_word = len("-Infinity")
    return error.pos + longest_word >= len(error.doc) or error.msg.startswith("Unterminated string")


def interpret(text: str, value: object, problem: str | None, *, replaced: bool) -> Meaning:
    """Say what a whole value means, given what :func:`read_value` found in it; JSON5 is tried here.

    ``replaced`` says that ``text`` has U+FFFD where the source has invalid bytes.
    """
    transforms: tuple[str, ...] = ("utf8-replaced",) if replaced else ()
    if problem == "entry.not-json" and len(text) > JSON5_LIMIT:
        problem = "entry.json5-too-large"
    try:
        if problem == "entry.not-json":
            text, nonfinite = json5_to_json(text)
            transforms = ("json5-to-json", *transforms, *(("nonfinite-to-null",) if nonfinite else ()))
            problem = None
        if problem is None and transforms:
            value = parse_strict(text)
    except ValueError:
        problem = "entry.not-json"
    except RecursionError:
        problem = "entry.too-deep"
    if problem is None and not isinstance(value, dict):
        problem = "entry.not-object"
    return Meaning(None, None, (), problem) if problem else Meaning(text, value, transforms, None)


def json5_to_json(source: str) -> tuple[str, bool]:
    """Rewrite one JSON5 document as strict JSON; say whether NaN or an infinity became null.

    Lone surrogates become escapes. Raises ValueError if it is no JSON5, and RecursionError if it is too
    deep for the JSON5 parser (more than about 35 levels), whatever the depth of the caller.
    """
    nonfinite: list[str] = []

    def number(literal: str) -> float | None:
        value = float(literal)
        if math.isfinite(value):
            return value
        nonfinite.append(literal)
        return None

    def convert() -> str:
        import json5  # slow to load, and rarely needed

        value = json5.loads(source, parse_float=number, parse_constant=nonfinite.append)
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    def convert_fast() -> str:
        value = json.loads(rewritten(source) or "", parse_float=number)
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    try:
        text = convert_fast()
    except (ValueError, RecursionError):
        nonfinite.clear()
        text = recurse(convert)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text), bool(nonfinite)


def string_end(text: str, at: int) -> tuple[int, bool]:
    """Where the JSON5 string that begins with the quote at ``at`` ends, and whether it is closed.

    A line end that is not escaped ends it unclosed: so one lost quote spoils one line. Raises EndOfTextError.
    """
    quote, stops = text[at], _STRING_STOPS[text[at]]
    at += 1
    while stop := stops.search(text, at):
        at = stop.start()
        if text[at] == quote:
            return at + 1, True
        if text[at] != "\\":
            return at, False
        at += 3 if text.startswith("\r\n", at + 1) else 2
    raise EndOfTextError


def outer_marks(text: str, at: int) -> Iterator[int]:
    """Where commas and closing braces are outside all brackets and double quotes that begin from ``at`` on.

    Apostrophes and slashes count for nothing, as this is for text that is no JSON5. Ends at a quote without an end.
    """
    depth = 0
    while token := _OUTER_STOP.search(text, at):
        mark, at = token.group(), token.end()
        if mark == '"':
            try:
                at, _ = string_end(text, token.start())
            except EndOfTextError:
                return
        elif mark in "{[":
            depth += 1
        elif depth > 0:
            depth -= mark in "]}"
        elif mark in ",}":
            yield token.start()


def line_end(text: str, at: int) -> int:
    """Where the JSON5 line that holds ``at`` ends; the length of the text if nothing ends it."""
    stop = _LINE_END.search(text, at)
    return stop.start() if stop else len(text)


def _bracketed_end(text: str, at: int) -> int:
    """Where the JSON5 object, array or string at ``at`` ends. Raises EndOfTextError.

    A closing bracket also closes what was left open inside, and counts for nothing if it never was opened.
    """
    opened: list[str] = []
    counts = {"}": 0, "]": 0}
    while token := _STRUCTURE.search(text, at):
        at = token.end()
        mark = token.group()
        if mark in _STRING_STOPS:
            at = string_end(text, at - 1)[0]
        elif mark == "//":
            at = line_end(text, at)
        elif mark == "/*":
            close = text.find("*/", at)
            at = close + 2 if close >= 0 else len(text)
        elif mark in "{[":
            opened.append("}" if mark == "{" else "]")
            counts[opened[-1]] += 1
        elif counts[mark]:
            while (closed := opened.pop()) != mark:
                counts[closed] -= 1
            counts[mark] -= 1
        if not opened:
            return at
    raise EndOfTextError


def rewritten(source: str) -> str | None:
    """The strict JSON that a JSON5 text stands for, if both are sound; None where only the parser can tell."""
    pieces: list[str] = []
    at, before = 0, ""  # the last token but blanks
    while at < len(source):
        token = _TOKEN.match(source, at)
        if token is None:
            return None
        at, kind, text = token.end(), token.lastgroup, token[0]
        if kind == "blank":
            pieces.append(" ")
            continue
        if kind == "single":
            text = f'"{_QUOTES.sub(_double_quoted, text[1:-1])}"'
        elif kind == "word":
            if _follows(source, at, ":"):
                text = "" if text in _LITERALS else f'"{text}"'
            if not text or (text not in _LITERALS and text[0] != '"'):
                return None
        elif kind == "comma":
            if before in ("", "{", "[", ",", ":"):
                return None
            if _follows(source, at, "}") or _follows(source, at, "]"):
                continue
        pieces.append(text)
        before = text
    return "".join(pieces)


def _follows(source: str, at: int, mark: str) -> bool:
    """Whether a mark is the next token."""
    blanks = _BLANKS.match(source, at)
    return source.startswith(mark, blanks.end() if blanks else at)


def _double_quoted(found: re.Match[str]) -> str:
    if found[0] == '"':
        return '\\"'
    return "'" if found[0] == "\\'" else found[0]
