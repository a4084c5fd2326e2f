"""The parity line: what is in the sources against what is in the databases, in one line."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from migrator.model.counted import plural
from migrator.model.verification import DatabaseVerification, HistoryVerdict, Verdict, Verification
from migrator.openclaw.changes.transforms import LOSSES
from migrator.openclaw.text.transcript import LineKind

ARRIVED = (Verdict.SAME, Verdict.EQUAL, Verdict.TRANSFORMED, Verdict.KEPT)
ARRIVED_HISTORIES = (HistoryVerdict.CONTAINED, HistoryVerdict.TRANSFORMED, HistoryVerdict.DAMAGED)
_DAMAGED = (LineKind.MALFORMED.value, LineKind.NUL_DAMAGED.value, LineKind.TORN_TAIL.value)


@dataclass(frozen=True, slots=True)
class Parity:
    """The numbers of the parity line. Of each pair the first one has arrived, the second one was in the sources.

    ``lines`` is the sum of the events in the sources, ``blank`` and ``quarantined`` (spans of stores aside).
    ``missing``, ``changed``, ``moved`` and ``deleted`` count sessions. What is extra is in a database
    only, and no difference.
    """

    agents: tuple[int, int]
    sessions: tuple[int, int]
    transcripts: tuple[int, int]
    events: tuple[int, int]
    lines: int
    blank: int
    quarantined: int
    missing: int
    changed: int
    moved: int
    deleted: int
    missing_events: int
    absent_transcripts: int
    extra_sessions: int
    extra_events: int

    def __str__(self) -> str:
        """The line itself."""
        pairs = (
            f"{word} {arrived:,}/{total:,}"
            for word, (arrived, total) in (
                ("agents", self.agents),
                ("sessions", self.sessions),
                ("transcripts", self.transcripts),
                ("events", self.events),
            )
        )
        extra = f", extra {plural(self.extra_sessions, 'session')} with {plural(self.extra_events, 'event')}"
        return (
            ", ".join(pairs)
            + f", lines {self.lines:,} = {plural(self.events[1], 'event')} + {self.blank:,} blank"
            + f" + {self.quarantined:,} quarantined"
            + f", missing {self.missing:,}, changed {self.changed:,}, moved {self.moved:,}"
            + (f", deleted {self.deleted:,}" if self.deleted else "")
            + (f", events missing {self.missing_events:,}" if self.missing_events else "")
            + (f", transcripts absent {self.absent_transcripts:,}" if self.absent_transcripts else "")
            + (extra if self.extra_sessions or self.extra_events else "")
        )


def parity(verification: Verification) -> Parity:
    """Count over everything that a verification has judged."""
    histories = [history for database in verification.databases for history in database.histories]
    lines: Counter[str] = Counter()
    for history in histories:
        lines.update(dict(history.counts))
    judged = [database for database in verification.databases if database.sources]
    sessions = sum(verification.count(verdict) for verdict in Verdict)
    sessions -= verification.count(Verdict.EXTRA) + verification.count(Verdict.QUARANTINED)
    return Parity(
        agents=(sum(map(is_complete, judged)), len(judged)),
        sessions=(sum(verification.count(verdict) for verdict in ARRIVED), sessions),
        transcripts=(sum(history.verdict in ARRIVED_HISTORIES for history in histories), len(histories)),
        events=(sum(history.present for history in histories), sum(history.events for history in histories)),
        lines=lines.total(),
        blank=lines[LineKind.BLANK.value],
        quarantined=sum(lines[kind] for kind in _DAMAGED),
        missing=verification.count(Verdict.MISSING) + verification.count(Verdict.MERGED),
        changed=verification.count(Verdict.CHANGED),
        moved=verification.count(Verdict.MOVED),
        deleted=verification.count(Verdict.DELETED),
        missing_events=sum(history.events - history.present for history in histories),
        absent_transcripts=verification.count_histories(HistoryVerdict.ABSENT),
        extra_sessions=verification.count(Verdict.EXTRA),
        extra_events=sum(database.extra_events for database in verification.databases),
    )


def given_up(verification: Verification) -> tuple[tuple[str, int], ...]:
    """How many settings and events of what is there the release threw something away of, by the name of that change."""
    found: Counter[str] = Counter()
    for database in verification.databases:
        for source in database.sources:
            found.update(name for one in source.verdicts for name in one.transforms if name in LOSSES)
        for history in database.histories:
            found.update({name: count for name, count in history.transforms if name in LOSSES})
    return tuple(sorted(found.items()))


def is_complete(database: DatabaseVerification) -> bool:
    """Whether everything that belongs into a database is there, as far as anybody can say."""
    return (
        not database.is_unread
        and all(
            verdict in (*ARRIVED, Verdict.QUARANTINED)
            for source in database.sources
            for verdict, n in source.counts
            if n
        )
        and all(history.verdict in ARRIVED_HISTORIES for history in database.histories)
    )
