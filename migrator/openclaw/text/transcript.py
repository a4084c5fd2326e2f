"""Transcripts: JSON Lines files, read as a stream, every physical line in exactly one class.

The reader decides nothing. It keeps the raw bytes of every line, says what they are and where they stand,
and never stops at a bad one. OpenClaw's runtime skips an unreadable line too; its importer takes the lines up
to the first unreadable one and leaves all others behind (2026.9.6, ``commands/doctor-session-sqlite``).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from datetime import date
from enum import Enum
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from itertools import chain
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from migrator.openclaw.text.line_pieces import (
    MAX_DEPTH,
    cut_at_nuls,
    cut_at_records,
    decode_line,
    parse_line,
)
from migrator.openclaw.text.utf16 import codec_of

_SAFE_MILLISECONDS = 8_640_000_000_000_000  # the range of a JavaScript date
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_ISO_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)"
    r"(?:[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,9}))?)?"
    r"(?:Z|([+-])([01]\d|2[0-3]):?([0-5]\d))?)?",
    re.ASCII,
)


class LineKind(str, Enum):
    """What one line of a transcript is."""

    HEADER = "header"  # an object of type "session"
    MESSAGE = "message"  # an object of type "message"
    EVENT = "event"  # an object of any other type
    OTHER = "other"  # valid JSON that is no typed object
    NULL = "null"  # null, false, zero, "": what JavaScript calls falsy, and OpenClaw's importer drops
    BLANK = "blank"  # nothing but white space
    DUPLICATE = "duplicate"  # has an id, and the same bytes as an earlier line, blanks at its ends aside
    MALFORMED = "malformed"  # no strict JSON
    NUL_DAMAGED = "nul-damaged"  # no strict JSON, and NUL bytes in it: a write that was never finished
    TORN_TAIL = "torn-tail"  # no strict JSON, at the end of the file and without a line feed


DAMAGE: dict[LineKind, str] = {
    LineKind.MALFORMED: "transcript.malformed-line",
    LineKind.NUL_DAMAGED: "transcript.nul-damage",
    LineKind.TORN_TAIL: "transcript.torn-tail",
}
"""The kinds of lines that no database can hold, with their finding codes."""


class Line(Struct, frozen=True, gc=False):
    """One line, or one piece of a line that NUL bytes cut apart (the pieces share their ``number``).

    ``number`` counts from 1; ``offset`` and ``length`` (bytes) delimit ``raw``, without the line feed.
    ``text`` is the UTF-8 of the JSON as it was written, storable as SQLite TEXT, without white space and byte order
    mark around it; None where there is none, as in all damage. ``event_id``, ``parent_id`` and ``event_type`` are None
    unless they are non-empty strings that SQLite can hold. A ``DUPLICATE`` keeps them all.
    """

    number: int
    offset: int
    length: int
    kind: LineKind
    raw: bytes
    text: bytes | None = None
    event_id: str | None = None
    parent_id: str | None = None
    event_type: str | None = None
    timestamp_ms: int | None = None
    transforms: tuple[str, ...] = ()


class TranscriptReader:
    """Iterate once over a binary stream; afterwards the attributes speak about the whole file.

    ``size`` is in bytes and ``sha256`` over all of them. ``header`` is the first header, wherever it stands;
    its ``event_id`` is the session id that the file claims. ``counts`` holds every kind and adds up to the
    lines that were yielded; ``physical_lines`` is smaller only where a line is cut into pieces: at NUL bytes, or
    because two writers have put more than a record on it. Memory
    is bounded by the longest line, ``window`` (bytes per read) and a hash of each line that has an id.
    An OSError of the stream passes through; no content raises.
    """

    def __init__(self, stream: BinaryIO, *, window: int = 1 << 18) -> None:
        self.size = 0
        self.physical_lines = 0
        self.header: Line | None = None
        self.counts: dict[LineKind, int] = dict.fromkeys(LineKind, 0)
        self.is_utf16 = False
        self._stream = stream
        self._window = window
        self._sha256 = sha256()
        self._seen: set[int] = set()

    @property
    def sha256(self) -> str:
        """The hexadecimal digest of what was read so far."""
        return self._sha256.hexdigest()

    def __iter__(self) -> Iterator[Line]:
        """Yield every line in file order. The raw bytes and one line feed per gap are the file again."""
        offset = 0
        for raw, length, complete in self._physical_lines():
            self.physical_lines += 1
            for line in self._lines(raw, length, offset, complete):
                if line.event_id is not None and self._repeats(line.raw):
                    line = msgspec.structs.replace(line, kind=LineKind.DUPLICATE)
                elif line.kind is LineKind.HEADER and self.header is None:
                    self.header = line
                self.counts[line.kind] += 1
                offset += line.length
                yield line
            offset += 2 if self.is_utf16 else 1

    def _lines(self, raw: bytes, length: int, offset: int, complete: bool) -> Iterator[Line]:
        if not self.is_utf16:
            yield from _lines(raw, self.physical_lines, offset, complete)
            return
        line = read_line(raw, self.physical_lines, offset, complete)
        yield msgspec.structs.replace(line, length=length)

    def _physical_lines(self) -> Iterator[tuple[bytes, int, bool]]:
        """Each line without its line feed, its length in the file, and whether it had one. Only a line feed ends it."""
        begun = BytesIO()  # whose bytes become those of the line: one of 300 MB is in memory once
        for chunk in self._chunks():
            if self.is_utf16:
                yield from self._lines_of_utf16(chunk)
                return
            *ended, rest = chunk.split(b"\n")
            if ended and begun.tell():
                begun.write(ended[0])
                ended[0] = begun.getvalue()
                begun = BytesIO()
            for line in ended:
                yield line, len(line), True
            begun.write(rest)
        if last := begun.getvalue():
            yield last, len(last), False

    def _chunks(self) -> Iterator[bytes]:
        while chunk := self._stream.read(self._window):
            if self.size == 0:
                self.is_utf16 = codec_of(chunk[:4]) != ""
            self.size += len(chunk)
            self._sha256.update(chunk)
            yield chunk

    def _lines_of_utf16(self, first: bytes) -> Iterator[tuple[bytes, int, bool]]:
        """The same in UTF-8, of a file that PowerShell has written: with ``>`` it writes UTF-16."""
        encoding = codec_of(first[:4])
        decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
        rest = ""
        for chunk in chain([first], self._chunks()):
            *ended, rest = (rest + decoder.decode(chunk)).split("\n")
            for line in ended:
                yield _as_utf8(line), len(line.encode(encoding, "surrogatepass")), True
        if rest:
            yield _as_utf8(rest), len(rest.encode(encoding, "surrogatepass")), False

    def _repeats(self, raw: bytes) -> bool:
        """Whether a line that has an id repeats an earlier one.

        Lines without an id never count as repeated: two equal ones can be two events (version 1 transcripts).
        """
        content = hash(raw.strip())
        if content in self._seen:
            return True
        self._seen.add(content)
        return False


def _as_utf8(text: str) -> bytes:
    return text.removeprefix("\ufeff").encode("utf-8", "replace")


def _lines(raw: bytes, number: int, offset: int, complete: bool) -> Iterator[Line]:
    """A physical line as the pieces that it is of: one, unless it is damaged and there are whole records on it."""
    if b"\0" in raw:
        pieces = cut_at_nuls(raw)
    else:
        line = read_line(raw, number, offset, complete)
        pieces = cut_at_records(raw) if line.kind in (LineKind.MALFORMED, LineKind.TORN_TAIL) else [raw]
        if len(pieces) == 1:
            yield line
            return
    for place, piece in enumerate(pieces, start=1):
        yield read_line(piece, number, offset, complete or (place < len(pieces) and b"\0" not in raw))
        offset += len(piece)


def read_line(raw: bytes, number: int, offset: int, complete: bool) -> Line:
    """Classify one line by itself: ``complete`` says that a line feed ended it. Never raises."""
    if head := _read_head(raw):
        return _typed_line(raw, number, offset, raw, (), head)
    text, transforms = decode_line(raw)
    if not text:
        return Line(number, offset, len(raw), LineKind.BLANK, raw)
    try:
        value = parse_line(text)
    except ValueError:
        return Line(number, offset, len(raw), _damage(raw, complete), raw)
    if not isinstance(value, dict):
        kind = LineKind.OTHER if value or isinstance(value, list) else LineKind.NULL
        return Line(number, offset, len(raw), kind, raw, text.encode(), transforms=transforms)
    message = value.get("message")
    message = message if isinstance(message, dict) else {}
    inner = _MessageHead(message.get("timestamp"))
    head = _Head(value.get("type"), value.get("id"), value.get("parentId"), value.get("timestamp"), inner)
    return _typed_line(raw, number, offset, text.encode(), transforms, head)


class _MessageHead(Struct, gc=False):
    timestamp: Any = None


class _Head(Struct, gc=False):
    """The members of a line that count."""

    type: Any = None
    id: Any = None
    parentId: Any = None  # noqa: N815 - as OpenClaw spells it
    timestamp: Any = None
    message: _MessageHead | None = None


_HEADS = msgspec.json.Decoder(_Head)


def _read_head(raw: bytes) -> _Head | None:
    """Read the members that count of a line of UTF-8, at memory speed; None where only the whole parser can tell."""
    if raw[:1] != b"{" or raw[-1:] != b"}":
        return None
    if len(raw) > MAX_DEPTH and raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        return None
    try:
        if not raw.isascii():
            raw.decode()  # what is skipped is not looked at
        return _HEADS.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _typed_line(raw: bytes, number: int, offset: int, text: bytes, transforms: tuple[str, ...], head: _Head) -> Line:
    milliseconds = epoch_milliseconds(head.timestamp)
    if milliseconds is None and head.message is not None:
        milliseconds = epoch_milliseconds(head.message.timestamp)
    return Line(
        number,
        offset,
        len(raw),
        _object_kind(head.type),
        raw,
        text,
        _storable(head.id),
        _storable(head.parentId),
        _storable(head.type),
        milliseconds,
        transforms,
    )


def _object_kind(event_type: object) -> LineKind:
    if not isinstance(event_type, str) or not event_type:
        return LineKind.OTHER
    if event_type == "message":
        return LineKind.MESSAGE
    return LineKind.HEADER if event_type == "session" else LineKind.EVENT


def _damage(raw: bytes, complete: bool) -> LineKind:
    if b"\0" in raw:
        return LineKind.NUL_DAMAGED
    return LineKind.MALFORMED if complete else LineKind.TORN_TAIL


def _storable(value: object) -> str | None:
    """Give back a non-empty string without lone surrogates, which have no UTF-8 form; None for all else."""
    if not isinstance(value, str) or not value:
        return None
    return value if value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value) else None


def epoch_milliseconds(value: object) -> int | None:
    """Turn an ISO 8601 string or a JSON number of milliseconds into milliseconds; None for all else.

    Events carry ISO strings, their messages numbers (2026.7.1, ``agents/sessions/session-manager``). A time
    without a zone counts as UTC, so that the answer does not depend on where it is asked.
    """
    if isinstance(value, str):
        return _iso_milliseconds(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _SAFE_MILLISECONDS:
        return None
    return int(value)


@lru_cache(64)
def _days(day: str) -> int | None:
    """Days since the epoch; None for a day that is in no calendar."""
    try:
        return date.fromisoformat(day).toordinal() - _EPOCH_DAY
    except ValueError:
        return None


def _iso_milliseconds(text: str) -> int | None:
    """The form that OpenClaw writes is read by its minute, which many lines share."""
    digits = text[17:19] + text[20:23]
    if len(text) != 24 or text[16:20:3] + text[23] != ":.Z" or not (digits.isdecimal() and digits.isascii()):
        return _any_iso_milliseconds(text)
    minute = _minute_milliseconds(text[:16] + "Z") if digits < "60" else None
    return None if minute is None else minute + int(digits)


@lru_cache(64)
def _minute_milliseconds(text: str) -> int | None:
    return _any_iso_milliseconds(text)


def _any_iso_milliseconds(text: str) -> int | None:
    match = _ISO_TIME.fullmatch(text)
    if match is None:
        return None
    day, hours, minutes, seconds, fraction, sign, zone_hours, zone_minutes = match.groups("0")
    days = _days(day)
    if days is None:
        return None
    shift = int(zone_hours) * 60 + int(zone_minutes)
    total_minutes = (days * 24 + int(hours)) * 60 + int(minutes) - (shift if sign == "+" else -shift)
    return (total_minutes * 60 + int(seconds)) * 1000 + int(fraction.ljust(3, "0")[:3])
