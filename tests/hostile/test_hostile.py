"""Hostile input: each ends in a finding that names the thing, the good rest arrives, and nothing hangs or leaks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.conftest import FIXTURES
from tests.hostile.case import Case
from tests.hostile.table import CASES

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a filesystem without the cost of durability, where there is one
WITHOUT_PRIVILEGES = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


def journey(cases: list[Case]) -> dict[str, list[str]]:
    """Run cases in a process of its own; give the problems of those that have any, by name."""
    command = [sys.executable, "-m", "tests.hostile.journey"]
    if cases[0].unprivileged and os.geteuid() == 0:
        command = [*WITHOUT_PRIVILEGES, *command]
    place = tempfile.mkdtemp(prefix="hostile-", dir=IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None)
    try:
        names = [case.name for case in cases]
        done = subprocess.run([*command, place, *names], cwd=FIXTURES.parent, capture_output=True, text=True)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    outcomes = {outcome["name"]: outcome["problems"] for outcome in map(json.loads, done.stdout.splitlines())}
    ended = [f"the process ended with {done.returncode} here or before: {done.stderr[-500:]}"]
    return {name: outcomes.get(name, ended) for name in names if outcomes.get(name, ended)}


def batches(size: int = 25) -> list[object]:
    """Cases that can share a process: of a kind, with the same privileges, and none of the expensive ones."""
    groups: dict[tuple[str, bool], list[Case]] = {}
    for case in CASES:
        if not case.exhaustive:
            groups.setdefault((case.name.partition(":")[0], case.unprivileged), []).append(case)
    return [
        pytest.param(cases[start : start + size], id=f"{kind} {start}{' unprivileged' if unprivileged else ''}")
        for (kind, unprivileged), cases in groups.items()
        for start in range(0, len(cases), size)
    ]


@pytest.mark.parametrize("cases", batches())
def test_hostile_input_ends_in_a_finding_and_the_rest_arrives(cases: list[Case]) -> None:
    assert journey(cases) == {}


@pytest.mark.exhaustive
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES if case.exhaustive])
def test_hostile_input_of_full_size_takes_seconds_and_little_memory(case: Case) -> None:
    assert journey([case]) == {}


def test_there_are_two_hundred_cases_with_names_of_their_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 200
