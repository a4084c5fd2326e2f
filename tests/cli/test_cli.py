"""The command line as a user drives it, in process and as an installed program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from migrator.cli import main as cli
from tests.conftest import fingerprint
from tests.worlds import World, databases, entry, owner

Unpack = Callable[[str], Path]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


@pytest.mark.parametrize("name", ["legacy-2026.6.1", "legacy-2026.7.1", "legacy-2026.7.1-with-database"])
def test_a_state_that_a_real_release_wrote_is_planned_applied_verified_and_proved(
    unpack: Unpack, tmp_path: Path, name: str
) -> None:
    state, plan, proof = unpack(name), tmp_path / "plan.json", tmp_path / "proof"
    assert run("scan", "--state-dir", state).exit_code == 0
    assert run("plan", "--state-dir", state, "--output", plan, "--detailed-exitcode").exit_code == 1
    applied = run("apply", plan, "--proof", proof)
    assert (applied.exit_code, applied.stderr) == (0, "")
    expected = ("--expect-agents", 3, "--expect-sessions", 16)
    assert run("verify", "--state-dir", state, "--proof", proof, *expected).exit_code == 0
    assert run("plan", "--state-dir", state, "--detailed-exitcode").exit_code == 0
    for verb in ("apply", "verify"):
        assert run("proof", "check", proof / f"{verb}.proof.jsonl").exit_code == 0
        assert (proof / f"{verb}.summary.md").read_text(encoding="utf-8").startswith("### proved")


def test_a_second_apply_changes_no_byte_and_says_already_migrated(unpack: Unpack) -> None:
    state = unpack("legacy-2026.6.1")
    run("apply", "--yes", "--state-dir", state)
    before = fingerprint(state)
    second = run("apply", "--yes", "--state-dir", state)
    assert second.exit_code == 0
    assert "already-migrated" in second.output
    assert fingerprint(state) == before


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_cannot_be_searched_for_names_any_more_names_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    def fail(*_arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr("migrator.privacy.guard.LeakGuard.check_names", fail)
    said = run("scan", "--format", form, "--state-dir", tmp_path / "Zzyzx")
    assert (said.exit_code, said.stdout) == (10, "")
    assert said.stderr.startswith("migrator scan: There is no state directory Something;")
    assert "Zzyzx" not in said.stderr


def test_the_reading_commands_leave_no_trace_in_the_state_directory(unpack: Unpack, tmp_path: Path) -> None:
    state = unpack("legacy-2026.7.1-with-database")
    before = fingerprint(state)
    for arguments in (
        ["scan"],
        ["plan", "--output", tmp_path / "plan.json", "--proof", tmp_path / "proof"],
        ["verify", "--proof", tmp_path / "proof"],
    ):
        run(*arguments, "--state-dir", state)
        assert fingerprint(state) == before


def test_the_json_report_is_one_document_with_the_verdict_and_the_exit_code(unpack: Unpack) -> None:
    result = run("plan", "--state-dir", unpack("legacy-2026.6.1"), "--format", "json")
    document = json.loads(result.output)
    assert document["format"] == "openclaw-session-migrator/report"
    assert (document["verdict"], document["exit_code"]) == ("pending", 0)
    assert document["totals"] == {"agents": 3, "sessions": 16}


def test_an_output_file_inside_the_state_directory_is_refused(unpack: Unpack) -> None:
    state = unpack("legacy-2026.6.1")
    before = fingerprint(state)
    for arguments in (["plan", "--output"], ["scan", "--output"], ["plan", "--proof"], ["verify", "--proof"]):
        result = run(*arguments, state / "here", "--state-dir", state)
        assert result.exit_code == 2
        assert "not to be touched" in result.stderr
    assert fingerprint(state) == before


def test_a_plan_whose_source_changed_is_refused_with_13_and_nothing_is_written(unpack: Unpack, tmp_path: Path) -> None:
    state, plan = unpack("legacy-2026.6.1"), tmp_path / "plan.json"
    run("plan", "--state-dir", state, "--output", plan)
    store = state / "agents" / "main" / "sessions" / "sessions.json"
    store.write_bytes(store.read_bytes().replace(b'"label": "cron"', b'"label": "crow"'))
    before = fingerprint(state)
    result = run("apply", plan)
    assert result.exit_code == 13
    assert "plan again" in result.stderr
    assert fingerprint(state) == before


def test_an_empty_state_directory_is_10_unless_that_is_allowed(tmp_path: Path) -> None:
    for verb in (["scan"], ["plan"], ["apply", "--yes"], ["verify"]):
        assert run(*verb, "--state-dir", tmp_path).exit_code == 10
        assert run(*verb, "--state-dir", tmp_path / "missing").exit_code == 10
    assert run("verify", "--state-dir", tmp_path, "--allow-empty").exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_an_unmet_expectation_is_a_difference_and_stops_apply_before_it_writes(unpack: Unpack) -> None:
    state = unpack("legacy-2026.6.1")
    before = fingerprint(state)
    assert run("scan", "--state-dir", state, "--expect-sessions", 17).exit_code == 1
    assert run("plan", "--state-dir", state, "--expect-agents", 4).exit_code == 1
    assert run("apply", "--yes", "--state-dir", state, "--expect-sessions", 17).exit_code == 12
    assert fingerprint(state) == before
    assert run("apply", "--yes", "--state-dir", state, "--expect-sessions", 16, "--expect-agents", 3).exit_code == 0


def test_apply_wants_a_plan_or_consent_and_never_both(unpack: Unpack, tmp_path: Path) -> None:
    state, plan = unpack("legacy-2026.6.1"), tmp_path / "plan.json"
    run("plan", "--state-dir", state, "--output", plan)
    assert run("apply", "--state-dir", state).exit_code == 2
    assert run("apply", plan, "--yes").exit_code == 2
    assert run("apply", plan, "--state-dir", state).exit_code == 2
    assert run("apply", tmp_path / "no-plan.json").exit_code == 2


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"format": "openclaw-session-migrator/plan"}'])
def test_a_file_that_is_no_plan_is_a_usage_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "plan.json").write_bytes(content)
    result = run("apply", tmp_path / "plan.json")
    assert result.exit_code == 2
    assert "internal error" not in result.stderr


def test_quarantined_lines_lead_to_15_once_and_are_proved_to_be_kept_afterwards(unpack: Unpack) -> None:
    state = unpack("defect-malformed-line") / "before"
    assert run("apply", "--yes", "--state-dir", state).exit_code == 15
    kept = [path.read_bytes() for path in state.glob("migrator-runs/*/quarantine/*.raw")]
    line = (state / "agents/work/sessions/c0c3d6a8-8dbe-ebce-81a9-22eea60487b3.jsonl").read_bytes().split(b"\n")[3]
    assert kept == [line]
    assert run("verify", "--state-dir", state).exit_code == 0


def test_a_label_is_revealed_with_the_key_of_its_folder_and_with_no_other(unpack: Unpack, tmp_path: Path) -> None:
    state, proof = unpack("legacy-2026.6.1"), tmp_path / "proof"
    report = json.loads(run("plan", "--state-dir", state, "--proof", proof, "--format", "json").output)
    label = report["agents"][0]["agent"]
    assert label.startswith("agent:")
    revealed = run("proof", "reveal", label, "--key", proof, "--state-dir", state)
    assert (revealed.exit_code, revealed.output) == (0, "'Retired Agent'\n")
    other = tmp_path / "other"
    other.mkdir()
    assert run("proof", "reveal", label, "--key", other, "--state-dir", state).exit_code == 2
    assert list(other.iterdir()) == []


def test_a_proof_that_cannot_be_written_is_14_after_a_commit_and_verify_writes_it(
    unpack: Unpack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_path: Path, _data: bytes) -> None:
        raise OSError(28, "no space")

    state, proof = unpack("legacy-2026.6.1"), tmp_path / "proof"
    with monkeypatch.context() as broken:
        broken.setattr("migrator.proofs.bundle.write_durably", fail)
        result = run("apply", "--yes", "--state-dir", state, "--proof", proof)
    assert result.exit_code == 14
    assert "verify" in result.stderr
    assert run("verify", "--state-dir", state, "--proof", proof).exit_code == 0
    assert run("proof", "check", proof / "verify.proof.jsonl").exit_code == 0


def test_any_changed_byte_of_a_proof_is_found(unpack: Unpack, tmp_path: Path) -> None:
    run("verify", "--state-dir", unpack("legacy-2026.6.1"), "--proof", tmp_path / "proof")
    log = tmp_path / "proof" / "verify.proof.jsonl"
    sound = log.read_bytes()
    for place in range(0, len(sound), 97):
        log.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        assert run("proof", "check", log).exit_code == 1, place


def installed(arguments: Sequence[object], **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "migrator", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2]), **environment},
    )


def test_the_state_directory_is_found_as_openclaw_finds_it(unpack: Unpack, tmp_path: Path) -> None:
    state = unpack("legacy-2026.6.1")
    for environment in (
        {"OPENCLAW_STATE_DIR": str(state)},
        {"OPENCLAW_HOME": str(state.parent), "OPENCLAW_STATE_DIR": f"~/{state.name}"},
    ):
        process = installed(["scan", "--format", "json"], HOME=str(tmp_path), **environment)
        document = json.loads(process.communicate()[0])
        assert process.returncode == 0
        assert document["state_dir_source"] == "OPENCLAW_STATE_DIR"
        assert document["totals"]["sessions"] == 16


INTERRUPTED = """
import os, signal, sys
from migrator.cli import main as cli
from migrator.execution import executor

publish = executor.publish

def interrupt(*arguments):
    os.kill(os.getpid(), int(sys.argv[1]))
    publish(*arguments)

executor.publish = interrupt
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in the background without it
cli.main(sys.argv[2:])
"""


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_apply_says_so_and_leaves_no_half_database(
    unpack: Unpack, number: signal.Signals, code: int
) -> None:
    state = unpack("legacy-2026.6.1")
    arguments = [str(number.value), "apply", "--yes", "--state-dir", str(state)]
    done = subprocess.run([sys.executable, "-c", INTERRUPTED, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "no database was written. Run apply again." in done.stderr
    assert not list(state.glob("agents/*/agent/.*"))
    assert not list(state.glob("agents/*/agent/*.sqlite"))
    assert run("apply", "--yes", "--state-dir", state).exit_code == 0


HALFWAY = """
import os, signal, sys
from migrator.cli import main as cli
from migrator.execution import executor

build = executor.build

def interrupt(plans, now_ms, workers, site, progress):
    if site.index == 2:
        os.kill(os.getpid(), signal.SIGINT)
    return build(plans, now_ms, workers, site, progress)

executor.build = interrupt
signal.signal(signal.SIGINT, signal.default_int_handler)
cli.main(sys.argv[1:])
"""


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
def test_an_interrupted_apply_says_how_many_databases_stay_and_how_to_go_on(tmp_path: Path) -> None:
    world = World(tmp_path)
    for name in ("a", "b", "c", "d"):
        world.agent(name, {f"agent:{name}:1": entry(f"{name}-1", 5)})
    arguments = ["apply", "--yes", "--jobs", "1", "--state-dir", str(world.state)]
    done = subprocess.run([sys.executable, "-c", HALFWAY, *arguments], capture_output=True, text=True, check=False)
    [run_folder] = world.runs()
    assert done.returncode == 130
    assert done.stderr == (
        f"migrator apply: interrupted; 2 of 4 databases were migrated and stay; run {run_folder.name}. "
        f"Run apply again to go on, or rollback {run_folder.name}.\n"
    )
    assert len(databases(world.state)) == 2
    assert run("rollback", run_folder.name, "--state-dir", world.state).exit_code == 0
    assert databases(world.state) == []
    assert run("apply", "--yes", "--state-dir", world.state).exit_code == 0


AT_ONCE = """
import os, signal, sys
from migrator.cli import main as cli
from migrator.execution import executor

publish, when_unlocked, calls = executor.publish, executor.when_unlocked, []

def published(temporary, final):
    publish(temporary, final)
    os.kill(os.getpid(), signal.SIGINT)

def committed(act):
    done = act()
    calls.append(act)
    if len(calls) == 3:  # opened, begun, committed
        os.kill(os.getpid(), signal.SIGINT)
    return done

executor.publish, executor.when_unlocked = published, committed
signal.signal(signal.SIGINT, signal.default_int_handler)
cli.main(sys.argv[1:])
"""


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
@pytest.mark.parametrize("exists", [False, True])
def test_a_database_counts_as_migrated_from_the_moment_on_that_it_is(tmp_path: Path, exists: bool) -> None:
    world = World(tmp_path)
    for name in ("a", "b"):
        world.agent(name, {f"agent:{name}:1": entry(f"{name}-1", 5)})
        if exists:
            world.database(name, owner(name))
    arguments = ["apply", "--yes", "--jobs", "1", "--state-dir", str(world.state)]
    done = subprocess.run([sys.executable, "-c", AT_ONCE, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert "interrupted; 1 of 2 databases was migrated and stays;" in done.stderr


def loaded_by(statement: str) -> set[str]:
    """The modules that are there after a statement has run in a fresh interpreter."""
    code = f"{statement}; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_neither_deepdiff_nor_json5() -> None:
    loaded = loaded_by("import migrator.cli.main, migrator.commands, migrator.cli.runner")
    assert not loaded & {"deepdiff", "json5", "tqdm", "zstandard"}


def test_help_needs_none_of_the_verbs() -> None:
    assert not loaded_by("import migrator.cli.main") & {
        "migrator.commands",
        "migrator.cli.publishing",
        "migrator.cli.runner",
        "sqlite3",
        "hashlib",
    }


def test_the_proof_says_how_many_entries_needed_json5(tmp_path: Path) -> None:
    sessions = tmp_path / "state" / "agents" / "main" / "sessions"
    sessions.mkdir(parents=True)
    (sessions / "sessions.json").write_text(
        "{ // as a person would write it\n"
        '  "agent:main:a": {"sessionId": "a", "updatedAt": 1},\n'
        "  'agent:main:b': {sessionId: 'b', updatedAt: 0x2,},\n"
        "}\n",
        encoding="utf-8",
    )
    result = run("apply", "--yes", "--state-dir", tmp_path / "state", "--proof", tmp_path / "proof")
    assert result.exit_code == 0, result.stderr
    assert "| json5-to-json | 1 |" in (tmp_path / "proof" / "apply.summary.md").read_text(encoding="utf-8")


def test_a_usage_error_off_a_terminal_repeats_nothing_that_was_typed() -> None:
    for arguments in (["plan", "Wilhelmina"], ["scan", "--expect-agents", "Wilhelmina"], ["Wilhelmina"]):
        process = installed(arguments)
        said = process.communicate()
        assert process.returncode == 2
        assert "Wilhelmina" not in "".join(said)


@pytest.mark.parametrize("option", ["--proof", "--output"])
def test_a_place_that_cannot_be_written_to_is_refused_before_anything_is_done(
    unpack: Unpack, tmp_path: Path, option: str
) -> None:
    state = unpack("legacy-2026.6.1")
    before = fingerprint(state)
    (tmp_path / "file").write_text("", encoding="utf-8")
    places: list[object] = ["", state / "inside", tmp_path / "file" / "below"]
    places += [tmp_path / "file"] if option == "--proof" else [tmp_path]
    for place in places:
        assert run("apply", "--yes", "--state-dir", state, option, place).exit_code == 2, place
        assert fingerprint(state) == before


def test_too_little_memory_is_said_without_a_traceback(unpack: Unpack, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise MemoryError

    state = unpack("legacy-2026.6.1")
    for place in ("migrator.proofs.notary.LeakGuard", "migrator.commands.scan"):
        with monkeypatch.context() as patched:
            patched.setattr(place, fail)
            result = run("scan", "--state-dir", state)
        assert (result.exit_code, "emory" in result.stderr) == (2, True)


def test_a_failing_disk_is_named_and_is_no_internal_error(unpack: Unpack, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(5, "/secret/path")

    monkeypatch.setattr("migrator.commands.scan", fail)
    result = run("scan", "--state-dir", unpack("legacy-2026.6.1"))
    assert (result.exit_code, result.output) == (2, result.stderr)
    assert "Input/output error" in result.stderr
    assert "secret" not in result.stderr
