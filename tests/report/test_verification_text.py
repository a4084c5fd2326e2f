"""A verification for people: all is in the table, and what differs is told with the first names."""

from __future__ import annotations

from typing import Any

from migrator.model.verification import HistoryVerdict, Verdict
from migrator.model.words import Name
from migrator.report.groups import MOST_ROWS
from migrator.report.layout import PLAIN
from migrator.report.verdict_words import SESSIONS, TRANSCRIPTS
from migrator.report.verification_text import verification_lines
from migrator.report.verified_parts import DifferenceRow, Parity, VerifiedDatabase
from tests.report_views import PARITY, session, transcript, verification, verified


def judged(agent: str, **changes: Any) -> VerifiedDatabase:  # noqa: ANN401 - any members
    numbers = Parity(**{**PARITY, "transcripts": (1, 1), "events": (1200, 1200)})
    return verified(agent, **{"parity": numbers, **changes})


def told(*databases: VerifiedDatabase, failed: tuple[str, ...] = ()) -> list[str]:
    part = verification(*databases, failed_checks=failed)
    return list(verification_lines(part, lambda name: name.text, PLAIN))[1:]


def test_a_complete_database_is_one_row() -> None:
    head, row = told(judged("main"))
    assert head.split() == ["agent", "directory", "sessions", "transcripts", "events", "state"]
    assert row.split() == ["main", "12/12", "1/1", "1,200/1,200", "complete"]


def test_missing_sessions_are_one_line_with_the_first_names_and_how_many() -> None:
    lines = told(judged("main", complete=False, entries=[session(f"s{one}", "missing") for one in range(2000)]))
    assert lines[1].endswith("differs")
    assert lines[2:] == ["missing, 2,000 sessions, in no database: s0, s1, s2 and 1,997 more"]


def test_a_changed_session_says_where_it_differs() -> None:
    difference = DifferenceRow(kind="value", path=[Name("member", "origin"), 3])
    lines = told(judged("main", entries=[session("s", "changed", differences=[difference] * 7)]))
    assert lines[3:9] == ["  s differs: value origin/3"] * 5 + ["  s differs in 2 more places"]


def test_a_moved_session_says_where_it_is_and_a_transformed_one_by_what() -> None:
    moved = session("s", "moved", places=[Name("database", "d"), Name("session", "k")])
    lines = told(judged("main", entries=[moved, session("t", "transformed", transforms=["fold-delivery"])]))
    assert "  s is in d k" in lines
    assert any(line.startswith("transformed, 1 session") and "(fold-delivery): t" in line for line in lines)


def test_a_transcript_with_a_gap_says_how_much_is_there_and_from_which_line_on_it_is_not() -> None:
    gap = transcript("t", "extends", present=7, first_missing_line=8)
    whole = transcript("t", "contained")
    lines = told(judged("main", transcripts=[whole, gap]))
    assert lines[2].startswith("extends, 1 transcript, ")
    assert lines[3] == "  t: 7 of 9 events are there; line 8 is the first that is missing"


def test_a_failed_check_says_what_should_be_true_and_where_it_is_not() -> None:
    lines = told(judged("main", checks={"integrity": False}), judged("ops"), failed=("integrity", "integrity"))
    assert lines[1].endswith("failed")
    assert lines[3:] == ["failed check integrity for main. What should be true: SQLite's full integrity check passes."]


def test_rows_that_no_source_has_are_counted() -> None:
    assert told(judged("main", extra=[Name("session", "x")]))[-1] == f"extra, 1 session, {SESSIONS['extra']}: x"


def test_of_many_databases_those_that_differ_are_shown_first() -> None:
    lines = told(*(judged(f"a{one}", complete=one != 250) for one in range(300)))
    assert lines[1].startswith("a250 ")
    assert lines[-1] == f"... and {300 - MOST_ROWS} more, {300 - MOST_ROWS} of them complete"


def test_every_verdict_is_explained() -> None:
    assert set(SESSIONS) == {one.value for one in Verdict}
    assert set(TRANSCRIPTS) == {one.value for one in HistoryVerdict}
