"""Every system call that changes something below the state directory, or opens a file there, fails once.

By default some points of each fault are tried, spread over the run; ``-m exhaustive`` tries all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest

from tests.faults import oracle, scene, strace
from tests.faults.conftest import Tell, needs_strace
from tests.faults.scene import Scene
from tests.faults.strace import Call, Ending

pytestmark = needs_strace

FAULTS = {
    "SIGKILL": "signal=SIGKILL",
    "SIGINT": "signal=SIGINT",
    "SIGTERM": "signal=SIGTERM",
    "EIO": "error=EIO",
    "ENOSPC": "error=ENOSPC",
    "EDQUOT": "error=EDQUOT",
    "short write": "retval=0",
}
DOCUMENTED = {0, 1, 2, 10, 11, 12, 13, 14, 15, 130, 143}
_SOURCE = re.compile(r'/sessions(/|".*O_DIRECTORY)')
SAMPLED = pytest.param(6, id="sampled")
EXHAUSTIVE = pytest.param(None, id="exhaustive", marks=pytest.mark.exhaustive)


def calls_for(fault: str, calls: Sequence[Call]) -> list[Call]:
    """The calls that a fault can happen to. A source that cannot be opened or listed is a finding: the rest goes on."""
    if fault == "short write":
        return [call for call in calls if call.name in ("write", "pwrite64")]
    if FAULTS[fault].startswith("error="):
        return [call for call in calls if call.name != "openat" or not _SOURCE.search(call.subject)]
    return list(calls)


def sample(calls: list[Call], count: int | None, offset: int) -> list[Call]:
    """Some calls from all parts of the run; of those that only open a file fewer, since they change nothing."""
    if count is None:
        return calls
    changing = [call for call in calls if call.name != "openat"]
    opening = [call for call in calls if call.name == "openat"]
    return spread(changing, count - 2, offset) + (spread(opening, 2, offset) if opening else [])


def spread(calls: list[Call], count: int, offset: int) -> list[Call]:
    step = max(1, len(calls) // count)
    return calls[(offset * step // len(FAULTS)) % step :: step][:count]


def misbehaviour(ending: Ending, fault: str) -> Iterator[str]:
    """What is wrong with how the program ended, whatever it left behind."""
    if not ending.hit:
        yield "the fault has not come to pass"
    if ending.exit_code not in DOCUMENTED and ending.exit_code != (-9 if fault == "SIGKILL" else 0):
        yield f"exit code {ending.exit_code}"


def exit_code(ending: Ending) -> int | None:
    return None if ending.exit_code < 0 else ending.exit_code


@pytest.mark.parametrize("count", [SAMPLED, EXHAUSTIVE])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_any_call_of_apply(
    before: Scene, calls_of_apply: list[Call], tell: Tell, fault: str, count: int | None
) -> None:
    calls = calls_for(fault, calls_of_apply)
    found: list[str] = []
    chosen = sample(calls, count, list(FAULTS).index(fault))
    for call in chosen:
        before.reset()
        ending = strace.inject(before, call, FAULTS[fault], *scene.APPLY)
        wrong = [*misbehaviour(ending, fault)]
        wrong += oracle.violations(before.root, before.expected, exit_code(ending), ending.said)
        code, said = before.run(*scene.APPLY)
        wrong += oracle.not_converged(before.root, before.expected, code)
        found += [f"{call.name} {call.number} {call.subject[-160:]}: {one} {ending.said} {said}" for one in wrong]
    tell(f"apply, {fault}", len(chosen), len(calls), found)


@pytest.mark.parametrize("count", [SAMPLED, EXHAUSTIVE])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_any_call_of_rollback(
    applied: Scene, calls_of_rollback: list[Call], tell: Tell, fault: str, count: int | None
) -> None:
    applied.reset()
    command = ("rollback", applied.only_run())
    calls = calls_for(fault, calls_of_rollback)
    found: list[str] = []
    chosen = sample(calls, count, list(FAULTS).index(fault))
    for call in chosen:
        applied.reset()
        ending = strace.inject(applied, call, FAULTS[fault], *command)
        wrong = [*misbehaviour(ending, fault)]
        wrong += oracle.violations(applied.root, applied.expected, None, ending.said, proofs=False)
        code, said = applied.run(*command)
        wrong += oracle.not_rolled_back(applied.root, applied.expected, code)
        found += [f"{call.name} {call.number} {call.subject[-160:]}: {one} {ending.said} {said}" for one in wrong]
    tell(f"rollback, {fault}", len(chosen), len(calls), found)


@pytest.mark.parametrize("count", [SAMPLED, EXHAUSTIVE])
def test_a_disk_that_stays_full_from_any_call_on(
    before: Scene, calls_of_apply: list[Call], tell: Tell, count: int | None
) -> None:
    calls = [call for call in calls_of_apply if call.name in ("write", "pwrite64")]
    found: list[str] = []
    chosen = sample(calls, count, 3)
    for call in chosen:
        before.reset()
        ending = strace.inject(before, call, "error=ENOSPC", *scene.APPLY, repeat=True)
        wrong = [*oracle.violations(before.root, before.expected, exit_code(ending), ending.said)]
        code, said = before.run(*scene.APPLY)
        wrong += oracle.not_converged(before.root, before.expected, code)
        found += [f"{call.name} {call.number} {call.subject[-160:]}: {one} {ending.said} {said}" for one in wrong]
    tell("apply, ENOSPC from then on", len(chosen), len(calls), found)


@pytest.mark.parametrize("count", [SAMPLED, EXHAUSTIVE])
def test_a_fault_in_the_run_after_a_fault(
    before: Scene, calls_of_apply: list[Call], tell: Tell, count: int | None
) -> None:
    """Pairs: a kill, then each fault in turn in the run that should have set it right."""
    calls = calls_of_apply
    firsts = sample(calls, count and count // 2, 1)
    found: list[str] = []
    for index, first in enumerate(firsts):
        before.reset()
        strace.inject(before, first, "signal=SIGKILL", *scene.APPLY)
        fault = list(FAULTS)[index % len(FAULTS)]
        seconds = calls_for(fault, calls)
        second = seconds[(index * 37 + 11) % len(seconds)]
        ending = strace.inject(before, second, FAULTS[fault], *scene.APPLY)
        of_source = _SOURCE.search(ending.hit) is not None  # found to be unreadable, and the rest was migrated
        wrong = [*oracle.violations(before.root, before.expected, exit_code(ending), ending.said)]
        code, said = before.run(*scene.APPLY)
        wrong = [one for one in wrong if not (of_source and one.startswith("database neither"))]
        wrong += oracle.not_converged(before.root, before.expected, code)
        found += [f"{first} then {fault} in {second}: {one} {said}" for one in wrong]
    tell("apply, a fault after SIGKILL", len(firsts), len(calls), found)
