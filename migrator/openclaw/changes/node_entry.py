"""An entry as a release that keeps sessions in SQLite would have stored it, and the columns beside it.

Only what that release needs is changed: the members that it folds are folded, a missing session id is made up, the time
is one that a column can hold. What a release throws away on its own import is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from migrator.openclaw.changes.entry_transforms import IMPORT_TRANSFORMS, Entry, Transform
from migrator.openclaw.text.entry import usable_row_id
from migrator.openclaw.text.js_values import Json, canonical, is_finite, strictly_equal, trimmed
from migrator.openclaw.text.json_text import parse_strict
from migrator.openclaw.text.legacy_store import respelled

_NOT_OURS = frozenset({"javascript-numbers", "updated-at-zeroed", "updated-at-import-time", "session-id-trimmed"})
"""Changes that a release makes for want of something better, or that are made here in another way."""

_SAFE_INTEGER = 2**53 - 1
_TEXT_COLUMNS = {
    "status": "status",
    "created_via": "createdVia",
    "project_id": "projectId",
    "label": "label",
    "display_name": "displayName",
    "category": "category",
    "icon": "icon",
    "chat_type": "chatType",
    "model_provider": "modelProvider",
    "model": "model",
    "agent_harness_id": "agentHarnessId",
    "spawned_by": "spawnedBy",
}
_PARTS = {
    "createdActor": {"created_actor_type": "type", "created_actor_id": "id"},
    "forkSource": {
        "fork_source_session_key": "sessionKey",
        "fork_source_session_id": "sessionId",
        "fork_source_entry_id": "entryId",
    },
}
_TIME_COLUMNS = {
    "created_at": "createdAt",
    "started_at": "startedAt",
    "ended_at": "endedAt",
    "pinned_at": "pinnedAt",
    "archived_at": "archivedAt",
    "last_read_at": "lastReadAt",
    "last_interaction_at": "lastInteractionAt",
    "last_activity_at": "lastActivityAt",
}


@dataclass(frozen=True, slots=True)
class NodeEntry:
    """The text to store, its id and times (whole milliseconds), and projections by column name."""

    text: str
    session_id: str
    updated_at: int
    created_at: int
    columns: Mapping[str, str | int]


def node_entry(text: str, *, archived: bool, fold: bool) -> NodeEntry:
    """Prepare an entry, given as strict JSON. ``fold``: the release is one that keeps some members folded.

    Raises ValueError for what is no object.
    """
    source = parse_strict(text)
    if not isinstance(source, dict):
        raise ValueError("no entry")
    entry: Entry = source
    for step in IMPORT_TRANSFORMS if fold else ():
        if not step.lossy and step.name not in _NOT_OURS:
            entry = step.apply(entry, {})
    session_id = usable_row_id(source.get("sessionId")) or made_up_session_id(source)
    updated_at = _whole(entry.get("updatedAt"))
    updated_at = updated_at if updated_at is not None else _whole(entry.get("sessionStartedAt")) or 0
    entry = _with(_with(entry, "sessionId", session_id), "updatedAt", updated_at)
    if archived and "archivedAt" not in entry:
        entry = _with(entry, "archivedAt", updated_at)
    created_at = _whole(entry.get("sessionStartedAt"))
    return NodeEntry(
        text=text if entry is source else respelled(text, source, entry),
        session_id=session_id,
        updated_at=updated_at,
        created_at=updated_at if created_at is None else created_at,
        columns={name: value for name, value in projections(entry).items() if value is not None},
    )


def _with(entry: Entry, name: str, value: Json) -> Entry:
    return entry if name in entry and strictly_equal(entry[name], value) else {**entry, name: value}


def projections(entry: Mapping[str, Json]) -> dict[str, str | int | None]:
    """What the columns beside an entry repeat of it (2026.8.2 and 2026.9.6, ``bindSessionNode``).

    None for what the entry lacks, or what a column could not hold.
    """
    texts = {column: _text(entry.get(name)) for column, name in _TEXT_COLUMNS.items()}
    texts["parent_session_key"] = _text(entry.get("parentSessionKey")) or _text(entry.get("spawnedBy"))
    for member, parts in _PARTS.items():
        part = entry.get(member)
        texts |= {column: _text(part.get(name)) if isinstance(part, dict) else None for column, name in parts.items()}
    return {**texts, **{column: _whole(entry.get(name)) for column, name in _TIME_COLUMNS.items()}}


def _text(value: Json) -> str | None:
    text = trimmed(value)
    return text if text is not None and not re.search("[\ud800-\udfff]", text) else None


def _whole(value: Json) -> int | None:
    """A time as an integer column can hold it; None for what is none."""
    number = int(value) if is_finite(value) else None
    return number if number is not None and abs(number) <= _SAFE_INTEGER else None


def made_up_session_id(entry: Entry) -> str:
    """The session id for an entry without a usable one; the same for the same entry, so that it can be checked."""
    return str(UUID(bytes=sha256(canonical(entry)).digest()[:16], version=4))


def _give_session_id(entry: Entry, _stored: Entry) -> Entry:
    if usable_row_id(entry.get("sessionId")) is not None:
        return entry
    return {**entry, "sessionId": made_up_session_id(entry)}


OWN_TRANSFORMS: tuple[Transform, ...] = (
    Transform("session-id-made-up", "a repair by this program", _give_session_id, ("sessionId",)),
)
"""What a repair by this program does to an entry beyond what releases do.

These come first: the id is made of the entry as it was.
"""
