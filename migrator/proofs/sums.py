"""Whether a log adds up: every entry, line and row is in one bucket, and each number is the sum of its parts.

A remainder that is not zero is an error by itself, whatever the log says of itself. What the log claims beyond its
numbers is held against them in :mod:`migrator.proofs.claims`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from migrator.model.verification import HistoryVerdict, Verdict
from migrator.openclaw.text.transcript import LineKind
from migrator.proofs.vocabulary import (
    Agent,
    AnyEvent,
    Begin,
    Check,
    Database,
    End,
    Event,
    Finding,
    Source,
    Totals,
    Transcript,
    given,
)

_UNSTORABLE = (LineKind.BLANK, LineKind.MALFORMED, LineKind.NUL_DAMAGED, LineKind.TORN_TAIL)
"""The kinds of lines that no database holds."""

_COMPLETE = (
    HistoryVerdict.CONTAINED,
    HistoryVerdict.TRANSFORMED,
    HistoryVerdict.DAMAGED,
    HistoryVerdict.MOVED,
    HistoryVerdict.DELETED,
)
"""The verdicts on transcripts of which every event is somewhere."""

MOST_PROBLEMS = 1000
"""So many problems of one log are kept; a log with more is no better for the rest."""

_MOST_FRAMES = 4
_Kind = TypeVar("_Kind", bound=Event)

Found = tuple[int, str]
"""Something that does not add up: the number of the line, and a sentence."""


@dataclass(slots=True)
class DatabaseParts:
    """What the sources and transcripts of one database add up to."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    sources: int = 0
    transcripts: int = 0
    events: int = 0


@dataclass(slots=True)
class AgentParts:
    """How many stores and databases name an agent."""

    stores: int = 0
    databases: int = 0


@dataclass(slots=True)
class Ledger:
    """Adds up the events of a log as they pass by; transcripts and findings are counted, and not kept."""

    count: int = 0
    begin: Begin | None = None
    totals: Totals | None = None
    end: End | None = None
    of_databases: dict[str, DatabaseParts] = field(default_factory=dict)
    transcripts: Counter[HistoryVerdict] = field(default_factory=Counter)
    lines: Counter[LineKind] = field(default_factory=Counter)
    events: int = 0
    present: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    _kept: dict[type[Event], list[Event]] = field(default_factory=dict)
    _frame: list[str] = field(default_factory=list)
    _latest: AnyEvent | None = None
    _found: list[Found] = field(default_factory=list)

    @property
    def is_judged(self) -> bool:
        """Whether the log has verdicts on sessions."""
        return self.totals is not None and isinstance(self.totals.verdicts, dict)

    @property
    def is_framed(self) -> bool:
        """Whether the log begins with begin, and ends with totals and end, each once."""
        return self._frame == ["Begin", "Totals", "End"] and self.begin is not None and self._latest is self.end

    def add(self, event: AnyEvent) -> None:
        """Take in the next event."""
        self.count += 1
        self._latest = event
        self._add_to_frame(event)
        if isinstance(event, Transcript):
            self._add_transcript(event)
        elif isinstance(event, Finding):
            self.findings[event.code] += 1 + given(event.more, 0)
        else:
            self._kept.setdefault(type(event), []).append(event)
        if isinstance(event, Source):
            parts = self._parts_of(event.database)
            parts.sources += 1
            parts.verdicts.update(given(event.verdicts, {}))
            self._note(event.line, source_contradictions(event))

    def of(self, kind: type[_Kind]) -> list[_Kind]:
        """The events of one kind."""
        return [event for event in self._kept.get(kind, ()) if isinstance(event, kind)]

    @property
    def failing(self) -> set[str]:
        """The names of the checks that do not hold."""
        return {check.name for check in self.of(Check) if not check.passed}

    def _add_to_frame(self, event: AnyEvent) -> None:
        if not isinstance(event, Begin | Totals | End) or len(self._frame) >= _MOST_FRAMES:
            return
        self._frame.append(type(event).__name__)
        if isinstance(event, Begin):
            self.begin = event if self.count == 1 else None
        elif isinstance(event, Totals):
            self.totals = event
        else:
            self.end = event

    def _add_transcript(self, event: Transcript) -> None:
        self.transcripts[event.verdict] += 1
        self.lines.update(event.lines)
        self.events += event.events
        self.present += event.present
        parts = self._parts_of(event.database)
        parts.transcripts += 1
        parts.events += event.events
        self._note(event.line, transcript_contradictions(event))

    def _parts_of(self, database: str) -> DatabaseParts:
        return self.of_databases.setdefault(database, DatabaseParts())

    def _note(self, line: int, sentences: Iterable[str]) -> None:
        room = MOST_PROBLEMS - len(self._found)
        self._found += [(line, sentence) for sentence in sentences][:room]

    def sums(self) -> dict[str, int | dict[str, int]]:
        """The sums of what has passed by, as the fields of ``Totals``."""
        transforms: Counter[str] = Counter()
        for source in self.of(Source):
            transforms.update(source.transforms)
        return {
            "agents": len({one.agent for one in self.of(Agent)}),
            "bytes": sum({source.store: source.size or 0 for source in self.of(Source)}.values()),
            "checks": len(self.of(Check)),
            "databases": len({one.database for one in self.of(Database)}),
            "events": self.events,
            "extra_events": sum(given(one.extra_events, 0) for one in self.of(Database)),
            "failed": sum(not check.passed for check in self.of(Check)),
            "lines": {kind.value: count for kind, count in self.lines.items()},
            "present": self.present,
            "rows": sum(one.rows for one in self.of(Database)),
            "sessions": sum(source.entries for source in self.of(Source)),
            "stores": len({source.store for source in self.of(Source)}),
            "transforms": dict(transforms),
            "written": sum(one.written for one in self.of(Database)),
        }

    def contradictions(self) -> Iterator[Found]:
        """Say what does not add up once the whole log has passed."""
        if not self.is_framed or self.totals is None or self.end is None:
            yield max(self.count, 1), "The log does not begin with begin and end with totals and end, each once."
            return
        yield from self._found
        yield from self._sum_contradictions(self.totals)
        yield from self._listing_contradictions(self.totals)
        yield from self._database_contradictions(self.totals)
        yield from self._agent_contradictions(self.totals)
        if self.end.events != self.count:
            yield self.end.line, "The number of events is not that of the lines."
        if Counter(self.end.findings) != self.findings:
            yield self.end.line, "The numbers of findings are not those of the findings listed."

    def _sum_contradictions(self, totals: Totals) -> Iterator[Found]:
        for name, total in self.sums().items():
            stated = getattr(totals, name)
            if Counter(stated) != Counter(total) if isinstance(total, dict) else stated != total:
                yield totals.line, f"The {name} of the parts do not add up to those of the totals."
        if self.transcripts != Counter(given(totals.transcripts, {})):
            yield totals.line, "The verdicts on the transcripts do not add up to the totals."

    def _listing_contradictions(self, totals: Totals) -> Iterator[Found]:
        """Look for stores and databases that are not listed exactly once."""
        if len({(source.store, source.database) for source in self.of(Source)}) != len(self.of(Source)):
            yield totals.line, "A store is listed twice."
        if len({one.database for one in self.of(Database)}) != len(self.of(Database)):
            yield totals.line, "A database is listed twice."
        if not self.of_databases.keys() <= {one.database for one in self.of(Database)}:
            yield totals.line, "A store or a transcript belongs to a database that is not listed."

    def _database_contradictions(self, totals: Totals) -> Iterator[Found]:
        """Look for entries that are not in exactly one bucket of their store, their database and the totals."""
        judged = isinstance(totals.verdicts, dict)
        given_to = [isinstance(one.verdicts, dict) for one in self.of(Source)]
        given_to += [one.is_judged for one in self.of(Database)]
        if any(is_given is not judged for is_given in given_to):
            yield totals.line, "The verdicts are not given for all stores and databases, or not in the totals."
            return
        if any(isinstance(one.actions, dict) is not isinstance(totals.actions, dict) for one in self.of(Database)):
            yield totals.line, "The actions are not given for all databases, or not in the totals."
        verdicts: Counter[Verdict] = Counter()
        actions: Counter[str] = Counter()
        for database in self.of(Database):
            verdicts.update(given(database.verdicts, {}))
            actions.update(given(database.actions, {}))
            yield from self._parts_contradictions(database)
        if verdicts != Counter(given(totals.verdicts, {})):
            yield totals.line, "The verdicts of the databases do not add up to the totals."
        if actions != Counter(given(totals.actions, {})):
            yield totals.line, "The actions of the databases do not add up to the totals."

    def _parts_contradictions(self, database: Database) -> Iterator[Found]:
        parts, verdicts = self.of_databases.get(database.database, DatabaseParts()), given(database.verdicts, {})
        extra = verdicts.get(Verdict.EXTRA, 0)
        if Counter(verdicts) - Counter({Verdict.EXTRA: extra}) != +parts.verdicts:
            yield database.line, "The verdicts of the database are not those of its stores."
        if isinstance(database.extra_events, int) is not database.is_judged:
            yield database.line, "What is only in the database is counted where nobody has looked, or not counted."
        if extra > database.rows:
            yield database.line, "More rows are extra than there are rows."
        counted = (database.sources, database.transcripts, database.events)
        if counted != (parts.sources, parts.transcripts, parts.events):
            yield database.line, "The database has another number of stores, transcripts or events than are listed."

    def _agent_contradictions(self, totals: Totals) -> Iterator[Found]:
        parts: dict[str, AgentParts] = {}
        for source in self.of(Source):
            if source.agent is not None:
                parts.setdefault(source.agent, AgentParts()).stores += 1
        for database in self.of(Database):
            if database.agent is not None:
                parts.setdefault(database.agent, AgentParts()).databases += 1
        if not parts.keys() <= {one.agent for one in self.of(Agent)} or len(self.of(Agent)) != totals.agents:
            yield totals.line, "The agents are not those that the stores and databases name."
        for one in self.of(Agent):
            if AgentParts(one.stores, one.databases) != parts.get(one.agent, AgentParts()):
                yield one.line, "The agent has another number of stores or databases than name it."


def source_contradictions(source: Source) -> Iterator[str]:
    """Look for entries of a store that are not in exactly one bucket."""
    if not isinstance(source.verdicts, dict):
        return
    verdicts = Counter(source.verdicts)
    if verdicts.total() != source.entries + source.damaged:
        yield "The verdicts of the store do not add up to the entries read."
    if verdicts[Verdict.QUARANTINED] != source.quarantined:
        yield "The store has another number of quarantined items than of such verdicts."
    if verdicts[Verdict.EXTRA]:
        yield "A store cannot have an entry that is only in the database."


def transcript_contradictions(transcript: Transcript) -> Iterator[str]:
    """Look for lines and events that are not in exactly one bucket."""
    lines = Counter(transcript.lines)
    if lines.total() - sum(lines[kind] for kind in _UNSTORABLE) != transcript.events:
        yield "The lines of the transcript are not its events, blanks and damaged lines."
    if transcript.present > transcript.events:
        yield "More events are present than there are."
    if transcript.present != transcript.events and transcript.verdict in _COMPLETE:
        yield "The verdict on the transcript claims more than the counts."


def seconds_between(first: str, last: str) -> float:
    """The time between two events."""
    began, ended = (datetime.fromisoformat(time.removesuffix("Z")) for time in (first, last))
    return (ended - began).total_seconds()
