"""Undoing a run step by step: killed anywhere, it is gone on with, and no database is ever a mixture."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator.cli import main as cli
from migrator.execution.undo import leftovers, obstacles, undo
from migrator.execution.withdrawal import Withdrawals
from migrator.model.errors import BusyError
from migrator.runs import backups, moving
from migrator.runs.run_record import read_record
from migrator.sqlite.content import Tables
from tests.run_worlds import apply, only_run, roll_back, three_agents, tree, two_devices
from tests.sqlite_worlds import execute as sql
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


@pytest.mark.parametrize("agent", ["new", "old", "wal"])
@pytest.mark.parametrize("race", ["replaces", "writes"])
@pytest.mark.parametrize("set_aside", [False, True])
def test_whoever_replaces_or_writes_a_database_while_a_run_is_taken_back_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, agent: str, race: str, set_aside: bool
) -> None:
    """Before each single change of names in turn, somebody else is quicker, once."""
    apply(world, archive=False)
    database, rival = world.database_path(agent), world.root / "rival"
    change(database, sql("PRAGMA journal_mode = DELETE"))
    shutil.copy2(database, rival)
    change(rival, auth_row(THEIRS, "{}"))
    saved = world.root / "saved"
    shutil.copytree(world.state, saved, symlinks=True)

    def be_quicker() -> None:
        if race == "writes" and database.exists():
            change(database, auth_row(THEIRS, "{}"))
            written.append(points)
        if race == "replaces":
            shutil.copy2(rival, world.state / "moved-in")
            rename(world.state / "moved-in", database)
            written.append(points)

    points, rename, is_over, record = 0, os.rename, False, read_record(only_run(world.state))
    written, kept = list[int](), list[int]()
    while not is_over:
        with monkeypatch.context() as patched:
            left = [points]
            for owner, name in (
                *((os, name) for name in ("rename", "link", "unlink", "replace")),
                (moving, "_exchange"),
            ):
                patched.setattr(owner, name, before_the_call(getattr(owner, name), left, be_quicker))
            with suppress(BusyError):
                undo(record, datetime.now(timezone.utc), set_aside)
            is_over = left[0] >= 0
        if points in written and any(THEIRS.encode() in path.read_bytes() for path in files_below(world.state)):
            kept.append(points)
        shutil.rmtree(world.state)
        shutil.copytree(saved, world.state, symlinks=True)
        points += 1
    assert len(written) > 3
    assert kept == written


@pytest.mark.parametrize("agent", ["new", "old"])
def test_what_others_wrote_is_kept_if_a_kill_leaves_it_out_of_its_place(
    world: World, monkeypatch: pytest.MonkeyPatch, agent: str
) -> None:
    before = tree(world.state)
    apply(world)
    database = world.database_path(agent)

    judge = Withdrawals._judge

    def cut(self: Withdrawals, taken: Path, there: Path, expected: tuple[Tables, ...]) -> None:
        if there == database:
            change(taken, auth_row(THEIRS, "{}"))
            raise PowerCutError
        judge(self, taken, there, expected)

    with monkeypatch.context() as patched:
        patched.setattr(Withdrawals, "_judge", cut)
        with pytest.raises(PowerCutError):
            roll_back(world)
    if agent == "new":
        with pytest.raises(BusyError):
            roll_back(world)
        assert THEIRS.encode() in database.read_bytes()
    assert roll_back(world, set_aside=True).exit_code == 0
    assert tree(world.state) == before
    [kept] = only_run(world.state).glob("set-aside/*/*.sqlite")
    assert THEIRS.encode() in kept.read_bytes()


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


THEIRS = "what somebody else wrote"


def before_the_call(original: Callable[..., object], left: list[int], act: Callable[[], None]) -> Callable[..., object]:
    """Let something happen just before the n-th call from now."""

    def call(*arguments: object, **named: object) -> object:
        left[0] -= 1
        if left[0] == -1:
            act()
        return original(*arguments, **named)

    return call


class PowerCutError(Exception):
    """What the tests throw into the middle of a roll-back."""


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_rollback_that_was_cut_off_anywhere_is_completed_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(moving, "_exchange", no_exchange)
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
            patched.setattr(moving, "_exchange", counted(moving._exchange, left))
            try:
                roll_back(world)
            except PowerCutError:
                points += 3
            else:
                break
        assert roll_back(world).exit_code == 0
        assert tree(world.state) == before, points
        assert not (only_run(world.state) / "set-aside").exists(), points
        shutil.rmtree(world.state)
        shutil.copytree(saved, world.state, symlinks=True)
    assert points > 40
    assert tree(world.state) == before


def no_exchange(_one: Path, _other: Path) -> None:
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


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

    def watched(source: Path, target: Path, *others: object) -> None:
        place(source, target, *others)  # type: ignore[arg-type]
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
