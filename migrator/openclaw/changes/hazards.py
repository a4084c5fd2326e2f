"""What OpenClaw's own upgrade trips over in a single entry: found while a store is read, named by finding codes.

Facts: ``doctor --fix`` and its import, 2026.8.2 and 2026.9.6, run and read (spec: SQLite targets, 2.3 and section 3).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache

from migrator.openclaw.changes.entry_transforms import IMPORT_TRANSFORMS
from migrator.openclaw.text.entry import PreparedEntry, has_storable_times, usable_session_id
from migrator.openclaw.text.entry_head import MAYBE_LOST, RawEntry
from migrator.openclaw.text.js_values import Json, js_number, scalars, trimmed

LOSES_ENTRY = "upgrade.loses-entry"
BLOCKS_ACP = "upgrade.blocks-acp"
BLOCKS_NULL = "upgrade.blocks-null"
BLOCKS_SESSION_ID = "upgrade.blocks-session-id"
BLOCKS_TIME = "upgrade.blocks-time"
CHANGES_FIELDS = "upgrade.changes-fields"
CHANGES_NUMBERS = "upgrade.changes-numbers"
CHANGES_TIME = "upgrade.changes-time"

_ACP_COLUMNS = ("backend", "agent", "runtimeSessionName", "mode", "state", "lastActivityAt")
"""What the table of ACP sessions cannot do without (2026.9.6, ``acp_sessions``)."""

_LONGEST_NAME = 255
_PIECE = 1 << 16
_MANY_DIGITS = b"9" * 16
_DIGITS = bytes(
    ord("9") if chr(byte).isdigit() and byte < 128 else ord(".") if byte == ord(".") else 0 for byte in range(256)
)


def hazards(raw: RawEntry, prepared: PreparedEntry | None) -> tuple[str, ...]:
    """The codes of what the upgrade would trip over; equal answers are one object, as most entries have the same.

    ``prepared`` is what the entry means, None where it cannot be used.
    """
    if raw.problem == "entry.not-object":
        return (BLOCKS_NULL,) if raw.raw == b"null" else (LOSES_ENTRY,)
    if prepared is None:
        return ()
    session_id = prepared.session_id or trimmed(prepared.head.get("sessionId"))
    return _shared(tuple(_found(raw, prepared, session_id))) if session_id is not None else (LOSES_ENTRY,)


@cache
def _shared(codes: tuple[str, ...]) -> tuple[str, ...]:
    return codes


def _found(raw: RawEntry, prepared: PreparedEntry, session_id: str) -> Iterator[str]:
    head = prepared.head
    if not _may_name_a_file(session_id):
        yield BLOCKS_SESSION_ID
    acp = head.get("acp")
    if isinstance(acp, dict) and any(acp.get(name) is None for name in _ACP_COLUMNS):
        yield BLOCKS_ACP
    if prepared.session_id is None and not has_storable_times(head):
        yield BLOCKS_TIME
    if prepared.updated_at is None and prepared.started_at is None:
        yield CHANGES_TIME
    if not MAYBE_LOST.isdisjoint(head) and _loses_fields(raw.value):
        yield CHANGES_FIELDS
    if _may_have_long_integer(raw.stored or b"") and _has_rounded_integer(raw.value):
        yield CHANGES_NUMBERS


def _may_name_a_file(session_id: str) -> bool:
    """Whether the importer takes a session id (``config/sessions/paths``): letters and digits of any script, . _ -."""
    if session_id.isascii():
        return usable_session_id(session_id) is not None
    kinds = [unicodedata.category(character)[0] for character in session_id]
    return (
        len(session_id) <= 128
        and len(session_id.encode("utf-8", "surrogatepass")) + len(".jsonl") <= _LONGEST_NAME
        and unicodedata.is_normalized("NFC", session_id)
        and kinds[0] in "LN"
        and all(kind in "LNM" or character in "._-" for kind, character in zip(kinds, session_id, strict=True))
    )


def _loses_fields(entry: Json) -> bool:
    lost = False
    if not isinstance(entry, dict):
        return lost
    for transform in IMPORT_TRANSFORMS:
        changed = transform.apply(entry, {})
        lost = lost or (transform.lossy and changed is not entry)
        entry = changed
    return lost


def _may_have_long_integer(text: bytes) -> bool:
    """Whether there are so many digits in a row, and not behind a point, that a double may not hold them.

    Fractions do not count: JavaScript itself writes them with so many digits.
    """
    for at in range(0, len(text), _PIECE):
        digits = text[at : at + _PIECE + len(_MANY_DIGITS)].translate(_DIGITS)
        if _MANY_DIGITS in digits and _MANY_DIGITS in digits.replace(b"." + _MANY_DIGITS, b""):
            return True
    return False


def _has_rounded_integer(value: Json) -> bool:
    return any(isinstance(item, int) and js_number(item) != item for item in scalars(value))
