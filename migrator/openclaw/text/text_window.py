"""A sliding window of text over a byte stream, that knows file offsets and hashes all that it reads."""

from __future__ import annotations

import codecs
import hashlib
from typing import BinaryIO

from migrator.openclaw.text.json5_text import exact


class TextWindow:
    """The part of a UTF-8 stream that is being looked at.

    ``text[at:]`` is not accounted for yet, and ``byte`` is the file offset of ``at``. ``ended`` says that
    nothing follows ``text``. Invalid bytes are lone surrogates in ``text``, so that every slice gives its
    exact bytes back. ``size`` and ``digest`` cover all bytes that were read. ``width`` is the number of
    bytes per read. An OSError of the stream passes through.

    What is not accounted for can be taken as bytes for a while, and is given back to be text again.
    """

    def __init__(self, stream: BinaryIO, width: int) -> None:
        self.text = ""
        self.at = 0
        self.byte = 0
        self.ended = False
        self.size = 0
        self.digest = hashlib.sha256()
        self._stream = stream
        self._width = width
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._ahead: list[str] = []  # text that was read too early, the nearest piece last

    def first_bytes(self, count: int) -> bytes:
        """Read ``count`` bytes, fewer only at the end; to be called first, if at all."""
        head = b""
        while len(head) < count and (data := self._read(count - len(head))):
            head += data
        self.text = self._decoder.decode(head)
        return head

    def grow(self) -> None:
        """Add as much text as is pending, or more, so that copying stays linear for an item of any length."""
        pieces = [self.text[self.at :]]
        wanted = max(self._width, len(pieces[0]))
        while wanted > 0 and not self.ended:
            if self._ahead:
                pieces.append(self._ahead.pop())
            else:
                data = self._read()
                self.ended = not data
                pieces.append(self._decoder.decode(data, final=not data))
            wanted -= len(pieces[-1])
        self.text, self.at = "".join(pieces), 0

    def shrink(self) -> None:
        """Put back what a long item left: an error of the decoder costs time for all the text before it."""
        if len(self.text) - self.at > 2 * self._width:
            rest = range(self.at, len(self.text), self._width)
            self._ahead += [self.text[at : at + self._width] for at in reversed(rest)]
            self.text, self.at, self.ended = "", 0, False

    def take_bytes(self) -> bytes:
        """Hand out all that was read and is not accounted for."""
        text = "".join([self.text[self.at :], *reversed(self._ahead)])
        undecoded, _ = self._decoder.getstate()
        self._decoder.reset()
        self.text, self.at, self._ahead = "", 0, []
        return exact(text)[0] + undecoded

    def more_bytes(self, taken: bytes, mark: bytes) -> bytes:
        """Add bytes to what was taken until ``mark`` is among the new ones; sets ``ended`` where there are no more.

        An item of any length is put together once, and is in memory twice at most.
        """
        pieces, tail = [taken], taken[1 - len(mark) :]
        while not self.ended:
            data = self._read()
            self.ended = not data
            pieces.append(data)
            if mark in tail + data:
                break
            tail = (tail + data)[1 - len(mark) :]
        return b"".join(pieces)

    def give_back(self, rest: bytes, byte: int) -> None:
        """Make text again of what is left of the bytes that were taken, and stands at offset ``byte``."""
        self.text, self.byte = self._decoder.decode(rest, final=self.ended), byte

    def offset(self, at: int) -> int:
        """Give the file offset of an index that is not accounted for yet."""
        between = self.text[self.at : at]
        return self.byte + (len(between) if between.isascii() else len(exact(between)[0]))

    def commit(self, at: int, offset: int | None = None) -> None:
        """Account for all before ``at``, whose file offset may be given if it is known."""
        self.byte = self.offset(at) if offset is None else offset
        self.at = at

    def drain(self) -> None:
        """Read to the end without keeping the text."""
        while self._read():
            pass

    def _read(self, count: int | None = None) -> bytes:
        data = self._stream.read(count or self._width)
        self.digest.update(data)
        self.size += len(data)
        return data
