"""The smoke test for CI: one line, one exit code, and a state directory that stays as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.proofs.log import decode_log
from tests.conftest import fingerprint
from tests.proof_logs import check_log
from tests.worlds import World, entry

SCRIPT = Path(__file__).parents[2] / "scripts" / "ci-smoke"


def smoke(*arguments: str, script: Path = SCRIPT, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **env})


def test_without_arguments_the_state_directory_of_the_checkout_is_proved_in_one_line() -> None:
    done = smoke()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ci-smoke: verify exited with 0: proved, agents 3/3, sessions 16/16")
    assert done.stdout.count("\n") == 1


def test_the_state_directory_is_only_read_and_the_proofs_are_kept(
    unpack: Callable[[str], Path], tmp_path: Path
) -> None:
    state = unpack("legacy-2026.7.1")
    os.mkfifo(state / "gateway.pipe")
    before = fingerprint(state)
    done = smoke("--state-dir", str(state), "--expect-agents", "3", "--proof", str(tmp_path / "proof"))
    assert done.returncode == 0
    assert fingerprint(state) == before
    logs = sorted((tmp_path / "proof").glob("*.proof.jsonl"))
    assert [log.name for log in logs] == ["apply.proof.jsonl", "verify.proof.jsonl"]
    assert [check_log(decode_log(log.read_bytes())) for log in logs] == [(), ()]


def test_a_configuration_that_leads_back_to_the_original_stops_before_anything_is_written(tmp_path: Path) -> None:
    world = World(tmp_path)
    store = world.store(world.store_path("main"), {"agent:main:main": entry("s1", 5)})
    world.config(session={"store": str(store)})
    before = fingerprint(world.state)
    done = smoke("--state-dir", str(world.state))
    assert (done.returncode, done.stdout.count("\n")) == (12, 1)
    assert fingerprint(world.state) == before


@pytest.mark.parametrize(
    ("expected", "code", "line"),
    [
        (["--expect-sessions", "17"], 12, "ci-smoke: apply exited with 12: stopped, What was found is not what was"),
        (["--expect-agents", "four"], 2, "ci-smoke: apply exited with 2\n"),
    ],
)
def test_what_was_expected_and_is_not_there_fails(
    unpack: Callable[[str], Path], expected: list[str], code: int, line: str
) -> None:
    done = smoke("--state-dir", str(unpack("legacy-2026.6.1")), *expected)
    assert done.returncode == code
    assert done.stdout.startswith(line)
    assert done.stdout.count("\n") == 1


def test_items_in_quarantine_are_an_exit_code_of_their_own(unpack: Callable[[str], Path]) -> None:
    state = unpack("legacy-2026.6.1")
    store = state / "agents" / "main" / "sessions" / "sessions.json"
    store.write_bytes(store.read_bytes().rstrip()[:-1] + b', "agent:main:torn": {"sessionId": ')
    done = smoke("--state-dir", str(state))
    assert done.returncode == 15
    assert done.stdout.startswith("ci-smoke: apply exited with 15: quarantined, ")


def test_a_directory_that_is_not_there_ends_as_it_does_in_every_command_and_is_named_nowhere(tmp_path: Path) -> None:
    done = smoke("--state-dir", str(tmp_path / "Wilhelmina"))
    assert done.returncode == 10
    assert "there is no such state directory" in done.stdout
    assert "Wilhelmina" not in done.stdout + done.stderr


def test_the_script_alone_works_beside_an_installed_program(unpack: Callable[[str], Path], tmp_path: Path) -> None:
    alone = Path(shutil.copy(SCRIPT, tmp_path))
    done = smoke("--state-dir", str(unpack("legacy-2026.6.1")), script=alone)
    assert done.returncode == 0
