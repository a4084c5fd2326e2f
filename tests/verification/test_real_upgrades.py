"""The verdicts on state directories that real OpenClaw releases have upgraded, with what each is known to lose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator import commands
from migrator.cli.main import main
from migrator.commands.request import Request
from migrator.model.report import VerifyReport
from migrator.model.request import Selection, Surroundings
from migrator.model.verification import HistoryVerdict, Verdict, Verification
from migrator.parallel import ALONE, Workers
from migrator.report.verification_text import given_up_lines
from migrator.verification.parity import given_up, parity

Unpack = Callable[[str], Path]


def verify(state: Path, against: Path | None = None, workers: Workers = ALONE) -> tuple[VerifyReport, Verification]:
    surroundings = Surroundings({}, "/home/user", str(state.parent), str(state.parent))
    request = Request(Selection(state_dir=str(state)), surroundings, workers=workers)
    report = commands.verify(request, str(against) if against else None)
    assert report.verification is not None
    return report, report.verification


def test_a_proof_of_what_is_accepted_as_deleted_is_sound(unpack: Unpack, tmp_path: Path) -> None:
    states = unpack("upgraded-then-tidied-2026.9.6")
    words = ["--state-dir", str(states / "after"), "--against", str(states / "before"), "--proof", str(tmp_path / "p")]
    verified = CliRunner().invoke(main, ["verify", *words, "--accept", "deleted"])
    assert verified.exit_code == 0, verified.stderr
    checked = CliRunner().invoke(main, ["proof", "check", str(tmp_path / "p" / "verify.proof.jsonl")])
    assert checked.exit_code == 0, checked.stdout


@pytest.mark.parametrize(
    "name", ["upgraded-rich-to-2026.9.6", "upgraded-rewritten-to-2026.9.6", "upgraded-then-tidied-2026.9.6"]
)
def test_processes_that_share_the_histories_of_a_database_come_to_the_same_verdicts(name: str, unpack: Unpack) -> None:
    states = unpack(name)
    alone = verify(states / "after", states / "before")[1]
    assert sum(len(one.histories) for one in alone.databases) > 2
    assert verify(states / "after", states / "before", Workers(3))[1] == alone


def sessions(verification: Verification, verdict: Verdict) -> list[tuple[str | None, str]]:
    """The agent directory and the key of every entry with a verdict."""
    return sorted(
        (source.agent, one.session.text)
        for database in verification.databases
        for source in database.sources
        for one in source.verdicts
        if one.verdict is verdict
    )


def transcripts(verification: Verification, verdict: HistoryVerdict) -> list[tuple[int, int]]:
    """Events present and in all, for every transcript with a verdict."""
    return sorted(
        (history.present, history.events)
        for database in verification.databases
        for history in database.histories
        if history.verdict is verdict
    )


@pytest.mark.parametrize("name", ["upgraded-2026.6.1-to-2026.9.6", "upgraded-2026.7.1-to-2026.9.6"])
def test_a_real_upgrade_keeps_configured_agents_and_moves_the_directory_with_an_odd_name(
    unpack: Unpack, name: str
) -> None:
    report, found = verify(unpack(name))
    assert report.exit_code == 1
    assert sessions(found, Verdict.MOVED) == [
        ("Retired Agent", "agent:retired-agent:main"),
        ("Retired Agent", "agent:retired-agent:side"),
    ]
    assert found.count(Verdict.TRANSFORMED) + found.count(Verdict.SAME) == 14
    assert found.count(Verdict.MISSING) + found.count(Verdict.CHANGED) + found.count(Verdict.MERGED) == 0
    assert found.count_histories(HistoryVerdict.MOVED) == 1
    assert found.count_histories(HistoryVerdict.CONTAINED) + found.count_histories(HistoryVerdict.TRANSFORMED) == 2
    for database in found.databases:
        for source in database.sources:
            for one in source.verdicts:
                if one.verdict is Verdict.MOVED:
                    assert one.places[0].text.endswith("agents/retired-agent/agent/openclaw-agent.sqlite")


def test_moved_sessions_are_no_difference_when_they_are_accepted(unpack: Unpack) -> None:
    state = unpack("upgraded-2026.6.1-to-2026.9.6")
    surroundings = Surroundings({}, "/home/user", str(state.parent), str(state.parent))
    report = commands.verify(Request(Selection(state_dir=str(state)), surroundings), accept=("moved",))
    assert report.exit_code == 0


def test_a_malformed_line_cost_the_rest_of_one_transcript(unpack: Unpack) -> None:
    report, found = verify(unpack("defect-malformed-line") / "after")
    assert report.exit_code == 1
    assert transcripts(found, HistoryVerdict.EXTENDS) == [(3, 21)]
    assert found.count_histories(HistoryVerdict.CONTAINED) == 4
    assert str(parity(found)).endswith("missing 0, changed 0, moved 0, events missing 18")
    assert found.count(Verdict.TRANSFORMED) == 5


def test_of_two_directories_with_one_id_the_sessions_of_one_are_missing(unpack: Unpack) -> None:
    report, found = verify(unpack("defect-both-spellings") / "after")
    assert report.exit_code == 1
    assert sessions(found, Verdict.MISSING) == [
        ("Retired Agent", "agent:retired-agent:main"),
        ("Retired Agent", "agent:retired-agent:telegram:direct:0"),
        ("Retired Agent", "agent:retired-agent:telegram:direct:1"),
    ]
    assert sessions(found, Verdict.MOVED) == [("Retired Agent", "agent:retired-agent:telegram:direct:2")]
    archived = [
        history
        for database in found.databases
        for history in database.histories
        if history.verdict is HistoryVerdict.MOVED and history.places[0].kind == "archive"
    ]
    assert [(history.present, history.events) for history in archived] == [(21, 21)] * 3
    assert found.count_histories(HistoryVerdict.MOVED) == 4


def test_a_topic_transcript_without_a_pointer_arrived_as_a_session_without_events(unpack: Unpack) -> None:
    report, found = verify(unpack("defect-topic-transcript") / "after")
    assert report.exit_code == 1
    assert transcripts(found, HistoryVerdict.ABSENT) == [(0, 6)]
    assert found.count(Verdict.MISSING) == 0


def test_an_entry_without_a_session_id_is_missing(unpack: Unpack) -> None:
    report, found = verify(unpack("defect-no-session-id") / "after")
    assert report.exit_code == 1
    assert sessions(found, Verdict.MISSING) == [("work", "agent:work:telegram:direct:nosid")]


def test_rows_that_a_stale_store_has_overwritten_are_older_than_the_backup(unpack: Unpack) -> None:
    world = unpack("defect-stale-store")
    report, found = verify(world / "after", against=world / "before")
    assert report.exit_code == 1
    assert len(sessions(found, Verdict.CHANGED)) == 2
    assert found.count(Verdict.MISSING) == 0


@pytest.mark.parametrize(
    "name", ["defect-malformed-line", "defect-both-spellings", "defect-topic-transcript", "defect-no-session-id"]
)
def test_what_the_real_import_loses_arrives_when_it_is_migrated_here(unpack: Unpack, name: str) -> None:
    state = unpack(name) / "before"
    surroundings = Surroundings({}, "/home/user", str(state.parent), str(state.parent))
    request = Request(Selection(state_dir=str(state)), surroundings)
    assert commands.apply(request, None, yes=True).exit_code in (0, 15)
    report, found = verify(state)
    assert report.exit_code == 0
    assert found.count(Verdict.SAME) == sum(len(store.entries) for store in report.inventory.stores)
    assert all(h.present == h.events for database in found.databases for h in database.histories)


def test_what_the_release_gives_up_by_design_is_counted_apart_and_is_no_difference(unpack: Unpack) -> None:
    folder = unpack("upgraded-rich-to-2026.9.6")
    _, found = verify(folder / "after", folder / "before")
    counts = dict(given_up(found))
    assert {"fallback-notice-lost", "memory-flush-details-dropped", "exec-policy-retired"} <= counts.keys()
    assert not {"delivery-folded", "title-filled", "ids-made-up"} & counts.keys()
    lines = list(given_up_lines(counts))
    assert lines[0].startswith(f"given up, {sum(counts.values())} settings")
