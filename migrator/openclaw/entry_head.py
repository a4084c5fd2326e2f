"""The few members of an entry that say where it belongs, read at memory speed.

A text of four kilobytes is checked in a few microseconds, and nothing is built of it but these members. What this
reader is not sure to judge as :mod:`migrator.openclaw.json_text` does, it leaves to that one: a property test holds
the two together.
"""

from __future__ import annotations

import codecs
from decimal import Decimal
from typing import Any, TypedDict

import msgspec

_SURE_DEPTH = 900
"""Opening brackets up to which no text is too deep for any reader here."""

_PIECE = 1 << 20


class _Snapshot(TypedDict, total=False):
    resolvedSkills: msgspec.Raw


class Head(TypedDict, total=False):
    """The members by name, those that the entry has."""

    sessionId: Any
    updatedAt: Any
    sessionStartedAt: Any
    status: Any
    sessionFile: Any
    skillsSnapshot: _Snapshot
    startedAt: Any
    endedAt: Any
    createdAt: Any
    archivedAt: Any
    pinnedAt: Any
    lastReadAt: Any
    lastInteractionAt: Any
    lastActivityAt: Any


_DECODER = msgspec.json.Decoder(Head, float_hook=Decimal)


def read_head(text: bytes) -> Head | None:
    """Read a strict JSON object that begins and ends with its braces; None for anything else, and where in doubt."""
    if text[:1] != b"{" or text[-1:] != b"}" or text.count(b"{") + text.count(b"[") > _SURE_DEPTH:
        return None
    try:
        head = _DECODER.decode(text)
        _require_utf8(text)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        return None
    return head


def _require_utf8(text: bytes) -> None:
    """Raise UnicodeDecodeError for text that is no UTF-8; in pieces, because decoded it may be four times as long."""
    if text.isascii():
        return
    if len(text) <= _PIECE:
        text.decode()
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(text), _PIECE):
        decoder.decode(text[start : start + _PIECE])
    decoder.decode(b"", final=True)
