"""The transcript of a proof: every command with what it did, rendered from the log alone, so it cannot say more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from migrator.findings.upgrades import SAYINGS
from migrator.model.upgrade import Seen, Way
from migrator.proofs.log import Log
from migrator.proofs.summary import next_step
from migrator.proofs.vocabulary import Listed, Step, Trial

_MOST_FILES = 8
_MOST_SESSIONS = 60


def terminal_text(log: Log) -> str:
    """Render a sound log; of a broken one say so, and nothing else."""
    if log.problems:
        return "broken log\n"
    return "\n".join(_lines(log)) + "\n"


def _lines(log: Log) -> Iterator[str]:
    yield f"$ migrator {_words(log.begin.command)}"
    yield "# Names, ids and paths are labels. The original was only read; what writes anything ran on private copies."
    for way, group in groupby(log.of(Step), key=lambda step: step.way):
        yield ""
        yield (
            f"# the copy that {'OpenClaw' if way is Way.OPENCLAW else 'this program'} migrates"
            if way
            else "# the original, and what the old release shows of it"
        )
        for step in group:
            yield from _step(step)
        if way:
            yield from _sessions([one for one in log.of(Listed) if one.way is way])
    yield ""
    for trial in log.of(Trial):
        yield from _trial(trial)
    yield f"{log.totals.verdict}: {next_step(log)}"
    yield f"$ echo $?\n{log.end.exit_code}"


def _step(step: Step) -> Iterator[str]:
    """One command as a terminal shows it, with what a terminal does not show."""
    release = f"  # OpenClaw {step.release}" if step.release is not None else ""
    yield f"$ {_words(step.command)}{release}"
    if step.counts:
        yield "  " + ", ".join(f"{_plain(word)} {count}" for word, count in step.counts.items())
    for saying in step.sayings:
        yield f"  it says: {SAYINGS[saying]}"
    yield from _files("created", step.created)
    yield from _files("changed", step.changed)
    yield from _files("removed", step.removed)
    ended = "ended by this program" if step.exit_code is None else f"exit {step.exit_code}"
    yield f"  {ended}, {step.seconds} s"


def _files(change: str, labels: Sequence[str]) -> Iterator[str]:
    if labels:
        more = f" and {len(labels) - _MOST_FILES:,} more" if len(labels) > _MOST_FILES else ""
        yield f"  {change} {len(labels):,}: {' '.join(labels[:_MOST_FILES])}{more}"


def _sessions(listed: Sequence[Listed]) -> Iterator[str]:
    """What the lists showed, session by session."""
    if all(one.after is Seen.NOT_ASKED for one in listed):
        return
    yield "  session  session id  tokens  old release  new release  gateway"
    for one in listed[:_MOST_SESSIONS]:
        cells = [one.session, one.session_id, "-" if one.tokens is None else str(one.tokens)]
        cells += [one.before.value, one.after.value, one.gateway.value]
        yield "  " + "  ".join(cells) + _differing(one)
    if len(listed) > _MOST_SESSIONS:
        yield f"  and {len(listed) - _MOST_SESSIONS:,} more, in the log"


def _differing(listed: Listed) -> str:
    """Which members are not as they were; where the session counts as the same, a named transform explains them."""
    if not (differs := ", ".join(listed.differs)):
        return ""
    return f"  ({differs}: by a named transform)" if listed.after is Seen.SAME else f"  ({differs})"


def _trial(trial: Trial) -> Iterator[str]:
    verdicts = ", ".join(f"{word.value} {count}" for word, count in trial.verdicts.items() if count) or "none"
    yield f"{trial.way.value}: {trial.verdict}, exit {trial.exit_code}"
    yield f"  sessions {trial.sessions}: {verdicts}"
    yield f"  events {trial.present} of {trial.events}"
    for name in trial.failed:
        yield f"  failed check: {name}"


def _words(command: Sequence[str | int]) -> str:
    return " ".join(map(str, command))


def _plain(word: str) -> str:
    return word.replace("_", " ")
