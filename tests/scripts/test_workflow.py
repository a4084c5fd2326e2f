"""The upgrades at the ends of the range run for each pull request, each as one job."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.openclaw.test_prove import ENDS

ROOT = Path(__file__).parents[2]
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "upgrades.yml").read_text(encoding="utf-8"))
JOB: dict[str, Any] = WORKFLOW["jobs"]["prove"]


def test_its_jobs_are_the_upgrades_at_the_ends_of_the_range() -> None:
    matrix = JOB["strategy"]["matrix"]
    assert list(itertools.product(matrix["old"], matrix["new"])) == ENDS


def test_each_job_installs_its_release_and_runs_one_test() -> None:
    old, new = ENDS[0]
    said = [
        step["run"].replace("${{ matrix.old }}", old).replace("${{ matrix.new }}", new) for step in JOB["steps"][2:]
    ]
    install, prove = said
    assert install == f"scripts/openclaw {new}"
    script, *words = (word.strip('"') for word in prove.split(maxsplit=5))
    assert (ROOT / script).is_file()
    assert words[:3] == ["-m", "exhaustive", "tests/openclaw/test_prove.py"]
    collect = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", *words]
    found = subprocess.run(collect, cwd=ROOT, capture_output=True, text=True, check=False)
    tests = [line for line in found.stdout.splitlines() if "::" in line]
    assert len(tests) == 1, found.stdout
    assert tests[0].endswith(f"[{old}-{new}]")
