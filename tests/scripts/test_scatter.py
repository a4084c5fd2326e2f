"""One legacy state scattered over the disk: every session and event ends in a database, or a finding names its file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
SEEDS = [
    "1-8",
    *(pytest.param(f"{first}-{first + 19}", marks=pytest.mark.exhaustive) for first in range(1, 200, 20)),
]


@pytest.mark.parametrize("seeds", SEEDS)
def test_nothing_of_a_scattered_state_is_silent(seeds: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(SCRIPTS), str(SCRIPTS.parent)]),
        "TMPDIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-m", "scattering", seeds], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(", 0 silent\n")
    assert not done.stdout.startswith("0 ")
