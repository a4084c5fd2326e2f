"""The sessions of a database of any shape, as a legacy store would hold them. Reads only."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from migrator.model.inventory import RECOVERED, Database, Shape
from migrator.openclaw.changes.transforms import unfold_entry
from migrator.openclaw.places.session_files import FileKind, classify, transcript_session_id
from migrator.openclaw.text.entry import typed_session_id
from migrator.openclaw.text.json_text import parse_strict
from migrator.openclaw.text.legacy_store import respelled
from migrator.planning.folding import recovered_keys
from migrator.sqlite import cache_rows, nodes, typed_entries
from migrator.sqlite.rows import SessionRow

_BARE = frozenset({"sessionId", "updatedAt", "archivedAt", "delivery"})
"""All that an entry has that was made up for a transcript without one."""


@dataclass(frozen=True, slots=True)
class LegacySession:
    """One entry as strict JSON.

    ``file_name`` is the name that the entry gives its transcript, if it has one; ``kept`` are the members that no
    release with ``sessions.json`` understands; ``problem`` says that the row holds no entry at all.
    """

    key: str
    text: str = ""
    session_id: str | None = None
    file_name: str | None = None
    kept: tuple[str, ...] = ()
    problem: bool = False


def legacy_sessions(connection: sqlite3.Connection, database: Database) -> Iterator[LegacySession]:
    """Every session, in the order in which it was written. History that no entry claimed comes without one.

    In schema 1 a cache row counts before a typed one, and keeps its own text; later shapes are unfolded.
    """
    if database.shape is Shape.V1:
        keys = {row.key for row in database.cache_rows}
        ids = {row.session_id for row in database.cache_rows}
        yield from (_as_it_is(row) for row in cache_rows.sessions(connection))
        for row in typed_entries.sessions(connection):
            session = _as_it_is(row)
            folded = RECOVERED in session.key and session.session_id in ids
            if session.key not in keys and not folded and not _is_bare(session, database.agent_id):
                yield session
        return
    with_history = {history.session_id for history in database.transcripts}
    read = nodes.sessions if database.shape is Shape.NODES else typed_entries.sessions
    for row in read(connection):
        session = _as_it_is(row)
        if not _is_bare(session, database.agent_id):
            yield _unfolded(session, with_history)


def _as_it_is(row: SessionRow) -> LegacySession:
    key, text = row.key.decode("utf-8", "replace"), (row.entry_json or b"").decode("utf-8", "replace")
    entry = _parsed(text)
    if row.problem is not None or entry is None:
        return LegacySession(key, problem=True)
    session_id = typed_session_id(entry) or (row.session_id or b"").decode("utf-8", "replace") or None
    return LegacySession(key, text, session_id, _file_name(entry.get("sessionFile"), session_id))


def _unfolded(session: LegacySession, with_history: Collection[str]) -> LegacySession:
    """The legacy form. A transcript is named again: without that 2026.7.1 looks for one of a topic elsewhere."""
    entry = _parsed(session.text)
    if entry is None:
        return session
    legacy, kept = unfold_entry(entry)
    named = session.session_id in with_history and is_file_name(session.session_id or "")
    if named and "sessionFile" not in legacy:
        legacy = {**legacy, "sessionFile": f"{session.session_id}.jsonl"}
    return LegacySession(session.key, respelled(session.text, entry, legacy), session.session_id, None, kept)


def is_file_name(session_id: str) -> bool:
    """Whether a transcript may be named after a session id on every system."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,199}", session_id) is not None


def _is_bare(session: LegacySession, agent_id: str) -> bool:
    entry = _parsed(session.text)
    if entry is None or session.session_id is None:
        return False
    if not session.key.startswith(recovered_keys(agent_id, session.session_id, "")[0]):
        return False
    return entry.keys() <= _BARE and entry.get("delivery") in (None, {"kind": "none"})


def _file_name(session_file: object, session_id: str | None) -> str | None:
    """The last part of ``sessionFile``, if it is a name for a transcript of this session."""
    name = re.split(r"[\\/]", session_file)[-1] if isinstance(session_file, str) else ""
    if not is_file_name(name) or classify(name) is not FileKind.TRANSCRIPT:
        return None
    return name if transcript_session_id(name)[0] in (None, session_id) else None


def _parsed(text: str) -> dict[str, object] | None:
    try:
        value = parse_strict(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
