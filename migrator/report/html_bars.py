"""A bar for each agent: what became of its sessions, or what would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from migrator.model.words import Name
from migrator.report.document import PlanDocument, ProveDocument, VerbDocument, verification_of
from migrator.report.markup import Markup, table, tag
from migrator.report.parts import STATES, AgentRow, Namer, PlannedDatabase
from migrator.report.verdict_words import SESSIONS
from migrator.report.verified_parts import VerifiedDatabase

_PLANNED = {
    "insert": "new in the database",
    "update": "the store has a newer one",
    "complete": "in the database, but not in every form that releases read",
    "keep": "kept as the database has it",
    "same": "in the database already",
    "quarantined": "damaged pieces for the quarantine",
}
_FOUND = {
    "database": "in the database",
    "store-only": "in the store only",
    "damaged": "damaged pieces of the store",
}


def bars_section(document: VerbDocument, namer: Namer) -> Iterator[Markup]:
    """The section for what the command was about: a verification, a plan, or what a scan found."""
    verification = verification_of(document)
    if verification is not None:
        judged = sorted(verification.databases, key=lambda one: one.state == "complete")
        rows = [(one.whose, _verdicts(one), one.state) for one in judged]
        yield from _section("What became of the sessions", rows, SESSIONS, namer)
    elif isinstance(document, PlanDocument | ProveDocument):
        rows = [(one.whose, _actions(one), _sign(one)) for one in document.plan.databases]
        yield from _section("What would become of the sessions", rows, _PLANNED, namer)
    elif document.agents:
        found = sorted(document.agents, key=lambda row: list(STATES).index(row.state))
        rows = [(one.whose, _places(one), one.state) for one in found]
        yield from _section("Where the sessions are", rows, _FOUND, namer)


def _section(
    title: str, rows: Sequence[tuple[Name, dict[str, int], str]], words: Mapping[str, str], namer: Namer
) -> Iterator[Markup]:
    yield tag("h2", title)
    used = [word for word in words if any(counts.get(word) for _, counts, _ in rows)]
    items = (tag("li", tag("span", class_=f"swatch {word}"), f"{word}: {words[word]}") for word in used)
    yield tag("ul", *items, class_="legend")
    heads = ("agent directory", "sessions", "in numbers", "state")
    yield table(title, heads, (_row(namer(whose), counts, state) for whose, counts, state in rows))


def _row(name: str, counts: dict[str, int], state: str) -> Markup:
    present = {word: count for word, count in counts.items() if count}
    told = ", ".join(f"{count:,} {word}" for word, count in present.items()) or "no sessions"
    pieces = (tag("span", class_=word, style=f"flex-grow:{count}") for word, count in present.items())
    return tag(
        "tr",
        tag("th", tag("span", name, class_="label"), scope="row"),
        tag("td", tag("div", *pieces, class_="bar", role="img", aria_label=told), class_="bar-cell"),
        tag("td", told),
        tag("td", state),
    )


def _verdicts(database: VerifiedDatabase) -> dict[str, int]:
    return {word: database.verdicts.get(word, 0) for word in SESSIONS} | {"extra": len(database.extra)}


def _actions(database: PlannedDatabase) -> dict[str, int]:
    counts = {word: database.actions.get(word, 0) for word in _PLANNED}
    return counts | {"quarantined": len(database.quarantine)}


def _sign(database: PlannedDatabase) -> str:
    return "create" if database.create else "change" if database.pending else "keep"


def _places(row: AgentRow) -> dict[str, int]:
    return {"database": row.rows, "store-only": row.sessions - row.rows, "damaged": row.problems}
