"""What the words of a report mean: codes of findings, verdicts, named changes and exit codes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from migrator.cli.help import EXIT_CODES
from migrator.findings.checks import CHECKS
from migrator.findings.table import RULES
from migrator.model.conclusions import OUTCOMES
from migrator.model.counted import in_general
from migrator.openclaw.changes.event_transforms import EVENT_TRANSFORMS
from migrator.openclaw.changes.transforms import ENTRY_TRANSFORMS, LOSSES
from migrator.report.verified_parts import SESSIONS, TRANSCRIPTS

_WHERE = "migrator/openclaw/README.md lists each with the place in OpenClaw's code that makes it."


def meaning(word: str) -> str | None:
    """Everything that a word of a report can mean, as lines; None for any other word."""
    return "\n".join(_meanings(word)) or None


def near_words(word: str, commands: Iterable[str] = ()) -> str:
    """The words of ours that are spelled much like one, as a sentence; empty if there is none."""
    changes = (change.name for one in (ENTRY_TRANSFORMS, EVENT_TRANSFORMS) for change in one)
    known = dict.fromkeys((*commands, *RULES, *OUTCOMES, *SESSIONS, *TRANSCRIPTS, *changes, *CHECKS))
    found = get_close_matches(word, known)
    return f" Near it: {', '.join(found)}." if found else ""


def _meanings(word: str) -> Iterator[str]:
    if (rule := RULES.get(word)) is not None:
        sentence = re.sub(r"\{\w+\}", "…", in_general(rule.sentence))
        yield from (f"finding {word} ({rule.severity.value})", f"  {sentence}", f"  {rule.remedy}")
    if (outcome := OUTCOMES.get(word)) is not None:
        codes = " or ".join(map(str, outcome.exit_codes))
        yield from (f"{word}, how a command ends (exit {codes})", f"  {outcome.remedy}")
    for subject, words in (("session", SESSIONS), ("transcript", TRANSCRIPTS)):
        if word in words:
            yield f"verdict {word} on a {subject}: {words[word]}"
    for subject, changes in (("an entry", ENTRY_TRANSFORMS), ("an event", EVENT_TRANSFORMS)):
        for change in changes:
            if change.name == word:
                loss = "It throws something away for good." if word in LOSSES else "Nothing is lost by it."
                yield from (f"change {word} of {subject}, made by: {change.releases}", f"  {loss}", f"  {_WHERE}")
    if word in CHECKS:
        yield f"check {word}: {CHECKS[word]}"
    if word.isascii() and word.isdecimal() and (meant := EXIT_CODES.get(int(word))) is not None:
        yield f"exit code {word}: {meant}"
