"""Whether a log is complete, and its verdict follows from what it holds: what is claimed, against what is counted.

A log has the checks of every database that it judges, a word on everything that was not looked at, and the verdict and
exit code that follow from them: no more, and no less. The trials of an upgrade must bear out its totals and checks, and
agree with what was listed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from migrator.findings.checks import STATE_CHECKS, checks_of
from migrator.findings.table import RULES
from migrator.model.conclusions import GOOD, OUTCOMES, VERDICTS
from migrator.model.inventory import Shape
from migrator.model.upgrade import Part, Seen, Way
from migrator.model.verification import ACCEPTABLE, FAIL_IF_MOVED, LOST, LOST_HISTORIES, HistoryVerdict, Verdict
from migrator.model.words import Severity
from migrator.proofs.sums import Found, Ledger, seconds_between
from migrator.proofs.vocabulary import (
    Begin,
    Check,
    Database,
    End,
    Listed,
    NotTested,
    Source,
    Step,
    Totals,
    Trial,
    given,
)

_PLANS = ("plan", "apply", "prove")
_WRITES = ("insert", "update", "complete")

_ROUNDING = 0.5
"""So many seconds are taken for inexact clocks."""

_SHOWN = (Seen.SAME, Seen.RENAMED, Seen.HIDDEN)
"""How a session may show in a list without being a difference."""


def claim_contradictions(ledger: Ledger) -> Iterator[Found]:
    """Say what is missing in a log that adds up, and what it claims too much."""
    begin, totals, end = ledger.begin, ledger.totals, ledger.end
    if not ledger.is_framed or begin is None or totals is None or end is None:
        return
    yield from _verb_contradictions(ledger, begin, totals, end)
    if Counter((one.name, given(one.subject, "")) for one in ledger.of(Check)) != Counter(_required(ledger, begin)):
        yield totals.line, "The checks are not those that such a proof has, each once."
    if sorted(one.code for one in ledger.of(NotTested)) != sorted(gaps(ledger, begin, ledger.is_judged)):
        yield totals.line, "What was not tested is not said, or not once."
    yield from _check_contradictions(ledger, totals)
    yield from _verdict_contradictions(ledger, begin, totals)
    yield from _trial_contradictions(ledger, begin, totals, end)


def gaps(ledger: Ledger, begin: Begin, judged: bool) -> Iterator[str]:
    """What was not looked at, by code, as it follows from the rest of a log and from whether sessions were judged."""
    names = {check.name for check in ledger.of(Check)}
    yield "power-loss"
    if not judged:
        yield "transcripts"
    elif begin.os == "Windows":
        yield "file-modes"
    if any(one.shape in (Shape.UNKNOWN, Shape.UNREADABLE) for one in ledger.of(Database)):
        yield "shape"
    if "openclaw-reads" not in names:
        yield "openclaw-reads"
    if begin.verb == "prove":
        yield from _upgrade_gaps(ledger, begin, names)


def _upgrade_gaps(ledger: Ledger, begin: Begin, names: set[str]) -> Iterator[str]:
    """What was not looked at in an upgrade that was tried, given the names of its checks."""
    if not isinstance(begin.openclaw_before, str):
        yield "openclaw-before"
    if "gateway-answers" not in names:
        yield "gateway"
    if "gateway-history" not in names:
        yield "gateway-history"
    tried = [trial for trial in ledger.of(Trial) if isinstance(begin.openclaw, str)]
    if any(not trial.isolated for trial in tried):
        yield "network"
    if any(not trial.confined for trial in tried):
        yield "confinement"
    if any(trial.links_left_out for trial in ledger.of(Trial)):
        yield "links-outside"


def _required(ledger: Ledger, begin: Begin) -> Iterator[tuple[str, str]]:
    """The checks that a log must have, each with the label of its database."""
    yield "sources-unchanged", ""
    if ledger.is_judged:
        yield from ((name, "") for name in STATE_CHECKS)
        for database in ledger.of(Database):
            if database.is_judged:
                for name in checks_of(database.shape, begin.os != "Windows"):
                    yield name, database.database
    if ledger.of(Trial):
        yield "original-untouched", ""
        if ledger.is_judged:
            yield from _required_of_upgrade(ledger, begin)


def _required_of_upgrade(ledger: Ledger, begin: Begin) -> Iterator[tuple[str, str]]:
    """The checks that an upgrade must have which was tried and judged: those of the commands that were run."""
    yield "second-run", ""
    if isinstance(begin.openclaw, str):
        yield from (("openclaw-upgrades", ""), ("openclaw-reads", ""))
    words = [
        step.command for step in ledger.of(Step) if step.way == ledger.of(Trial)[0].way and step.release is not None
    ]
    if any("gateway" in command for command in words):
        yield from (("gateway-answers", ""), ("openclaw-status", ""))
    if any("chat.history" in command for command in words):
        yield "gateway-history", ""


def _verb_contradictions(ledger: Ledger, begin: Begin, totals: Totals, end: End) -> Iterator[Found]:
    verb, verdict, command = begin.verb, totals.verdict, begin.command
    if begin.command[:1] != (verb,) or verdict not in VERDICTS[verb]:
        yield totals.line, "The command, the verb and the verdict do not go together."
    expected = set(OUTCOMES[verdict].exit_codes)
    if verdict == "pending":
        expected = {1 if "--detailed-exitcode" in command else 0}
    elif verdict == "unjudged":
        expected = {0 if "--allow-empty" in command else 10}
    elif verdict == "not-tried":
        expected = {0 if "--without-openclaw" in command else 12}
    elif verdict == "exported":
        expected = {15 if any(code.startswith("export.") for code in ledger.findings) else 0}
    if end.exit_code not in expected:
        yield end.line, "The exit code does not go with the verdict."
    yield from _part_contradictions(ledger, begin, totals)


def _part_contradictions(ledger: Ledger, begin: Begin, totals: Totals) -> Iterator[Found]:
    """Look for whole parts of a log that its verb does not have, or must have."""
    verb, verdict = begin.verb, totals.verdict
    stopped = verb == "prove" and verdict in ("busy", "changed", "refused", "failed")
    if ledger.is_judged is not (verb in ("apply", "verify", "prove")) and not stopped:
        yield totals.line, "The verdicts on sessions are missing, or nobody could have given them."
    if isinstance(totals.transcripts, dict) is not ledger.is_judged:
        yield totals.line, "The verdicts on transcripts are missing, or nobody could have given them."
    if isinstance(totals.actions, dict) is not (verb in _PLANS) or isinstance(begin.plan, str) is not (verb in _PLANS):
        yield totals.line, "The plan is missing, or nobody could have made one."
    if (verb == "prove") is not bool(ledger.of(Trial)) or (verb == "prove") is not isinstance(begin.manifest, str):
        yield totals.line, "The log of an upgrade has trials and a manifest, and no other log has."


def _check_contradictions(ledger: Ledger, totals: Totals) -> Iterator[Found]:
    """Hold the checks that the log itself bears out against it."""
    stayed = all(one.is_unchanged for one in ledger.of(Source))
    versions = {one.database: one.version for one in ledger.of(Database)}
    for check in ledger.of(Check):
        right = check.passed
        if check.name == "sources-unchanged":
            right = stayed
        elif check.name == "user-version":
            right = versions.get(given(check.subject, "")) == 1
        if right is not check.passed:
            yield check.line, "A check says other than the digests and versions."
    for source in ledger.of(Source):
        if (source.size is None) is not (source.sha256_before is None):
            yield source.line, "A store has a size or a digest only."
    for database in ledger.of(Database):
        if not _version_fits(database.shape, database.version):
            yield database.line, "The database has another version than its shape allows."
    if any((one.content_digest is not None) is not one.is_judged for one in ledger.of(Database)):
        yield totals.line, "The digest of a database is missing, or nobody could have taken it."


def _version_fits(shape: Shape, version: int | None) -> bool:
    if shape in (Shape.MISSING, Shape.EMPTY):
        return version == (None if shape is Shape.MISSING else 0)
    return version is not None or shape is Shape.UNREADABLE


def _verdict_contradictions(ledger: Ledger, begin: Begin, totals: Totals) -> Iterator[Found]:
    """Hold a good verdict, or that there are differences, against what is counted."""
    lost = _lost(begin, totals)
    failed = ledger.failing - (FAIL_IF_MOVED if Verdict.MOVED in begin.accepted else set())
    refused = any(RULES[code].severity is Severity.REFUSED for code in ledger.findings)
    claimed = (("counts", lost), ("checks", failed), ("findings", begin.verb == "verify" and refused))
    if totals.verdict in GOOD:
        yield from ((totals.line, f"The verdict claims more than the {what}.") for what, worse in claimed if worse)
    if totals.verdict == "differences" and begin.verb == "verify" and not (lost or failed or refused):
        yield totals.line, "Nothing bears out that there are differences."
    if totals.verdict == "unexpected" and not {"--expect-agents", "--expect-sessions"} & {*begin.command}:
        yield totals.line, "Nobody has said what was expected."
    yield from _untried_contradictions(begin, totals, failed)
    yield from _quarantine_contradictions(ledger, begin, totals)
    yield from _work_contradictions(begin, totals)


def _untried_contradictions(begin: Begin, totals: Totals, failed: set[str]) -> Iterator[Found]:
    """Hold a verdict that nothing was upgraded against what was asked for, and what came of it."""
    if totals.verdict == "not-upgraded" and "openclaw-upgrades" not in failed:
        yield totals.line, "Nothing bears out that the release did not upgrade."
    if totals.verdict == "not-tried" and isinstance(begin.openclaw, str):
        yield totals.line, "A release is named, and the verdict says that none was tried."


def _lost(begin: Begin, totals: Totals) -> int:
    """How many sessions and transcripts are not where they belong, but for those that may be elsewhere."""
    verdicts, transcripts = given(totals.verdicts, {}), given(totals.transcripts, {})
    counted = [(word.value, count) for word, count in verdicts.items() if word in LOST]
    counted += [(word.value, count) for word, count in transcripts.items() if word in LOST_HISTORIES]
    return sum(count for word, count in counted if word not in begin.accepted)


def _quarantine_contradictions(ledger: Ledger, begin: Begin, totals: Totals) -> Iterator[Found]:
    verdicts, transcripts = given(totals.verdicts, {}), given(totals.transcripts, {})
    damaged = verdicts.get(Verdict.QUARANTINED, 0) + transcripts.get(HistoryVerdict.DAMAGED, 0)
    if totals.verdict == "quarantined" and not damaged:
        yield totals.line, "The verdict and the number of quarantined items contradict each other."
    named = any(RULES[code].severity is Severity.QUARANTINED for code in ledger.findings)
    if damaged and begin.verb in ("apply", "verify") and "--against" not in begin.command and not named:
        yield totals.line, "No finding names what is in quarantine."


def _work_contradictions(begin: Begin, totals: Totals) -> Iterator[Found]:
    """Hold the verdict of an apply against what there was to write."""
    written = any(word.value in _WRITES for word, count in given(totals.actions, {}).items() if count)
    idle = not totals.written and "--archive-sources" not in begin.command
    if begin.verb == "apply" and totals.verdict == "proved" and idle:
        yield totals.line, "Nothing was to be written, and the verdict does not say so."
    if totals.verdict == "already-migrated" and (written or totals.written):
        yield totals.line, "Something was written, and the verdict says that nothing was to be written."


def _trial_contradictions(ledger: Ledger, begin: Begin, totals: Totals, end: End) -> Iterator[Found]:
    """Hold the trials of an upgrade against the totals, the checks, the commands and the lists."""
    steps = list(ledger.of(Step))
    # A gateway runs beside the commands that ask it.
    in_turn = sum(step.seconds for step in steps if not {"gateway", "run"} <= set(step.command))
    longest = max((step.seconds for step in steps), default=0)
    if max(in_turn, longest) > seconds_between(begin.at, end.at) + _ROUNDING:
        yield end.line, "The commands took longer than there was time between the first line and the last."
    if not ledger.of(Trial):
        if len(ledger.of(Step)) + len(ledger.of(Listed)):
            yield totals.line, "The log of an upgrade has trials and a manifest, and no other log has."
        return
    ways = [trial.way for trial in ledger.of(Trial)]
    used: list[Way | None] = [step.way for step in ledger.of(Step)]
    used += [listed.way for listed in ledger.of(Listed)]
    if len(set(ways)) != len(ways) or {*used} - {*ways, None}:
        yield totals.line, "A command or a list belongs to no trial, or two trials went the same way."
    yield from _step_contradictions(ledger, begin)
    yield from _first_contradictions(ledger, totals)
    for trial in ledger.of(Trial):
        yield from _one_trial(ledger, begin, trial)


def _first_contradictions(ledger: Ledger, totals: Totals) -> Iterator[Found]:
    """Hold the first trial, which is the one that counts, against the totals and the checks."""
    first = ledger.of(Trial)[0]
    if Counter(first.verdicts) != Counter(given(totals.verdicts, {})):
        yield first.line, "The verdicts of the first trial are not the totals."
    if Counter(first.transcripts) != Counter(given(totals.transcripts, {})):
        yield first.line, "The transcripts of the first trial are not the totals."
    if (first.events, first.present) != (ledger.events, ledger.present):
        yield first.line, "The events of the first trial are not the totals."
    own = ledger.failing - {"original-untouched", "sources-unchanged"}
    if ledger.is_judged and set(first.failed) != own:
        yield first.line, "The failed checks of the first trial are not those of the log."
    untouched = "original-untouched" not in ledger.failing
    if totals.verdict != (first.verdict if untouched else "changed"):
        yield totals.line, "The verdict is not that of the first trial on an untouched original."


def _step_contradictions(ledger: Ledger, begin: Begin) -> Iterator[Found]:
    own: Counter[Part] = Counter()
    for step in ledger.of(Step):
        own[step.part] += step.way is None
        release = begin.openclaw_before if step.part is Part.BEFORE else begin.openclaw
        if step.release != (None if step.command[:1] == ("migrator",) else given(release, None)):
            yield step.line, "A command was run with a release that was not asked for."
    asked = isinstance(begin.openclaw_before, str)
    if +own != Counter({Part.SCAN: 2, Part.BEFORE: 1} if asked else {Part.SCAN: 2}):
        yield begin.line, "The commands on the original are not those of such a proof."


def _one_trial(ledger: Ledger, begin: Begin, trial: Trial) -> Iterator[Found]:
    verdicts = Counter(trial.verdicts)
    first = ledger.of(Trial)[0]
    listed = [one for one in ledger.of(Listed) if one.way == trial.way]
    if trial.exit_code not in OUTCOMES[trial.verdict].exit_codes or trial.verdict not in VERDICTS["prove"]:
        yield trial.line, "The exit code of the trial does not go with its verdict."
    if trial.sessions != verdicts.total() - verdicts[Verdict.EXTRA] - verdicts[Verdict.QUARANTINED]:
        yield trial.line, "The verdicts of the trial do not add up to its sessions."
    if (trial.isolated, trial.confined, trial.links_left_out) != (first.isolated, first.confined, first.links_left_out):
        yield trial.line, "The trials did not run in the same surroundings."
    if trial.listed != len(listed) or trial.steps != sum(step.way == trial.way for step in ledger.of(Step)):
        yield trial.line, "The trial has another number of commands or lists than are given."
    yield from _trial_counts(ledger, begin, trial, verdicts)
    yield from _list_contradictions(trial, listed)


def _list_contradictions(trial: Trial, listed: list[Listed]) -> Iterator[Found]:
    """Hold what the lists show of a trial against its checks and its numbers."""
    if len({one.session for one in listed}) != len(listed):
        yield trial.line, "A session is listed twice."
    for name, place in (("openclaw-reads", "after"), ("gateway-answers", "gateway")):
        if set(getattr(trial, place)) - {*_SHOWN, Seen.NOT_ASKED} and name not in trial.failed:
            yield trial.line, "A check claims more than the lists show."
    for place in ("before", "after", "gateway"):
        if Counter(getattr(one, place) for one in listed) != Counter(getattr(trial, place)):
            yield trial.line, "The numbers of the trial are not those of its lists."


def _trial_counts(ledger: Ledger, begin: Begin, trial: Trial, verdicts: Counter[Verdict]) -> Iterator[Found]:
    first, transcripts = ledger.of(Trial)[0], Counter(trial.transcripts)
    if ledger.is_judged:
        if trial.events != first.events:
            yield trial.line, "The trials did not judge the same events."
        if _judged(trial) != _judged(first):
            yield trial.line, "The trials did not judge the same sessions and transcripts."
    if trial.present and transcripts.keys() == {HistoryVerdict.ABSENT}:
        yield trial.line, "The trial has events of transcripts that are absent."
    complete = not any(transcripts[word] for word in LOST_HISTORIES if word.value not in ACCEPTABLE)
    if trial.present > trial.events or complete is not (trial.present == trial.events):
        yield trial.line, "The events of the trial are not those of its transcripts."
    if trial.verdict in GOOD and _is_worse(begin, trial, verdicts):
        yield trial.line, "The verdict of the trial claims more than its counts and checks."


def _is_worse(begin: Begin, trial: Trial, verdicts: Counter[Verdict]) -> bool:
    """Whether something is lost, or a check fails, that nobody has accepted."""
    failed = set(trial.failed) - (FAIL_IF_MOVED if Verdict.MOVED in begin.accepted else set())
    return bool(failed or sum(verdicts[word] for word in LOST if word not in begin.accepted))


def _judged(trial: Trial) -> tuple[int, int]:
    """How many entries and transcripts a trial has judged."""
    return sum(trial.verdicts.values()) - trial.verdicts.get(Verdict.EXTRA, 0), sum(trial.transcripts.values())
