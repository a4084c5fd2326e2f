"""From a report to a proof log: whatever a command reports, its log is whole, allowed and adds up."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from migrator import commands
from migrator.model.report import Report
from migrator.model.verification import Verdict
from migrator.model.words import Name
from migrator.privacy.labels import Labels, report_names
from migrator.privacy.labels import names as names_of
from migrator.proofs import bundle, evidence
from migrator.proofs.log import decode_log
from tests.proof_logs import check_log
from tests.worlds import NOON, World, entry

PERSON, PHONE = "Retired Person", "agent:main:whatsapp:+4915112345678"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Sessions and a transcript with damage of each kind."""
    monkeypatch.setattr("os.fsync", lambda _handle: None)
    world = World(tmp_path)
    whole = json.dumps({PHONE: entry("s1", 5), "null": None, "list": [1]})
    world.agent(PERSON, whole.encode() + b" left over")
    lines = b'{"type":"session","id":"s1"}\nbroken\n{"type":"message","id":"m1"}\n{"type":"mess'
    (world.store_path(PERSON).parent / "s1.jsonl").write_bytes(lines)
    (world.store_path(PERSON).parent / "orphan.jsonl").write_bytes(b'{"type":"session","id":"orphan"}\n')
    return world


def recorded(report: Report) -> list[str]:
    command = ("migrator", report.verb, "--expect-sessions", 99, "--agent", Name("agent", PERSON))
    return evidence.record(report, command, Labels(b"k" * 32).of, lambda: NOON, NOON).lines()


def test_every_command_yields_a_sound_log(world: World) -> None:
    request = world.request()
    exit_codes = []
    steps: list[Callable[[], Report]] = [
        lambda: commands.scan(request),
        lambda: commands.plan(request),
        lambda: commands.verify(request),
        lambda: commands.apply(request, None, yes=True),
        lambda: commands.verify(request),
        lambda: commands.apply(request, None, yes=True),
    ]
    for step in steps:
        report = step()
        lines = recorded(report)
        assert check_log(lines) == ()
        events = [json.loads(line) for line in lines]
        assert events[-1]["exit_code"] == report.exit_code
        assert sum(event["event"] == "finding" for event in events) == len(report.findings) > 0
        exit_codes.append(report.exit_code)
    assert exit_codes == [0, 0, 1, 15, 0, 0]


def test_judging_by_a_backup_yields_a_sound_log_even_where_a_whole_directory_is_lost(
    world: World, tmp_path: Path
) -> None:
    world.agent("other", {"agent:other:main": entry("s2", 6)})
    assert commands.apply(world.request(), None, yes=True).exit_code == 15
    backup = tmp_path / "backup"
    shutil.copytree(world.state, backup)
    shutil.rmtree(world.agent_path("other"))
    report = commands.verify(world.request(), str(backup))
    assert (report.word, report.exit_code) == ("differences", 1)
    assert report.verification is not None
    assert report.verification.count(Verdict.MISSING) == 1
    lines = recorded(report)
    assert check_log(lines) == ()
    sources = [json.loads(line) for line in lines if '"event":"source"' in line]
    assert sum(source["verdicts"].get("missing", 0) for source in sources) == 1


def test_a_failed_expectation_and_an_empty_directory_yield_sound_logs(world: World, tmp_path: Path) -> None:
    unmet = commands.scan(replace(world.request(), expect_sessions=99))
    empty = commands.verify(replace(World(tmp_path / "empty").request(), allow_empty=True))
    assert (check_log(recorded(unmet)), check_log(recorded(empty))) == ((), ())


def test_of_very_many_findings_of_one_code_the_first_are_listed_and_all_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "MOST_FINDINGS", 3)
    world = World(tmp_path)
    world.agent("main", {f"k{number}": None for number in range(7)} | {"list": []})
    lines = recorded(commands.scan(world.request()))
    assert check_log(lines) == ()
    listed = [json.loads(line) for line in lines if '"event":"finding"' in line]
    assert [finding.get("more") for finding in listed if finding["code"] == "entry.not-object"] == [None, None, 5]
    assert json.loads(lines[-1])["findings"]["entry.not-object"] == 8


def test_no_name_is_in_a_log(world: World) -> None:
    report = commands.apply(world.request(), None, yes=True)
    names = {name.text for name in names_of(report.inventory)}
    assert {PHONE, PERSON, str(world.state), str(world.store_path(PERSON)), "s1"} <= names
    log = "\n".join(recorded(report))
    assert [name for name in (PHONE, PERSON, "orphan.jsonl", str(world.root)) if name in log] == []


def test_a_second_log_leaves_the_first_as_it_is(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "proof"
    folder.mkdir()
    lines = recorded(commands.scan(world.request()))
    bundle.write_log(folder, "scan", bundle.render_log(lines))
    first = {path: path.read_bytes() for path in folder.iterdir()}
    bundle.write_log(folder, "scan", bundle.render_log(lines))
    assert {path: path.read_bytes() for path in first} == first
    assert len(list(folder.glob("*.summary.md"))) == len(list(folder.glob("*.proof.jsonl"))) == 2
    assert all(decode_log(path.read_bytes()) == lines for path in folder.glob("*.proof.jsonl"))


def test_the_names_of_a_backup_that_was_judged_by_are_guarded_like_all_others(tmp_path: Path) -> None:
    world, backup = World(tmp_path / "world"), World(tmp_path / "backup")
    world.agent("main", {"agent:main:main": entry("s1", 5)})
    backup.agent("main", {"agent:main:main": entry("s1", 5), "agent:main:gone": entry("s2", 5)})
    report = commands.verify(world.request(), str(backup.state))
    assert {Name("session", "agent:main:gone"), Name("session-id", "s2")} <= set(report_names(report))
