"""Files in UTF-16, which PowerShell writes with ``>``. No release of OpenClaw can read one; here they are as any other.

Their text is handed on in UTF-8, a lone surrogate as the three bytes that are no UTF-8, so that each byte of it leads
back to its place in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
"""How a file in UTF-16 begins, and what that is called."""

_MARK_LENGTH = 2
_LONE = "surrogatepass"


def codec_of(head: bytes) -> str:
    """The codec of a file that begins so, if that is UTF-16 with its mark and a plain first letter; else empty."""
    return MARKS.get(head[:2], "") if head[2:4].count(0) == 1 else ""


def as_utf8(raw: bytes, codec: str) -> bytes:
    """Bytes of a file in UTF-8: themselves, if it has no codec of its own."""
    return raw.decode(codec, _LONE).encode("utf-8", _LONE) if codec else raw


class _Span(Protocol):
    """A part of a text, in bytes."""

    @property
    def offset(self) -> int:
        """Where it begins."""

    @property
    def length(self) -> int:
        """How long it is."""


def spans(text: bytes, codec: str, parts: Iterable[_Span]) -> Iterator[tuple[int, int]]:
    """Where in the file such parts of its UTF-8 text stand, which come in their order: offset and length."""
    at, place = 0, _MARK_LENGTH
    for part in parts:
        end = part.offset + part.length
        offset = place + _size(text[at : part.offset], codec)
        length = _size(text[part.offset : end], codec)
        yield offset, length
        at, place = end, offset + length


def _size(text: bytes, codec: str) -> int:
    return len(text.decode("utf-8", _LONE).encode(codec, _LONE))
