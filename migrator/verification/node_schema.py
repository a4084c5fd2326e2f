"""Whether the tables of sessions have the triggers and indexes that their release made.

2026.9.6 refuses all sessions where a trigger of ``session_nodes``, ``session_windows`` or ``session_key_contract`` is
missing, changed or added (``assertCanonicalSessionValidationSchema``); without one of the others, what stands beside
a text goes stale at the next write.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from hashlib import blake2b

TABLES = (
    "session_nodes",
    "session_windows",
    "session_key_contract",
    "session_canonical_validation_pending",
    "transcript_events",
    "transcript_event_identities",
    "session_transcript_active_events",
    "session_transcript_archives",
    "session_transcript_cold_archives",
)


def digest(sql: str) -> str:
    """A short digest of a statement, whatever its blanks, and whether names are quoted."""
    return blake2b(re.sub(r"\s+", " ", sql.replace('"', "")).strip().encode(), digest_size=4).hexdigest()


_SINCE_19 = """
idx_agent_session_nodes_archived_at 2a37ad1b
idx_agent_session_nodes_current_session_id 370a7bea
idx_agent_session_nodes_entry_valid_pending 0a91b02c
idx_agent_session_nodes_last_interaction_at 71217a7e
idx_agent_session_nodes_parent_session_key c045e64a
idx_agent_session_nodes_spawned_by f442e81a
idx_agent_session_nodes_status c20a187c
idx_agent_session_nodes_updated_at 4e77861e
idx_agent_session_transcript_archives_pending 04fdaf4f
idx_agent_session_transcript_archives_retention 1ca0af9f
idx_agent_session_windows_conversation fc94c57d
idx_agent_session_windows_created_at d4b3b151
idx_agent_session_windows_session_key 2a3dae41
idx_agent_session_windows_updated_at 9af19497
idx_agent_transcript_active_event_seq 35cceb00
idx_agent_transcript_active_messages 4ab05acd
idx_agent_transcript_context_pending 34d7e3ad
idx_agent_transcript_event_identity_sequence 4ef4d10e
idx_agent_transcript_event_parent 7989bab9
idx_agent_transcript_event_sequence 4d5a14d1
idx_agent_transcript_message_idempotency 684ef363
session_nodes_entry_valid_after_entry_update 82031f2c
session_nodes_entry_valid_after_identity_update 0dd66d26
session_nodes_entry_valid_after_insert 04dbbc7b
"""

_SINCE_23 = """
idx_agent_session_nodes_active 0c9804c2
idx_agent_session_nodes_entry_not_valid 98e0b258
idx_agent_session_nodes_label 410f2e83
session_key_contract_canonical_pending_after_delete df1ccbbb
session_key_contract_canonical_pending_after_insert b5b9ad26
session_key_contract_canonical_pending_after_update d423729e
session_nodes_canonical_pending_after_delete c0f17f2f
session_nodes_canonical_pending_after_insert 51e28906
session_nodes_canonical_pending_after_update 3affa202
session_windows_canonical_pending_after_delete a0696873
session_windows_canonical_pending_after_insert 9ecd3ef5
session_windows_canonical_pending_after_update e8d95e73
"""

_KNOWN = {19: _SINCE_19, 23: _SINCE_19 + _SINCE_23}
"""What 2026.8.2 (schema 19) and 2026.9.6 (schema 23) make, whether a database is new or upgraded: name and digest."""


def guards(connection: sqlite3.Connection, tables: tuple[str, ...] = TABLES) -> list[tuple[str, str, str]]:
    """The triggers and indexes that somebody made for these tables: type, name and SQL, triggers first."""
    marks = ", ".join("?" * len(tables))
    return connection.execute(
        f"SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND tbl_name IN ({marks})"
        " AND sql IS NOT NULL ORDER BY type DESC, name",
        tables,
    ).fetchall()


def schema_agrees(connection: sqlite3.Connection) -> Iterator[bool]:
    """Whether all that a release makes is there as it makes it, and no trigger besides; of versions that are known."""
    [(version,)] = connection.execute("PRAGMA user_version")
    if version not in _KNOWN:
        return
    words = _KNOWN[version].split()
    known = dict(zip(words[::2], words[1::2], strict=True))
    found = guards(connection)
    present = {name: digest(sql) for _, name, sql in found}
    yield all(present.get(name) == wanted for name, wanted in known.items())
    yield all(name in known for kind, name, _ in found if kind == "trigger")
