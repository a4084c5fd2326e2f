"""Files in UTF-16, which PowerShell writes with ``>``. No release of OpenClaw can read one; here they are as any other.

Their text is handed on in UTF-8, a lone surrogate as the three bytes that are no UTF-8, so that each byte of it leads
back to its place in the file.
"""

from __future__ import annotations

MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
"""How a file in UTF-16 begins, and what that is called."""

_LONE = "surrogatepass"


def codec_of(head: bytes) -> str:
    """The codec of a file that begins so, if that is UTF-16 with its mark and a plain first letter; else empty."""
    return MARKS.get(head[:2], "") if head[2:4].count(0) == 1 else ""


def as_utf8(raw: bytes, codec: str) -> bytes:
    """Bytes of a file in UTF-8: themselves, if it has no codec of its own."""
    return raw.decode(codec, _LONE).encode("utf-8", _LONE) if codec else raw


class Places:
    """Leads from places in the UTF-8 text of a file, which are asked for in their order, to those in the file."""

    def __init__(self, text: bytes, codec: str) -> None:
        self._text = text
        self._codec = codec
        self._at = 0
        self._place = 2

    def of(self, at: int) -> int:
        """Where in the file that is which stands at this byte of the text."""
        self._place += len(self._text[self._at : at].decode("utf-8", _LONE).encode(self._codec, _LONE))
        self._at = at
        return self._place
