"""What is to be written into a database: rows, and histories with the files that they are in. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from migrator.model.inventory import Database, Entry, Run, Store, StoredTranscript, Transcript
from migrator.model.words import Name, Number

_BYTES_PER_EVENT = 4096


class Origin(str, Enum):
    """Where a repair takes something from, best first."""

    LIVE = "live"  # a store or transcript where it belongs
    IMPORTED = "import-archive"  # set aside by OpenClaw's own import
    ARCHIVED = "run-archive"  # set aside by a run of this program
    COPY = "copy"  # .bak, .tmp, .corrupt and the like beside the live files
    DELETED = "deleted-archive"  # of a session that was deleted or reset, and is named
    BACKUP = "backup"  # what is named with --from
    STRANDED = "stranded-row"  # a cache row in a database whose release reads none


@dataclass(frozen=True, slots=True)
class RowSource:
    """An entry to be brought back: a member of ``store``, or the row of ``rows_of`` with the key of the entry."""

    origin: Origin
    place: Name
    entry: Entry
    store: Store | None = None
    rows_of: Database | None = None


@dataclass(frozen=True, slots=True)
class RowWrite:
    """One session that gets a row, under ``key``. ``replaces``: an older row is there. ``archived``: not its own key.

    ``session_id`` is None where the entry has none, and one has to be made up. ``relieves`` is the key that was made up
    for the history of the session, when its entry was lost; its row goes.
    """

    key: str
    session_id: str | None
    updated_at: Number
    source: RowSource
    replaces: bool = False
    archived: bool = False
    relieves: str = ""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A history of which everything from a line on is taken; lines count from 1.

    It is a transcript, or the rows of another database: then ``rows`` has its path, and what it held.
    """

    transcript: Transcript | None
    rows: tuple[str, StoredTranscript] | None = None
    first_line: int = 1

    @property
    def name(self) -> Name:
        """What it is called."""
        if self.transcript is not None:
            return Name("transcript", self.transcript.path)
        return Name("database", self.rows[0] if self.rows is not None else "")

    @property
    def digest(self) -> str:
        """What its content was when it was planned on."""
        if self.transcript is not None:
            return self.transcript.identity.sha256
        return self.rows[1].hashes.hex() if self.rows is not None else ""

    @property
    def hashes(self) -> bytes:
        """The hashes of all of its events."""
        if self.transcript is not None:
            return self.transcript.hashes
        return self.rows[1].hashes if self.rows is not None else b""

    @property
    def size(self) -> int:
        """Bytes; of rows a generous guess, as they are not read for this."""
        if self.transcript is not None:
            return self.transcript.identity.size
        return _BYTES_PER_EVENT * self.rows[1].event_count if self.rows is not None else 0

    @property
    def last_ms(self) -> int:
        """The time of its last event, or when it was archived, 0 where that is not known."""
        if self.transcript is not None:
            return self.transcript.last_ms
        return int(self.rows[1].archived_at or 0) if self.rows is not None else 0


@dataclass(frozen=True, slots=True)
class HistoryWrite:
    """The history of one session: its files, its own one first, and what of it is written behind what is there.

    The database has ``present`` of its events already; ``events`` are to be written: those in ``runs`` of the files, in
    their order. ``hashes`` are those of all that will be there; empty where they are only known when events are
    written, because a release has a spelling of its own. ``entry`` is the text of an entry to make for a history that
    no session has, with its time; ``key`` is its key then.
    """

    session_id: str
    key: str
    files: tuple[SourceFile, ...]
    present: int
    events: int
    runs: tuple[Run, ...]
    entry: str | None
    updated_at: int
    hashes: bytes = b""
    origin: Origin = Origin.LIVE

    @property
    def event_count(self) -> int:
        """How many events of it the database will have."""
        return self.present + self.events

    @property
    def pending(self) -> bool:
        """Whether events are to be written."""
        return self.events > 0

    @property
    def size(self) -> int:
        """The bytes of its files."""
        return sum(file.size for file in self.files)

    @property
    def transcripts(self) -> tuple[Transcript, ...]:
        """Those of its files that are transcripts."""
        return tuple(file.transcript for file in self.files if file.transcript is not None)


@dataclass(frozen=True, slots=True)
class Repair:
    """All that is to be added to one database."""

    rows: tuple[RowWrite, ...]
    histories: tuple[HistoryWrite, ...]
