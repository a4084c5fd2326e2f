"""The few members of an entry that say where it belongs or what an upgrade trips over, read at memory speed.

A text of four kilobytes is checked in a few microseconds, and nothing is built of it but these members. What this
reader is not sure to judge as :mod:`migrator.openclaw.text.json_text` does, it leaves to that one: a property test
holds the two together.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypedDict

import msgspec
from msgspec import Struct

from migrator.openclaw.text.json_text import parse_strict

_SURE_DEPTH = 900
"""Opening brackets up to which no text is too deep for any reader here."""

_PIECE = 1 << 20


class _Snapshot(TypedDict, total=False):
    resolvedSkills: msgspec.Raw


class _MaybeLost(TypedDict, total=False):
    """Members that an upgrade may drop for good. What they hold is not read here."""

    room: msgspec.Raw
    provider: msgspec.Raw
    lastProvider: msgspec.Raw
    owner: msgspec.Raw
    participants: msgspec.Raw
    participantCount: msgspec.Raw
    icon: msgspec.Raw
    color: msgspec.Raw
    archivedBy: msgspec.Raw
    archiveReason: msgspec.Raw
    pendingFinalDeliveryLastAttemptAt: msgspec.Raw
    pendingFinalDeliveryAttemptCount: msgspec.Raw
    pendingFinalDeliveryLastError: msgspec.Raw
    fallbackNoticeSelectedModel: msgspec.Raw
    fallbackNoticeActiveModel: msgspec.Raw
    fallbackNoticeReason: msgspec.Raw
    memoryFlushAt: msgspec.Raw
    memoryFlushContextHash: msgspec.Raw
    memoryFlushLastFailedAt: msgspec.Raw
    memoryFlushLastFailureError: msgspec.Raw


MAYBE_LOST = frozenset(_MaybeLost.__annotations__)
"""Their names."""


class Head(_MaybeLost, total=False):
    """The members by name, those that the entry has."""

    sessionId: Any
    updatedAt: Any
    sessionStartedAt: Any
    status: Any
    sessionFile: Any
    totalTokens: Any
    inputTokens: Any
    outputTokens: Any
    compactionCount: Any
    usageFamilySessionIds: Any
    compactionCheckpoints: Any
    skillsSnapshot: _Snapshot
    startedAt: Any
    endedAt: Any
    createdAt: Any
    archivedAt: Any
    pinnedAt: Any
    lastReadAt: Any
    lastInteractionAt: Any
    lastActivityAt: Any
    acp: Any


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


class RawEntry(Struct, frozen=True, gc=False):
    """One member of a store.

    ``index`` counts members from 0. ``key`` is decoded and may hold lone surrogates that were written as
    escapes. ``raw`` are the exact bytes of the value, which begins at byte ``offset``. ``stored`` is strict
    JSON that SQLite can hold as TEXT: the raw bytes, or what ``transforms`` ("json5-to-json",
    "utf8-replaced", "nonfinite-to-null") made of them. ``head`` has the members that say where the entry
    belongs (:class:`~migrator.openclaw.text.entry_head.Head`), perhaps all. Where ``problem``, a finding code,
    says why the entry cannot be used, ``stored`` and ``head`` are None.
    """

    index: int
    key: str
    offset: int
    raw: bytes
    stored: bytes | None
    head: Mapping[str, object] | None
    transforms: tuple[str, ...]
    problem: str | None

    @property
    def text(self) -> str | None:
        """What is stored, as text."""
        return None if self.stored is None else self.stored.decode()

    @property
    def value(self) -> object:
        """What is stored, as :func:`parse_strict` reads it."""
        return None if self.stored is None else parse_strict(self.stored.decode())
