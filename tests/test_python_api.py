"""From Python and in pytest: the same as on the command line, with typed results, and nothing imported too early."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import migrator
from migrator.cli import main as cli
from migrator.model.errors import NothingFoundError
from migrator.model.report import Report
from migrator.model.words import Name
from migrator.privacy.labels import KEY_VARIABLE, Labels
from migrator.proofs.log import decode_log, read_log
from migrator.verification.parity import parity
from tests.conftest import fingerprint, unpacked

pytest_plugins = ["pytester"]
Unpack = Callable[[str], Path]


def command(*arguments: str | Path) -> tuple[int, str]:
    """The exit code and the verdict of a command line."""
    done = CliRunner().invoke(cli.main, [*map(str, arguments), "--format", "json"])
    return done.exit_code, json.loads(done.stdout)["verdict"]


def test_scan_plan_and_verify_say_what_the_commands_say_and_touch_nothing(unpack: Unpack) -> None:
    state = unpack("upgraded-2026.6.1-to-2026.9.6")
    before = fingerprint(state)
    scanned, planned, verified = migrator.scan(state), migrator.plan(state), migrator.verify(state)
    assert fingerprint(state) == before
    for verb, report in (("scan", scanned), ("plan", planned), ("verify", verified)):
        assert (report.exit_code, report.word) == command(verb, "--state-dir", state)
    assert str(parity(verified.verification)).startswith("agents 2/3, sessions 14/16, ")
    assert {agent.directory for agent in scanned.inventory.agents} >= {"main", "ops-team"}


def test_verify_takes_what_to_judge_by_and_what_is_no_difference(unpack: Unpack) -> None:
    state = unpack("upgraded-2026.6.1-to-2026.9.6")
    assert migrator.verify(state).exit_code == 1
    assert migrator.verify(state, accept=["moved"]).exit_code == 0
    legacy = unpack("legacy-2026.6.1")
    assert migrator.verify(state, against=legacy, accept=["moved"]).exit_code == 0


def test_apply_migrates_and_leaves_a_sound_proof_in_the_folder_of_its_run(unpack: Unpack) -> None:
    state = unpack("legacy-2026.6.1")
    report = migrator.apply(state)
    assert (report.exit_code, report.word) == (0, "proved")
    assert report.run is not None
    log = read_log(decode_log(Path(report.run, "apply.proof.jsonl").read_bytes()))
    assert not log.problems
    assert [finding.code for finding in migrator.scan(state).findings] == ["agent.no-round-trip", "run.complete"]
    again = migrator.apply(state)
    assert (again.word, again.run) == ("already-migrated", None)


def test_only_the_agents_that_are_named_are_looked_at(unpack: Unpack) -> None:
    report = migrator.plan(unpack("legacy-2026.6.1"), agents=["main"])
    assert len(report.plan.databases) == 1


def test_the_next_command_of_a_report_is_about_the_same_agents_and_sources(unpack: Unpack, tmp_path: Path) -> None:
    states = unpack("defect-malformed-line")
    state, backup = states / "after", str(states / "before")
    place = ["--state-dir", str(state)]

    def typed(report: Report) -> list[str]:
        return [word.text if isinstance(word, Name) else str(word) for word in report.next_command]

    planned = migrator.plan(state, agents=["main", "work"], backup=backup)
    agents = ["--agent", "main", "--agent", "work"]
    assert typed(planned) == ["migrator", "apply", "--yes", *place, *agents, "--from", backup]
    verified = migrator.verify(state, agents=["main", "work"], against=backup, accept=["moved"])
    assert typed(verified) == ["migrator", "plan", *place, "--from", backup, *agents]
    scanned = migrator.scan(state, agents=["main"])
    assert typed(scanned) == ["migrator", "verify", *place, "--agent", "main"]


def test_a_proof_of_apply_has_the_labels_of_the_key_that_the_environment_holds(
    unpack: Unpack, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, state = "0123456789abcdef" * 4, unpack("legacy-2026.6.1")
    monkeypatch.setenv(KEY_VARIABLE, key)
    report = migrator.apply(state)
    assert report.run is not None
    assert Labels(bytes.fromhex(key)).of(Name("agent", "main")) in Path(report.run, "apply.proof.jsonl").read_text()


def test_apply_can_move_the_sources_into_the_run(unpack: Unpack) -> None:
    state = unpack("legacy-2026.6.1")
    assert migrator.apply(state, archive_sources=True).archiving.moved
    assert list(state.glob("agents/*/sessions/sessions.json")) == []


def test_a_backup_is_where_lost_sessions_come_back_from(unpack: Unpack, tmp_path: Path) -> None:
    state = unpack("defect-malformed-line") / "after"
    backup = unpacked("defect-malformed-line", tmp_path / "backup") / "before"
    report = migrator.plan(state, backup=backup)
    assert any(database.repair for database in report.plan.databases)


def test_what_stops_a_command_is_raised_with_its_exit_code(tmp_path: Path) -> None:
    with pytest.raises(NothingFoundError) as stopped:
        migrator.verify(tmp_path)
    assert stopped.value.exit_code == 10


def test_importing_the_package_or_the_plugin_loads_nothing_of_the_program() -> None:
    code = "import sys; before = set(sys.modules); import {}; print(*set(sys.modules) - before)"
    for name, most in (("migrator", {"migrator"}), ("pytest, migrator.pytest_plugin", {"migrator"})):
        done = subprocess.run([sys.executable, "-c", code.format(name)], capture_output=True, text=True, check=True)
        ours = {module for module in done.stdout.split() if module.startswith("migrator")}
        assert ours - {"migrator.pytest_plugin"} == most
    done = subprocess.run(
        [sys.executable, "-c", code.format("migrator.cli.main")], capture_output=True, text=True, check=True
    )
    assert not {"pytest", "_pytest"} & set(done.stdout.split())


def test_every_function_is_documented_and_typed() -> None:
    for name in ("scan", "plan", "apply", "verify"):
        function = getattr(migrator, name)
        assert function.__doc__
        assert "return" in function.__annotations__


@pytest.fixture
def outer(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project that has the plugin, whether or not it is installed here."""
    pytester.makeconftest('pytest_plugins = ["migrator.pytest_plugin"]')
    return pytester


def test_the_fixture_gives_a_migrated_private_copy(outer: pytest.Pytester, unpack: Unpack) -> None:
    state = unpack("legacy-2026.6.1")
    before = fingerprint(state)
    outer.makepyfile(
        f"""
        import pathlib

        def test_it(migrator_state):
            copy = migrator_state({str(state)!r})
            assert len(list(copy.glob("agents/*/agent/openclaw-agent.sqlite"))) == 3
            assert copy != pathlib.Path({str(state)!r})

        def test_each_copy_is_another_one(migrator_state):
            assert migrator_state({str(state)!r}) != migrator_state({str(state)!r})
        """
    )
    outer.runpytest().assert_outcomes(passed=2)
    assert fingerprint(state) == before


def test_the_fixture_fails_with_the_parity_line_where_something_does_not_arrive(
    outer: pytest.Pytester, unpack: Unpack
) -> None:
    state = unpack("defect-malformed-line") / "before"
    outer.makepyfile(f"def test_it(migrator_state): migrator_state({str(state)!r})")
    result = outer.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*migrator: quarantined (exit 15): agents 2/2, sessions 5/5, *+ 1 quarantined*"])


def test_the_fixture_fails_with_one_sentence_and_without_names_where_nothing_is_there(outer: pytest.Pytester) -> None:
    outer.makepyfile("def test_it(migrator_state, tmp_path): migrator_state(tmp_path)")
    result = outer.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["migrator stopped (exit 10): There are no sessions in the state directory*"])
