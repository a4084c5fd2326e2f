"""A bar for each agent: what became of its sessions, or what would."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from migrator.report.agent_rows import STATES
from migrator.report.markup import Markup, table, tag
from migrator.report.scan_text import who
from migrator.report.verdict_words import SESSIONS
from migrator.report.verification_text import database_state
from migrator.report.view import Namer, View

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


def bars_section(view: dict[str, View], namer: Namer) -> Iterator[Markup]:
    """The section for what the command was about: a verification, a plan, or what a scan found."""
    if "verification" in view:
        databases = cast(list[dict[str, View]], cast(dict[str, View], view["verification"])["databases"])
        ordered = sorted(databases, key=lambda one: database_state(one) == "complete")
        rows = [(one, _verdicts(one), database_state(one)) for one in ordered]
        yield from _section("What became of the sessions", rows, SESSIONS, namer)
    elif "plan" in view:
        planned = cast(list[dict[str, View]], cast(dict[str, View], view["plan"])["databases"])
        rows = [(one, _actions(one), _sign(one)) for one in planned]
        yield from _section("What would become of the sessions", rows, _PLANNED, namer)
    elif view["agents"]:
        found = cast(list[dict[str, View]], view["agents"])
        ordered = sorted(found, key=lambda row: list(STATES).index(str(row["state"])))
        rows = [(one, _places(one), str(one["state"])) for one in ordered]
        yield from _section("Where the sessions are", rows, _FOUND, namer)


def _section(
    title: str,
    rows: list[tuple[dict[str, View], dict[str, int], str]],
    words: dict[str, str],
    namer: Namer,
) -> Iterator[Markup]:
    yield tag("h2", title)
    used = [word for word in words if any(counts.get(word) for _, counts, _ in rows)]
    items = (tag("li", tag("span", class_=f"swatch {word}"), f"{word}: {words[word]}") for word in used)
    yield tag("ul", *items, class_="legend")
    heads = ("agent directory", "sessions", "in numbers", "state")
    yield table(title, heads, (_row(namer(who(row)), counts, state) for row, counts, state in rows))


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


def _verdicts(database: dict[str, View]) -> dict[str, int]:
    counts = cast(dict[str, int], database["verdicts"])
    return {word: counts.get(word, 0) for word in SESSIONS} | {"extra": len(cast(list[View], database["extra"]))}


def _actions(database: dict[str, View]) -> dict[str, int]:
    counts = cast(dict[str, int], database["actions"])
    quarantined = len(cast(list[View], database["quarantine"]))
    return {word: counts.get(word, 0) for word in _PLANNED} | {"quarantined": quarantined}


def _sign(database: dict[str, View]) -> str:
    return "create" if database["create"] else "change" if database["pending"] else "keep"


def _places(row: dict[str, View]) -> dict[str, int]:
    sessions, rows = cast(int, row["sessions"]), cast(int, row["rows"])
    return {"database": rows, "store-only": sessions - rows, "damaged": cast(int, row["problems"])}
