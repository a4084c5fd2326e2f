"""A small installation to let things happen to, and one run of the program on it."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.faults import oracle
from tests.faults.nursery import DRIVER, nursery
from tests.worlds import World, auth_row, cache_row, entry, fill_wal, owner

APPLY = ("apply", "--yes", "--archive-sources")


@dataclass(frozen=True)
class Scene:
    """An installation at ``root``; ``saved`` is what it is reset to."""

    root: Path
    saved: Path
    expected: oracle.Reference

    @property
    def state(self) -> Path:
        return self.root / "state"

    def reset(self) -> None:
        """Put everything back, times too."""
        shutil.rmtree(self.root, ignore_errors=True)
        copy(self.saved, self.root)

    def command(self, *arguments: object, measure: str = "none") -> list[str]:
        """The command line of the program on this installation. It writes no byte code: that would count as a call."""
        return [sys.executable, "-I", "-B", str(DRIVER), *self._words(arguments, measure)]

    def _words(self, arguments: tuple[object, ...], measure: str) -> list[str]:
        return [measure, *map(str, arguments), "--state-dir", str(self.state)]

    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.root / "home"), "TMPDIR": str(self.root / "tmp"), "PATH": os.environ["PATH"]}

    def run(self, *arguments: object, tracer: tuple[str, ...] = (), measure: str = "none") -> tuple[int, str]:
        """Run the program, under an strace if one is given; give its exit code and what it said on stderr."""
        said = self.root.parent / "said"
        code = nursery().run(self._words(arguments, measure), self.environment(), said, tracer)
        return code, said.read_text(errors="replace")

    def run_as(
        self, prefix: tuple[str, ...], *arguments: object, limits: Mapping[int, int] | None = None
    ) -> tuple[int, str]:
        """Start the program as a command, by another one or with limits of ``resource``, and run it."""

        def limit() -> None:
            for what, value in (limits or {}).items():
                resource.setrlimit(what, (value, value))

        done = subprocess.run(
            [*prefix, *self.command(*arguments)],
            env=self.environment(),
            capture_output=True,
            check=False,
            timeout=300,
            preexec_fn=limit,
        )
        return done.returncode, done.stderr.decode(errors="replace")

    def only_run(self) -> str:
        """The id of the only run so far."""
        [folder] = (path for path in (self.state / oracle.RUNS).iterdir() if path.is_dir())
        return folder.name

    def take_back(self, measure: str = "none") -> list[str]:
        """Roll all runs back, the last one first, and give what is not as it was before them."""
        runs = [path for path in (self.state / oracle.RUNS).iterdir() if path.is_dir()]
        wrong = []
        for run in sorted(runs, key=_number, reverse=True):
            code, said = self.run("rollback", run.name, measure=measure)
            wrong += [f"the roll-back of a run ended with {code}: {said}"] if code else []
        return [*wrong, *oracle.not_rolled_back(self.root, self.expected, 0)]


def _number(run: Path) -> int:
    """The place of a run among all: the clock stands still."""
    return int(json.loads((run / "journal.jsonl").read_text().partition("\n")[0])["number"])


def copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True)
    copy_times(source, target)


def copy_times(source: Path, target: Path) -> None:
    """Give directories the times that they had before things were copied into them."""
    for folder, folders, _ in os.walk(source):
        for name in ["", *folders]:
            path = Path(folder, name)
            os.utime(target / path.relative_to(source), ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))


def make(folder: Path, new: tuple[str, ...] = ("new",)) -> Scene:
    """About fifty entries: an agent without a database, one with an older database, and one with rows in a ``-wal``."""
    agents = (*new, "old", "wal")
    world = World(folder / "root")
    for name in ("home", "tmp"):
        (world.root / name).mkdir(parents=True)
    for name in agents:
        entries: dict[str, object] = {
            f"agent:{name}:chat-{n}": entry(f"{name}-{n}", 1000 + n, n="x" * 300) for n in range(17)
        }
        entries["broken"] = None
        world.agent(name, entries)
        transcript = world.store_path(name).with_name(f"{name}-0.jsonl")
        lines = [f'{{"type":"session","id":"{name}-0"}}', *(f'{{"type":"message","id":"m{n}"}}' for n in range(9))]
        transcript.write_text("\n".join(lines) + "\n")
        (world.agent_path(name) / "sessions" / "notes.txt").write_text("not ours")
    for name in ("old", "wal"):
        older = cache_row(f"agent:{name}:chat-0", entry(f"{name}-0", 1))
        world.database(name, owner(name), older, auth_row("p", "{}"))
    fill_wal(world.database_path("wal"), auth_row("only in the -wal", "{}"))
    for path in (world.root, *world.root.rglob("*")):
        os.utime(path, ns=(7_000_000_000, 7_000_000_000))
    saved, after = folder / "saved", folder / "after"
    copy(world.root, saved)
    root = world.root
    databases = [str(world.database_path(name).relative_to(root)) for name in agents]
    sources = [str(path.relative_to(root)) for path in root.rglob("sessions/*") if path.suffix in (".json", ".jsonl")]
    code, said = Scene(root, saved, NOTHING).run(*APPLY)
    if code != 15:
        raise AssertionError(said)
    copy(root, after)
    shutil.rmtree(root)
    copy(saved, root)
    return Scene(root, saved, oracle.reference(root, after, databases, sources))


NOTHING = oracle.Reference({}, {}, {}, {}, frozenset())
