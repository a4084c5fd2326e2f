"""Undoing a run step by step: killed anywhere, it is gone on with, and no database is ever a mixture."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator.cli import main as cli
from migrator.execution.undo import leftovers, obstacles
from migrator.model.errors import BusyError
from migrator.runs import backups
from migrator.runs.run_record import read_record
from tests.run_worlds import apply, only_run, roll_back, three_agents, tree, two_devices
from tests.worlds import World, auth_row, change


@pytest.fixture
def world(tmp_path: Path) -> World:
    return three_agents(tmp_path)


def test_nothing_stands_in_the_way_of_an_untouched_run_and_nothing_is_left_of_it_afterwards(world: World) -> None:
    apply(world)
    record = read_record(only_run(world.state))
    assert obstacles(record, (record,)) == ()
    assert {finding.code for finding in leftovers(record)} == {"rollback.incomplete"}
    roll_back(world)
    assert leftovers(record) == ()


def test_a_change_names_the_database_its_tables_and_their_rows(world: World) -> None:
    apply(world)
    change(world.database_path("new"), auth_row("q", "{}"))
    record = read_record(only_run(world.state))
    [finding] = obstacles(record, ())
    assert finding.subject.text == str(world.database_path("new"))
    assert [name.text for name in finding.others] == ["auth_profile_store"]
    assert dict(finding.facts) == {"rows_then": 0, "rows_now": 1}


@pytest.mark.parametrize("devices", [1, 2])
def test_what_appears_while_a_source_is_put_back_is_never_replaced_and_set_aside_by_the_next_rollback(
    world: World, monkeypatch: pytest.MonkeyPatch, devices: int
) -> None:
    before = tree(world.state)
    apply(world)
    store = world.store_path("new")
    with monkeypatch.context() as patched:
        if devices == 2:
            two_devices(patched)
        link = os.link

        def link_late(source: str | Path, target: str | Path) -> None:
            if target == store:
                store.write_text("a gateway was quicker")
            link(source, target)

        patched.setattr(os, "link", link_late)
        with pytest.raises(BusyError):
            roll_back(world, set_aside=True)
    assert store.read_text() == "a gateway was quicker"
    report = roll_back(world, set_aside=True)
    assert report.undone is not None
    assert report.undone.set_aside == 1
    assert tree(world.state) == before
    [kept] = only_run(world.state).glob("set-aside/*/sessions.json")
    assert kept.read_text() == "a gateway was quicker"


class PowerCutError(Exception):
    """What the tests throw into the middle of a roll-back."""


def test_a_rollback_that_was_cut_off_anywhere_is_completed_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(world.state)
    apply(world)
    saved = world.root / "saved"
    shutil.copytree(world.state, saved, symlinks=True)
    points = 0
    while True:
        with monkeypatch.context() as patched:
            left = [points]
            for name in ("rename", "link", "unlink", "replace", "rmdir", "utime", "chmod"):
                patched.setattr(os, name, counted(getattr(os, name), left))
            try:
                roll_back(world)
            except PowerCutError:
                points += 5
            else:
                break
        assert roll_back(world).exit_code == 0
        assert tree(world.state) == before, points
        shutil.rmtree(world.state)
        shutil.copytree(saved, world.state, symlinks=True)
    assert points > 40
    assert tree(world.state) == before


def counted(original: Callable[..., object], left: list[int]) -> Callable[..., object]:
    """Let the n-th call from now fail, before it does anything."""

    def call(*arguments: object, **named: object) -> object:
        left[0] -= 1
        if left[0] == -1:
            raise PowerCutError
        return original(*arguments, **named)

    return call


def test_while_a_database_with_a_filled_journal_is_put_back_it_always_holds_the_old_rows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dangerous moment: two files that must change together."""
    apply(world, archive=False)
    database = world.database_path("wal")
    seen: list[tuple[str, ...]] = []
    place = backups._place

    def watched(source: Path, target: Path, facts: object) -> None:
        place(source, target, facts)  # type: ignore[arg-type]
        if target.parent == database.parent:
            copy = world.root / f"copy{len(seen)}"
            copy.mkdir()
            for path in (database, Path(f"{database}-wal")):
                if path.exists():
                    shutil.copy2(path, copy)
            seen.append(auth_rows(copy / database.name))

    monkeypatch.setattr(backups, "_place", watched)
    roll_back(world)
    assert len(seen) >= 3
    assert set(seen) == {("only in -wal", "p")}


def auth_rows(path: Path) -> tuple[str, ...]:
    with closing(sqlite3.connect(path)) as connection:
        return tuple(key for (key,) in connection.execute("SELECT store_key FROM auth_profile_store ORDER BY 1"))


@pytest.mark.parametrize("agent", ["wal", "old"])
def test_a_database_in_use_is_left_alone(world: World, agent: str) -> None:
    apply(world)
    with closing(sqlite3.connect(world.database_path(agent), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        result = CliRunner().invoke(cli.main, ["rollback", str(only_run(world.state))])
        assert result.exit_code == 11, result.stderr
        other.execute("ROLLBACK")
    assert CliRunner().invoke(cli.main, ["rollback", str(only_run(world.state))]).exit_code == 0
