"""Which sessions and events lie in which file of a state directory: read as plain JSON, without this program."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

Facts = frozenset[tuple[str, str]]
"""Sessions as ("session", id), events as ("event", JSON text with sorted keys)."""


@dataclass(frozen=True)
class Piece:
    """A file, what it is, and what can be read in it."""

    path: Path
    kind: str
    facts: Facts


def pieces(state: Path) -> Iterator[Piece]:
    """The stores, transcripts and databases of a state that nobody has scattered yet."""
    for path in sorted(state.glob("agents/*/sessions/*")):
        if path.name == "sessions.json":
            yield Piece(path, "store", in_store(path.read_text("utf-8")))
        elif path.suffix == ".jsonl":
            yield Piece(path, "transcript", in_transcript(path.read_text("utf-8")))
    for path in sorted(state.glob("agents/*/agent/openclaw-agent.sqlite")):
        yield Piece(path, "database", in_database(path))


def in_store(text: str) -> Facts:
    """The sessions of a store."""
    return frozenset(("session", entry["sessionId"]) for entry in json.loads(text).values() if "sessionId" in entry)


def in_transcript(text: str) -> Facts:
    """The events of a transcript: what is no JSON, such as a line that was cut, is none."""
    return frozenset(("event", event) for line in text.split("\n") for event in _event(line))


def in_database(path: Path) -> Facts:
    """The sessions that have an entry, and the events, of a database of schema 1."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT session_key, session_id, entry_json FROM session_entries").fetchall()
        events = [text for (text,) in connection.execute("SELECT event_json FROM transcript_events")]
    sessions = frozenset(("session", one) for key, one, text in rows if not _is_made_up(key, text))
    return sessions | frozenset(("event", event) for text in events for event in _event(text))


def _is_made_up(key: str, text: str) -> bool:
    return ":recovered:" in key and set(json.loads(text)) <= {"sessionId", "updatedAt", "archivedAt"}


def _event(line: str) -> Iterator[str]:
    try:
        event = json.loads(line)
    except ValueError:
        return
    if isinstance(event, dict):
        yield json.dumps(event, sort_keys=True)
