"""Whether a log adds up: every entry in one bucket, and no verdict that claims more than the counts.

A remainder that is not zero is an error by itself, whatever the log says of itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from migrator.model.conclusions import OUTCOMES
from migrator.proofs.proof_event import Event
from migrator.proofs.proof_upgrade_sums import UpgradeSums

_UNSTORABLE = ("blank", "malformed", "nul-damaged", "torn-tail")
"""The kinds of lines that no database holds."""

_COMPLETE = ("contained", "contained-transformed", "damaged", "moved")
"""The verdicts on transcripts of which every event is somewhere."""

_ACCEPTED = {"no-sibling-directories"}
"""The checks that who accepts moved sessions does not ask for."""

MOST_PROBLEMS = 1000
"""So many problems of one log are kept; a log with more is no better for the rest."""

_MOST_FRAMES = 4


@dataclass(slots=True)
class _Sums:
    """What the stores or the databases of a log add up to. ``given`` says which of them had the field at all."""

    given: set[bool] = field(default_factory=set)
    total: Counter[str] = field(default_factory=Counter)

    def add(self, event: Event, name: str) -> None:
        self.given.add(name in event.facts)
        self.total.update(event.counts(name))


class Ledger:
    """Adds up the events of a log as they pass by; what it keeps grows with stores and databases only."""

    def __init__(self) -> None:
        self._events = 0
        self._frame: list[str] = []
        self._outer: list[Event] = []  # the first event and the latest one
        self._totals: Event | None = None
        self._entries = 0
        self._agents: set[str] = set()
        self._twice: set[str] = set()
        self._of_stores: dict[str, Counter[str]] = {}
        self._parts: set[tuple[str, str]] = set()
        self._databases: dict[str, tuple[int, Counter[str]]] = {}
        self._sums = {"verdicts": _Sums(), "actions": _Sums()}
        self._source_verdicts: set[bool] = set()
        self._transcripts: Counter[str] = Counter()
        self._findings: Counter[str] = Counter()
        self._failed_checks: set[str] = set()
        self._changed_source = False
        self._upgrade = UpgradeSums()
        self._found: list[tuple[int, str]] = []

    def add(self, event: Event) -> None:
        """Take in the next event."""
        self._events += 1
        self._outer[1:] = [event]
        if event.name in ("begin", "totals", "end") and len(self._frame) < _MOST_FRAMES:
            self._frame.append(event.name)
        if event.name == "totals":
            self._totals = event
        elif event.name == "source":
            self._add_source(event)
        elif event.name == "database":
            self._add_database(event)
        elif event.name == "transcript":
            self._transcripts[event.word("verdict")] += 1
            self._note(event, _transcript_contradictions(event))
        elif event.name == "finding":
            self._findings[event.word("code")] += 1 + event.number("more")
        elif event.name == "check":
            self._failed_checks |= {event.word("name")} if event.facts["passed"] is not True else set()
        self._upgrade.add(event)

    def contradictions(self) -> Iterator[tuple[int, str]]:
        """Say what does not add up once the whole log has passed, as line number and sentence."""
        totals = self._totals
        if totals is None or self._frame != ["begin", "totals", "end"]:
            yield max(self._events, 1), "The log does not hold begin, totals and end once each, in this order."
            return
        if [event.name for event in self._outer] != ["begin", "end"]:
            yield self._events, "The log does not begin with begin and end with end."
            return
        yield from self._found
        yield from self._sum_contradictions(totals)
        if self._transcripts != totals.counts("transcripts"):
            yield totals.line, "The verdicts on the transcripts do not add up to the totals."
        yield from self._claim_contradictions(totals, self._outer[1])
        yield from self._upgrade.contradictions(self._outer[0], totals)

    def _note(self, event: Event, sentences: Iterator[str]) -> None:
        room = MOST_PROBLEMS - len(self._found)
        self._found += [(event.line, sentence) for sentence in sentences][:room]

    def _add_source(self, source: Event) -> None:
        store, database = source.word("store"), source.word("database")
        if (store, database) in self._parts:
            self._twice.add("store")
        self._parts.add((store, database))
        self._agents |= {source.word("agent")} - {""}
        self._entries += source.number("entries")
        self._source_verdicts.add("verdicts" in source.facts)
        self._of_stores.setdefault(database, Counter()).update(source.counts("verdicts"))
        before = source.facts["sha256_before"]
        self._changed_source |= before is None or before != source.facts["sha256_after"]
        if "verdicts" in source.facts:
            self._note(source, _source_contradictions(source))

    def _add_database(self, database: Event) -> None:
        label, verdicts = database.word("database"), database.counts("verdicts")
        if label in self._databases:
            self._twice.add("database")
        extra = verdicts.pop("extra", 0)
        self._databases[label] = (database.line, verdicts)
        self._agents |= {database.word("agent")} - {""}
        for name, sums in self._sums.items():
            sums.add(database, name)
        if extra > database.number("rows"):
            self._note(database, iter(["More rows are extra than there are rows."]))

    def _sum_contradictions(self, totals: Event) -> Iterator[tuple[int, str]]:
        """Look for entries that are not in exactly one bucket of their store, their database and the totals."""
        if totals.number("stores") != len({store for store, _ in self._parts}):
            yield totals.line, "The number of stores is not that of the stores listed."
        if totals.number("sessions") != self._entries:
            yield totals.line, "The number of sessions is not that of the entries read."
        if totals.number("agents") < len(self._agents):
            yield totals.line, "There are fewer agents than the stores and databases name."
        for kind in sorted(self._twice):
            yield totals.line, f"A {kind} is listed twice."
        if not self._of_stores.keys() <= self._databases.keys():
            yield totals.line, "A store belongs to a database that is not listed."
        for name, sums in self._sums.items():
            given = sums.given | (self._source_verdicts if name == "verdicts" else set())
            if given - {name in totals.facts}:
                yield totals.line, f"The {name} are not given for all stores and databases, or not in the totals."
            elif sums.total != totals.counts(name):
                yield totals.line, f"The {name} of the databases do not add up to the totals."
        if "verdicts" in totals.facts:
            for label, (line, verdicts) in self._databases.items():
                if verdicts != self._of_stores.get(label, Counter()):
                    yield line, "The verdicts of the database are not those of its stores."

    def _claim_contradictions(self, totals: Event, end: Event) -> Iterator[tuple[int, str]]:
        """Hold the verdict word against what stands above it, and the exit code against the verdict word."""
        verdict, verdicts = totals.word("verdict"), totals.counts("verdicts")
        if end.number("events") != self._events:
            yield end.line, "The number of events is not that of the lines."
        if end.counts("findings") != self._findings:
            yield end.line, "The numbers of findings are not those of the findings listed."
        if end.number("exit_code") not in OUTCOMES[verdict].exit_codes:
            yield end.line, "The exit code does not go with the verdict."
        if verdict not in ("proved", "already-migrated", "quarantined"):
            return
        if "verdicts" not in totals.facts or verdicts["missing"] or verdicts["changed"]:
            yield totals.line, "The verdict claims more than the counts."
        damaged = totals.counts("transcripts")["damaged"]
        if verdict == "quarantined" and not verdicts["quarantined"] + damaged:
            yield totals.line, "The verdict and the number of quarantined items contradict each other."
        if self._failed_checks - (_ACCEPTED if "moved" in self._outer[0].words("command") else set()):
            yield totals.line, "The verdict claims more than the checks."
        if self._changed_source:
            yield totals.line, "The verdict claims unchanged sources, and their digests do not."


def _source_contradictions(source: Event) -> Iterator[str]:
    verdicts = source.counts("verdicts")
    if verdicts.total() != source.number("entries") + source.number("damaged"):
        yield "The verdicts of the store do not add up to the entries read."
    if verdicts["quarantined"] != source.number("quarantined"):
        yield "The store has another number of quarantined items than of such verdicts."
    if verdicts["extra"]:
        yield "A store cannot have an entry that is only in the database."


def _transcript_contradictions(transcript: Event) -> Iterator[str]:
    """Look for lines and events that are not in exactly one bucket."""
    lines = transcript.counts("lines")
    if lines.total() - sum(lines[kind] for kind in _UNSTORABLE) != transcript.number("events"):
        yield "The lines of the transcript are not its events, blanks and damaged lines."
    if transcript.number("present") > transcript.number("events"):
        yield "More events are present than there are."
    complete = transcript.number("present") == transcript.number("events")
    if not complete and transcript.word("verdict") in _COMPLETE:
        yield "The verdict on the transcript claims more than the counts."
