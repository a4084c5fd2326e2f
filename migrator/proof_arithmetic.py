"""Whether a log adds up: every entry in one bucket, and no verdict that claims more than the counts.

A remainder that is not zero is an error by itself, whatever the log says of itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from migrator.proof_events import OUTCOMES, Json

_UNSTORABLE = ("blank", "malformed", "nul-damaged", "torn-tail")
"""The kinds of lines that no database holds."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a log, as :func:`fault_in` lets it pass. ``line`` counts from 1."""

    line: int
    name: str
    facts: Mapping[str, Json]

    def number(self, field: str) -> int:
        """Give a count; 0 where there is none."""
        value = self.facts.get(field)
        return value if isinstance(value, int) else 0

    def word(self, field: str) -> str:
        """Give a word, label, digest or version; empty where there is none."""
        value = self.facts.get(field)
        return value if isinstance(value, str) else ""

    def counts(self, field: str) -> Counter[str]:
        """Give the counts by word; empty where there are none."""
        value = self.facts.get(field)
        items = value.items() if isinstance(value, Mapping) else ()
        return Counter({word: count for word, count in items if isinstance(count, int)})


def contradictions(events: Sequence[Event]) -> Iterator[tuple[int, str]]:
    """Find what does not add up in a whole log, as line number and sentence."""
    if [event.name for event in events if event.name in ("begin", "totals", "end")] != [
        "begin",
        "totals",
        "end",
    ]:
        yield max(len(events), 1), "The log does not hold begin, totals and end once each, in this order."
        return
    if events[0].name != "begin" or events[-1].name != "end":
        yield len(events), "The log does not begin with begin and end with end."
        return
    totals = next(event for event in events if event.name == "totals")
    sources = [event for event in events if event.name == "source"]
    databases = [event for event in events if event.name == "database"]
    yield from _sum_contradictions(totals, sources, databases)
    yield from transcript_contradictions(totals, [event for event in events if event.name == "transcript"])
    yield from _claim_contradictions(events, totals, sources)


def _sum_contradictions(
    totals: Event, sources: Sequence[Event], databases: Sequence[Event]
) -> Iterator[tuple[int, str]]:
    """Look for entries that are not in exactly one bucket of their store, their database and the totals."""
    if totals.number("stores") != len(sources):
        yield totals.line, "The number of stores is not that of the stores listed."
    if totals.number("sessions") != sum(source.number("entries") for source in sources):
        yield totals.line, "The number of sessions is not that of the entries read."
    if totals.number("agents") < len({e.word("agent") for e in (*sources, *databases)} - {""}):
        yield totals.line, "There are fewer agents than the stores and databases name."
    if len({source.word("store") for source in sources}) != len(sources):
        yield totals.line, "A store is listed twice."
    if len({database.word("database") for database in databases}) != len(databases):
        yield totals.line, "A database is listed twice."
    if not {source.word("database") for source in sources} <= {e.word("database") for e in databases}:
        yield totals.line, "A store belongs to a database that is not listed."
    for field, events in (("verdicts", (*sources, *databases)), ("actions", databases)):
        if any((field in event.facts) != (field in totals.facts) for event in events):
            yield (
                totals.line,
                f"The {field} are not given for all stores and databases, or not in the totals.",
            )
        elif sum((database.counts(field) for database in databases), Counter()) != totals.counts(field):
            yield totals.line, f"The {field} of the databases do not add up to the totals."
    if "verdicts" in totals.facts:
        yield from _verdict_contradictions(sources, databases)


def transcript_contradictions(totals: Event, transcripts: Sequence[Event]) -> Iterator[tuple[int, str]]:
    """Look for lines and histories that are not in exactly one bucket."""
    if Counter(event.word("verdict") for event in transcripts) != totals.counts("transcripts"):
        yield totals.line, "The verdicts on the transcripts do not add up to the totals."
    for event in transcripts:
        storable = event.counts("lines").total() - sum(event.counts("lines")[kind] for kind in _UNSTORABLE)
        if storable != event.number("events"):
            yield event.line, "The lines of the transcript are not its events, blanks and damaged lines."
        if event.number("present") > event.number("events"):
            yield event.line, "More events are present than there are."
        complete = event.number("present") == event.number("events")
        if not complete and event.word("verdict") in (
            "contained",
            "contained-transformed",
            "damaged",
            "moved",
        ):
            yield event.line, "The verdict on the transcript claims more than the counts."


def _verdict_contradictions(sources: Sequence[Event], databases: Sequence[Event]) -> Iterator[tuple[int, str]]:
    of_database: dict[str, Counter[str]] = {}
    for source in sources:
        verdicts = source.counts("verdicts")
        of_database.setdefault(source.word("database"), Counter()).update(verdicts)
        if verdicts.total() != source.number("entries") + source.number("damaged"):
            yield source.line, "The verdicts of the store do not add up to the entries read."
        if verdicts["quarantined"] != source.number("quarantined"):
            yield source.line, "The store has another number of quarantined items than of such verdicts."
        if verdicts["extra"]:
            yield source.line, "A store cannot have an entry that is only in the database."
    for database in databases:
        verdicts = database.counts("verdicts")
        extra = verdicts.pop("extra", 0)
        if verdicts != of_database.get(database.word("database"), Counter()):
            yield database.line, "The verdicts of the database are not those of its stores."
        if extra > database.number("rows"):
            yield database.line, "More rows are extra than there are rows."


def _claim_contradictions(
    events: Sequence[Event], totals: Event, sources: Sequence[Event]
) -> Iterator[tuple[int, str]]:
    """Hold the verdict word against what stands above it, and the exit code against the verdict word."""
    end, verdict, verdicts = events[-1], totals.word("verdict"), totals.counts("verdicts")
    if end.number("events") != len(events):
        yield end.line, "The number of events is not that of the lines."
    if end.counts("findings") != Counter(event.word("code") for event in events if event.name == "finding"):
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
    if any(event.name == "check" and event.facts["passed"] is not True for event in events):
        yield totals.line, "The verdict claims more than the checks."
    if any(e.facts["sha256_before"] is None or e.word("sha256_before") != e.word("sha256_after") for e in sources):
        yield totals.line, "The verdict claims unchanged sources, and their digests do not."
