"""One way of upgrading, tried on a private copy: migrate, let the new release at it, look at all, do it again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from migrator import commands
from migrator.commands.judging import DIFFERENCES, QUARANTINED, REFUSED
from migrator.commands.request import Request, take_inventory
from migrator.model.errors import MigratorError, RefusedError
from migrator.model.inventory import Inventory
from migrator.model.plan import Plan
from migrator.model.report import VerifyReport
from migrator.model.request import Selection, Surroundings
from migrator.model.upgrade import FileChanges, ListedSession, Part, Seen, Trial, Way
from migrator.model.verification import Check, Verification
from migrator.model.words import Name
from migrator.scanning.directories import is_inside
from migrator.upgrades import conversation, listing
from migrator.upgrades.listing import Expected, Row
from migrator.upgrades.private_copy import copy_installation
from migrator.upgrades.recorder import Recorder
from migrator.upgrades.release.client import Client, ClientError, Gateway, Items
from migrator.upgrades.release.process import Step
from migrator.verification.parity import ARRIVED, ARRIVED_HISTORIES

START_LIMIT = 300.0
"""Seconds that a gateway gets to answer: one that has just been upgraded takes up to a minute on a busy machine."""

_STOPPED = {11: "busy", 12: "refused", 13: "changed"}
_APPLY, _APPLY_AGAIN, _VERIFY = ("apply", "--yes", "--archive-sources"), ("apply", "--yes"), ("verify", "--against")


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be upgraded: the original, as it was scanned and planned on, and the release that does it.

    ``before`` is the list of the old release by key, if there is one; ``without_release`` says that it is known that
    no release is to do it.
    """

    inventory: Inventory
    plan: Plan
    expected: tuple[Expected, ...]
    request: Request
    launcher: Path | None
    release: str | None
    accept: tuple[str, ...]
    before: Mapping[str, Row] | None
    without_release: bool = False


@dataclass(frozen=True, slots=True)
class Answers:
    """What the new release said after the upgrade; None where it was not asked."""

    upgraded: bool
    sessions: Items | None = None
    gateway: Items | None = None
    unowned: bool = False
    history: Seen = Seen.NOT_ASKED
    status: bool | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """What the verification of the upgraded copy says, and whether it says the same after a second upgrade."""

    report: VerifyReport
    is_stable: bool


def require_whole(inventory: Inventory) -> None:
    """Refuse an installation that reaches out of its state directory: a copy of it would change the original.

    Raises RefusedError.
    """
    names = [Name("store", store.path) for store in inventory.stores]
    names += [Name("database", database.path) for database in inventory.databases]
    names += [Name("config", inventory.config_path)] if inventory.config_path else []
    for name in names:
        if not is_inside(name.text, inventory.state_dir):
            raise RefusedError(
                "{subject} lies outside the state directory, so no private copy has it; prove the upgrade of a state "
                "directory that has all in it.",
                name,
            )


def run(case: Case, way: Way, folder: Path) -> Trial:
    """Try one way on a fresh copy below ``folder``."""
    state = folder / way.value / "state"
    state.parent.mkdir()
    copy_installation(case.inventory.state_dir, case.inventory.config_path, state)
    request = private_request(case.request, state)
    # Its configuration may name stores of the original in a way that was not understood.
    require_whole(take_inventory(request))
    recorder = Recorder(state, way, case.release, case.request)
    client = Client(case.launcher, state, state.parent / "scratch") if case.launcher else None
    applied = None
    if way is Way.MIGRATOR:
        try:
            applied = recorder.ours(Part.MIGRATE, _APPLY, lambda: commands.apply(request, None, True, True))
        except MigratorError as error:
            return Trial(way, _STOPPED.get(error.exit_code, "failed"), error.exit_code, tuple(recorder.records), None)
    unchanged = applied is None or _changes_nothing(request, recorder)
    answers = Answers(upgraded=False)
    if client is not None:
        answers = _let_release_upgrade(client, recorder, Part.AFTER if way is Way.MIGRATOR else Part.MIGRATE)
    verification = _verify_twice(case, request, recorder, client if answers.upgraded else None)
    if client is not None and answers.upgraded:
        # Last, because a gateway tidies away at once what has been idle for a month, which is no loss of the upgrade.
        answers = _start_gateway(case, client, recorder, answers)
    word = applied.word if applied is not None else "proved"
    return _judge(case, way, recorder, answers, verification, word, unchanged)


def _changes_nothing(request: Request, recorder: Recorder) -> bool:
    """Migrate a second time; whether there was nothing to do, and nothing was done."""
    try:
        repeated = recorder.ours(Part.AGAIN, _APPLY_AGAIN, lambda: commands.apply(request, None, yes=True))
    except MigratorError:
        return False
    return repeated.word in ("already-migrated", "quarantined") and recorder.records[-1].files == FileChanges()


def private_request(request: Request, state: Path) -> Request:
    """The same request for a private copy, in surroundings that lead nowhere else."""
    home = str(state.parent)
    around = Surroundings({}, home, home, home)
    return Request(
        Selection(state_dir=str(state)), around, allow_empty=True, workers=request.workers, clock=request.clock
    )


def _let_release_upgrade(client: Client, recorder: Recorder, part: Part) -> Answers:
    """Let the release start and repair, then list its sessions."""
    upgraded = False
    recorder.theirs(part, client.start())
    for step in client.doctor_fix():
        recorder.theirs(part, step)
        upgraded = step.exit_code == 0
    step, sessions = asked(client.sessions)
    recorder.theirs(Part.AFTER, step, listed=len(sessions))
    return Answers(upgraded, sessions=sessions if step.exit_code == 0 else ())


def _verify_twice(case: Case, request: Request, recorder: Recorder, upgrade: Client | None) -> Verified:
    """Verify the copy against the original, and again after the release has upgraded it a second time."""

    def verify() -> VerifyReport:
        Path(str(request.selection.state_dir)).mkdir(exist_ok=True)  # a release that removes it has lost every session
        return commands.verify(request, case.inventory.state_dir, accept=case.accept)

    first = recorder.ours(Part.VERIFY, _VERIFY, verify)
    if upgrade is None:
        return Verified(first, is_stable=True)
    for step in upgrade.doctor_fix():
        recorder.theirs(Part.AGAIN, step)
    return Verified(first, _outcome(recorder.ours(Part.AGAIN, _VERIFY, verify)) == _outcome(first))


def _start_gateway(case: Case, client: Client, recorder: Recorder, answers: Answers) -> Answers:
    """Start the gateway of the release on the copy, and ask it for the sessions and for some histories."""
    try:
        with client.gateway(START_LIMIT) as gateway:
            answers = _ask_gateway(case, gateway, recorder, answers)
    except ClientError as error:
        recorder.theirs(Part.AFTER, error.step)
        return replace(answers, gateway=())
    recorder.theirs(Part.AFTER, gateway.step)
    return answers


def _ask_gateway(case: Case, gateway: Gateway, recorder: Recorder, answers: Answers) -> Answers:
    status = gateway.status()
    recorder.theirs(Part.AFTER, status, (), **_status_counts(status))
    step, rows = asked(gateway.sessions)
    recorder.theirs(Part.AFTER, step, listed=len(rows))
    history = Seen.NOT_ASKED
    for wanted, transcript in listing.candidates(case.inventory, case.expected):
        stored = conversation.in_transcript(transcript)
        key = wanted.key if wanted.key in listing.by_key(rows) else wanted.canonical
        told, messages = asked(partial(gateway.history, key, len(stored) + 1))
        words = ("gateway", "call", "chat.history", Name("session", key))
        recorder.theirs(Part.AFTER, told, words, messages=len(messages))
        same = conversation.agree(stored, conversation.shown(messages))
        history = Seen.SAME if same and history is not Seen.DIFFERS else Seen.DIFFERS
    unowned = any("includeGlobal" in word for word in step.arguments)
    return replace(answers, gateway=rows, unowned=unowned, history=history, status=status.exit_code == 0)


def _judge(
    case: Case, way: Way, recorder: Recorder, answers: Answers, verification: Verified, applied: str, unchanged: bool
) -> Trial:
    """Give the verdict.

    ``applied`` is the verdict of our own migration, ``unchanged`` whether that changed nothing when repeated.
    """
    verified = verification.report
    again = Seen.SAME if unchanged and verification.is_stable else Seen.DIFFERS
    sessions = tuple(_listed(case, answers, verified.verification))
    checks = tuple(_checks(case, answers, sessions, again))
    is_refused = case.launcher is not None and not answers.upgraded
    word, code = verified.word, verified.exit_code
    if is_refused and (code in (0, QUARANTINED) or way is Way.OPENCLAW):
        word, code = "not-upgraded", REFUSED  # what was not imported is not lost
    elif not all(check.passed for check in checks):
        word, code = "differences", DIFFERENCES
    elif word == "proved":
        word, code = _proved(case, applied, is_tried=case.launcher is not None)
    return Trial(way, word, code, tuple(recorder.records), verified.verification, sessions, checks)


def _proved(case: Case, applied: str, *, is_tried: bool) -> tuple[str, int]:
    """The verdict, and its exit code, on a trial that has kept everything; ``applied`` is that of our own migration."""
    if applied == "quarantined":
        return "quarantined", QUARANTINED
    if not is_tried:
        return "not-tried", 0 if case.without_release else REFUSED
    return "proved", 0


def _outcome(report: VerifyReport) -> list[object]:
    """Where every session and event is, whatever a release has changed since (it fills in titles, say)."""
    databases = report.verification.databases
    entries = [
        (
            source.source,
            sum(count for verdict, count in source.counts if verdict in ARRIVED),
            [(one.session, one.verdict, one.places) for one in source.verdicts if one.verdict not in ARRIVED],
        )
        for database in databases
        for source in database.sources
    ]
    histories = [
        (one.transcript, one.verdict not in ARRIVED_HISTORIES and one.verdict, one.present, one.places)
        for database in databases
        for one in database.histories
    ]
    return [entries, histories, [(database.database.path, database.rows) for database in databases]]


def _listed(case: Case, answers: Answers, verification: Verification) -> Iterator[ListedSession]:
    """How every session shows in each list, once the verification says which transforms there were."""
    transforms = _transforms(verification)
    after = listing.by_key(answers.sessions or ())
    gateway = listing.by_key(answers.gateway or ())
    for wanted in case.expected:
        seen, differs = listing.compare(wanted, after)
        if seen is Seen.DIFFERS and listing.excused(differs, transforms.get(wanted.key, ())):
            seen = Seen.SAME
        row = after.get(wanted.key) or after.get(wanted.canonical) or {}
        tokens = row.get("totalTokens")
        yield ListedSession(
            session=Name("session", wanted.key),
            session_id=Name("session-id", wanted.session_id),
            before=Seen.NOT_ASKED if case.before is None else listing.is_there(wanted, case.before),
            after=Seen.NOT_ASKED if answers.sessions is None else seen,
            gateway=Seen.NOT_ASKED if answers.gateway is None else listing.in_gateway(wanted, gateway, answers.unowned),
            differs=differs,
            tokens=tokens if isinstance(tokens, int) and not isinstance(tokens, bool) else None,
        )


def _transforms(verification: Verification) -> dict[str, tuple[str, ...]]:
    """The named changes of each session, by its key."""
    sources = (source for database in verification.databases for source in database.sources)
    return {verdict.session.text: verdict.transforms for source in sources for verdict in source.verdicts}


def _checks(case: Case, answers: Answers, sessions: tuple[ListedSession, ...], again: Seen) -> Iterator[Check]:
    """What must hold beside the verification; nothing about what was not asked."""
    shown = (Seen.SAME, Seen.RENAMED, Seen.HIDDEN)
    yield Check("second-run", again is Seen.SAME)
    if case.launcher is None:
        return
    yield Check("openclaw-upgrades", answers.upgraded)
    yield Check("openclaw-reads", all(one.after in shown for one in sessions))
    if answers.gateway is not None:
        yield Check("gateway-answers", bool(answers.gateway) and all(one.gateway in shown for one in sessions))
        yield Check("openclaw-status", answers.status is True)
    if answers.history is not Seen.NOT_ASKED:
        yield Check("gateway-history", answers.history is Seen.SAME)


def asked(question: Callable[[], tuple[Step, Items]]) -> tuple[Step, Items]:
    """Ask, and take a list that is not whole for none."""
    try:
        return question()
    except ClientError as error:
        return error.step, ()


def _status_counts(step: Step) -> dict[str, int]:
    """How many sessions ``status`` counts."""
    try:
        count = json.loads(step.stdout)["sessions"]["count"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {"listed": count} if isinstance(count, int) and count >= 0 else {}
