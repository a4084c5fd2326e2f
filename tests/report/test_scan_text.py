"""The table of a scan: aligned, sorted, and readable with hundreds of agents."""

from __future__ import annotations

from typing import Any

from migrator.model.inventory import Shape, StoreKind
from migrator.report.layout import Style, columns_of
from migrator.report.parts import STATES, AgentRow, State
from migrator.report.text import scan_lines
from tests.report_views import agent

PLAIN = Style()


def row(directory: str, state: State = "legacy", **changes: Any) -> AgentRow:  # noqa: ANN401 - any members
    return agent(directory, state, **{"shape": Shape.MISSING, "database_bytes": 0, **changes})


def told(*rows: AgentRow, style: Style = PLAIN) -> list[str]:
    return list(scan_lines(rows, lambda name: name.text, style))


def test_a_row_says_what_is_where() -> None:
    there = row("ops", "migrated", database_bytes=98304, shape=Shape.V1, schema=1)
    _, head, main, ops, *_ = told(row("main"), there)
    assert head.split() == ["agent", "directory", "store", "database", "schema", "sessions", "transcripts", "state"]
    assert main.split() == ["main", "12.3", "kB", "none", "-", "12", "3", "legacy"]
    assert ops.split() == ["ops", "12.3", "kB", "98.3", "kB", "1", "12", "3", "migrated"]


def test_a_store_that_was_set_aside_or_is_not_there_or_not_readable_says_so() -> None:
    kinds = [
        row("a", store_kind=StoreKind.IMPORTED),
        row("b", store_kind=None, store_bytes=None),
        row("c", "unreadable", store_bytes=None),
    ]
    cells = [line.split()[1] for line in told(*kinds)[2:5]]
    assert cells == ["set", "none", "?"]


def test_names_in_other_scripts_do_not_disturb_the_columns() -> None:
    lines = told(row("研究チーム"), row("main"), row("🦞 lobster"), row("x" * 70))[1:6]
    assert len({columns_of(line.removesuffix(line.split()[-1])) for line in lines}) == 1
    assert all(columns_of(line) <= 80 for line in lines)


def test_each_word_for_a_state_is_explained_where_it_occurs_with_how_often() -> None:
    lines = told(row("a"), row("b"), row("c", "damaged"))
    assert lines[-2:] == [f"damaged, 1: {STATES['damaged']}", f"legacy, 2: {STATES['legacy']}"]


def test_of_many_agents_those_that_need_a_look_are_shown_and_those_that_are_alike_are_one_line() -> None:
    rows = [row(f"agent-{one:03}", "damaged" if one == 299 else "legacy") for one in range(300)]
    lines = told(*rows)
    assert [line.split()[0] for line in lines[2:4]] == ["agent-299", "299"]
    assert lines[3].split() == ["299", "alike", "3.7", "MB", "none", "-", "3588", "897", "legacy"]
    assert len(told(*rows, style=Style(whole=True))) == 300 + 5


def test_only_the_state_is_coloured_and_it_says_how_bad_it_is() -> None:
    states: dict[State, str] = {"damaged": "31", "unreadable": "31", "legacy": "33", "migrated": "32"}
    lines = told(*(row(state, state) for state in states), style=Style(colour=True))[2:]
    for (state, colour), line in zip(states.items(), lines, strict=False):
        assert line.endswith(f"\x1b[{colour}m{state}\x1b[0m")


def test_where_nothing_was_found_there_is_no_table() -> None:
    assert told() == []
