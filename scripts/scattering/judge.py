"""Whether anything of a scattered state is silent: in no database after ``apply``, and named by no finding."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from differences.worlds import build

from migrator import commands
from migrator.commands.request import Request
from migrator.model.errors import MigratorError, NothingFoundError
from migrator.model.request import Selection, Surroundings
from migrator.model.verification import Verdict
from migrator.model.words import Finding
from scattering.pieces import Facts, in_database, pieces
from scattering.scatter import Scatter

_OF_ALL_INSIDE = frozenset({"copy.state-inside", "place.closed", "place.too-deep", "place.unreadable"})
_SAYS_NOTHING = frozenset({"file.unknown-class", "place.litter", "database.migrated", "store.json5"})
_SESSIONS = 4


@dataclass(frozen=True)
class Judged:
    """How much there was, how much of it is in databases, how much is named, and what nobody says anything of."""

    facts: int
    stored: int
    named: int
    silent: tuple[tuple[str, str], ...]


def judge(folder: Path, seed: int) -> Judged:
    """Make a state, scatter it by the seed, apply, and look for everything that it had."""
    state = folder / "state"
    build(state, seed, _SESSIONS)
    request = Request(Selection(str(state)), Surroundings({}, str(folder / "home"), str(folder), str(folder)))
    if seed % 2:
        _migrate_some(state, request, seed)
    scattered = Scatter(state, seed, list(pieces(state)))
    scattered.run()
    there: dict[tuple[str, str], list[Path]] = {}
    for piece in scattered.pieces:
        for fact in piece.facts:
            there.setdefault(fact, []).append(piece.path)
    findings = _findings(request)
    stored = _stored(state)
    left = [fact for fact in there if fact not in stored]
    silent = [fact for fact in left if not any(_is_named(path, findings) for path in there[fact])]
    told = tuple((kind, f"{there[kind, text][0].relative_to(state)}: {text[:60]}") for kind, text in silent)
    return Judged(len(there), len(there) - len(left), len(left) - len(silent), told)


def _migrate_some(state: Path, request: Request, seed: int) -> None:
    """Leave the sessions of one or two agents in their databases alone."""
    commands.apply(request, None, yes=True)
    for agent in ("main", "work")[: 1 + seed % 3 % 2]:
        shutil.rmtree(state / "agents" / agent / "sessions")
        (state / "agents" / agent / "sessions").mkdir()
    for agent in ("work", "ops-team")[seed % 3 % 2 :]:
        shutil.rmtree(state / "agents" / agent / "agent")
    shutil.rmtree(state / "migrator-runs")


def _findings(request: Request) -> tuple[Finding, ...]:
    """What scan says after apply has done what it can, and the sources of which verify says that they are missing."""
    with suppress(MigratorError):  # what is refused has findings
        commands.apply(request, None, yes=True)
    try:
        verified = commands.verify(request)
    except NothingFoundError:
        return tuple(commands.scan(request).findings)
    lacking = [
        Finding(one.verdict.value, one.transcript)
        for base in verified.verification.databases
        for one in base.histories
        if one.present < one.events
    ]
    missing = [
        Finding(Verdict.MISSING.value, source.source)
        for base in verified.verification.databases
        for source in base.sources
        if any(one.verdict is Verdict.MISSING for one in source.verdicts)
    ]
    return (*commands.scan(request).findings, *verified.findings, *lacking, *missing)


def _stored(state: Path) -> Facts:
    found = (in_database(path) for path in state.glob("agents/*/agent/openclaw-agent.sqlite"))
    return frozenset().union(*found)


def _is_named(path: Path, findings: Iterable[Finding]) -> bool:
    for one in findings:
        place = Path(one.subject.text)
        if one.code in _OF_ALL_INSIDE and (place == path or place in path.parents):
            return True
        if place == path and one.code not in _SAYS_NOTHING:
            return True
    return False
