"""Whether a database of agent schema 14 to 23 would show what it holds, and its columns say what its texts say.

The releases leave a row out without a word, or refuse all of them, where a column contradicts the text beside it
(observed with 2026.9.6), or where a trigger is not as they made it. What they work out again by themselves is not
looked at.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from decimal import Decimal
from hashlib import blake2b
from typing import Any, TypedDict

import msgspec

from migrator.openclaw.changes.node_entry import projections
from migrator.openclaw.places.session_key import fold_case, parse_session_key
from migrator.openclaw.text.entry import storable_key
from migrator.openclaw.text.js_values import Json, is_finite
from migrator.openclaw.text.json_text import parse_strict
from migrator.sqlite.nodes import NODE_COLUMNS, node_columns
from migrator.sqlite.rows import columns
from migrator.verification.event_projections import events_agree

_LINEAGE = ("parent_session_key", "spawned_by", "fork_source_session_key")
_WITHOUT_AGENT = ("global", "unknown")

_CLEARED = -1
"""The mark of a node whose entry was removed and whose history is kept.

Source: ``clearSqliteSessionEntryPreservingWindows`` of 2026.9.6.
"""

_GUARDED = (
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


def nodes_visible(connection: sqlite3.Connection, main_key: str) -> bool:
    """Whether a release shows every row: its columns, its window, what is shown of its history, and the triggers.

    ``main_key`` is the configured name of main sessions.
    """
    parts = (
        nodes_agree(connection, main_key),
        _windows_agree(connection),
        _schema_agrees(connection),
    )
    return all(map(all, parts))


def node_columns_agree(connection: sqlite3.Connection) -> bool:
    """Whether versions, sizes, times and identities are those of what they stand beside."""
    return all(map(all, (_versions_agree(connection), _sizes_agree(connection), events_agree(connection))))


def _windows_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    """The history of each session is found by its id, and belongs to a key that has this very session.

    Two keys may have one session; its window is then that of one of them.
    """
    lost = connection.execute(
        "SELECT 1 FROM session_nodes n LEFT JOIN session_windows w ON w.session_id = n.current_session_id"
        " LEFT JOIN session_nodes o ON o.session_key = w.session_key"
        " WHERE o.current_session_id IS NOT n.current_session_id LIMIT 1"
    )
    yield lost.fetchone() is None


def _versions_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    [(version,)] = connection.execute("PRAGMA user_version")
    for (stamped,) in connection.execute("SELECT schema_version FROM schema_meta WHERE meta_key = 'primary'"):
        yield stamped == version


def _sizes_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    """The size of an event that is text; that of a compressed one is checked when it is read."""
    if "event_utf8_bytes" in columns(connection, "transcript_events"):
        wrong = connection.execute(
            "SELECT 1 FROM transcript_events WHERE event_json IS NOT NULL AND event_utf8_bytes IS NOT NULL"
            " AND event_utf8_bytes <> length(CAST(event_json AS BLOB)) LIMIT 1"
        )
        yield wrong.fetchone() is None


class _Promoted(TypedDict, total=False):
    """The members of an entry that columns repeat."""

    sessionId: Any
    updatedAt: Any
    status: Any
    createdAt: Any
    createdVia: Any
    createdActor: Any
    projectId: Any
    parentSessionKey: Any
    spawnedBy: Any
    forkSource: Any
    label: Any
    displayName: Any
    category: Any
    icon: Any
    pinnedAt: Any
    archivedAt: Any
    lastReadAt: Any
    lastInteractionAt: Any
    lastActivityAt: Any


_PROMOTED = msgspec.json.Decoder(_Promoted, float_hook=Decimal)


def nodes_agree(connection: sqlite3.Connection, main_key: str) -> Iterator[bool]:
    """Whether each node is marked as good, has a canonical key, and repeats its entry.

    2026.9.6 leaves a node out of its lists where its time is another one, refuses all of them where one key of a parent
    is another one or has no canonical spelling (``validateCanonicalSessionRow``), and chooses by these columns what it
    lists as archived, and whose history it may remove (``session-history-eviction``).

    ``main_key`` is the one that is configured. A release that looks for the main session under another one finds none.
    """
    main_keys = {main_key, *_stored_main_key(connection)}
    present = columns(connection, "session_nodes")
    repeated = [name for name in NODE_COLUMNS if name in present]
    valid = "entry_valid" if "entry_valid" in present else "1"
    names = ", ".join(["session_key", "CAST(entry_json AS BLOB)", valid, "current_session_id", "updated_at", *repeated])
    for key, text, mark, session_id, updated_at, *values in connection.execute(f"SELECT {names} FROM session_nodes"):
        if not isinstance(text, bytes):  # of a damaged page anything can be read, against what its table allows
            yield False
            continue
        row = dict(zip(repeated, values, strict=True))
        yield len(main_keys) == 1 and _is_canonical(key, main_keys)
        if (text, mark) == (b"{}", _CLEARED):
            yield {*values} <= {None}
            continue
        entry = _read(text)
        time, own_id = entry.get("updatedAt"), entry.get("sessionId")
        yield mark == 1 and isinstance(own_id, str) and storable_key(own_id) == session_id
        yield is_finite(time) and time == updated_at
        wanted = node_columns(projections(entry))
        yield all(row[name] == wanted[name] or _is_replaced(wanted[name], row[name]) for name in repeated)
        yield all(_is_canonical(row[name], main_keys) for name in _LINEAGE if row.get(name) is not None)


def _stored_main_key(connection: sqlite3.Connection) -> Iterator[str]:
    """The name that is noted; a gateway of 2026.9.6 does not start where it is another one, or none."""
    if columns(connection, "session_key_contract"):
        rows = connection.execute("SELECT main_key FROM session_key_contract WHERE id = 1").fetchall()
        yield str(rows[0][0]) if rows else ""


def _read(text: bytes) -> Mapping[str, Json]:
    """The members that matter; none where that is no entry."""
    try:
        return _PROMOTED.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    try:
        value = parse_strict(text.decode("utf-8", "surrogatepass"))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _is_replaced(wanted: object, found: object) -> bool:
    """Whether Node wrote U+FFFD for half a character, which is no text to us."""
    return wanted is None and isinstance(found, str) and "\ufffd" in found


def _is_canonical(key: object, main_keys: set[str]) -> bool:
    """Whether a release takes a key as it is; it knows the main session by its configured name only."""
    if not isinstance(key, str):
        return False
    parsed = parse_session_key(key)
    if fold_case(key) != key or (parsed.agent is None and key not in _WITHOUT_AGENT):
        return False
    return parsed.agent is None or parsed.rest != "main" or main_keys == {"main"}


def _digest(sql: str) -> str:
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


def guards(connection: sqlite3.Connection, tables: tuple[str, ...] = _GUARDED) -> list[tuple[str, str, str]]:
    """The triggers and indexes that somebody made for these tables: type, name and SQL, triggers first."""
    marks = ", ".join("?" * len(tables))
    return connection.execute(
        f"SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND tbl_name IN ({marks})"
        " AND sql IS NOT NULL ORDER BY type DESC, name",
        tables,
    ).fetchall()


def _schema_agrees(connection: sqlite3.Connection) -> Iterator[bool]:
    """Whether all that a release makes is there as it makes it, and no trigger besides; of versions that are known.

    2026.9.6 refuses all sessions where a trigger of ``session_nodes``, ``session_windows`` or ``session_key_contract``
    is missing, changed or added (``assertCanonicalSessionValidationSchema``); without one of the others, what stands
    beside a text goes stale at the next write.
    """
    [(version,)] = connection.execute("PRAGMA user_version")
    if version not in _KNOWN:
        return
    words = _KNOWN[version].split()
    known = dict(zip(words[::2], words[1::2], strict=True))
    found = guards(connection)
    present = {name: _digest(sql) for _, name, sql in found}
    yield all(present.get(name) == wanted for name, wanted in known.items())
    yield all(name in known for kind, name, _ in found if kind == "trigger")
