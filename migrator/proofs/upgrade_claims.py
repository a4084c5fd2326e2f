"""Whether the trials of an upgrade bear out what its proof claims: held against the totals, the checks, the lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from migrator.model.conclusions import GOOD, OUTCOMES, VERDICTS
from migrator.model.upgrade import Part, Seen, Way
from migrator.model.verification import ACCEPTABLE, FAIL_IF_MOVED, LOST, LOST_HISTORIES, HistoryVerdict, Verdict
from migrator.proofs.sums import Found, Ledger, seconds_between
from migrator.proofs.vocabulary import Begin, End, Listed, Step, Totals, Trial, given

_ROUNDING = 0.5
"""So many seconds are taken for inexact clocks."""

_SHOWN = (Seen.SAME, Seen.RENAMED, Seen.HIDDEN)
"""How a session may show in a list without being a difference."""


def trial_contradictions(ledger: Ledger, begin: Begin, totals: Totals, end: End) -> Iterator[Found]:
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
