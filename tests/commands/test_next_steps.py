"""What a report says is to be done next: it follows from what was found, in states that real releases wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator import commands
from migrator.cli.main import main
from migrator.commands.request import Request
from migrator.model.request import Selection, Surroundings
from migrator.model.verification import Verdict, Verification
from migrator.model.words import Name

Unpack = Callable[[str], Path]


def quarantined(verification: Verification) -> Verification:
    """The same, with one entry more that is damaged."""
    first, *others = verification.databases
    source, *more = first.sources
    damaged = replace(source, counts=(*source.counts, (Verdict.QUARANTINED, 1)))
    return replace(verification, databases=(replace(first, sources=(damaged, *more)), *others))


def request(state: Path) -> Request:
    around = Surroundings({}, "/home/user", str(state.parent), str(state.parent))
    return Request(Selection(state_dir=str(state)), around)


@pytest.mark.parametrize(
    ("fixture", "step"),
    [("legacy-2026.7.1", "migrator plan, "), ("upgraded-2026.7.1-to-2026.9.6", "migrator verify, ")],
)
def test_after_a_scan_comes_a_plan_where_stores_are_live_and_else_a_verification(
    unpack: Unpack, fixture: str, step: str
) -> None:
    assert step in commands.scan(request(unpack(fixture))).next_step


def test_what_was_never_migrated_can_be_planned(unpack: Unpack) -> None:
    report = commands.verify(request(unpack("legacy-2026.7.1")))
    assert report.next_step.startswith("16 sessions and 24 events are in no database. See what ")


def test_events_that_are_missing_can_be_put_back_from_what_they_were_judged_by(unpack: Unpack) -> None:
    states = unpack("defect-malformed-line")
    report = commands.verify(request(states / "after"), str(states / "before"))
    assert report.next_step.startswith("18 events are in no database. See what can be put back: migrator plan, ")
    assert "--from with what was judged by" in report.next_step


def test_where_sessions_are_only_elsewhere_their_acceptance_is_what_is_left(unpack: Unpack) -> None:
    state = unpack("upgraded-2026.7.1-to-2026.9.6")
    report = commands.verify(request(state))
    assert (
        report.next_step == "Nothing is lost. If the sessions may stay where they are, run verify with --accept moved."
    )
    accepted = commands.verify(request(state), accept=("moved",))
    assert accepted.exit_code == 0
    assert replace(accepted, verification=quarantined(accepted.verification)).next_step.startswith(
        "Read the findings on damaged"
    )
    assert accepted.next_step.startswith("Nothing to do: every session is in its database, or where you accept it")


def test_what_is_to_be_done_next_is_a_command_that_can_be_pasted(unpack: Unpack) -> None:
    states, moved = unpack("defect-malformed-line"), unpack("upgraded-2026.7.1-to-2026.9.6")

    def typed(report: commands.Report) -> list[str]:
        return [word.text if isinstance(word, Name) else str(word) for word in report.next_command][1:]

    lost = commands.verify(request(states / "after"), str(states / "before"))
    named = ["--state-dir", str(states / "after"), "--from", str(states / "before")]
    assert typed(lost) == ["plan", *named]
    assert CliRunner().invoke(main, [*typed(lost), "--detailed-exitcode"]).exit_code == 1
    elsewhere = commands.verify(request(moved))
    assert CliRunner().invoke(main, typed(elsewhere)).exit_code == 0
    assert commands.verify(request(moved), accept=("moved",)).next_command == ()
