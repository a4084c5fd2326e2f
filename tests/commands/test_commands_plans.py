"""Consent and preflight: a plan is applied as it was made or not at all, and what could go wrong is asked first."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from migrator import commands
from migrator.findings.table import RULES
from migrator.model.errors import BusyError, ChangedError, RefusedError, UsageError
from migrator.model.report import ApplyReport
from migrator.model.request import Selection
from migrator.model.words import Finding, Name, Severity
from migrator.planning import preflight
from migrator.scanning import scanner
from tests.conftest import fingerprint
from tests.sqlite_worlds import execute
from tests.worlds import World, cache, cache_row, change, entry, fill_wal, owner, table, without_rows


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two agents: one without a database, one with a database that has an older entry."""
    world = World(tmp_path)
    world.agent("main", {"a": entry("s1", 5), "b": entry("s2", 6)})
    world.agent("ops", {"a": entry("s1", 5)})
    world.database("ops", owner("ops"), cache_row("a", entry("s1", 1)))
    return world


def apply(world: World) -> ApplyReport:
    return commands.apply(world.request(), None, yes=True)


def saved_plan(world: World, **selection: object) -> str:
    path = world.root / "plan.json"
    report = commands.plan(world.request(**selection), plan_file=str(path))  # type: ignore[arg-type]
    assert report.exit_code == 0
    return str(path)


def bare(world: World, cwd: Path | None = None) -> commands.Request:
    """A request without any selection, as it goes with a plan."""
    return replace(world.request(cwd), selection=Selection())


def test_a_plan_is_applied_from_its_file_alone(world: World) -> None:
    path = saved_plan(world)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert commands.apply(bare(world), path).exit_code == 0


def test_a_plan_covers_what_it_was_made_for_and_no_more(world: World) -> None:
    path = saved_plan(world, agents=("main",))
    commands.apply(bare(world), path)
    assert cache(world.database_path("main")).keys() == {"a", "b"}
    assert table(world.database_path("ops"), "cache_entries", "updated_at <> 1") == []


def test_a_plan_can_be_applied_from_another_directory(tmp_path: Path) -> None:
    world = World(tmp_path)
    store = world.store(tmp_path / "data" / "store.json", {"k": entry("s1", 5)})
    path = str(tmp_path / "plan.json")
    commands.plan(
        world.request(tmp_path, state_dir="state", stores=("data/store.json",), agents=("main",)), plan_file=path
    )
    assert commands.apply(bare(world, tmp_path / "home"), path).exit_code == 0
    assert os.listdir(store.parent) == [store.name]
    assert cache(world.database_path("main")).keys() == {"k"}


CHANGES: dict[str, Callable[[World], object]] = {
    "a store got an entry": lambda world: world.agent("main", {"a": entry("s1", 5), "b": entry("s2", 6), "c": {}}),
    "a store lost a byte": lambda world: world.store(
        world.store_path("main"), world.store_path("main").read_bytes().replace(b" ", b"", 1)
    ),
    "a store is gone": lambda world: world.store_path("main").unlink(),
    "there is another store": lambda world: world.agent("third", {"a": entry("s9", 1)}),
    "there is a database": lambda world: world.database("main", owner("main")),
    "a row changed": lambda world: change(
        world.database_path("ops"), execute("UPDATE cache_entries SET value_json = '{}'")
    ),
    "a row is gone": lambda world: change(world.database_path("ops"), without_rows("cache_entries")),
    "a row is in the -wal": lambda world: fill_wal(world.database_path("ops"), cache_row("x", "{}")),
    "a database is gone": lambda world: world.database_path("ops").unlink(),
    "a database is refused now": lambda world: change(
        world.database_path("ops"), execute("UPDATE schema_meta SET agent_id = 'other'")
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_plan_is_refused_when_what_it_was_made_from_has_changed(world: World, what: str) -> None:
    path = saved_plan(world)
    CHANGES[what](world)
    before = fingerprint(world.state)
    with pytest.raises(ChangedError) as caught:
        commands.apply(bare(world), path)
    assert caught.value.exit_code == 13
    assert fingerprint(world.state) == before


def test_a_plan_that_was_applied_can_be_applied_again(world: World) -> None:
    path = saved_plan(world)
    commands.apply(bare(world), path)
    before = fingerprint(world.state)
    with pytest.raises(ChangedError):
        commands.apply(bare(world), path)
    assert fingerprint(world.state) == before


def test_apply_wants_a_plan_or_a_yes_and_a_plan_wants_no_selectors(world: World) -> None:
    path = saved_plan(world)
    before = fingerprint(world.state)
    for plan_file, yes in ((None, False), (path, True)):
        with pytest.raises(UsageError):
            commands.apply(bare(world), plan_file, yes=yes)
    with pytest.raises(UsageError):
        commands.apply(world.request(agents=("main",)), path)
    assert fingerprint(world.state) == before


# preflight


def test_too_little_space_refuses_before_anything_is_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint(world.state)
    monkeypatch.setattr(preflight, "free_bytes", lambda _path: 100)
    with pytest.raises(RefusedError) as caught:
        apply(world)
    assert caught.value.exit_code == 12
    assert fingerprint(world.state) == before
    monkeypatch.setattr(preflight, "free_bytes", lambda _path: 1 << 40)
    assert apply(world).exit_code == 0


def test_the_space_of_all_databases_of_a_filesystem_is_added_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = commands.plan(world.request()).plan
    assert planned is not None
    needed = sum(database.peak_bytes for database in planned.databases)
    monkeypatch.setattr(preflight, "free_bytes", lambda _path: needed - 1)
    with pytest.raises(RefusedError):
        apply(world)


@pytest.mark.parametrize(("sessions", "length"), [(1, 10), (500, 10), (500, 3000)])
def test_a_database_grows_no_larger_than_was_planned(tmp_path: Path, sessions: int, length: int) -> None:
    world = World(tmp_path)
    world.agent("main", {f"key {number}": entry(f"s{number}", 5, text="x" * length) for number in range(sessions)})
    report = apply(world)
    assert report.plan is not None
    [planned] = report.plan.databases
    assert Path(planned.database.path).stat().st_size <= planned.peak_bytes


def test_a_live_writer_refuses_apply_but_not_reading(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    code = next(code for code, rule in RULES.items() if rule.severity is Severity.BUSY)
    alive = Finding(code, Name("lock", "gateway.lock"))
    monkeypatch.setattr(scanner, "live_writers", lambda *_arguments: (alive,))
    before = fingerprint(world.state)
    for verb in (commands.scan, commands.plan, commands.verify):
        assert alive in verb(world.request()).inventory.findings
    with pytest.raises(BusyError) as caught:
        apply(world)
    assert caught.value.exit_code == 11
    assert fingerprint(world.state) == before
