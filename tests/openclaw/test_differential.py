"""Invented states, upgraded by a real release: nothing is unexplained, and a proof says what a verification says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from differences.worlds import build

from migrator import commands
from migrator.commands.request import Request
from migrator.model.request import Selection, Surroundings
from migrator.model.upgrade import Way
from migrator.model.verification import Verification
from migrator.upgrades.prove import Question, prove
from migrator.upgrades.release.client import Client
from tests.openclaw.conftest import launcher

pytestmark = pytest.mark.openclaw

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_an_invented_state_is_explained_in_full_after_its_import(tmp_path: Path) -> None:
    words = [str(launcher("2026.9.6")), "import", "2", "6", str(tmp_path / "run"), str(tmp_path / "tmp")]
    trial = [sys.executable, str(SCRIPTS / "differences" / "trial.py"), *words]

    done = subprocess.run(
        trial,
        env={"PYTHONPATH": f"{SCRIPTS}:{SCRIPTS.parent}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "18 " in done.stdout


def verdicts(verification: Verification | None) -> dict[tuple[str, str], tuple[str, tuple[str, ...]]]:
    """What is said of each session that is not the same, and of each history, by source and name."""
    assert verification is not None
    sources = [source for database in verification.databases for source in database.sources]
    histories = [history for database in verification.databases for history in database.histories]
    said = {
        (source.source.text, one.session.text): (one.verdict.value, one.transforms)
        for source in sources
        for one in source.verdicts
    }
    changes = {one: tuple(name for name, _ in one.transforms) for one in histories}
    return said | {(one.transcript.text, ""): (one.verdict.value, names) for one, names in changes.items()}


@pytest.mark.exhaustive
def test_a_proof_over_two_hundred_sessions_says_of_each_what_verify_says(tmp_path: Path) -> None:
    original, upgraded = tmp_path / "original", tmp_path / "copy" / "state"
    build(original, 3, 67)
    shutil.copytree(original, upgraded)
    release = launcher("2026.9.6")
    assert [step.exit_code for step in Client(release, upgraded, tmp_path / "scratch").doctor_fix()][-1] == 0

    around = Surroundings({}, str(tmp_path), str(tmp_path), str(tmp_path))
    verified = commands.verify(Request(Selection(state_dir=str(upgraded)), around), str(original))
    proof = prove(Request(Selection(state_dir=str(original)), around), Question((Way.OPENCLAW,), new=str(release)))

    assert proof.upgrade is not None
    told = verdicts(proof.upgrade.trials[0].verification)
    assert told == verdicts(verified.verification)
    assert len(told) == 2 * 201
