"""Whether what stands beside an entry in the row of a node repeats it.

2026.9.6 leaves a node out of its lists where its time is another one, refuses all of them where one key of a parent is
another one or has no canonical spelling (``validateCanonicalSessionRow``), and chooses by these columns what it lists
as archived, and whose history it may remove (``session-history-eviction``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, TypedDict

import msgspec

from migrator.openclaw.changes.node_entry import projections
from migrator.openclaw.places.session_key import fold_case, parse_session_key
from migrator.openclaw.text.entry import storable_key
from migrator.openclaw.text.js_values import Json, is_finite
from migrator.openclaw.text.json_text import parse_strict
from migrator.sqlite.nodes import NODE_COLUMNS, node_columns
from migrator.sqlite.rows import columns

_LINEAGE = ("parent_session_key", "spawned_by", "fork_source_session_key")
_WITHOUT_AGENT = ("global", "unknown")

_CLEARED = -1
"""The mark of a node whose entry was removed and whose history is kept.

Source: ``clearSqliteSessionEntryPreservingWindows`` of 2026.9.6.
"""


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
