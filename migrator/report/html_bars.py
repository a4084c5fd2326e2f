"""Tiles with the sums, then a row for each agent with a bar in each column: what is there, and what is missing, in red.

Agents of which the same is to be said are one row that unfolds, so that the one that has lost something is seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from migrator.model.counted import plural
from migrator.model.verification import HistoryVerdict, Verdict
from migrator.model.words import Name
from migrator.report.document import (
    ApplyDocument,
    PlanDocument,
    ProveDocument,
    VerbDocument,
    VerifyDocument,
    verification_of,
)
from migrator.report.markup import Markup, table, tag
from migrator.report.parts import STATES, AgentRow, Namer, PlannedDatabase
from migrator.report.verified_parts import VerifiedDatabase

_MOST_ALIKE = 5
"""So many agents of one kind have a row each; more of them share one."""

_COLOURS: dict[str, tuple[str, str]] = {
    "there": ("good", "in the database, the same or with changes that releases are known to make"),
    "new": ("good", "would be put into the database"),
    "in the database": ("good", "the database has a row for it"),
    "completed": ("known", "in the database, but not in every form that releases read"),
    "newer kept": ("kept", "the database has a newer one"),
    "updated": ("kept", "the store has a newer one"),
    "only in files": ("kept", "not in a database yet"),
    "moved": ("moved", "in the database of another agent, or under another key"),
    "deleted": ("extra", "deleted by OpenClaw since it was migrated"),
    "damaged": ("held", "not readable as a whole"),
    "extra": ("extra", "in a database only; no source has it"),
    "other branch": ("lost", "all of it is in, but OpenClaw shows another branch of the history"),
    "incomplete": ("lost", "some of its events are in no database"),
    "changed": ("lost", "different, and nothing explains the difference"),
    "missing": ("lost", "in no database"),
}
"""Each word of a bar with its colour and its meaning."""

_WELL = ("good", "known", "kept", "extra")
"""The colours of what needs no look."""

SESSION_WORDS = {
    Verdict.SAME: "there",
    Verdict.EQUAL: "there",
    Verdict.TRANSFORMED: "there",
    Verdict.KEPT: "newer kept",
    Verdict.MOVED: "moved",
    Verdict.DELETED: "deleted",
    Verdict.QUARANTINED: "damaged",
    Verdict.CHANGED: "changed",
    Verdict.MERGED: "missing",
    Verdict.MISSING: "missing",
}
TRANSCRIPT_WORDS = {
    HistoryVerdict.CONTAINED: "there",
    HistoryVerdict.TRANSFORMED: "there",
    HistoryVerdict.MOVED: "moved",
    HistoryVerdict.DELETED: "deleted",
    HistoryVerdict.DAMAGED: "damaged",
    HistoryVerdict.OTHER_BRANCH: "other branch",
    HistoryVerdict.EXTENDS: "incomplete",
    HistoryVerdict.DIVERGES: "changed",
    HistoryVerdict.ABSENT: "missing",
}
_PLANNED = {
    "insert": "new",
    "update": "updated",
    "complete": "completed",
    "keep": "newer kept",
    "same": "there",
}

_BAD_STATES = ("differs", "failed", "unreadable", "unknown", "damaged")
"""The states of an agent that somebody has to look at."""


@dataclass(frozen=True, slots=True)
class _Cell:
    """How many of how many, and the pieces of a bar, each word with its number. Without ``of`` it is a number alone."""

    have: int
    of: int | None
    pieces: Mapping[str, int]

    def __str__(self) -> str:
        """The number, or the pair of numbers."""
        return f"{self.have:,}" if self.of is None else f"{self.have:,}/{self.of:,}"

    @property
    def words(self) -> list[str]:
        """The words of its pieces, in the order of the legend."""
        return [word for word in _COLOURS if self.pieces.get(word)]

    @property
    def mood(self) -> str:
        """The worst that its pieces say."""
        colours = {_COLOURS[word][0] for word in self.words}
        return "bad" if "lost" in colours else "care" if colours - {*_WELL} else "good"

    def remarks(self) -> Iterator[tuple[str, str]]:
        """What is to be said of it beside the pair, each with its mood."""
        for word in self.words:
            colour = _COLOURS[word][0]
            if word not in ("there", "new", "in the database"):
                mood = "bad" if colour == "lost" else "quiet" if colour in _WELL else "care"
                yield f"{self.pieces[word]:,} {word}", mood


@dataclass(frozen=True, slots=True)
class _Row:
    """What is said of one agent, by column."""

    whose: Name
    cells: Mapping[str, _Cell]
    state: str

    @property
    def kind(self) -> tuple[object, ...]:
        """What it has in common with the agents that share a row with it."""
        return self.state, *(tuple(cell.words) for cell in self.cells.values())


def bars_section(document: VerbDocument, namer: Namer) -> Iterator[Markup]:
    """The section for what the command was about: a verification, a plan, or what a scan found."""
    verification = verification_of(document)
    if isinstance(document, ApplyDocument | VerifyDocument | ProveDocument) and verification is not None:
        agents = document.parity.agents if document.parity is not None else None
        judged = sorted(verification.databases, key=lambda one: one.state == "complete")
        rows = [_judged(one) for one in judged]
        yield from _section("What is there, and what is missing", rows, namer, agents)
    elif isinstance(document, PlanDocument | ProveDocument):
        rows = [_planned(one) for one in document.plan.databases]
        yield from _section("What would become of the sessions", rows, namer)
    elif document.agents:
        found = sorted(document.agents, key=lambda row: list(STATES).index(row.state))
        yield from _section("Where the sessions are", [_found(one) for one in found], namer)


def _judged(one: VerifiedDatabase) -> _Row:
    sessions, transcripts = (
        Counter(extra=len(one.extra)),
        Counter(TRANSCRIPT_WORDS[each.verdict] for each in one.transcripts),
    )
    for verdict, word in SESSION_WORDS.items():
        sessions[word] += one.verdicts.get(verdict.value, 0)
    present, events = one.parity.events
    cells = {
        "sessions": _Cell(*one.parity.sessions, sessions),
        "transcripts": _Cell(*one.parity.transcripts, transcripts),
        "events": _Cell(present, events, {"there": present, "missing": max(events - present, 0)}),
    }
    return _Row(one.whose, cells, one.state)


def _planned(one: PlannedDatabase) -> _Row:
    actions = Counter({word: one.actions.get(action, 0) for action, word in _PLANNED.items()})
    pieces = {**actions, "damaged": len(one.quarantine)}
    cells = {
        "sessions": _Cell(actions.total(), None, pieces),
        "new events": _Cell(one.new_events, None, {}),
    }
    return _Row(one.whose, cells, "create" if one.create else "change" if one.pending else "keep")


def _found(row: AgentRow) -> _Row:
    places = {"in the database": row.rows, "only in files": row.sessions - row.rows, "damaged": row.problems}
    cells = {"sessions": _Cell(row.sessions, None, places), "transcripts": _Cell(row.transcripts, None, {})}
    return _Row(row.whose, cells, row.state)


def _section(title: str, rows: Sequence[_Row], namer: Namer, agents: tuple[int, int] | None = None) -> Iterator[Markup]:
    yield tag("h2", title)
    sums = _sums(rows)
    tiles = [_tile(head, str(cell), cell.mood, cell.remarks()) for head, cell in sums.items()]
    yield tag("ul", _agents_tile(rows, sums, agents), *tiles, class_="tiles")
    used = {word for cell in sums.values() for word in cell.words}
    items = (
        tag("li", tag("span", class_=f"swatch {colour}"), f"{word}: {meaning}")
        for word, (colour, meaning) in _COLOURS.items()
        if word in used
    )
    yield tag("ul", *items, class_="legend")
    heads = ("agent directory", *sums, "state")
    yield table(title, heads, (_row(alike, namer) for alike in _shared(rows)), "agents stacked")


def _sums(rows: Iterable[_Row]) -> dict[str, _Cell]:
    """The sum of each column."""
    columns: dict[str, list[_Cell]] = {}
    for row in rows:
        for head, cell in row.cells.items():
            columns.setdefault(head, []).append(cell)
    return {head: _sum(cells) for head, cells in columns.items()}


def _sum(cells: Sequence[_Cell]) -> _Cell:
    pieces: Counter[str] = Counter()
    for cell in cells:
        pieces.update(cell.pieces)
    known = [cell.of for cell in cells if cell.of is not None]
    return _Cell(sum(cell.have for cell in cells), sum(known) if known else None, pieces)


def _shared(rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    """The rows in their order; those that are alike together, if they are many."""
    kinds: dict[tuple[object, ...], list[_Row]] = {}
    for row in rows:
        kinds.setdefault(row.kind, []).append(row)
    for alike in kinds.values():
        yield from [alike] if len(alike) > _MOST_ALIKE else ([row] for row in alike)


def _agents_tile(rows: Sequence[_Row], sums: Mapping[str, _Cell], agents: tuple[int, int] | None) -> Markup:
    """How many agents are as they should be; a failed check is as bad as a loss."""
    have, of = agents or (len(rows), None)
    troubled = sum(row.state in _BAD_STATES for row in rows)
    is_bad = any(row.state == "failed" for row in rows) or any(cell.mood == "bad" for cell in sums.values())
    mood = "good" if not troubled else "bad" if is_bad else "care"
    remarks = [(f"{troubled:,} to look at", mood)] if troubled else []
    return _tile("agents", str(_Cell(have, of, {})), mood, remarks)


def _tile(head: str, number: str, mood: str, remarks: Iterable[tuple[str, str]]) -> Markup:
    return tag("li", tag("strong", number, class_=mood), tag("span", head), *_remarks(remarks))


def _remarks(remarks: Iterable[tuple[str, str]]) -> Iterator[Markup]:
    yield from (tag("span", told, class_=f"remark {mood}") for told, mood in remarks)


def _row(alike: Sequence[_Row], namer: Namer) -> Markup:
    first, sums = alike[0], _sums(alike)
    if len(alike) == 1:
        who = tag("span", namer(first.whose), class_="label")
    else:
        members = (tag("li", tag("span", namer(one.whose), class_="label"), f" {_numbers(one)}") for one in alike)
        who = tag("details", tag("summary", plural(len(alike), "agent")), tag("ul", *members))
    mood = "good" if first.state in ("complete", "migrated") else "bad" if first.state in _BAD_STATES else False
    cells = (_cell(head, cell) for head, cell in sums.items())
    state = tag("td", tag("span", first.state, class_=mood), data_head="state")
    return tag("tr", tag("th", who, scope="row"), *cells, state)


def _numbers(row: _Row) -> str:
    return ", ".join(f"{head} {cell}" for head, cell in row.cells.items())


def _cell(head: str, cell: _Cell) -> Markup:
    told = ", ".join(f"{cell.pieces[word]:,} {word}" for word in cell.words)
    pieces = (
        tag("span", class_=_COLOURS[word][0], style=f"flex-grow:{cell.pieces[word]}", data_word=word)
        for word in cell.words
    )
    bar = [tag("div", *pieces, class_="bar", role="img", aria_label=told)] if told else []
    return tag("td", tag("span", str(cell), class_="pair"), *_remarks(cell.remarks()), *bar, data_head=head)
