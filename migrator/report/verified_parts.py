"""What a report says of a verification, as frozen classes, and what the verdicts mean: see :mod:`.parts`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from migrator.model.verification import HistoryVerdict, Verdict
from migrator.model.words import Name
from migrator.report.parts import Count, Counts, Digest, OfDatabase, Pair, Part

Verdicts = Annotated[
    Counts, Meta(extra_json_schema={"propertyNames": {"enum": [verdict.value for verdict in Verdict]}})
]
HistoryVerdicts = Annotated[
    Counts, Meta(extra_json_schema={"propertyNames": {"enum": [verdict.value for verdict in HistoryVerdict]}})
]

SESSIONS = {
    Verdict.SAME.value: "in the database, byte for byte",
    Verdict.EQUAL.value: "in the database, as the same JSON in another spelling",
    Verdict.TRANSFORMED.value: "in the database, changed only as releases are known to change it",
    Verdict.KEPT.value: "the database has a newer one, which was kept",
    Verdict.MOVED.value: "in the database of another agent, or under another key",
    Verdict.DELETED.value: "deleted by OpenClaw since it was migrated; its history is in the archive of the database",
    Verdict.MERGED.value: "its key holds another session now",
    Verdict.CHANGED.value: "in the database, with a difference that nothing explains",
    Verdict.MISSING.value: "in no database",
    Verdict.EXTRA.value: "in a database only; no source has it",
    Verdict.QUARANTINED.value: "can be in no database; its bytes are kept",
}
"""What became of a session, by verdict."""

TRANSCRIPTS = {
    HistoryVerdict.CONTAINED.value: "every event is in the database, in order, byte for byte",
    HistoryVerdict.TRANSFORMED.value: "every event is in, changed only as releases are known to change it",
    HistoryVerdict.DAMAGED.value: "all that can be read is in, and the damaged lines are listed",
    HistoryVerdict.MOVED.value: "all of it is in the database of another agent",
    HistoryVerdict.DELETED.value: "all of it is in the archive that OpenClaw keeps of what it deletes",
    HistoryVerdict.EXTENDS.value: "the file has events that the database lacks",
    HistoryVerdict.DIVERGES.value: "the file and the database differ in their events, or in the order",
    HistoryVerdict.OTHER_BRANCH.value: "all of it is in, but OpenClaw shows another branch of the history",
    HistoryVerdict.ABSENT.value: "the database has nothing of it",
}
"""What became of a transcript, by verdict."""

DIFFERENCES = {
    "lost": "lost {}",
    "added": "{} was added",
    "differs": "{} differs",
    "of-another-type": "{} is of another type",
    "no-json": "one of the two is no JSON",
    "too-deep": "nested too deep to be compared",
    "spelled-otherwise": "the same in another spelling",
}
"""How two versions of a session differ in one place, by kind; the braces stand for the place."""


def pair(have: int, all_of_them: int) -> str:
    """How many have arrived of how many, for a table."""
    return f"{have:,}/{all_of_them:,}"


class Parity(Part, frozen=True, kw_only=True):
    """What has arrived, of what was in the sources: pairs of numbers."""

    agents: Pair
    sessions: Pair
    transcripts: Pair
    events: Pair
    lines: Count
    blank: Count
    quarantined: Count
    missing: Count
    changed: Count
    moved: Count
    deleted: Count
    missing_events: Count
    absent_transcripts: Count
    extra_sessions: Count
    extra_events: Count

    @property
    def pairs(self) -> tuple[str, str, str]:
        """The cells of a table: sessions, transcripts and events."""
        return pair(*self.sessions), pair(*self.transcripts), pair(*self.events)


class ParityLine(Parity, frozen=True, kw_only=True):
    """The same with all of it in one line."""

    line: str


class DifferenceRow(Part, frozen=True, kw_only=True):
    """One place where a session differs."""

    kind: str
    path: Sequence[Name | Count]


class SessionRow(Part, frozen=True, kw_only=True):
    """A session whose verdict is another one than same."""

    session: Name
    source: Name
    verdict: Verdict
    transforms: Sequence[str]
    differences: Sequence[DifferenceRow]
    places: Sequence[Name]


class TranscriptRow(Part, frozen=True, kw_only=True):
    """What became of one transcript."""

    transcript: Name
    session: Name
    verdict: HistoryVerdict
    events: Count
    present: Count
    lines: Counts
    transforms: Counts
    first_missing_line: Count | None
    places: Sequence[Name]


class VerifiedDatabase(OfDatabase, frozen=True, kw_only=True):
    """The verdicts on one database; its extra sessions are in no source."""

    complete: bool
    parity: Parity
    rows: Count
    verdicts: Verdicts
    content_digest: Digest
    checks: dict[str, bool]
    entries: Sequence[SessionRow]
    transcripts: Sequence[TranscriptRow]
    extra: Sequence[Name]

    @property
    def state(self) -> str:
        """``complete``, ``differs``, or ``failed`` if a check does not hold: the same word in every format."""
        if not all(self.checks.values()):
            return "failed"
        return "complete" if self.complete else "differs"


class VerificationPart(Part, frozen=True, kw_only=True):
    """Whether every session is there.

    ``given_up`` counts what a release threw away by design of what is there, by the name of the change.
    """

    verdicts: Verdicts
    transcripts: HistoryVerdicts
    checks: dict[str, bool]
    failed_checks: Sequence[str]
    given_up: Counts
    databases: Sequence[VerifiedDatabase]
