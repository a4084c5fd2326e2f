"""Faults in a run of several processes: each counts its own calls, so a fault may come to pass in any, or in all."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.faults import oracle, scene, strace
from tests.faults.conftest import Tell, needs_strace
from tests.faults.scene import Scene
from tests.faults.strace import Call
from tests.faults.test_system_calls import EXHAUSTIVE, exit_code, spread

pytestmark = needs_strace

APPLY = (*scene.APPLY, "--jobs", "2")
FAULTS = {"SIGKILL": "signal=SIGKILL", "EIO": "error=EIO", "SIGTERM": "signal=SIGTERM"}
NEW = ("new", "newer", "newest")


@pytest.fixture(scope="module")
def two_jobs(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """An installation with several databases to be built."""
    return scene.make(tmp_path_factory.mktemp("jobs"), NEW)


@pytest.fixture(scope="module")
def calls(two_jobs: Scene) -> Sequence[Call]:
    """The calls that change something: of each name as many as all processes make together."""
    two_jobs.reset()
    return [call for call in strace.record(two_jobs, *APPLY) if call.name != "openat"]


@pytest.mark.parametrize("count", [pytest.param(5, id="sampled"), EXHAUSTIVE])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_any_call_of_two_jobs(
    two_jobs: Scene, calls: list[Call], tell: Tell, fault: str, count: int | None
) -> None:
    found: list[str] = []
    chosen = calls if count is None else spread(calls, count, list(FAULTS).index(fault))
    hit = 0
    for call in chosen:
        two_jobs.reset()
        ending = strace.inject(two_jobs, call, FAULTS[fault], *APPLY)
        hit += bool(ending.hit)
        wrong = [*oracle.violations(two_jobs.root, two_jobs.expected, exit_code(ending), ending.said)]
        code, said = two_jobs.run(*APPLY)
        wrong += oracle.not_converged(two_jobs.root, two_jobs.expected, code)
        found += [f"{call.name} {call.number}: {one} {ending.said} {said}" for one in wrong]
    assert hit > len(chosen) // 3
    tell(f"apply with two jobs, {fault}", hit, len(calls), found)
