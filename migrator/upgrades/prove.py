"""Prove an upgrade: try it on private copies with real releases, and judge every session by the untouched original."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from migrator import commands
from migrator.commands.request import Request
from migrator.filesystem import scratch_directory
from migrator.findings.upgrades import SAYINGS
from migrator.model.errors import RefusedError, UsageError
from migrator.model.inventory import Agent, Database, Inventory
from migrator.model.report import PlanReport, ProveReport, ScanReport
from migrator.model.upgrade import Part, Record, Trial, Upgrade, Way
from migrator.model.words import Name
from migrator.planning.preflight import require_idle
from migrator.upgrades import listing, trial
from migrator.upgrades.listing import Row
from migrator.upgrades.private_copy import copy_installation, read_tree, require_space
from migrator.upgrades.recorder import Recorder, sayings
from migrator.upgrades.release.cache import RELEASE, can_install, install_release, launcher_of
from migrator.upgrades.release.client import Client, ClientError
from migrator.upgrades.release.process import network_can_be_cut_off, writes_can_be_confined
from migrator.upgrades.trial import Case

_GROWTH = 5
"""A copy needs this many times the size of the sources: both shapes, OpenClaw's own tables, and what is set aside."""

_Data = TypeVar("_Data")


@dataclass(frozen=True, slots=True)
class Question:
    """What to prove: with which releases, and which ways; the first one counts.

    A release is a number, a launcher or a package folder; ``install`` says that one may be fetched by its number.
    ``without_release`` says that no upgrade is to be tried.
    """

    ways: tuple[Way, ...]
    old: str | None = None
    new: str | None = None
    install: bool = False
    accept: tuple[str, ...] = ()
    without_release: bool = False


def prove(request: Request, question: Question) -> ProveReport:
    """Does upgrading this installation keep everything? Works on private copies; the original is only read.

    Raises UsageError without an OpenClaw that could do what is asked, BusyError if something writes to the original,
    and RefusedError if it cannot be copied as a whole.
    """
    if Way.OPENCLAW in question.ways and question.new is None:
        raise UsageError(
            "Name a release with --new: without it nobody can see what OpenClaw itself makes of the state."
        )
    old, new = (_launcher(words, question.install) for words in (question.old, question.new))
    scanned, planned, ours = _look(request)
    inventory = planned.inventory
    original = read_tree(inventory.state_dir)
    with scratch_directory(request.surroundings.tmp) as place:
        folder = Path(os.path.realpath(place))
        sources = sum(store.identity.size for store in inventory.stores if store.identity)
        sources += sum(transcript.identity.size for transcript in inventory.transcripts)
        copies = len(question.ways) + (old is not None)
        require_space(folder, copies * (original.size + _GROWTH * sources))
        before = _release(old, folder)
        after = _release(new, folder)
        listed, theirs = _list_before(request, inventory, old, before, folder)
        case = _case(request, question, planned, (new, after), listed)
        trials = tuple(_at_the_original(trial.run(case, way, folder), folder, inventory) for way in question.ways)
    upgrade = Upgrade(
        before=before,
        after=after,
        manifest=original.manifest,
        untouched=read_tree(inventory.state_dir) == original,
        isolated=network_can_be_cut_off(),
        confined=writes_can_be_confined(),
        records=(*ours, *theirs),
        trials=trials,
        links_left_out=original.links_outside,
    )
    return _report(scanned, planned, upgrade)


def _look(request: Request) -> tuple[ScanReport, PlanReport, tuple[Record, ...]]:
    """Scan and plan; see that the original is at rest, as expected, and whole."""
    recorder = Recorder(None, None, None, request)
    scanned = recorder.ours(Part.SCAN, ("scan",), lambda: commands.scan(request))
    planned = recorder.ours(Part.SCAN, ("plan",), lambda: commands.plan(request))
    require_idle(planned.findings)
    if planned.unmet:
        unmet = ", ".join(planned.unmet)
        raise RefusedError(f"What was found is not what was expected ({unmet}); nothing was tried.")
    trial.require_whole(planned.inventory)
    return scanned, planned, tuple(recorder.records)


def _launcher(words: str | None, install: bool) -> Path | None:
    """Find what runs a release that was named by a path, or by its number. Raises UsageError or RefusedError."""
    if words is None or not RELEASE.fullmatch(words) or Path(words).exists():
        return Path(words) if words is not None else None
    if launcher_of(words).exists():
        return launcher_of(words)
    if not install:
        raise UsageError("OpenClaw {subject} is not installed here; say --install to fetch it from npm.", _named(words))
    if not can_install():
        raise RefusedError("OpenClaw can be installed on Linux x64 only; name the path of one that is there.")
    try:
        return install_release(words)
    except (OSError, subprocess.CalledProcessError):
        raise RefusedError("npm could not install OpenClaw {subject}; see what it says.", _named(words)) from None


def _named(words: str) -> Name:
    return Name("release", words)


def _release(launcher: Path | None, folder: Path) -> str | None:
    """Which release a launcher starts. Raises RefusedError if it does not say."""
    if launcher is None:
        return None
    try:
        return Client(launcher, folder / "no-state", folder / "scratch").version()
    except ClientError as error:
        known = [SAYINGS[code] for code in sayings(error.step.stdout + error.step.stderr)]
        raise RefusedError(
            " ".join([error.sentence, *(f"It says that {words}." for words in known), "({subject})"]),
            Name("path", str(launcher)),
        ) from None


def _list_before(
    request: Request, inventory: Inventory, launcher: Path | None, release: str | None, folder: Path
) -> tuple[Mapping[str, Row] | None, tuple[Record, ...]]:
    """What the old release lists, on a copy of its own; None where there is no old release."""
    if launcher is None:
        return None, ()
    state = folder / "before" / "state"
    state.parent.mkdir()
    copy_installation(inventory.state_dir, inventory.config_path, state)
    recorder = Recorder(state, None, release, request)
    step, rows = trial.asked(Client(launcher, state, state.parent / "scratch").sessions)
    recorder.theirs(Part.BEFORE, step, listed=len(rows))
    return listing.by_key(rows), tuple(recorder.records)


def _case(
    request: Request,
    question: Question,
    planned: PlanReport,
    new: tuple[Path | None, str | None],
    listed: Mapping[str, Row] | None,
) -> Case:
    return Case(
        inventory=planned.inventory,
        plan=planned.plan,
        expected=tuple(listing.expected(planned.inventory, planned.plan, request.now_ms())),
        request=request,
        launcher=new[0],
        release=new[1],
        accept=question.accept,
        before=listed,
        without_release=question.without_release,
    )


def _at_the_original(one: Trial, folder: Path, inventory: Inventory) -> Trial:
    """A trial whose paths are those of the original, so that labels are the same before and after."""
    verification = _moved(one.verification, str(folder / one.way.value / "state"), inventory.state_dir)
    return replace(one, verification=verification)


def _moved(data: _Data, old: str, new: str) -> _Data:
    """The same plain data with every path below ``old`` below ``new``."""
    value: Any = data
    if isinstance(value, str) and type(value) is str:
        return new + value[len(old) :] if value == old or value.startswith(old + os.sep) else value  # type: ignore[return-value]
    if isinstance(value, tuple):
        return tuple(_moved(item, old, new) for item in value)  # type: ignore[return-value]
    if is_dataclass(value) and not isinstance(value, type):
        changes = {field.name: _moved(getattr(value, field.name), old, new) for field in fields(value)}
        return replace(value, **changes)  # type: ignore[return-value]
    return data


def _report(scanned: ScanReport, planned: PlanReport, upgrade: Upgrade) -> ProveReport:
    """The verdict of the first trial, unless the original was not left alone."""
    first = upgrade.trials[0]
    word, code = (first.word, first.exit_code) if upgrade.untouched else ("changed", 13)
    databases = tuple(one.database for one in first.verification.databases) if first.verification else ()
    known = {database.path for database in databases}
    inventory = replace(
        planned.inventory,
        agents=(*planned.inventory.agents, *_new_agents(planned.inventory, databases)),
        databases=(*databases, *(one for one in planned.inventory.databases if one.path not in known)),
    )
    return ProveReport(
        word=word,
        exit_code=code,
        inventory=inventory,
        plan=planned.plan,
        verification=first.verification,
        upgrade=upgrade,
        forecast=scanned.forecast,
        filesystems=scanned.filesystems,
    )


def _new_agents(inventory: Inventory, databases: tuple[Database, ...]) -> Iterator[Agent]:
    """The agent directories that an upgrade has made."""
    known = {agent.path for agent in inventory.agents}
    for database in databases:
        path = Path(database.path).parent.parent
        if str(path) not in known and path.parent == Path(inventory.state_dir, "agents"):
            yield Agent(path.name, str(path), database.agent_id)
