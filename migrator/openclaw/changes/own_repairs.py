"""What a repair by this program does to an entry beyond what releases do, as named transforms for the judge."""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID

from migrator.openclaw.changes.entry_transforms import Entry, Transform
from migrator.openclaw.text.entry import usable_row_id
from migrator.openclaw.text.js_values import canonical


def made_up_session_id(entry: Entry) -> str:
    """The session id for an entry without a usable one; the same for the same entry, so that it can be checked."""
    return str(UUID(bytes=sha256(canonical(entry)).digest()[:16], version=4))


def _give_session_id(entry: Entry, _stored: Entry) -> Entry:
    if usable_row_id(entry.get("sessionId")) is not None:
        return entry
    return {**entry, "sessionId": made_up_session_id(entry)}


OWN_TRANSFORMS: tuple[Transform, ...] = (Transform("session-id-made-up", "a repair by this program", _give_session_id),)
"""They come first: the id is made of the entry as it was."""
