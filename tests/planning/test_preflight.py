"""What forbids to begin, found before the first byte is written."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from migrator import commands
from migrator.findings.table import RULES
from migrator.model.errors import BusyError, RefusedError
from migrator.model.plan import Plan
from migrator.model.words import Finding, Name, Severity
from migrator.planning import preflight
from tests.conftest import fingerprint
from tests.worlds import World, entry

BUSY = sorted(code for code, rule in RULES.items() if rule.severity is Severity.BUSY)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.agent("main", {"a": entry("s1", 5)})
    return world


def planned(world: World) -> Plan:
    plan = commands.plan(world.request()).plan
    assert plan is not None
    return plan


def test_a_sound_plan_passes(world: World) -> None:
    before = fingerprint(world.state)
    preflight.preflight(planned(world))
    assert fingerprint(world.state) == before


@pytest.mark.parametrize("code", BUSY)
def test_a_live_writer_is_refused(world: World, code: str) -> None:
    subject = Name("lock", "gateway.lock")
    plan = replace(planned(world), findings=(Finding(code, subject, (("pid", 17),)),))
    with pytest.raises(BusyError) as caught:
        preflight.preflight(plan)
    assert caught.value.subject == subject
    assert caught.value.sentence.startswith(RULES[code].sentence.replace("{pid}", "17"))
    assert "{pid}" not in caught.value.sentence


def test_the_space_for_all_databases_of_a_filesystem_is_needed_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.agent("ops", {"a": entry("s2", 5)})
    plan = planned(world)
    needed = sum(one.peak_bytes for one in plan.databases)
    assert 0 < max(one.peak_bytes for one in plan.databases) < needed
    monkeypatch.setattr(preflight, "free_bytes", lambda _path: needed)
    preflight.preflight(plan)
    monkeypatch.setattr(preflight, "free_bytes", lambda _path: needed - 1)
    with pytest.raises(RefusedError):
        preflight.preflight(plan)


def test_a_file_in_the_place_of_the_runs_is_refused(world: World) -> None:
    plan = planned(world)
    (world.state / "migrator-runs").touch()
    with pytest.raises(RefusedError) as caught:
        preflight.preflight(plan)
    assert caught.value.subject == Name("path", str(world.state))


def test_a_directory_that_can_not_be_written_to_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(world)
    closed = world.agent_path("main")
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != closed)
    with pytest.raises(RefusedError) as caught:
        preflight.preflight(plan)
    assert caught.value.subject == Name("database", str(world.database_path("main")))


def test_nothing_has_to_be_writable_when_there_is_nothing_to_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    commands.apply(world.request(), None, yes=True)
    plan = planned(world)
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    monkeypatch.setattr(preflight, "free_bytes", lambda _path: 0)
    preflight.preflight(plan)
