"""Sources and databases that change under the hands of a run: it notices, and keeps its hands off."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator import commands
from migrator.execution import executor
from migrator.model.errors import BusyError, ChangedError
from migrator.model.request import Selection
from migrator.openclaw.text.store import StoreReader
from migrator.sqlite import snapshot
from tests.worlds import World, auth_row, cache, cache_row, change, entry, files, owner

Change = Callable[[World], object]


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    for name in ("new", "old"):
        world.agent(name, {f"key {n}": entry(f"{name}-{n}", 5) for n in range(20)})
        world.store_path(name).with_name(f"{name}-0.jsonl").write_text(f'{{"type":"session","id":"{name}-0"}}\n')
    world.database("old", owner("old"), cache_row("key 0", entry("old-0", 1)))
    return world


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as stream:
        stream.write(data)


CHANGES: dict[str, Change] = {
    "a store": lambda world: world.agent("new", {"other": entry("other", 1)}),
    "a store, same size": lambda world: world.store_path("new").write_bytes(
        world.store_path("new").read_bytes().replace(b"new-7", b"new-8")
    ),
    "a transcript": lambda world: append(world.store_path("new").with_name("new-0.jsonl"), b'{"type":"message"}\n'),
    "a database": lambda world: change(world.database_path("old"), cache_row("key 1", entry("old-1", 9))),
    "a new database": lambda world: world.database("new", owner("new")),
    "another table": lambda world: change(world.database_path("old"), auth_row("q", "{}")),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_plan_is_not_carried_out_on_anything_else_than_it_was_made_from(
    world: World, tmp_path: Path, what: str
) -> None:
    plan = str(tmp_path / "plan.json")
    commands.plan(world.request(), plan_file=plan)
    CHANGES[what](world)
    before = files(world.state)
    with pytest.raises(ChangedError):
        commands.apply(commands.Request(Selection(), world.request().surroundings), plan)
    assert files(world.state) == before


def once(original: Callable[..., object], happens: Callable[[], object]) -> Callable[..., object]:
    """Let something happen before the first call only."""
    left = [happens]

    def call(*arguments: object, **named: object) -> object:
        if left:
            left.pop()()
        return original(*arguments, **named)

    return call


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_between_the_scan_and_the_writing_is_noticed(
    world: World, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Only the database concerned is left as it is; the other one is migrated, and another run does the rest."""
    with monkeypatch.context() as patched:
        patched.setattr(
            sys.modules["migrator.commands.apply"], "execute", once(executor.execute, lambda: CHANGES[what](world))
        )
        report = commands.apply(world.request(), None, yes=True)
    assert report.exit_code in (1, 13)
    failed = [outcome for outcome in report.outcomes if outcome.failure is not None]
    assert [type(outcome.failure) for outcome in failed] == [ChangedError]
    assert commands.apply(world.request(), None, yes=True).exit_code == 0
    for name in ("new", "old"):
        assert len(cache(world.database_path(name))) >= 1


def test_a_store_that_changes_while_it_is_read_is_not_trusted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    original = StoreReader.__iter__
    before = files(world.state / "agents" / "old")
    with monkeypatch.context() as patched:
        patched.setattr(StoreReader, "__iter__", once(original, lambda: append(world.store_path("new"), b"\n")))
        with pytest.raises(BusyError):
            commands.apply(world.request(), None, yes=True)
    assert files(world.state / "agents" / "old") == before
    assert not (world.state / "migrator-runs").exists()


def test_a_database_that_changes_while_it_is_read_is_not_trusted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    database = world.database_path("old")
    with monkeypatch.context() as patched:
        happens = once(snapshot._reading, lambda: change(database, auth_row("late", "{}")))
        patched.setattr(snapshot, "_reading", happens)
        report = commands.scan(world.request())
    assert "database.changing" in {finding.code for finding in report.findings}
    assert all(not found.cache_rows for found in report.inventory.databases)
    after = commands.scan(world.request())
    assert "database.changing" not in {finding.code for finding in after.findings}


def test_a_database_that_changes_between_its_backup_and_its_lock_keeps_that_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, late = world.database_path("old"), cache_row("late", entry("late", 9))
    with monkeypatch.context() as patched:
        happens = once(executor.open_writable, lambda: change(database, late))  # type: ignore[attr-defined]
        patched.setattr(executor, "open_writable", happens)
        with pytest.raises(ChangedError):
            commands.apply(world.request(agents=("old",)), None, yes=True)
    assert "late" in cache(database)
