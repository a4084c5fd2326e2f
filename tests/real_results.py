"""What real releases made of real files: every entry and event with what was stored for it."""

from __future__ import annotations

import tarfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrator.openclaw.changes.event_transforms import CURRENT_VERSION, normal_event
from migrator.openclaw.places.session_key import canonical_key
from migrator.openclaw.text.js_values import canonical
from migrator.openclaw.text.json_text import parse_strict
from migrator.openclaw.text.store import StoreReader
from migrator.openclaw.text.transcript import LineKind, TranscriptReader
from migrator.sqlite import nodes
from migrator.sqlite.snapshot import open_snapshot
from tests.conftest import FIXTURES

RICH = "upgraded-rich-to-2026.9.6"
REWRITTEN = "upgraded-rewritten-to-2026.9.6"
RESULTS = (RICH, REWRITTEN, "upgraded-2026.6.1-to-2026.9.6", "upgraded-2026.7.1-to-2026.9.6")

_Object = dict[str, Any]


@dataclass(frozen=True)
class EntryPair:
    """An entry of a legacy store and what a release stored for it."""

    key: str
    source: _Object
    text: str

    @property
    def stored(self) -> _Object:
        """The stored text as JSON."""
        return _object(self.text)


@dataclass(frozen=True)
class EventPair:
    """An event of a legacy transcript and what a release stored for it."""

    session_id: str
    version: int
    source: Any
    text: str

    @property
    def stored(self) -> Any:  # noqa: ANN401 - any JSON
        """The stored text as JSON."""
        return parse_strict(self.text)


@dataclass(frozen=True)
class Real:
    """All pairs of all results."""

    entries: tuple[EntryPair, ...]
    events: tuple[EventPair, ...]


def load(folder: Path) -> Real:
    """Unpack all results below a folder and pair them."""
    entries: list[EntryPair] = []
    events: list[EventPair] = []
    for name in RESULTS:
        with tarfile.open(FIXTURES / f"{name}.tar.xz") as archive:
            archive.extractall(folder, filter="fully_trusted")
        root = folder / name
        after, stores, transcripts = root, "session-sqlite-import-archive/legacy-store*", "*-archive/*.jsonl.*"
        if name in (RICH, REWRITTEN):
            root, after, stores, transcripts = root / "before", root / "after", "sessions/*.json", "*/*.jsonl"
        rows, sessions = _stored(after)
        entries += [pair for path in root.glob(f"agents/*/{stores}") for pair in _entry_pairs(path, rows)]
        events += [pair for path in root.glob(f"agents/*/{transcripts}") for pair in _event_pairs(path, sessions)]
    return Real(tuple(entries), tuple(events))


def _stored(root: Path) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Give the entries by key and the events by session id of all databases of a state directory."""
    rows: dict[str, str] = {}
    sessions: dict[str, list[str]] = defaultdict(list)
    for path in root.glob("agents/*/agent/openclaw-agent.sqlite"):
        with open_snapshot(str(path)) as connection:
            for row in nodes.sessions(connection):
                rows[row.key.decode()] = (row.entry_json or b"").decode()
            for event in nodes.events(connection):
                sessions[event.session_id.decode()].append(event.event_json.decode())
    return rows, sessions


def _entry_pairs(path: Path, rows: dict[str, str]) -> Iterator[EntryPair]:
    agent = path.parent.parent.name
    with path.open("rb") as stream:
        for entry in StoreReader(stream):
            assert isinstance(entry.value, dict)
            stored = rows.get(entry.key) or rows[canonical_key(entry.key, agent, "main", "per-sender")]
            yield EntryPair(entry.key, entry.value, stored)


def _event_pairs(path: Path, sessions: dict[str, list[str]]) -> Iterator[EventPair]:
    """Pair the events of a transcript with those of its session, without the lines that an import leaves out."""
    session_id = next(known for known in sessions if known in path.name)
    with path.open("rb") as stream:
        reader = TranscriptReader(stream)
        texts = [(line.text or b"").decode() for line in reader if line.kind in _EVENT_KINDS]
    header = _object((reader.header.text or b"").decode()) if reader.header else {}
    version = header.get("version", 1)
    stored = sessions[session_id]
    if not header and _is_prepended_header(_object(stored[0]), session_id):
        stored = stored[1:]
    once = {canonical(normal_event(source, session_id)): source for source in map(parse_strict, texts)}
    for source, event in zip(once.values(), stored, strict=True):
        yield EventPair(session_id, version, source, event)


def _is_prepended_header(stored: _Object, session_id: str) -> bool:
    """Whether an event is a header that ``doctor --fix`` put before a transcript that had none.

    Facts: ``doctor-session-transcript-headers`` of 2026.8.2 and 2026.9.6.
    """
    texts = all(isinstance(stored.get(name), str) for name in ("timestamp", "cwd"))
    known = {"type": "session", "version": CURRENT_VERSION, "id": session_id}
    return texts and {**known, "timestamp": stored["timestamp"], "cwd": stored["cwd"]} == stored


_EVENT_KINDS = (LineKind.HEADER, LineKind.MESSAGE, LineKind.EVENT, LineKind.OTHER)


def _object(text: str) -> _Object:
    value = parse_strict(text)
    assert isinstance(value, dict)
    return value
