"""A plan like a diff, and what became of it."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.model.words import Name
from migrator.report.layout import PLAIN, Style, columns_of
from migrator.report.parts import PlannedDatabase, PlanPart, RunPart, WrittenDatabase
from migrator.report.plan_text import plan_lines, run_lines


def planned(agent: str, **changes: Any) -> PlannedDatabase:  # noqa: ANN401 - any members
    members: dict[str, Any] = {
        "agent": Name("agent", agent),
        "database": Name("database", "/d"),
        "stores": (),
        "histories": 0,
        "events": 0,
        "expected_rows": 0,
        "expected_digest": "0" * 64,
        "create": False,
        "pending": False,
        "actions": {"same": 4},
        "quarantine": [],
        "repairs": [],
        "new_events": 0,
        "peak_bytes": 5_000_000,
    }
    return PlannedDatabase(**{**members, **changes})


NEW = planned("new", create=True, pending=True, actions={"insert": 12}, new_events=30)
OLD = planned(
    "old", pending=True, actions={"insert": 1, "update": 2, "complete": 3, "keep": 4, "same": 5}, new_events=1
)
TORN = planned("torn", pending=True, quarantine=["x", "y"])


def told(*databases: PlannedDatabase, style: Style = PLAIN) -> list[str]:
    return list(plan_lines(PlanPart(digest="0" * 64, databases=databases), lambda name: name.text, style))[1:]


@pytest.mark.parametrize(
    ("database", "line"),
    [
        (NEW, "+ new  create the database: 12 sessions, 30 events"),
        (
            OLD,
            "~ old  change the database: new 1 session, 2 updated, 3 completed, 4 kept as the database has it, "
            "5 there already, 1 new event",
        ),
        (planned("same"), "= same  4 there already"),
        (planned("bare", actions={}), "= bare  no sessions"),
    ],
)
def test_a_database_is_one_line_with_a_sign_first(database: PlannedDatabase, line: str) -> None:
    assert told(database)[0] == line


def test_what_goes_into_quarantine_is_a_line_of_its_own() -> None:
    assert told(TORN)[:2] == [
        "~ torn  change the database: 4 there already",
        "! torn  2 damaged pieces to keep in quarantine",
    ]


def test_the_last_line_has_the_totals() -> None:
    assert told(NEW, OLD, TORN, planned("same"))[-1] == (
        "total: + 1 database, ~ 2, = 1, ! 2 pieces; 18 sessions and 31 events to write, 15.0 MB of disk at most"
    )


def test_many_databases_that_become_the_same_are_one_line_and_all_shows_each() -> None:
    many = [*(planned(f"a{one:03}") for one in range(300)), TORN]
    lines = told(*many)
    assert lines[0] == "! torn       2 damaged pieces to keep in quarantine"
    assert [line.split()[:3] for line in lines[1:3]] == [["~", "torn", "change"], ["=", "300", "alike"]]
    whole = told(*many, style=Style(whole=True))
    assert len([line for line in whole if line[:2] == "= "]) == 300


def test_databases_of_which_each_becomes_something_else_are_counted_by_sign() -> None:
    many = [planned(f"a{one:03}", actions={"same": one}) for one in range(1, 40)]
    lines = told(*many)
    assert lines[6] == "= 33 more  as they are"
    assert len(lines) == 8


def test_the_signs_stand_below_each_other_whatever_the_names_are() -> None:
    lines = told(planned("研究チーム"), planned("x" * 70))[:2]
    assert {columns_of(line[: line.index("4 there")]) for line in lines} == {
        columns_of(lines[0]) - len("4 there already")
    }


def test_what_was_done_has_the_same_signs_and_says_what_failed() -> None:
    made = (("a", True, 2, None), ("b", False, 1, None), ("c", False, 0, "database.locked"), ("d", False, 0, None))
    databases = [
        WrittenDatabase(
            agent=Name("agent", agent),
            database=Name("database", "/d"),
            created=created,
            rows_written=rows,
            failure=failure,
            checkpointed=True,
        )
        for agent, created, rows, failure in made
    ]
    run = RunPart(id="R", folder=Name("path", "/r"), databases=databases, archived_sources=3, sources_left=1)
    assert list(run_lines(run, lambda name: name.text, PLAIN))[1:] == [
        "+ a  created, 2 sessions written",
        "~ b  changed, 1 session written",
        "! c  not written: database.locked",
        "~ d  changed, histories completed",
        "run R, in the folder /r",
        "moved 3 of 4 sources into the folder of the run",
    ]
