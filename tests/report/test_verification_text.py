"""A verification for people: all is in the table, and what differs is told with the first names."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

from msgspec import structs

from migrator.model.verification import HistoryVerdict, Verdict
from migrator.model.words import Name
from migrator.openclaw.changes.judge import explain
from migrator.openclaw.text.store import StoreReader
from migrator.report.layout import PLAIN, Style
from migrator.report.verification_text import difference, verification_lines
from migrator.report.verified_parts import DIFFERENCES, SESSIONS, TRANSCRIPTS, DifferenceRow, Parity, VerifiedDatabase
from tests.report_views import PARITY, label, session, transcript, verification, verified


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


def test_a_changed_session_says_in_our_words_where_it_differs() -> None:
    lost = DifferenceRow(kind="lost", path=[Name("member", "model")])
    other = DifferenceRow(kind="differs", path=[Name("member", "origin"), 3])
    lines = told(judged("main", entries=[session("s", "changed", differences=[lost, other])]))
    assert lines[3] == "  s: lost `model`; `origin/3` differs"
    many = told(judged("main", entries=[session("s", "changed", differences=[other] * 7)]))
    assert many[3] == "  s: " + "`origin/3` differs; " * 5 + "2 more differences"


def test_every_kind_of_difference_has_words() -> None:
    [entry] = StoreReader(BytesIO(b'{"k": {"a": 1, "b": [1, 2], "c": 1, "d": 1}}'))
    [shorter] = StoreReader(BytesIO(b'{"k": {"b": [1]}}'))
    stored = (b'{"b": [1], "c": 2, "d": "1", "e": 1}', b'{"b": [1, 2]}', b"?")
    found = {one.kind for text in stored for of in (entry, shorter) for one in explain(of, text)}
    assert found == {"lost", "added", "differs", "of-another-type", "no-json"}
    assert found | {"too-deep", "spelled-otherwise"} == set(DIFFERENCES)
    for kind in DIFFERENCES:
        assert "_" not in difference(DifferenceRow(kind=kind, path=[]), label)


def test_a_moved_session_says_where_it_is_and_what_was_changed_on_the_way() -> None:
    moved = session("s", "moved", places=[Name("database", "d"), Name("session", "k")], transforms=["title-filled"])
    lines = told(judged("main", entries=[moved]))
    assert lines[2].endswith("(title-filled 1): s")
    assert lines[3] == "  s is in d k"


def test_harmless_changes_are_one_line_with_how_often_each_was_made_and_what_is_given_up_another() -> None:
    changed = [
        *(session(f"a{one}", "transformed", transforms=["delivery-folded", "title-filled"]) for one in range(7)),
        *(session(f"b{one}", "transformed", transforms=["delivery-folded", "policy-retired"]) for one in range(5)),
        session("c", "equal"),
    ]
    events = transcript("t", "contained-transformed", transforms={"media-folded": 1200})
    part = structs.replace(
        verification(judged("main", entries=changed, transcripts=[events])), given_up={"policy-retired": 5}
    )
    assert list(verification_lines(part, lambda name: name.text, PLAIN))[3:] == [
        "given up, 5 settings that the release drops by design: policy-retired 5",
        "harmless, 13 sessions and 1 transcript, changed only as releases change them: delivery-folded 12,"
        " title-filled 7, equal 1; events: media-folded 1,200",
    ]


def test_differences_come_first_then_what_is_elsewhere_then_the_rest() -> None:
    words = ["kept", "equal", "moved", "changed", "transformed", "missing", "deleted", "merged"]
    histories = [transcript(one, one) for one in ("moved", "extends", "damaged", "absent")]
    entries = [session(word, word, transforms=["title-filled"] * (word == "transformed")) for word in words]
    lines = told(judged("main", entries=entries, transcripts=histories, checks={"owner": False}), failed=("owner",))
    firsts = [re.split("[, ]", line)[0] for line in lines[2:] if line[0] != " "]
    order = ["missing", "merged", "changed", "absent", "extends", "failed", "moved", "deleted", "moved", "kept"]
    assert firsts == [*order, "damaged", "harmless"]


def test_of_a_long_list_all_says_every_name_and_otherwise_how_many_more_there_are() -> None:
    many = judged("main", entries=[session(f"s{one}", "missing") for one in range(40)])
    whole = list(verification_lines(verification(many), lambda name: name.text, Style(whole=True)))
    assert whole[-1].endswith(", s38, s39")
    assert told(many)[-1].endswith("s0, s1, s2 and 37 more")


def test_a_transcript_with_a_gap_says_how_much_is_there_and_from_which_line_on_it_is_not() -> None:
    gap = transcript("t", "extends", present=7, first_missing_line=8)
    whole = transcript("t", "contained")
    lines = told(judged("main", transcripts=[whole, gap]))
    assert lines[2].startswith("extends, 1 transcript lacking 2 events, ")
    assert lines[3] == "  t: 7 of 9 events are there; line 8 is the first that is missing"


def test_a_failed_check_says_what_should_be_true_and_where_it_is_not() -> None:
    lines = told(judged("main", checks={"integrity": False}), judged("ops"), failed=("integrity", "integrity"))
    assert lines[1].endswith("failed")
    assert lines[3:] == ["failed check integrity (main). Expected: SQLite's full integrity check passes."]


def test_rows_that_no_source_has_are_counted() -> None:
    assert told(judged("main", extra=[Name("session", "x")]))[-1] == f"extra, 1 session, {SESSIONS['extra']}: x"


def test_many_databases_that_are_complete_are_one_line_and_each_that_differs_has_its_own() -> None:
    many = [judged(f"a{one}", complete=one != 250) for one in range(300)]
    lines = told(*many)
    assert [line.split()[0] for line in lines[1:]] == ["a250", "299"]
    assert lines[2].split() == ["299", "alike", "3,588/3,588", "299/299", "358,800/358,800", "complete"]
    whole = list(verification_lines(verification(*many), lambda name: name.text, Style(whole=True)))
    assert len(whole) == 302


def test_every_verdict_is_explained() -> None:
    assert set(SESSIONS) == {one.value for one in Verdict}
    assert set(TRANSCRIPTS) == {one.value for one in HistoryVerdict}
