"""What a scan found as a table for people: one row for each agent directory, its state in one word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import cast

from migrator.model.words import Name
from migrator.report.agent_rows import STATES
from migrator.report.groups import cut
from migrator.report.layout import Column, Style, size, table
from migrator.report.view import Namer, View

_COLUMNS = (
    Column("agent directory"),
    Column("store", right=True, spare=2),
    Column("database", right=True, spare=3),
    Column("schema", right=True, spare=4),
    Column("sessions", right=True),
    Column("transcripts", right=True, spare=1),
    Column("state"),
)
_COLOURS = {"migrated": "green", "legacy": "yellow", "unclaimed": "yellow", "empty": "faint"}


def scan_lines(rows: list[View], namer: Namer, style: Style) -> Iterator[str]:
    """The table, and what the words for states in it mean."""
    if not rows:
        return
    found = cast(list[dict[str, View]], rows)
    words = list(STATES)
    shown, rest = cut(found, lambda row: words.index(str(row["state"])))
    yield ""
    colours = [_COLOURS.get(str(row["state"]), "red") for row in shown]
    yield from table(_COLUMNS, [_cells(row, namer) for row in shown], style, colours)
    if rest:
        yield f"... and {len(rest):,} more, {_counted(rest)}; --agent NAME shows one, --format json all"
    yield ""
    counted = Counter(str(row["state"]) for row in found)
    for word, meaning in STATES.items():
        if counted[word]:
            yield f"{word}, {counted[word]:,}: {meaning}"


def who(row: dict[str, View]) -> Name:
    """Whose row it is: the agent directory, else the store or database that lies elsewhere."""
    return cast(Name, row.get("agent") or row.get("store") or row.get("database"))


def _cells(row: dict[str, View], namer: Namer) -> list[str]:
    kind = row["store_kind"]
    store = "none" if kind is None else "set aside" if kind in ("imported", "archived") else _size(row["store_bytes"])
    return [
        namer(who(row)),
        store,
        _size(row["database_bytes"]) if row["shape"] not in (None, "missing") else "none",
        "-" if row["schema"] is None else str(row["schema"]),
        str(row["sessions"]),
        str(row["transcripts"]),
        str(row["state"]),
    ]


def _size(count: View) -> str:
    return size(count) if isinstance(count, int) else "?"


def _counted(rows: list[dict[str, View]]) -> str:
    counted = Counter(str(row["state"]) for row in rows)
    return ", ".join(f"{counted[word]:,} {word}" for word in STATES if counted[word])
