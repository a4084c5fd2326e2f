"""Run hostile cases as a user would, in a process of its own, and say for each what is not as it must be.

``python -m tests.hostile.journey FOLDER NAME...`` prints one JSON line for each case. An alarm kills the process if a
command takes too long, by the clock of the processor, or waits for something: cases without a line hung, or were
behind one that did.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import stat
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from migrator.cli import main as cli
from migrator.model.words import Name
from migrator.privacy.labels import Labels, read_key
from tests.conftest import fingerprint
from tests.hostile.case import BAD, GOOD, MARK, Case, good_agent
from tests.hostile.table import BY_NAME
from tests.worlds import World, cache, table, typed

NO_CODE = ("Traceback", "internal error")


@dataclass(slots=True)
class Outcome:
    """What came of one case: nothing but how long it took and how much memory, if all is well."""

    name: str
    seconds: float = 0.0
    peak: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def main(folder: Path, names: list[str]) -> None:
    """Run the cases and print what came of each."""
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    most = 2 * max(BY_NAME[name].peak for name in names) + (2 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    gc.freeze()  # what is imported stays; to look through all of it before each command takes longer than the command
    for number, name in enumerate(names):
        place = folder / f"{number:04d}"
        place.mkdir()
        outcome = Outcome(name)
        _Journey(BY_NAME[name], World(place), outcome).go()
        told.write(json.dumps(asdict(outcome)) + "\n")
        told.flush()


class _Journey:
    """One case: what is there, what would be done, do it, is it there, do it again."""

    def __init__(self, case: Case, world: World, outcome: Outcome) -> None:
        self.case, self.world, self.outcome = case, world, outcome
        self.said = world.root / "said"
        self.proof = world.root / "proof"

    def go(self) -> None:
        """Make the world, run the commands, and look at what is there afterwards."""
        case, world = self.case, self.world
        good = good_agent(world)
        case.build(world)
        for name in ("home", "tmp", "proof"):
            (world.root / name).mkdir()
        os.environ.update({"HOME": str(world.root / "home"), "TMPDIR": str(world.root / "tmp")})
        before, sources = fingerprint(world.state), self._sources()
        with case.meanwhile(world), patch("os.fsync"):
            self._run("scan", {0}, self._selection())
            seen = self._run("plan", {0, 12}, [*self._selection(), *self._proved()])
            self._expect(before == fingerprint(world.state) or case.unsteady, "looking changed something")
            done = self._run("apply", {case.apply}, [*self._selection(), "--yes", *self._proved()])
            self._check_findings(seen, done)
            if case.good is None and case.apply:
                self._expect(self._agent_files(before) == self._agent_files(fingerprint(world.state)), "it was touched")
        after = fingerprint(world.state)
        with patch("os.fsync"):
            fine = case.apply in (0, 15)
            self._run("verify", {0} if fine else {1, 12}, [*self._selection(), "--proof", str(self.proof)])
            self._run(
                "apply", {0} if fine or case.unsteady else {1, 11, 12, 13}, [*self._selection(), "--yes"], "again"
            )
        self._expect(case.unsteady or self._sources() == sources, "a source is not what it was")
        self._expect(case.unsteady or not fine or after == fingerprint(world.state), "a second apply did something")
        self._check_rows(good)
        told = b"".join(path.read_bytes() for path in self.proof.iterdir() if path.name != ".labels.key")
        self._expect(MARK.encode() not in told.lower(), "the proof leaks")

    def _selection(self) -> list[str]:
        return ["--state-dir", str(self.world.state)]

    def _proved(self) -> list[str]:
        return ["--proof", str(self.proof), "--format", "json"]

    def _expect(self, truth: bool, otherwise: str) -> None:
        if not truth:
            self.outcome.problems.append(otherwise)

    def _run(self, verb: str, codes: Collection[int], arguments: list[str], name: str = "") -> dict[str, Any]:
        """Run one command within its limits; give the report, if it is one in JSON."""
        name = name or verb
        gc.collect()
        _reset_peak()
        started = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, self.case.seconds)
        signal.setitimer(signal.ITIMER_REAL, 10 * self.case.seconds)
        with _output_into(self.said):
            code = _exit_code([verb, *arguments])
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        seconds, peak = time.process_time() - started, _peak()
        self.outcome.seconds, self.outcome.peak = max(self.outcome.seconds, seconds), max(self.outcome.peak, peak)
        self.outcome.codes[name] = code
        said = self.said.read_text(encoding="utf-8", errors="replace")
        self._expect(code in codes, f"{name} exits with {code}: {said[-300:]}")
        self._expect(not any(word in said for word in NO_CODE), f"{name} fails inside: {said[-300:]}")
        self._expect(MARK not in said.lower(), f"{name} leaks: {said[-300:]}")
        self._expect(peak < self.case.peak, f"{name} takes {peak >> 20} MiB")
        try:
            view = json.loads(said)
        except ValueError:
            return {}
        return view if isinstance(view, dict) else {}

    def _check_findings(self, *views: dict[str, Any]) -> None:
        labels = Labels(read_key(self.proof))
        made = [finding for view in views for finding in view.get("findings", [])]
        for found in self.case.finds:
            subject = labels.of(Name(found.kind, found.subject.replace("{state}", str(self.world.state))))
            fitting = (
                one["subject"] == subject and dict(found.facts).items() <= one["facts"].items()
                for one in made
                if one["code"] == found.code
            )
            self._expect(any(fitting), f"no finding {found.code} {found.facts} on {found.subject[-60:]!r}")

    def _check_rows(self, good: dict[str, str]) -> None:
        path = self.world.database_path(GOOD)
        self._expect(_rows(path) == good, "the good agent has lost entries")
        self._expect(path.exists() and len(table(path, "transcript_events")) == 2, "the good agent has lost events")
        wanted = self.case.good
        if wanted is not None:
            found = _rows(self.world.database_path(BAD))
            self._expect(found == wanted, f"good entries are lost or changed: {str(found)[:200]}")
        if self.case.events is not None:
            events = len(table(self.world.database_path(BAD), "transcript_events"))
            self._expect(events == self.case.events, f"{events} events, and not {self.case.events}")

    def _sources(self) -> dict[str, tuple[object, ...]]:
        """All that is not a database or made by a run; of directories only that they are there."""
        return {
            path: facts
            for path, facts in fingerprint(self.world.state).items()
            if os.path.isfile(path) and not {"agent", "migrator-runs"} & set(Path(path).parts)
        }

    def _agent_files(self, everything: dict[str, tuple[object, ...]]) -> dict[str, tuple[object, ...]]:
        """The files where the database of the hostile agent belongs: an undone change moves the times of folders."""
        place = str(self.world.agent_path(BAD) / "agent")
        return {
            path: facts
            for path, facts in everything.items()
            if path.startswith(place) and not stat.S_ISDIR(int(str(facts[0])))
        }


def _rows(path: Path) -> dict[str, str]:
    """The entries of a database, which must be in both shapes if they have an id."""
    if not path.exists():
        return {}
    rows = {key: (value or b"").decode(errors="replace") for key, value in cache(path).items()}
    for key, value in typed(path).items():
        if ":recovered:" not in key and rows.get(key) != value.decode():
            return {"the two shapes differ": key}
    return rows


def _exit_code(arguments: list[str]) -> int:
    try:
        cli.main(arguments, prog_name="migrator")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 2
    except BaseException as error:  # noqa: BLE001 - a traceback is what must not be
        print("Traceback", type(error).__name__)  # noqa: T201
    return 99


@contextmanager
def _output_into(path: Path) -> Iterator[None]:
    """Send all that the process says into a file, whoever says it."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    kept = [(number, os.dup(number)) for number in (1, 2)]
    for number, _ in kept:
        os.dup2(handle, number)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for number, copy in kept:
            os.dup2(copy, number)
            os.close(copy)
        os.close(handle)


def _reset_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """The most memory since the last reset, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
