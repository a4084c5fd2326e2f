"""What one entry of a store means: its session id, its time, and the text that a database may hold for it.

Also the entry that is made up for a history that no session claims.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from hashlib import sha256
from typing import cast

from msgspec import Struct

from migrator.model.inventory import RECOVERED, Row
from migrator.model.words import Number
from migrator.openclaw.places.paths import js_trim
from migrator.openclaw.text.entry_head import RawEntry, read_head
from migrator.openclaw.text.json_text import decode, object_members, parse_strict, skip_blanks

DROP_RESOLVED_SKILLS = "drop-resolved-skills"
REPLACE_KEY_SURROGATES = "key-surrogates-replaced"

_SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_CHECKPOINT_ID = re.compile(
    r".*\.checkpoint\.[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE
)
_ROW_SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,254}")
_TIMES = (
    "startedAt",
    "endedAt",
    "createdAt",
    "archivedAt",
    "pinnedAt",
    "lastReadAt",
    "lastInteractionAt",
    "lastActivityAt",
)
_COUNTERS = ("totalTokens", "inputTokens", "outputTokens", "compactionCount")
_BLANKS = (b" ", b"\t", b"\r", b"\n")
_SKILLS = '"resolvedSkills"'
_ESCAPED_LETTER = re.compile(r"\\u00[4-7]")  # which no writer of OpenClaw's escapes
_SAFE_INTEGER = 2**53 - 1
_SQLITE_INTEGER_LIMIT = 1 << 63


class PreparedEntry(Struct, frozen=True, gc=False):
    """An entry as a database may hold it: key and ``stored`` are storable as SQLite TEXT."""

    key: str
    stored: bytes
    head: Mapping[str, object]
    transforms: tuple[str, ...]
    session_id: str | None
    updated_at: Number | None
    started_at: Number | None
    status: str | None
    session_file: str | None
    is_used: bool
    family: tuple[str, ...]

    @property
    def text(self) -> str:
        """What is stored, as text."""
        return self.stored.decode()

    @property
    def archived_text(self) -> bytes:
        """What is stored if the entry is marked as archived."""
        return archived_text(self.stored, self.updated_at, self.head)


def prepare(raw: RawEntry) -> PreparedEntry | None:
    """Read the meaning out of a raw entry; None where the reader found a problem with it."""
    head, stored, transforms = raw.head, raw.stored, raw.transforms
    if raw.problem is not None or stored is None or head is None:
        return None
    snapshot = head.get("skillsSnapshot")
    if isinstance(snapshot, dict) and "resolvedSkills" in snapshot:
        stored = drop_resolved_skills(stored.decode()).encode()
        transforms = (*transforms, DROP_RESOLVED_SKILLS)
    key = storable_key(raw.key)
    if key != raw.key:
        transforms = (*transforms, REPLACE_KEY_SURROGATES)
    session_file = head.get("sessionFile")
    return PreparedEntry(
        key=key,
        stored=stored,
        head=head,
        transforms=transforms,
        session_id=typed_session_id(head),
        updated_at=finite_number(head.get("updatedAt")),
        started_at=finite_number(head.get("sessionStartedAt")),
        status=column_status(head),
        session_file=session_file if isinstance(session_file, str) else None,
        family=tuple(_family(head)) if "compactionCheckpoints" in head or "usageFamilySessionIds" in head else (),
        is_used=any(finite_number(head.get(name)) for name in _COUNTERS),
    )


def _family(head: Mapping[str, object]) -> Iterator[str]:
    """The ids of the sessions that a conversation was before a compaction, or is since (2026.6.1 to 2026.7.1)."""
    named = head.get("usageFamilySessionIds")
    checkpoints = head.get("compactionCheckpoints")
    found: list[object] = [*named] if isinstance(named, list) else []
    for checkpoint in checkpoints if isinstance(checkpoints, list) else ():
        sides = (
            (checkpoint.get("preCompaction"), checkpoint.get("postCompaction")) if isinstance(checkpoint, dict) else ()
        )
        found += [side.get("sessionId") for side in sides if isinstance(side, dict)]
    own = head.get("sessionId")
    yield from dict.fromkeys(one for one in found if isinstance(one, str) and one != own)


def lone_session_id(raw: bytes) -> str | None:
    """The session id that stands in the place of an entry, if the value is one (openclaw/openclaw#9345)."""
    try:
        return usable_row_id(parse_strict(raw.decode())) if raw[:1] == b'"' else None
    except ValueError:
        return None


def members(text: bytes) -> Mapping[str, object]:
    """The members that say where an entry belongs, given what a database holds for it; none where that is no entry."""
    head = read_head(text)
    if head is not None:
        return cast(Mapping[str, object], head)
    try:
        value = parse_strict(text.decode())
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def column_status(entry: Mapping[str, object]) -> str | None:
    """The status of an entry as the column beside it repeats it; the words of OpenClaw are ASCII."""
    status = entry.get("status")
    return status if isinstance(status, str) and status.isascii() else None


def archived_text(text: bytes, updated_at: Number | None, head: Mapping[str, object]) -> bytes:
    """The text of an entry with ``archivedAt`` appended, every other byte as it is; unchanged if it has one."""
    end = text.rindex(b"}")
    while text[end - 1 : end] in _BLANKS:
        end -= 1
    if "archivedAt" in head or text[end - 1 : end] == b"{":
        return text
    return text[:end] + b',"archivedAt":%d}' % int(updated_at or 0)


def without_archived_mark(text: bytes) -> bytes:
    """The text of an entry without ``archivedAt``; as it is where it is no text of an entry."""
    try:
        decoded = text.decode()
        members = list(object_members(decoded))
    except ValueError:
        return text
    kept = any(member.key == "archivedAt" for member in members) and decoded.startswith("{")
    return _without_members(decoded, 0, "archivedAt").encode() if kept else text


def storable_key(key: str) -> str:
    """A key as SQLite TEXT can hold it: Node writes U+FFFD for a lone surrogate (observed on 2026.9.6)."""
    if key.isascii():
        return key
    return key.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def typed_session_id(entry: Mapping[str, object]) -> str | None:
    """The session id under which an entry can have a typed row, None if it cannot have one.

    The id is one that the runtime keeps (2026.7.1, ``config/sessions/store-entry-shape.ts``). An entry with a time
    that the upgrade cannot put into a column has no typed row: it would stop the upgrade of the whole installation
    (observed with 2026.9.6).
    """
    return usable_row_id(entry.get("sessionId")) if has_storable_times(entry) else None


def usable_row_id(value: object) -> str | None:
    """The trimmed session id if a row may have it."""
    trimmed = js_trim(value) if isinstance(value, str) else ""
    return trimmed if _ROW_SESSION_ID.fullmatch(trimmed) else None


def has_storable_times(entry: Mapping[str, object]) -> bool:
    """Whether every time of an entry fits into the column that the upgrade has for it (observed with 2026.9.6)."""
    return all(_fits_column(name, entry[name]) for name in _TIMES if name in entry)


def _fits_column(name: str, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return True
    number = finite_number(value)
    if number is None or abs(number) > _SAFE_INTEGER:
        return False
    return name not in ("startedAt", "endedAt") or float(number).is_integer()


def usable_session_id(value: object) -> str | None:
    """The trimmed session id if a transcript may be named after it (2026.7.1, ``config/sessions/paths.ts``)."""
    if not isinstance(value, str):
        return None
    trimmed = js_trim(value)
    if _SESSION_ID.fullmatch(trimmed) and not _CHECKPOINT_ID.fullmatch(trimmed):
        return trimmed
    return None


def finite_number(value: object) -> Number | None:
    """A JSON number as a database column holds it: whole numbers as int, others as float; None if not finite."""
    if type(value) is int and -_SAFE_INTEGER <= value <= _SAFE_INTEGER:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        as_float = float(value)
    except OverflowError:
        return None
    if not math.isfinite(as_float):
        return None
    if not as_float.is_integer() or abs(as_float) >= _SQLITE_INTEGER_LIMIT:
        return as_float
    # A number with a fraction may have a whole double, which is not the number without the fraction.
    return int(value) if value == int(value) else int(as_float)


def drop_resolved_skills(text: str) -> str:
    """Cut ``skillsSnapshot.resolvedSkills`` out of an entry that has it, and leave every other byte as it is.

    OpenClaw drops it at every save (2026.7.1, ``config/sessions/store-load.ts``): it is rebuilt by the next turn.
    """
    cut = _without_the_only_skills(text)
    return _without_any_skills(text) if cut is None else cut


def _without_the_only_skills(text: str) -> str | None:
    """The same where the name occurs once and behind a comma; None elsewhere."""
    if text.count(_SKILLS) != 1 or text.count('"skillsSnapshot"') != 1 or _ESCAPED_LETTER.search(text):
        return None
    at = text.index(_SKILLS)
    comma = _before_blanks(text, at) - 1
    if text[comma] != ",":
        return None
    colon = skip_blanks(text, at + len(_SKILLS))
    _, end = decode(text, skip_blanks(text, colon + 1))
    return text[: _before_blanks(text, comma)] + text[end:]


def _before_blanks(text: str, at: int) -> int:
    while text[at - 1] in " \t\r\n":
        at -= 1
    return at


def _without_any_skills(text: str) -> str:
    """The same for any entry, member by member."""
    for outer in reversed(list(object_members(text))):
        if outer.key == "skillsSnapshot" and text[outer.value_start] == "{":
            snapshot = _without_members(text, outer.value_start, "resolvedSkills")
            text = text[: outer.value_start] + snapshot + text[outer.value_end :]
    return text


def _without_members(text: str, start: int, name: str) -> str:
    """The object at ``start``, to its closing brace, without its members ``name``; the rest as it was spelled."""
    pieces: list[str] = []
    end = start + 1
    for member in object_members(text, start):
        if member.key != name:
            pieces.append(text[end if pieces else member.start : member.value_end])
        end = member.value_end
    closing = text.index("}", end) + 1
    first_blanks = text[start + 1 : start + 1 + _leading_blanks(text, start + 1)]
    return "{" + (first_blanks if pieces else "") + "".join(pieces) + text[end:closing]


def _leading_blanks(text: str, position: int) -> int:
    blanks = position
    while text[blanks] in " \t\r\n":
        blanks += 1
    return blanks - position


def recovered_entry(session_id: str, last_ms: int, *, archived: bool) -> str:
    """The text of an entry for a history that no session claims; ``last_ms`` is its time."""
    entry = {"sessionId": session_id, "updatedAt": last_ms} | ({"archivedAt": last_ms} if archived else {})
    return json.dumps(entry, separators=(",", ":"))


_FOLDED = ',"delivery":{"kind":"none"}}'
"""What an upgrade adds to the entry (observed in databases that 2026.8.2 and 2026.9.6 have upgraded)."""


def is_made_up(row: Row) -> bool:
    """Whether a row was made up and is as we, or an upgrade, made it: what others have changed is theirs."""
    if RECOVERED not in row.key or row.session_id is None:
        return False
    text = recovered_entry(row.session_id, int(row.updated_at or 0), archived=True)
    return any(row.sha256 == sha256(one.encode()).digest() for one in (text, text.removesuffix("}") + _FOLDED))
