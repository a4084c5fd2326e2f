"""Reads one legacy ``sessions.json``, entry by entry, through a sliding window.

The file is one JSON object, session key to entry, that OpenClaw writes as ``JSON.stringify(store, null, 2)`` (2026.6.1
and 2026.7.1: ``src/config/sessions/store-load.ts``). Its runtime reads strict JSON only and takes any failure for an
empty store; releases up to 2026.1.29 and the migrations also read JSON5. This reader knows both at once: it walks the
top level as JSON5, and hands a value to the slow JSON5 parser only if that value is no strict JSON. Members in the
layout that OpenClaw writes are taken by a faster reader, :mod:`migrator.openclaw.text.own_layout`, as long as it can
tell.

No content raises. An entry that cannot be used has a ``problem``, and bytes that belong to no member become a
:class:`~migrator.model.inventory.DamagedSpan`; the rest of the file is blanks, comments, punctuation and keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import BinaryIO

from migrator.model.inventory import DamagedSpan
from migrator.openclaw.text.entry_head import RawEntry, read_head
from migrator.openclaw.text.json5_text import (
    BLANKS,
    EndOfTextError,
    exact,
    interpret,
    key_end,
    line_end,
    outer_marks,
    read_key,
    read_value,
    string_end,
)
from migrator.openclaw.text.own_layout import own_members
from migrator.openclaw.text.text_window import TextWindow

_NO_STRICT_BLANK = re.compile(r"[^ \t\n\r]")
_NO_BLANK = re.compile(f"[^{BLANKS}]")
_OWN_INDENT = "\n  "  # before each member in OpenClaw's own layout
_OWN_LINE = re.compile('\n(?=  "|})')  # before each member, and before the closing brace
_COLON = re.compile("[ \t]*:")
_MANY = 8  # members after which the faster reader was worth its while
_HEAD = 64  # bytes that show the encoding and the layout; the rest may never have to be text


def read_member(raw: bytes) -> RawEntry | None:
    """Read the raw value of an entry by itself; None if that is no single value."""
    head = read_head(raw)
    if head is not None:
        return RawEntry(0, "", 0, raw, raw, head, (), None)
    found = list(StoreReader(BytesIO(b'{"":' + raw + b"}")))
    return found[0] if len(found) == 1 and found[0].raw == raw != b"" else None


class StoreReader:
    """Iterate once over the entries of a store, in file order and with duplicate keys.

    After the iteration has ended, and whatever the stream held: ``damage`` are the spans that belong to no
    entry, in file order; ``strict`` says whether OpenClaw's own ``JSON.parse`` would read this file (False
    also where an entry is too deep to tell); ``size`` and ``sha256`` are of all bytes. ``window`` is how
    many bytes are read at a time. An OSError of the stream passes through.
    """

    def __init__(self, stream: BinaryIO, *, window: int = 1 << 18) -> None:
        self.damage: list[DamagedSpan] = []
        self.strict = True
        self.size = 0
        self.sha256 = ""
        self._window = TextWindow(stream, window)
        self._closed = False  # whether every byte is accounted for
        self._item = 0  # the index of the item that is being read
        self._count = 0
        self._comma_due = False
        self._own_layout = True  # whether the last member stood on a line of its own, as OpenClaw writes it
        self._salvaging = False  # whether such a line ends a value even if brackets are open
        self._comments_end = True  # whether the file may hold another end of a block comment
        self._pause = 1  # members to read before the faster reader is tried again, more each time that it fails
        self._try_at = 0

    def __iter__(self) -> Iterator[RawEntry]:
        """Yield the entries. To be iterated to the end, and once only."""
        head = self._window.first_bytes(_HEAD)
        if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head[:4]:
            self._close_with("store.not-utf8", 0)
        step: Callable[[], RawEntry | None] = self._open
        while not self._closed:
            if step == self._next and self._count >= self._try_at:
                yield from self._own_members()
            try:
                entry = step()
            except EndOfTextError:
                self._extend()
                continue
            step = self._next
            if entry is not None:
                yield entry
        self.strict = self.strict and not self.damage
        self.size = self._window.size
        self.sha256 = self._window.digest.hexdigest()

    def _own_members(self) -> Iterator[RawEntry]:
        """Take members in OpenClaw's own layout, as far as that goes."""
        begun = self._count
        for own in own_members(self._window, first=not self._comma_due):
            self._comma_due = self._own_layout = True
            self._count += 1
            yield RawEntry(self._count - 1, own.key, own.offset, own.raw, own.raw, own.head, (), None)
        self._pause = 1 if self._count - begun >= _MANY else 2 * self._pause
        self._try_at = self._count + self._pause

    # Each step either accounts for some text, or raises EndOfTextError and is taken again with more text.

    def _open(self) -> None:
        """Pass the opening brace, or account for a file that has none."""
        at = self._skip_blanks(0)
        if at == len(self._window.text):
            self._close_with("store.empty", 0)
        elif self._window.text[at] != "{":
            self._close_with("store.not-object", 0)
        else:
            self._window.commit(at + 1)

    def _next(self) -> RawEntry | None:
        """Take the next member, a damaged span, or the closing brace with all that follows it."""
        text = self._window.text
        at = self._skip_blanks(self._window.at)
        comma = self._comma_due and text.startswith(",", at)
        if comma:
            at = self._skip_blanks(at + 1)
        self._item = at
        if at == len(text):
            self._close_with("store.truncated", self._window.byte)
        elif text[at] == "}" and not text.endswith("\n", self._window.at, at) and self._goes_on(at + 1):
            # On a line of its own it is the end of a store, and what follows may be left of an older one.
            self._skip_damaged(at, at + 1, "store.damaged")
        elif text[at] == "}":
            self.strict = self.strict and not comma
            self._close(at + 1)
        elif text[at] == ",":
            self._skip_damaged(at, at + 1, "store.misplaced-comma")
        elif (head := self._head(at)) is None:
            self._skip_garbage(at)
        else:
            return self._member(*head, comma_missing=self._comma_due and not comma)
        return None

    def _head(self, at: int) -> tuple[str, int] | None:
        """Read the key at ``at``; return it and the index after its colon, or None if it is no key."""
        head = self._key(at)
        if head is None:
            return None
        key, strict, after_colon = head
        self.strict = self.strict and strict
        self._own_layout = self._window.text.endswith(_OWN_INDENT, self._window.at, at)
        return key, after_colon

    def _key(self, at: int) -> tuple[str, bool, int] | None:
        """The key at ``at``, whether it is strict JSON, and the index after its colon; None if it is no key."""
        text = self._window.text
        end = key_end(text, at)
        key = None if end is None else read_key(text[at:end])
        if end is None or key is None:
            return None
        colon = self._skip_blanks(end)
        if colon == len(text):
            raise EndOfTextError
        return (*key, colon + 1) if text[colon] == ":" else None

    def _goes_on(self, at: int) -> bool:
        """Whether a comma and another member follow."""
        text = self._window.text
        try:
            comma = self._skip_blanks(at)
            start = self._skip_blanks(comma + 1) if text.startswith(",", comma) else len(text)
            return start < len(text) and self._key(start) is not None
        except EndOfTextError:
            if self._window.ended:
                return False
            raise

    def _member(self, key: str, after_colon: int, *, comma_missing: bool) -> RawEntry | None:
        """Take the member whose value follows; None if it must be read again, because it may hold others."""
        window, text = self._window, self._window.text
        start = self._skip_blanks(after_colon)
        if start == len(text):
            raise EndOfTextError
        end, value, problem = self._value(start)
        after = self._skip_blanks(end)
        if text.startswith(":", after) and self._may_be_key(start):  # the value is missing
            start = end = after_colon
            problem = "entry.not-json"
        source = text[start:end]
        raw, readable = exact(source)
        meaning = interpret(readable, value, problem, replaced=readable is not source)
        sound = meaning.problem in (None, "entry.not-object") and text.startswith((",", "}"), after)
        if not sound and self._may_salvage() and _own_line(text, start, end, closing=True) >= 0:
            self._salvaging = True
            return None
        if comma_missing:
            self.damage.append(DamagedSpan(window.byte, 0, "store.misplaced-comma"))
        self.strict = self.strict and problem is None
        self._comma_due = True
        offset = window.offset(start)
        window.commit(end, offset + len(raw))
        window.shrink()
        self._count += 1
        stored = None if meaning.text is None else raw if meaning.text is source else meaning.text.encode()
        head = meaning.value if isinstance(meaning.value, dict) else None
        return RawEntry(self._count - 1, key, offset, raw, stored, head, meaning.transforms, meaning.problem)

    def _value(self, start: int) -> tuple[int, object, str | None]:
        """Parse the value at ``start``: its end, itself if it is strict JSON, and what is wrong with it."""
        text = self._window.text
        if not (self._salvaging and self._own_layout):
            return read_value(text, start, ended=self._window.ended)
        stop = self._next_own_line(start, closing=True)
        piece = text[start:stop]
        try:
            length, value, problem = read_value(piece, 0, ended=True)
        except EndOfTextError:
            if stop == len(text):
                raise
            kept = piece.rstrip(" \t\r\n").removesuffix(",").rstrip(" \t\r\n")
            return start + len(kept), None, "entry.unbalanced"
        return start + length, value, problem

    def _may_be_key(self, at: int) -> bool:
        text = self._window.text
        return text[at] not in "{[" and (not self._own_layout or text.endswith(_OWN_INDENT, self._window.at, at))

    def _may_salvage(self) -> bool:
        return self._own_layout and not self._salvaging

    def _extend(self) -> None:
        """Go on after an item turned out to be longer than the text at hand."""
        if not self._window.ended:
            self._window.grow()
        elif self._may_salvage():
            self._salvaging = True
        else:
            self._close_with("store.truncated", self._window.offset(self._item))

    def _skip_garbage(self, at: int) -> None:
        """Account for what is no member, up to the next one, the closing brace, or the end."""
        length = len(self._window.text)
        stop = self._next_own_line(at, closing=False) if self._own_layout else length
        stop = self._next_member(at) if stop == length else stop
        if stop == length:
            self._close_with("store.damaged", self._window.offset(at))
        else:
            self._skip_damaged(at, stop, "store.damaged")

    def _next_member(self, at: int) -> int:
        """Where the comma before the next member is, or the store's closing brace, or the end."""
        text = self._window.text
        for stop in outer_marks(text, at):
            if text[stop] == "}" or self._goes_on(stop):
                return stop
        if not self._window.ended:
            raise EndOfTextError
        return len(text)

    def _skip_damaged(self, start: int, stop: int, problem: str) -> None:
        self._window.commit(start)
        self.damage.append(DamagedSpan(self._window.byte, self._window.offset(stop) - self._window.byte, problem))
        self._window.commit(stop)
        self._comma_due = False

    def _close(self, at: int) -> None:
        """Account for what follows the closing brace."""
        at = self._skip_blanks(at)
        if at == len(self._window.text):
            self._closed = True
        else:
            self._close_with("store.trailing-text", self._window.offset(at))

    def _close_with(self, problem: str, offset: int) -> None:
        """Account for all bytes from ``offset`` on as damaged; they are hashed, but not kept."""
        self._window.drain()
        self.damage.append(DamagedSpan(offset, self._window.size - offset, problem))
        self._closed = True

    def _next_own_line(self, at: int, *, closing: bool) -> int:
        """Where the next line of OpenClaw's own layout begins, or the file ends."""
        found = _own_line(self._window.text, at, len(self._window.text), closing=closing)
        if found < 0 and not self._window.ended:
            raise EndOfTextError
        return len(self._window.text) if found < 0 else found

    def _skip_blanks(self, at: int) -> int:
        """Pass blanks and comments, JSON5's included. Raises EndOfTextError unless the file ends there."""
        text = self._window.text
        while solid := _NO_STRICT_BLANK.search(text, at):
            at = solid.start()
            if text[at] == "/":
                end = self._comment_end(at)
            elif "\x0e" <= text[at] <= "\x7e":
                return at
            else:
                solid = _NO_BLANK.search(text, at)
                end = solid.start() if solid else len(text)
            if end == at:
                return at
            self.strict = False
            at = end
        if not self._window.ended:
            raise EndOfTextError
        return len(text)

    def _comment_end(self, at: int) -> int:
        """Where the comment at ``at`` ends; ``at`` itself if it is none, or one that never ends."""
        text, ended = self._window.text, self._window.ended
        if text.startswith("//", at):
            return line_end(text, at)
        if not text.startswith("/*", at):
            if at + 1 == len(text) and not ended:
                raise EndOfTextError
            return at
        close = text.find("*/", at + 2) if self._comments_end else -1
        if close < 0 and self._comments_end and not ended:
            raise EndOfTextError
        self._comments_end = close >= 0
        return close + 2 if close >= 0 else at


def _own_line(text: str, start: int, stop: int, *, closing: bool) -> int:
    """Find the first line break before a member in OpenClaw's own layout; -1 if there is none.

    ``closing`` says that the line of the store's closing brace will do, too.
    """
    while line := _OWN_LINE.search(text, start, stop):
        start = line.end()
        if text.startswith("}", start):
            if closing:
                return line.start()
            continue
        try:
            end, _ = string_end(text, start + 2)
        except EndOfTextError:
            return -1
        if _COLON.match(text, end):
            return line.start()
    return -1
