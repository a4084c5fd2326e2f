"""The sessions of a database of any shape, as a legacy store and its files would hold them. Reads only.

A session whose history was put together from several files is parted again. A file of a conversation begins with a
header, and its first message has no parent (OpenClaw 2026.6.1 and 2026.7.1). A header that is repeated inside one file
is followed by a message that goes on from the one before it. What only other files of a session had may stand between
the header of its own file and what follows that (:mod:`migrator.scanning.joining`), so a conversation that begins anew
without a header belongs to the first file.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator
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

_HEADER_MARK = b'"session"'


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


def numbered(events: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Each event with the number of the file that it belongs to, from 0."""
    number = last = 0
    header: bytes | None = None
    has_begun = False  # the first file, with more than its header
    for index, event in enumerate(events):
        if header is not None:
            if _has_no_parent(event):
                number = last = last + 1
            yield number, header
            header = None
        elif number and not has_begun and _has_no_parent(event):
            number, has_begun = 0, True
        if index and _is_header(event):
            header = event
        else:
            has_begun = has_begun or (index > 0 and number == 0)
            yield number, event
    if header is not None:
        yield number, header


def missing_header(first: bytes, session_id: str) -> bytes | None:
    """The header that must come before the first event of a history; None if that is one.

    A gateway of 2026.9.6 may begin a history in SQLite with a reset (openclaw/openclaw PR 125336). Releases that read
    files take one without a header for empty.
    """
    if _is_header(first):
        return None
    time = _members(first).get("timestamp")
    timestamp = time if isinstance(time, str) else "1970-01-01T00:00:00.000Z"
    header = {"type": "session", "version": 3, "id": session_id, "timestamp": timestamp, "cwd": ""}
    return json.dumps(header, separators=(",", ":")).encode()


def part_names(session_id: str, known: Iterable[str], count: int) -> list[str]:
    """Names for the files of a session, in the order in which they were put together.

    ``known`` are those that entries tell. A session's own file comes first: the one that an entry names, else the one
    that is called after the session; then they go by name. Where they do not suffice, further ones are made up that
    older releases take for the same session.
    """
    called_after = f"{session_id}.jsonl"
    first, *others = sorted(set(known), key=lambda name: (name != called_after, name)) or [called_after]
    if len(others) + 1 < count and called_after != first:
        others = sorted([*others, called_after])
    names = [first, *others]
    return [*names[:count], *(f"{session_id}{part_mark(number)}.jsonl" for number in range(len(names), count))]


def part_mark(number: int) -> str:
    """What marks the name of a file that is not the first of its session."""
    return f"-topic-part{number + 1}" if number else ""


def _is_header(event: bytes) -> bool:
    return _HEADER_MARK in event and _members(event).get("type") == "session"


def _has_no_parent(event: bytes) -> bool:
    members = _members(event)
    return "parentId" in members and members["parentId"] is None


def _members(event: bytes) -> dict[str, object]:
    try:
        value = parse_strict(event.decode())
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
