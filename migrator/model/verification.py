"""What a verification says: the verdicts on entries, histories, databases and the whole. Plain data, like the model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from migrator.model.inventory import Database
from migrator.model.words import Finding, Name


class Verdict(str, Enum):
    """What became of one entry. Exactly one per entry of a source, and one per row that no source has."""

    SAME = "same"  # byte for byte
    EQUAL = "equal"  # the same JSON, type-strict
    TRANSFORMED = "transformed"  # the same after named transforms
    KEPT = "kept"  # there is a strictly newer one
    MOVED = "moved"  # in another agent's database, or under another key
    DELETED = "deleted"  # OpenClaw deleted it since, and keeps its history in an archive
    MERGED = "merged"  # its key holds another session now
    CHANGED = "changed"  # nothing explains the difference
    MISSING = "missing"  # in no database
    EXTRA = "extra"  # in a database only
    QUARANTINED = "quarantined"  # cannot be in a database; its bytes are preserved


class Level(str, Enum):
    """How strict the judge is: the strictest layer at which an entry may still differ from its source."""

    BYTES = "bytes"
    JSON = "json"
    KNOWN = "known-transforms"


class HistoryVerdict(str, Enum):
    """What became of the history in one transcript."""

    CONTAINED = "contained"  # every event is in SQLite, in order, byte for byte
    TRANSFORMED = "contained-transformed"  # the same after named transforms
    DAMAGED = "damaged"  # what is readable is in, the rest is listed
    MOVED = "moved"  # all of it is in another agent's database
    DELETED = "deleted"  # all of it is in the archive of a session that OpenClaw deleted
    EXTENDS = "extends"  # the file has events that SQLite lacks
    DIVERGES = "diverges"  # each has events that the other lacks, or the order differs
    OTHER_BRANCH = "other-branch"  # all of it is in, and what OpenClaw shows of it is something else
    ABSENT = "absent"  # SQLite has nothing of it


LOST = (Verdict.MISSING, Verdict.CHANGED, Verdict.MERGED, Verdict.MOVED, Verdict.DELETED)
"""The verdicts that are a difference."""

ACCEPTABLE = (Verdict.MOVED, Verdict.DELETED)
"""Those of them that are none to a user who says so: nothing of them is gone."""

FAIL_IF_MOVED = frozenset({"no-sibling-directories"})
"""The checks that may fail where that is accepted of ``moved``: a second directory is how sessions move."""

LOST_HISTORIES = (
    HistoryVerdict.ABSENT,
    HistoryVerdict.EXTENDS,
    HistoryVerdict.DIVERGES,
    HistoryVerdict.MOVED,
    HistoryVerdict.DELETED,
    HistoryVerdict.OTHER_BRANCH,
)
"""The verdicts on histories that are a difference."""


OTHER_BRANCH = "transcript.other-branch"
"""The finding on a history with the verdict of that name."""


UNREAD = frozenset(
    {
        "agent.unreadable",
        "database.archive-unreadable",
        "database.unreadable",
        "place.unreadable",
        "store.unreadable",
        "transcript.unreadable",
    }
)
"""Findings on what could not be looked at, so that sessions may be in it that nobody has counted."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where a changed entry differs: the path of member names and positions, and what kind of change."""

    kind: str
    path: tuple[Name | int, ...]


@dataclass(frozen=True, slots=True)
class EntryVerdict:
    """A verdict other than ``same``, with what explains it. ``places`` are the database and key of a moved entry."""

    session: Name
    verdict: Verdict
    transforms: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    places: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class HistoryVerification:
    """The verdict on one transcript: how many of its ``events`` are in SQLite, and which line is the first that is not.

    ``counts`` has every line of the file by kind; ``transforms`` counts events by what explains them.
    """

    transcript: Name
    session: Name
    verdict: HistoryVerdict
    events: int
    present: int
    counts: tuple[tuple[str, int], ...]
    transforms: tuple[tuple[str, int], ...] = ()
    first_missing_line: int = 0
    missing_is_tail: bool = True
    places: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One named property of a database or of a whole state directory, and whether it holds."""

    name: str
    passed: bool


@dataclass(frozen=True, slots=True)
class SourceVerification:
    """The verdicts on one source of entries: a store, or the rows of an older database.

    ``counts`` cover every entry and damaged span; ``verdicts`` all but ``same``.
    """

    source: Name
    agent: str | None
    counts: tuple[tuple[Verdict, int], ...]
    verdicts: tuple[EntryVerdict, ...]


@dataclass(frozen=True, slots=True)
class DatabaseVerification:
    """The verdict on one database and on the sources that belong to it.

    ``extra`` are its sessions that no source has, ``extra_events`` counts such events. ``is_unread`` says that it, or
    a source of it, could not be read.
    """

    database: Database
    sources: tuple[SourceVerification, ...]
    histories: tuple[HistoryVerification, ...]
    extra: tuple[Name, ...]
    rows: int
    content_digest: str
    checks: tuple[Check, ...]
    extra_events: int = 0
    is_unread: bool = False


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification found. ``findings`` are those of the fresh scan that it started from."""

    state_dir: str
    databases: tuple[DatabaseVerification, ...]
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]

    def count(self, verdict: Verdict) -> int:
        """How many entries, or rows without a source, have this verdict."""
        if verdict is Verdict.EXTRA:
            return sum(len(database.extra) for database in self.databases)
        return sum(dict(source.counts).get(verdict, 0) for d in self.databases for source in d.sources)

    def count_histories(self, verdict: HistoryVerdict) -> int:
        """How many transcripts have this verdict."""
        return sum(history.verdict is verdict for d in self.databases for history in d.histories)

    @property
    def in_quarantine(self) -> int:
        """How many entries, spans of stores, and transcripts are damaged, and so not or not wholly in a database."""
        return self.count(Verdict.QUARANTINED) + self.count_histories(HistoryVerdict.DAMAGED)

    @property
    def is_vacuous(self) -> bool:
        """Whether there are sessions, and no source to judge any of them by."""
        sources = (source for database in self.databases for source in database.sources)
        judged = any(count for source in sources for _, count in source.counts)
        judged = judged or any(database.histories for database in self.databases)
        return not judged and any(database.rows for database in self.databases)

    @property
    def failed_checks(self) -> tuple[str, ...]:
        """The names of all checks that do not hold."""
        return tuple(c.name for d in self.databases for c in d.checks if not c.passed) + tuple(
            check.name for check in self.checks if not check.passed
        )
