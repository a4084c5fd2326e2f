"""What the tests of roll-backs share: a world to migrate, and a look at a state directory without its runs."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator import commands
from migrator.commands.rollback import rollback
from migrator.model.report import ApplyReport, RollbackReport
from migrator.runs.run import RUNS
from tests.conftest import fingerprint
from tests.worlds import World, auth_row, cache_row, entry, fill_wal, owner

Tree = dict[str, tuple[object, ...]]


def tree(state: Path) -> Tree:
    """Everything but the place for runs."""
    return {path: facts for path, facts in fingerprint(state).items() if f"{os.sep}{RUNS}" not in path}


def only_run(state: Path) -> Path:
    [folder] = (path for path in (state / RUNS).iterdir() if path.is_dir())
    return folder


def three_agents(root: Path) -> World:
    """An agent without a database, one with an older one, and one whose database has its rows in ``-wal``."""
    world = World(root)
    for name in ("new", "old", "wal"):
        world.agent(name, {"a": entry(f"s-{name}", 5), "b": entry(f"t-{name}", 6), "bad": None})
        transcript = world.store_path(name).with_name(f"s-{name}.jsonl")
        transcript.write_bytes(b'{"type":"session","id":"s-%s"}\n' % name.encode())
    for name in ("old", "wal"):
        world.database(name, owner(name), cache_row("a", entry(f"s-{name}", 1)), auth_row("p", "{}"))
    fill_wal(world.database_path("wal"), auth_row("only in -wal", "{}"))
    os.utime(world.state, ns=(5, 5))
    return world


def apply(world: World, archive: bool = True) -> ApplyReport:
    return commands.apply(world.request(), None, yes=True, archive=archive)


def roll_back(world: World, folder: Path | None = None, **options: object) -> RollbackReport:
    named = str(folder or world.runs()[-1])
    return rollback(world.request(), named, **options)  # type: ignore[arg-type]


def two_devices(patched: pytest.MonkeyPatch) -> None:
    """Let the folders of runs be on another device than everything else."""
    for name in ("rename", "link"):
        patched.setattr(os, name, across(getattr(os, name)))


def across(original: Callable[..., None]) -> Callable[..., None]:
    def call(source: str | Path, target: str | Path, **named: bool) -> None:
        if (RUNS in str(source)) is not (RUNS in str(target)):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        original(source, target, **named)

    return call
