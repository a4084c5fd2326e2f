"""The entry that is made up for a history that no session claims."""

from __future__ import annotations

import json
from hashlib import sha256

from migrator.model.inventory import RECOVERED, Row


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
