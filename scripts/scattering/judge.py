"""Whether anything of a scattered state is silent: in no database after ``apply``, and named by no finding."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import tarfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from differences.worlds import build
from environment import ROOT

from migrator import commands
from migrator.commands.request import Request
from migrator.model.errors import MigratorError, NothingFoundError
from migrator.model.request import Selection, Surroundings
from migrator.model.verification import LOST, Verdict
from migrator.model.words import Finding
from scattering.pieces import WAL, Facts, in_database, pieces
from scattering.scatter import Scatter

_OF_ALL_INSIDE = frozenset({"copy.state-inside", "place.closed", "place.too-deep", "place.unreadable"})
_SAYS_NOTHING = frozenset(
    {"file.unknown-class", "place.litter", "database.migrated", "database.not-checkpointed", "store.json5"}
)
_SESSIONS = 4
_RELEASED = (
    *("upgraded-2026.6.1-to-2026.9.6", "upgraded-2026.7.1-to-2026.9.6", "upgraded-by-7.2-beta.1/after"),
    *("database-moved-aside/after", "upgraded-rich-to-2026.9.6/after", "upgraded-rewritten-to-2026.9.6/after"),
    *("invented-to-2026.8.2/after", "invented-to-2026.9.6/after", "legacy-2026.7.1-with-database"),
)
"""Fixtures with databases that real releases wrote."""


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
    request = Request(Selection(str(state)), Surroundings({}, str(folder / "home"), str(folder), str(folder)))
    is_released = seed % 4 > 1
    if is_released:
        _unpack(folder, state, seed)
    else:
        build(state, seed, _SESSIONS)
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
    if is_released:  # which have changed some of the events that they took over
        alike = {mark for fact in stored for mark in _marks(fact)}
        stored |= {fact for fact in there if _marks(fact)[0] in alike}
    left = [fact for fact in there if fact not in stored]
    silent = [fact for fact in left if not any(_is_named(path, findings) for path in there[fact])]
    told = tuple((kind, f"{there[kind, text][0].relative_to(state)}: {text[:60]}") for kind, text in silent)
    return Judged(len(there), len(there) - len(left), len(left) - len(silent), told)


def _unpack(folder: Path, state: Path, seed: int) -> None:
    """A state that a release wrote; every other one without what its import has set aside."""
    name = _RELEASED[seed // 4 % len(_RELEASED)]
    with tarfile.open(ROOT / "fixtures" / f"{name.partition('/')[0]}.tar.xz") as archive:
        archive.extractall(folder / "unpacked", filter="fully_trusted")
    (folder / "unpacked" / name).rename(state)
    if random.Random(seed).random() < 0.5:  # noqa: S311 - nobody is to be kept from guessing
        for aside in state.glob("agents/*/session-sqlite-import-archive"):
            shutil.rmtree(aside)


def _marks(fact: tuple[str, str]) -> list[tuple[str, str]]:
    """What stays when a release changes a session or an event, which gets an id if it had none: the best mark first."""
    kind, text = fact
    event = json.loads(text) if kind == "event" else {}
    return [(kind, f"{event.get('type')} {event[name]}") for name in ("id", "timestamp") if name in event] or [fact]


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
        if any(one.verdict in LOST for one in source.verdicts)
    ]
    return (*commands.scan(request).findings, *verified.findings, *lacking, *missing)


def _stored(state: Path) -> Facts:
    found: Facts = frozenset()
    for path in state.glob("agents/*/agent/openclaw-agent.sqlite"):
        with suppress(sqlite3.DatabaseError):  # one that was cut holds nothing that counts
            found |= in_database(path)
    return found


def _is_named(path: Path, findings: Iterable[Finding]) -> bool:
    of_database = Path(str(path).removesuffix(WAL))
    for one in findings:
        place = Path(one.subject.text)
        if one.code in _OF_ALL_INSIDE and (place == path or place in path.parents):
            return True
        if place in (path, of_database) and one.code not in _SAYS_NOTHING:
            return True
    return False
