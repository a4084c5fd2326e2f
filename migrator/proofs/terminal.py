"""The transcript of a proof: every command with what it did, rendered from the log alone, so it cannot say more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from migrator.findings.sayings import SAYINGS
from migrator.model.conclusions import OUTCOMES
from migrator.model.upgrade import Seen
from migrator.proofs.proof import Log
from migrator.proofs.proof_event import Event
from migrator.proofs.proof_events import Json

_MOST_FILES = 8
_MOST_SESSIONS = 60


def terminal_text(log: Log) -> str:
    """Render a sound log; of a broken one say so, and nothing else."""
    if log.problems:
        return "broken log\n"
    return "\n".join(_lines(log.events)) + "\n"


def _lines(events: Sequence[Event]) -> Iterator[str]:
    begin = events[0]
    yield f"$ migrator {_words(begin.facts['command'])}"
    yield "# Names, ids and paths are labels. The original was only read; what writes anything ran on private copies."
    steps = [event for event in events if event.name == "step"]
    for way, group in groupby(steps, key=lambda step: step.word("way")):
        yield ""
        yield (
            f"# the copy that {'OpenClaw' if way == 'openclaw' else 'this program'} migrates"
            if way
            else "# the original, and what the old release shows of it"
        )
        for step in group:
            yield from _step(step)
        if way:
            yield from _sessions([event for event in events if event.name == "listed" and event.word("way") == way])
    yield ""
    for trial in (event for event in events if event.name == "trial"):
        yield from _trial(trial)
    totals = next(event for event in events if event.name == "totals")
    yield f"{totals.word('verdict')}: {OUTCOMES[totals.word('verdict')].remedy}"
    yield f"$ echo $?\n{events[-1].number('exit_code')}"


def _step(step: Event) -> Iterator[str]:
    """One command as a terminal shows it, with what a terminal does not show."""
    release = f"  # OpenClaw {step.word('release')}" if step.word("release") else ""
    yield f"$ {_words(step.facts['command'])}{release}"
    if counted := step.counts("counts"):
        yield "  " + ", ".join(f"{_plain(word)} {count}" for word, count in counted.items())
    for saying in step.words("sayings"):
        yield f"  it says: {SAYINGS[saying]}"
    for change in ("created", "changed", "removed"):
        yield from _files(change, step.words(change))
    code = step.facts["exit_code"]
    ended = "ended by this program" if code is None else f"exit {code}"
    yield f"  {ended}, {step.facts['seconds']} s"


def _files(change: str, labels: Sequence[str]) -> Iterator[str]:
    if labels:
        more = f" and {len(labels) - _MOST_FILES:,} more" if len(labels) > _MOST_FILES else ""
        yield f"  {change} {len(labels):,}: {' '.join(labels[:_MOST_FILES])}{more}"


def _sessions(listed: Sequence[Event]) -> Iterator[str]:
    """What the lists showed, session by session."""
    if not listed or all(event.word("after") == Seen.NOT_ASKED.value for event in listed):
        return
    yield "  session  session id  tokens  old release  new release  gateway"
    for event in listed[:_MOST_SESSIONS]:
        tokens = event.facts["tokens"]
        cells = [event.word("session"), event.word("session_id"), "-" if tokens is None else str(tokens)]
        cells += [event.word(place) for place in ("before", "after", "gateway")]
        yield "  " + "  ".join(cells) + _differing(event)
    if len(listed) > _MOST_SESSIONS:
        yield f"  and {len(listed) - _MOST_SESSIONS:,} more, in the log"


def _differing(listed: Event) -> str:
    """Which members are not as they were; where the session counts as the same, a named transform explains them."""
    if not (differs := ", ".join(listed.words("differs"))):
        return ""
    return f"  ({differs}: by a named transform)" if listed.word("after") == Seen.SAME.value else f"  ({differs})"


def _trial(trial: Event) -> Iterator[str]:
    verdicts = ", ".join(f"{word} {count}" for word, count in trial.counts("verdicts").items() if count) or "none"
    yield f"{trial.word('way')}: {trial.word('verdict')}, exit {trial.number('exit_code')}"
    yield f"  sessions {trial.number('sessions')}: {verdicts}"
    yield f"  events {trial.number('present')} of {trial.number('events')}"
    for name in trial.words("failed"):
        yield f"  failed check: {name}"


def _words(command: Json) -> str:
    return " ".join(map(str, command)) if isinstance(command, list) else ""


def _plain(word: str) -> str:
    return word.replace("_", " ")
