"""What the log of an upgrade claims is held against its trials and lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.proof_logs import Events, a_run, an_upgrade, check_log, facts_of, written


def problems(events: Events) -> list[str]:
    return [problem.sentence for problem in check_log(written(events).lines())]


def test_a_sound_log_of_an_upgrade_has_no_problem() -> None:
    assert problems(an_upgrade()) == []


def set_fact(event: str, **facts: Any) -> Callable[[Events], None]:  # noqa: ANN401 - any fact
    return lambda events: facts_of(events, event).update(facts)


def shown(**seen: str) -> Callable[[Events], None]:
    def change(events: Events) -> None:
        facts_of(events, "listed").update(seen)
        facts_of(events, "trial").update({place: {word: 1} for place, word in seen.items()})

    return change


def twice(events: Events) -> None:
    events.insert(-3, ("trial", facts_of(events, "trial")))


def without_the_word_on_the_original(events: Events) -> None:
    events.remove(("check", {"name": "original-untouched", "passed": True}))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (set_fact("begin", verb="apply"), "The log of an upgrade has trials and a manifest, and no other log has."),
        (twice, "A command or a list belongs to no trial, or two trials went the same way."),
        (set_fact("step", way="openclaw"), "A command or a list belongs to no trial, or two trials went the same way."),
        (set_fact("trial", verdicts={"same": 3}), "The verdicts of the first trial are not the totals."),
        (set_fact("trial", transcripts={}), "The transcripts of the first trial are not the totals."),
        (
            set_fact("trial", verdict="proved"),
            "The verdict is not that of the first trial on an untouched original.",
        ),
        (without_the_word_on_the_original, "The checks are not those that such a proof has, each once."),
        (shown(after="missing"), "A check claims more than the lists show."),
        (shown(gateway="differs"), "A check claims more than the lists show."),
    ],
)
def test_a_claim_that_nothing_bears_out_is_found(damage: Callable[[Events], None], sentence: str) -> None:
    events = an_upgrade()
    damage(events)
    assert sentence in problems(events)


def test_a_log_without_trials_is_no_log_of_an_upgrade() -> None:
    events = a_run()
    facts_of(events, "begin")["verb"] = "prove"
    assert "The log of an upgrade has trials and a manifest, and no other log has." in problems(events)


@pytest.mark.parametrize("accepted", [True, False])
def test_who_accepts_moved_sessions_accepts_the_directory_that_they_moved_to(accepted: bool) -> None:
    events = a_run()
    facts_of(events, "begin")["command"] = ["apply", *(["--accept", "moved"] if accepted else [])]
    next(facts for _, facts in events if facts.get("name") == "no-sibling-directories").update(passed=False)
    assert problems(events) == ([] if accepted else ["The verdict claims more than the checks."])
