"""How the releases with ``sessions.json`` write a store: ``JSON.stringify(store, null, 2)``, no line end after it.

Fact: every release up to 2026.7.1 (``config/sessions/store.ts``). Only the layout is made here: the spelling of each
number and string stays, so a text that came from such a store goes back byte for byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import BinaryIO

from migrator.openclaw.text.json_text import object_members

_PART = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_ABSENT = object()
_INDENT = "  "
_CLOSING = {"{": "}", "[": "]"}


class StoreWriter:
    """Write one store, entry by entry; it is complete after :meth:`close`."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._count = 0

    def add(self, key: str, text: str) -> None:
        """Append an entry, given as strict JSON. ``key`` may hold lone surrogates; they are written as escapes."""
        before = ",\n" if self._count else "{\n"
        self._write(f"{before}{_INDENT}{spelled(key)}: {laid_out(text, 1)}")
        self._count += 1

    def close(self) -> None:
        """End the object."""
        self._write("\n}" if self._count else "{}")

    def _write(self, text: str) -> None:
        self._stream.write(text.encode())


def spelled(value: object) -> str:
    """A value as ``JSON.stringify`` writes it: strings raw but for what must be escaped, numbers as doubles."""
    literal = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=float)
    return re.sub("[\ud800-\udfff]", lambda lone: f"\\u{ord(lone[0]):04x}", literal)


def respelled(text: str, before: Mapping[str, object], after: Mapping[str, object]) -> str:
    """Write the object ``after``; members that are the same object ``before`` keep the spelling of ``text``."""
    spelling = {member.key: text[member.value_start : member.value_end] for member in object_members(text)}
    members = (
        f"{spelled(name)}:{spelling[name] if value is before.get(name, _ABSENT) else spelled(value)}"
        for name, value in after.items()
    )
    return "{" + ",".join(members) + "}"


def laid_out(text: str, depth: int) -> str:
    """Strict JSON with line breaks and two spaces per level, as a value inside ``depth`` objects."""
    parts = _PART.findall(text)
    pieces: list[str] = []
    for at, part in enumerate(parts):
        if part in _CLOSING:
            empty = parts[at + 1] == _CLOSING[part]
            depth += not empty
            pieces.append(part if empty else f"{part}\n{_INDENT * depth}")
        elif part in _CLOSING.values():
            if parts[at - 1] in _CLOSING:
                pieces.append(part)
            else:
                depth -= 1
                pieces.append(f"\n{_INDENT * depth}{part}")
        elif part == ",":
            pieces.append(f",\n{_INDENT * depth}")
        else:
            pieces.append(": " if part == ":" else part)
    return "".join(pieces)
