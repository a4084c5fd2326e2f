"""Which sessions and events lie in which file of a state directory: read with SQLite and JSON, without this program."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import zstandard

Facts = frozenset[tuple[str, str]]
"""Sessions as ("session", id), events as ("event", JSON text with sorted keys)."""

WAL = "-wal"


@dataclass(frozen=True)
class Piece:
    """A file, what it is (a store, a transcript, a database, or the -wal of one), and what is only to be read in it."""

    path: Path
    kind: str
    facts: Facts


def pieces(state: Path) -> Iterator[Piece]:
    """The stores, transcripts and databases of a state that nobody has scattered yet; what an import set aside, too."""
    imported = state.glob("agents/*/session-sqlite-import-archive/*")
    for path in sorted([*state.glob("agents/*/sessions/*"), *imported]):
        name = path.name.partition(".imported-")[0]
        if name.endswith("sessions.json"):
            yield Piece(path, "store", in_store(path.read_text("utf-8")))
        elif name.endswith(".jsonl") and not name.endswith(".trajectory.jsonl"):
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
    """The sessions that have an entry, and the live events, of a database of any schema with what is in its -wal."""
    with opened(path) as connection:
        rows, texts = _rows(connection), list(_events(connection))
    sessions = frozenset(("session", one) for key, one, text in rows if not _is_made_up(key, text))
    return sessions | frozenset(("event", event) for text in texts for event in _event(text))


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A copy of a database with its -wal, so that neither changes."""
    with tempfile.TemporaryDirectory() as folder:
        for ending in ("", WAL):
            if Path(f"{path}{ending}").exists():
                shutil.copy(f"{path}{ending}", f"{folder}/copy{ending}")
        with closing(sqlite3.connect(f"{folder}/copy")) as connection:
            yield connection


def _rows(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    for table, column in (("session_entries", "session_id"), ("session_nodes", "current_session_id")):
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
            rows = connection.execute(f"SELECT session_key, {column}, entry_json FROM {table}").fetchall()
            return [row for row in rows if None not in row]  # of a damaged page: nobody can say which session that was
    return []


def _events(connection: sqlite3.Connection) -> Iterator[str]:
    columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(transcript_events)")]
    if not columns:
        return
    packed = "event_zstd" if "event_zstd" in columns else "NULL"
    for text, blob in connection.execute(f"SELECT event_json, {packed} FROM transcript_events"):
        yield text if text is not None else zstandard.ZstdDecompressor().decompress(blob).decode()


def _is_made_up(key: str, text: str) -> bool:
    return ":recovered:" in key and set(json.loads(text)) <= {"sessionId", "updatedAt", "archivedAt"}


def _event(line: str) -> Iterator[str]:
    try:
        event = json.loads(line)
    except ValueError:
        return
    if isinstance(event, dict):
        yield json.dumps(event, sort_keys=True)
