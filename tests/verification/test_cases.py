"""Verdicts on state directories that were built after public reports, or written by real releases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from migrator import commands
from migrator.commands.request import Request
from migrator.model.report import Report
from migrator.model.request import Selection, Surroundings
from migrator.model.verification import HistoryVerification, Verdict, Verification

Unpack = Callable[[str], Path]


@pytest.fixture
def case(unpack: Unpack) -> Unpack:
    """Unpack a case by name; ``@STATE@`` in its text files becomes the place where it lies."""

    def unpack_case(name: str) -> Path:
        folder = unpack(name)
        for path in folder.rglob("*.json*"):
            if path.is_file() and b"@STATE@" in (text := path.read_bytes()):
                path.write_bytes(text.replace(b"@STATE@", str(folder).encode()))
        return folder

    return unpack_case


def request_for(state: Path) -> Request:
    """A request for one state directory, from somebody who has no other."""
    surroundings = Surroundings({}, "/home/user", str(state.parent), str(state.parent))
    return Request(Selection(state_dir=str(state)), surroundings)


def verify(state: Path, against: Path | None = None) -> tuple[Report, Verification]:
    """The report on a state directory, with the verification in it."""
    report = commands.verify(request_for(state), str(against) if against else None)
    assert report.verification is not None
    return report, report.verification


def histories(verification: Verification) -> list[HistoryVerification]:
    """The verdicts on all histories."""
    return [one for database in verification.databases for one in database.histories]


def test_the_labels_that_a_release_marks_as_context_are_a_named_change(case: Unpack) -> None:
    report, found = verify(case("context-labels") / "after", case("context-labels") / "before")
    assert report.exit_code == 0
    assert found.count(Verdict.TRANSFORMED) == 1
    [history] = histories(found)
    assert (history.present, history.events, dict(history.transforms)) == (3, 3, {"context-labels-marked": 1})


def test_a_session_of_another_agent_with_the_same_id_is_no_moved_one(case: Unpack) -> None:
    state = case("shared-session-id-false-moved")
    report, found = verify(state)
    assert report.exit_code == 1
    lost = [
        (source.agent, one.session.text)
        for database in found.databases
        for source in database.sources
        for one in source.verdicts
        if one.verdict is Verdict.MISSING
    ]
    assert lost == [("ops-team", "agent:ops-team:side")]
    assert commands.verify(request_for(state), accept=("moved",)).exit_code == 1
    commands.apply(request_for(state), None, yes=True)
    assert verify(state)[1].count(Verdict.MISSING) == 0
    assert commands.verify(request_for(state), accept=("moved",)).exit_code == 0


def test_histories_that_are_nowhere_are_counted_and_named(case: Unpack) -> None:
    state = case("restored-without-transcripts")
    keys = [f"agent:main:telegram:direct:{number}" for number in range(4)]
    scanned = commands.scan(request_for(state))
    assert [one.subject.text for one in scanned.forecast if one.code == "upgrade.hides-lost"] == keys
    planned = commands.plan(request_for(state))
    applied = commands.apply(request_for(state), None, yes=True)
    report, found = verify(state)
    for one in (scanned, planned, applied, report):
        assert [told.subject.text for told in one.findings if told.code == "entry.lost-history"] == keys
    assert (report.exit_code, found.count(Verdict.SAME)) == (0, 4)
    assert report.next_step.startswith("Look for the transcripts of 4 sessions")


@pytest.mark.parametrize("name", ["legacy-2026.6.1", "legacy-2026.7.1", "upgraded-2026.7.1-to-2026.9.6"])
def test_no_session_of_a_real_gateway_lacks_its_history(unpack: Unpack, name: str) -> None:
    findings = commands.scan(request_for(unpack(name))).findings
    assert not [one for one in findings if one.code == "entry.lost-history"]


def test_the_forecast_leaves_out_no_event_that_the_store_of_another_agent_claims(case: Unpack) -> None:
    state = case("cross-agent-sessionfile")
    report = commands.scan(request_for(state))
    assert not [one for one in report.forecast if one.code.startswith("upgrade.loses")]
    commands.apply(request_for(state), None, yes=True)
    verified, found = verify(state)
    assert verified.exit_code == 0
    assert sorted(one.present for one in histories(found)) == [5, 5, 7]
