"""One invented state, upgraded by a real release: nothing in the result is unexplained."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
