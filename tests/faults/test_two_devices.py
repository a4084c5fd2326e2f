"""Faults while sources are moved to another device, and back: they are copied, and for a moment are at both places.

By default some points of each fault are tried; ``-m exhaustive`` tries all of them.
"""

from __future__ import annotations

import pytest

from tests.faults import oracle, scene, strace
from tests.faults.conftest import Tell, needs_strace
from tests.faults.scene import Scene
from tests.faults.strace import Call
from tests.faults.test_system_calls import FAULTS, calls_for, exit_code, misbehaviour, spread

pytestmark = needs_strace

DEVICES = "two devices"
CASES = [
    *(pytest.param(fault, 5, id=f"{fault}-sampled") for fault in ("SIGKILL", "EIO")),
    *(pytest.param(fault, None, id=f"{fault}-exhaustive", marks=pytest.mark.exhaustive) for fault in FAULTS),
]
"""Each fault, and at how many points it is tried; None: at all."""


def carrying(installation: Scene, *arguments: object) -> list[Call]:
    """The calls of an undisturbed run that move sources from device to device."""
    calls = strace.record(installation, *arguments, measure=DEVICES)
    return [call for call in calls if "/archive/" in call.subject or "sessions/" in call.subject]


def chosen_of(calls: list[Call], fault: str, count: int | None) -> list[Call]:
    changing = [call for call in calls_for(fault, calls) if call.name != "openat" or "O_WRONLY" in call.subject]
    return changing if count is None else spread(changing, count, list(FAULTS).index(fault))


@pytest.mark.parametrize(("fault", "count"), CASES)
def test_a_fault_while_sources_are_moved_to_another_device(
    before: Scene, tell: Tell, fault: str, count: int | None
) -> None:
    before.reset()
    calls = carrying(before, *scene.APPLY)
    found: list[str] = []
    chosen = chosen_of(calls, fault, count)
    for call in chosen:
        before.reset()
        ending = strace.inject(before, call, FAULTS[fault], *scene.APPLY, measure=DEVICES)
        wrong = [*misbehaviour(ending, fault)]
        wrong += oracle.violations(before.root, before.expected, exit_code(ending), ending.said)
        code, said = before.run(*scene.APPLY, measure=DEVICES)
        wrong += oracle.not_converged(before.root, before.expected, code)
        wrong += before.take_back(DEVICES)
        found += [f"{call.name} {call.number} {call.subject[-160:]}: {one} {ending.said} {said}" for one in wrong]
    tell(f"apply to another device, {fault}", len(chosen), len(calls), found)


@pytest.mark.parametrize(("fault", "count"), CASES)
def test_a_fault_while_sources_are_put_back_from_another_device(
    applied: Scene, tell: Tell, fault: str, count: int | None
) -> None:
    applied.reset()
    command = ("rollback", applied.only_run())
    calls = carrying(applied, *command)
    found: list[str] = []
    chosen = chosen_of(calls, fault, count)
    for call in chosen:
        applied.reset()
        ending = strace.inject(applied, call, FAULTS[fault], *command, measure=DEVICES)
        wrong = [*misbehaviour(ending, fault)]
        wrong += oracle.violations(applied.root, applied.expected, None, ending.said, proofs=False)
        code, said = applied.run(*command, measure=DEVICES)
        wrong += oracle.not_rolled_back(applied.root, applied.expected, code)
        found += [f"{call.name} {call.number} {call.subject[-160:]}: {one} {ending.said} {said}" for one in wrong]
    tell(f"rollback from another device, {fault}", len(chosen), len(calls), found)
