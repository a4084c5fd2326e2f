"""What a release makes of the worlds of ``upgrade_worlds.py``: asked now, or as it was recorded.

A release does the same each time with a state that we made and never touched, and takes 20 seconds of CPU time for it.
So a record is judged by default, and the release with ``-m exhaustive``. To make the record anew, once the worlds have
changed: ``python -m tests.openclaw.recorded``.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from migrator.upgrades.release.cache import launcher_of
from migrator.upgrades.release.client import Client
from tests.conftest import FIXTURES, STATE, unpacked
from tests.openclaw import upgrade_worlds as worlds
from tests.worlds import World

RECORDED = "2026.9.6"
"""The release whose results are recorded."""

RECORD = f"foreseen-upgrades-to-{RECORDED}"
"""The fixture: for each world what it was, what it is after its upgrade, and what the release said."""

WORLDS: dict[str, tuple[Callable[[World], None], ...]] = {
    "losses": worlds.LOSSES,
    "unread": (worlds.half_character, worlds.unread_stores),
    **{part.__name__: (part,) for part in (worlds.unsafe_id, worlds.null_entry, worlds.acp, worlds.long_time)},
    "hard_link": (worlds.hard_link,),
}


@dataclass(frozen=True)
class Upgrade:
    """How an upgrade went, and what was listed before and after it: an exit code with the sessions."""

    before: tuple[int | None, list[dict[str, Any]]]
    doctor: int | None
    said: str
    after: tuple[int | None, list[dict[str, Any]]]


def ask(client: Client) -> Upgrade:
    """Let a release upgrade the state of a client, which changes it."""

    def listed() -> tuple[int | None, list[dict[str, Any]]]:
        step, rows = client.sessions()
        return step.exit_code, [dict(row) for row in rows]

    before = listed()
    [doctor] = islice(client.doctor_fix(), 1)
    return Upgrade(before, doctor.exit_code, (doctor.stdout + doctor.stderr).decode(), listed())


def recall(name: str, world: World, folder: Path) -> Upgrade:
    """Put what the release has made of a world in its place; fails if it was another world than this one."""
    record = unpacked(RECORD, folder) / name
    assert content(record / "before") == content(world.state), "another world: python -m tests.openclaw.recorded"
    shutil.rmtree(world.state)
    shutil.copytree(record / "after", world.state, symlinks=True)
    return msgspec.json.decode((record / "upgrade.json").read_bytes(), type=Upgrade)


def content(root: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path from there."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def main() -> int:
    """Ask the release, and write the fixture."""
    with tempfile.TemporaryDirectory() as scratch:
        record = Path(scratch) / RECORD
        for name, parts in WORLDS.items():
            world = World(Path(scratch) / name)
            worlds.make(world, *parts)
            shutil.copytree(world.state, record / name / "before", symlinks=True)
            found = ask(Client(launcher_of(RECORDED), world.state, Path(scratch) / "openclaw"))
            shutil.copytree(world.state, record / name / "after", symlinks=True, ignore=_only_of_that_machine)
            (record / name / "upgrade.json").write_bytes(msgspec.json.encode(found))
            for path in (record / name / "upgrade.json", record / name / "after" / "openclaw.json"):
                path.write_bytes(path.read_bytes().replace(os.fsencode(world.state), STATE))
            sys.stdout.write(f"{name}: {found.doctor}\n")
        with tarfile.open(FIXTURES / f"{RECORD}.tar.xz", "w:xz") as archive:
            archive.add(record, RECORD, filter=_of_nobody)
    return 0


def _only_of_that_machine(folder: str, names: list[str]) -> set[str]:
    """What is no part of the sessions: identities, logs, locks, the release's own database."""
    kept = ("agents", "openclaw.json")
    return {name for name in names if Path(folder).name == "state" and name not in kept}


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    raise SystemExit(main())
