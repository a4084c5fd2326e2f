"""Members in the layout that OpenClaw itself writes, taken at memory speed.

``JSON.stringify(store, null, 2)`` puts each member on a line of its own, behind two blanks, and a line break cannot
stand inside a JSON string. So a member reaches to the next line that looks like the beginning of one, unless its
value shows to be incomplete, or anything else but one sound JSON object. From there on only the general reader can
tell (:mod:`migrator.openclaw.text.store`), which gives the very same for what is taken here: a property test says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from migrator.openclaw.text.entry_head import Head, read_head
from migrator.openclaw.text.text_window import TextWindow

_LONGEST_KEY = 4096
_FIRST, _NEXT, _COLON, _END = b'\n  "', b',\n  "', b'": ', b"\n}"


class OwnMember(Struct, frozen=True, gc=False):
    """A member with its raw value at byte ``offset``, which is sound, strict JSON."""

    key: str
    offset: int
    raw: bytes
    head: Head


def own_members(window: TextWindow, *, first: bool) -> Iterator[OwnMember]:
    """Yield the members that follow in the window, in this layout, up to one that is not.

    The window stands behind the opening brace (``first``), or behind a value, and does so again afterwards.
    """
    data, at, begin = window.take_bytes(), 0, window.byte
    mark = _FIRST if first else _NEXT
    while True:
        key_at = at + len(mark)
        if not data.startswith(mark, at) and len(data) >= key_at:
            break
        colon = data.find(_COLON, key_at, key_at + _LONGEST_KEY)
        if colon < 0 and len(data) >= key_at + _LONGEST_KEY:
            break
        value_at = colon + len(_COLON)
        end = data.find(_NEXT, value_at) if colon >= 0 else -1
        if end < 0 and not window.ended:
            begin += at
            data, at = window.more_bytes(data[at:], _NEXT), 0
            continue
        if end < 0 <= colon:
            end = _last_value_end(data)
        key = _plain_key(data[key_at:colon]) if 0 <= colon < end else None
        head = read_head(raw := data[value_at:end]) if key is not None else None
        if key is None or head is None:
            break
        yield OwnMember(key, begin + value_at, raw, head)
        at, mark = end, _NEXT
    window.give_back(data[at:], begin + at)


def _last_value_end(data: bytes) -> int:
    """Where the value ends that the closing brace of the store follows; -1 if none does."""
    rest = data.rstrip(b" \t\r\n")
    return len(rest) - len(_END) if rest.endswith(_END) else -1


def _plain_key(raw: bytes) -> str | None:
    """Decode a key that is spelled without escapes; None for any other, and for one with unusual characters."""
    try:
        key = raw.decode()
    except UnicodeDecodeError:
        return None
    return key if key.isprintable() and '"' not in key and "\\" not in key else None
