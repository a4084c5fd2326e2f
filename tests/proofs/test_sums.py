"""A log must add up, and its verdict must follow from its counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.model.verification import HistoryVerdict, Verdict
from migrator.model.words import Name
from migrator.openclaw.text.transcript import LineKind
from tests.proof_logs import Events, a_run, a_scan, check_log, facts_of, judged, written

Change = Callable[[Events], Any]


def problems_after(change: Change) -> list[str]:
    events = a_run()
    change(events)
    return [problem.sentence for problem in check_log(written(events).lines())]


def set_fact(name: str, field: str, value: object, number: int = 0) -> Change:
    return lambda events: facts_of(events, name, number).update({field: value})


def drop_fact(name: str, field: str, number: int = 0) -> Change:
    return lambda events: facts_of(events, name, number).pop(field)


def test_a_run_that_adds_up_has_no_problem() -> None:
    assert problems_after(Events.copy) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (set_fact("totals", "stores", 3), "stores of the parts"),
        (set_fact("totals", "sessions", 4), "sessions of the parts"),
        (set_fact("totals", "agents", 1), "agents of the parts"),
        (set_fact("source", "entries", 3), "verdicts of the store do not add up"),
        (set_fact("source", "damaged", 1), "verdicts of the store do not add up"),
        (set_fact("source", "quarantined", 1), "quarantined items"),
        (set_fact("source", "verdicts", {Verdict.SAME: 1}), "verdicts of the store do not add up"),
        (set_fact("source", "verdicts", {Verdict.SAME: 1, Verdict.EQUAL: 1}), "not those of its stores"),
        (set_fact("source", "verdicts", {Verdict.SAME: 1, Verdict.EXTRA: 1}), "only in the database"),
        (set_fact("database", "verdicts", {Verdict.SAME: 1}), "verdicts of the databases do not add up"),
        (set_fact("database", "actions", {}), "actions of the databases do not add up"),
        (set_fact("database", "rows", 0, 1), "More rows are extra"),
        (set_fact("source", "database", Name("database", "nowhere")), "database that is not listed"),
        (lambda events: events.insert(1, ("source", facts_of(events, "source"))), "store is listed twice"),
        (set_fact("database", "database", Name("database", "ops")), "database is listed twice"),
        (set_fact("totals", "verdicts", {Verdict.SAME: 3, Verdict.EXTRA: 1}), "do not add up to the totals"),
        (drop_fact("totals", "verdicts"), "verdicts are not given"),
        (drop_fact("source", "verdicts"), "verdicts are not given"),
        (drop_fact("database", "verdicts"), "verdicts are not given"),
        (drop_fact("database", "actions"), "actions are not given"),
        (set_fact("end", "exit_code", 1), "exit code does not go"),
        (set_fact("check", "passed", False), "more than the checks"),
        (set_fact("source", "sha256_after", "0" * 64), "other than the digests"),
        (set_fact("source", "sha256_after", None), "other than the digests"),
        (set_fact("transcript", "events", 4), "lines of the transcript"),
        (set_fact("transcript", "lines", {LineKind.HEADER: 1, LineKind.TORN_TAIL: 2}), "lines of the transcript"),
        (set_fact("transcript", "present", 4), "More events are present"),
        (set_fact("transcript", "present", 2), "verdict on the transcript claims more"),
        (set_fact("transcript", "verdict", HistoryVerdict.EXTENDS), "verdicts on the transcripts"),
        (drop_fact("totals", "transcripts"), "verdicts on the transcripts"),
        (lambda events: events.pop(0), "begin with begin and end with"),
        (lambda events: events.pop(-2), "begin with begin and end with"),
        (lambda events: events.insert(1, events[0]), "begin with begin and end with"),
        (lambda events: events.insert(-1, events[-2]), "begin with begin and end with"),
        (lambda events: events.insert(0, events.pop(1)), "begin with begin"),
    ],
)
def test_what_does_not_add_up_is_named(change: Change, sentence: str) -> None:
    assert any(sentence in problem for problem in problems_after(change))


def test_an_empty_log_is_a_problem() -> None:
    assert [problem.line for problem in check_log([])] == [1]


def with_verdict(word: str, code: int, verdict: Verdict) -> Change:
    """One entry of the first store gets another verdict, in all places."""

    def change(events: Events) -> None:
        counts = {Verdict.SAME: 1, verdict: 1}
        facts_of(events, "source").update(verdicts=counts, quarantined=int(verdict is Verdict.QUARANTINED))
        facts_of(events, "database").update(verdicts=counts)
        totals = {Verdict.SAME: 1, Verdict.EQUAL: 1, Verdict.EXTRA: 1, verdict: 1}
        if verdict is Verdict.QUARANTINED:
            facts_of(events, "finding").update(code="entry.not-object")
        facts_of(events, "totals").update(verdicts=totals, verdict=word)
        facts_of(events, "end").update(exit_code=code)

    return change


@pytest.mark.parametrize("verdict", [Verdict.MISSING, Verdict.CHANGED])
def test_nothing_is_proved_while_an_entry_is_not_in_its_database(verdict: Verdict) -> None:
    assert problems_after(with_verdict("proved", 0, verdict))
    assert problems_after(with_verdict("differences", 1, verdict)) == []


@pytest.mark.parametrize("verdict", [Verdict.TRANSFORMED, Verdict.KEPT, Verdict.QUARANTINED])
def test_an_entry_that_was_transformed_kept_or_preserved_is_proved(verdict: Verdict) -> None:
    assert problems_after(with_verdict("proved", 0, verdict)) == []


def test_quarantined_items_are_a_verdict_of_their_own() -> None:
    assert problems_after(with_verdict("quarantined", 15, Verdict.QUARANTINED)) == []
    assert problems_after(with_verdict("quarantined", 15, Verdict.KEPT))
    assert problems_after(with_verdict("quarantined", 15, Verdict.MISSING))


def test_a_damaged_span_is_accounted_for() -> None:
    def change(events: Events) -> None:
        with_verdict("quarantined", 15, Verdict.QUARANTINED)(events)
        facts_of(events, "source").update(entries=1, damaged=1)
        facts_of(events, "totals").update(sessions=2)

    assert problems_after(change) == []


def test_nothing_is_proved_without_counts() -> None:
    def change(events: Events) -> None:
        for event, facts in events:
            if event in ("source", "database", "totals"):
                facts.pop("verdicts")

    assert "The verdicts on sessions are missing, or nobody could have given them." in problems_after(change)


def test_a_scan_needs_no_verdicts() -> None:
    assert check_log(written(a_scan()).lines()) == ()


def test_the_counted_findings_are_the_findings_listed() -> None:
    log = written(a_run()).lines()
    events = a_run()
    twice = [*events[:7], events[6], *events[7:]]
    assert '"findings":{"agent.no-round-trip":2}' in written(twice).lines()[-1]
    assert check_log(written(twice).lines()) == ()
    assert '"findings":{"agent.no-round-trip":1}' in log[-1]


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 4), max_size=5), st.integers(0, 4), st.integers(1, 3))
@settings(deadline=None, max_examples=50)
def test_counts_that_add_up_pass_and_one_that_is_off_does_not(
    stores: list[tuple[int, ...]], place: int, off: int
) -> None:
    """Any number of stores with any counts; then one entry too many in one of them."""
    order = (Verdict.SAME, Verdict.EQUAL, Verdict.MISSING, Verdict.CHANGED)
    counted = {f"agent {number}": dict(zip(order, counts, strict=True)) for number, counts in enumerate(stores)}
    events = judged("apply", counted, "differences", 1)
    assert check_log(written(events).lines()) == ()
    if stores:
        facts_of(events, "source", place % len(stores))["entries"] += off
        assert check_log(written(events).lines())
