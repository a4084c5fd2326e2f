"""Write what one database holds into a folder: a legacy sessions directory, or transcripts that a person can read."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from hashlib import sha256
from itertools import chain, groupby
from pathlib import Path
from typing import BinaryIO

from migrator.exporting.readable import markdown
from migrator.exporting.stored_sessions import (
    LegacySession,
    is_file_name,
    legacy_sessions,
    missing_header,
    numbered,
    part_mark,
    part_names,
)
from migrator.model.exported import ExportedStore, Layout
from migrator.model.inventory import Database, Shape
from migrator.model.words import Finding, Name
from migrator.openclaw.places.prompts import prompt_digest, read_prompt
from migrator.openclaw.text.legacy_store import StoreWriter, spelled
from migrator.scanning.databases import cold_folder
from migrator.sqlite import events, extras, nodes, typed_entries
from migrator.sqlite.archives import ArchivedTranscript, cold_archives, transcript_archives
from migrator.sqlite.rows import EventRow, columns

STORE_NAME = "sessions.json"


@dataclass(frozen=True, slots=True)
class Wish:
    """What to write. ``sessions`` are keys or session ids; none: all."""

    layout: Layout = Layout.LEGACY
    archived: bool = False
    sessions: frozenset[str] = frozenset()

    def wants(self, *names: str | None) -> bool:
        """Whether a session with one of these names is asked for."""
        return not self.sessions or any(name in self.sessions for name in names)


@dataclass(slots=True)
class Extras:
    """What has no legacy form: by session, by table, and counted by name."""

    sessions: dict[str, dict[str, object]] = field(default_factory=dict)
    tables: dict[str, list[extras.Record]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, key: str, names: Iterable[str], record: dict[str, object]) -> None:
        """Note what a session has beyond its legacy entry."""
        self.sessions.setdefault(key, {}).update(record)
        self.counts.update(list(names))

    def record(self) -> dict[str, object]:
        """All of it as a JSON object; empty if there is nothing."""
        parts = {"sessions": self.sessions, "tables": self.tables, "files": self.files}
        return {name: part for name, part in parts.items() if part}


def write_database(
    connection: sqlite3.Connection, database: Database, folder: Path, place: str, wish: Wish
) -> tuple[ExportedStore, Extras, list[Finding]]:
    """Write one database into a folder that is made for it. Raises OSError, DamagedTableError and RefusedError."""
    writer = _Writer(connection, database, folder, wish)
    writer.write_entries()
    writer.write_transcripts()
    if wish.archived:
        writer.write_archives()
    writer.note_extras()
    counts = writer.counts
    store = ExportedStore(
        database.path,
        place,
        counts["sessions"],
        counts["transcripts"],
        counts["archives"],
        counts["events"],
        counts["headers"],
    )
    return store, writer.extras, writer.findings


class _Writer:
    def __init__(self, connection: sqlite3.Connection, database: Database, folder: Path, wish: Wish) -> None:
        self.connection = connection
        self.database = database
        self.folder = folder
        self.wish = wish
        self.counts: Counter[str] = Counter()
        self.extras = Extras()
        self.findings: list[Finding] = []
        self.sessions: dict[str, LegacySession] = {}
        self.names: dict[str, set[str]] = defaultdict(set)
        self.keys: set[str] = set()

    def write_entries(self) -> None:
        """The store, and for each session id the first entry that has it. Markdown needs the latter only."""
        path = self.folder / STORE_NAME
        with open(os.devnull, "wb") if self.wish.layout is Layout.MARKDOWN else _private(path) as stream:
            store = StoreWriter(stream)
            for session in legacy_sessions(self.connection, self.database):
                if not self.wish.wants(session.key, session.session_id):
                    continue
                if session.problem:
                    self.findings.append(Finding("export.no-entry", Name("session", session.key)))
                    continue
                store.add(session.key, session.text)
                self.keys.add(session.key)
                self._copy_prompt(session)
                self.counts["sessions"] += 1
                if session.kept:
                    self.extras.add(session.key, session.kept, {"members": list(session.kept)})
                if session.session_id is not None:
                    self.sessions.setdefault(session.session_id, session)
                    self.names[session.session_id] |= {session.file_name} if session.file_name else set()
            store.close()
        if not self.counts["sessions"]:
            path.unlink(missing_ok=True)

    def _copy_prompt(self, session: LegacySession) -> None:
        digest = prompt_digest(session.text) if self.wish.layout is Layout.LEGACY else None
        found = read_prompt(Path(self.database.path).parent.parent / "sessions", digest) if digest else None
        if found is not None and not (path := self.folder / found[0]).exists():
            make_folders(self.folder, found[0].parent)
            with _private(path) as stream:
                stream.write(found[1])

    def write_transcripts(self) -> None:
        """Every generation of every session, in the order of its events; what is in cold storage too."""
        wanted = self._wanted_ids()
        rows = events.events(self.connection)
        for session_id, of_session in groupby(rows, key=lambda row: row.session_id.decode("utf-8", "surrogateescape")):
            if wanted is None or session_id in wanted:
                self._write_transcript(session_id, self._sound(session_id, of_session))
        for archive in cold_archives(self.connection, cold_folder(self.database.path)):
            session_id = archive.session_id.decode("utf-8", "surrogateescape")
            if (wanted is None or session_id in wanted) and self._is_readable(archive):
                self._write_transcript(session_id, archive.jsonl.splitlines())

    def write_archives(self) -> None:
        """What was deleted or reset, under the name that OpenClaw gives such a file (2026.7.1, ``artifacts.ts``)."""
        for archive in transcript_archives(self.connection):
            session_id = archive.session_id.decode("utf-8", "surrogateescape")
            key = (archive.session_key or b"").decode("utf-8", "replace")
            if not self.wish.wants(key, session_id) or not self._is_readable(archive):
                continue
            reason = archive.reason if archive.reason in ("deleted", "reset") else "bak"
            suffix = f".jsonl.{reason}.{_file_time(archive.archived_at or 0)}"
            self._write_events(session_id, suffix, archive.jsonl.splitlines())
            self.counts["archives"] += 1

    def note_extras(self) -> None:
        """Note the columns and tables that no legacy file can hold; of single sessions their columns only."""
        for key, record in extras.node_extras(self.connection):
            if key in self.keys:
                self.extras.add(key, record, {"columns": record})
        for link in extras.links(self.connection):
            if link["session_key"] in self.keys:
                self.extras.tables.setdefault("session_windows", []).append(link)
                self.extras.counts["previous_session_id"] += 1
        if self.wish.sessions:
            return
        for table in extras.TABLES:
            rows = list(extras.table_rows(self.connection, table))
            if rows:
                self.extras.tables[table] = rows
                self.extras.counts[table] += len(rows)
        if not self.wish.archived and columns(self.connection, "session_transcript_archives"):
            [(count,)] = self.connection.execute("SELECT count(*) FROM session_transcript_archives")
            self.extras.counts.update({"session_transcript_archives": count} if count else {})

    def _wanted_ids(self) -> set[str] | None:
        """The session ids to write: those of the wanted entries and of their earlier generations; None for all."""
        if not self.wish.sessions:
            return None
        wanted = set(self.wish.sessions) | self.sessions.keys()
        for module in (typed_entries, nodes) if columns(self.connection, "session_windows") else (typed_entries,):
            for window in module.windows(self.connection):
                if window.session_key.decode("utf-8", "replace") in self.keys | self.wish.sessions:
                    wanted.add(window.session_id.decode("utf-8", "surrogateescape"))
        return wanted

    def _sound(self, session_id: str, events: Iterable[EventRow]) -> Iterator[bytes]:
        for event in events:
            if event.problem is None:
                yield event.event_json
            else:
                facts = (("seq", event.seq),)
                self.findings.append(Finding("export.no-event", Name("session-id", session_id), facts))

    def _is_readable(self, archive: ArchivedTranscript) -> bool:
        if archive.problem is not None:
            self.findings.append(Finding(archive.problem, Name("database", self.database.path)))
        return archive.problem is None

    def _write_transcript(self, session_id: str, events: Iterable[bytes]) -> None:
        """One history, in as many files as it was put together from; text for people is one file."""
        if self.wish.layout is Layout.MARKDOWN:
            self._write_events(session_id, ".jsonl", events)
            self.counts["transcripts"] += 1
            return
        events = iter(events)
        first = next(events, None)
        if first is None:
            return
        header = missing_header(first, session_id)
        if header is not None:
            name = Name("session-id", session_id)
            # What this program migrated goes back as it came.
            own = self.database.shape is Shape.V1
            self.findings.append(Finding("export.no-header" if own else "export.header-added", name))
            header = None if own else header
        made: list[Path] = []
        for number, part in groupby(numbered(chain((first,), events)), key=lambda pair: pair[0]):
            lines = (event for _, event in part)
            if number == len(made):
                before = None if number else header
                made.append(self._write_events(session_id, f"{part_mark(number)}.jsonl", lines, before))
            else:
                self._append_events(made[number], session_id, lines)
        self.counts["transcripts"] += len(made)
        if len(made) > 1 and is_file_name(session_id):
            self._rename(session_id, made)

    def _rename(self, session_id: str, made: list[Path]) -> None:
        """Give several files of one session their names again, as far as entries tell them; note the others."""
        known = self.names[session_id]
        made = [path.rename(self.folder / f"part-{number}.tmp") for number, path in enumerate(made)]
        for path, wished in zip(made, part_names(session_id, known, len(made)), strict=True):
            name = wished if not (self.folder / wished).exists() else f"again-{wished}"
            path.rename(self.folder / name)
            if name not in (*known, f"{session_id}.jsonl"):
                self.extras.files[name] = session_id
                self.extras.counts["sessionFile"] += 1

    def _write_events(self, session_id: str, suffix: str, events: Iterable[bytes], header: bytes | None = None) -> Path:
        """One file; a ``header`` that the history lacks counts for no event."""
        session = self.sessions.get(session_id)
        legacy = self.wish.layout is Layout.LEGACY
        suffix = suffix if legacy else suffix.replace(".jsonl", "") + ".md"
        name = session.file_name if session and session.file_name and suffix == ".jsonl" else None
        path = self._free_place(session_id, name, suffix)
        with _private(path) as stream:
            if header is not None:
                stream.write(header + b"\n")
                self.counts["headers"] += 1
            for line in self._counted(events) if legacy else self._readable(session_id, session, events):
                stream.write(line + b"\n")
        return path

    def _append_events(self, path: Path, session_id: str, events: Iterable[bytes]) -> None:
        """Write what belongs behind the events of a file that is there already."""
        legacy, session = self.wish.layout is Layout.LEGACY, self.sessions.get(session_id)
        with path.open("ab") as stream:
            for line in self._counted(events) if legacy else self._readable(session_id, session, events):
                stream.write(line + b"\n")

    def _readable(self, session_id: str, session: LegacySession | None, events: Iterable[bytes]) -> Iterator[bytes]:
        facts = [("session id", session_id), ("session key", session.key if session else "none")]
        title = session.key if session else session_id
        for line in markdown(title, facts, self._counted(events)):
            yield line.encode("utf-8", "replace")

    def _counted(self, events: Iterable[bytes]) -> Iterator[bytes]:
        for event in events:
            self.counts["events"] += 1
            yield event

    def _free_place(self, session_id: str, name: str | None, suffix: str) -> Path:
        """Where a transcript goes. A name that is taken, or that not every system takes, becomes a digest."""
        wished = name or f"{session_id}{suffix}"
        if not is_file_name(session_id) or (self.folder / wished).exists():
            wished = f"session-{sha256(session_id.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}{suffix}"
            while (self.folder / wished).exists():
                wished = f"again-{wished}"
            self.extras.files[wished] = session_id.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            self.extras.counts["session_id"] += 1
        return self.folder / wished


def _file_time(milliseconds: float) -> str:
    """A time as it stands in the name of an archived transcript."""
    try:
        when = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
    except (ValueError, OverflowError, OSError):
        when = datetime.fromtimestamp(0, timezone.utc)
    return f"{when:%Y-%m-%dT%H-%M-%S}.{int(milliseconds) % 1000:03d}Z"


@contextmanager
def _private(path: Path) -> Iterator[BinaryIO]:
    """A new file that only its owner can read, durable when the block ends."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


def make_folders(folder: Path, place: Path) -> Path:
    """Make a folder below one that is there; every one on the way is private, too."""
    for part in place.parts:
        folder = folder / part
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def write_record(path: Path, record: dict[str, object]) -> None:
    """Write a JSON document of our own."""
    with _private(path) as stream:
        stream.write(spelled(record).encode() + b"\n")
