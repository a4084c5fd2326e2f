"""Findings of one code as one thing to read, and long lists cut to what matters: 300 agents must stay readable."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import TypeVar

from migrator.model.counted import Counted
from migrator.model.words import Name, Severity
from migrator.report.parts import FindingRow, ForeseenRow, Lazy, Namer

MOST_NAMES = 3
"""How many names stand in a line; the rest is counted. The json format has them all."""

_MOST_LETTERS = 120
"""Names that would take more are counted as well, but for the first one."""

MOST_ROWS = 50
"""How many rows a table of a page has; the rest is counted."""

MOST_LINES = 20
"""How many rows a table on a terminal has; of more, those that are alike become one line."""

PROBABLY_MEANT = "This was probably meant:"
"""What stands before the commands that are offered where a command was wrong."""

WHOLE = 1 << 60
"""As many as there are."""

MORE = re.compile(r"\b[\d,]+ (?:more|alike)\b")
"""What says in a text that it does not show everything."""

_Row = TypeVar("_Row")
_WORST_FIRST = list(reversed(Severity))


@dataclass(frozen=True, slots=True)
class Group:
    """All findings of one code."""

    code: str
    severity: Severity
    remedy: str
    findings: Sequence[FindingRow]

    @property
    def subjects(self) -> list[Name]:
        """What they are about, each once."""
        return list(dict.fromkeys(finding.subject for finding in self.findings))

    def sentence(self, namer: Namer, most: int = MOST_NAMES) -> str:
        """What the first of them says, and what else it is true of."""
        first = self.findings[0]
        if isinstance(first, ForeseenRow):
            return merged(self.findings, namer, most)
        told = first.sentence.told(namer)
        others = self.subjects[1:]
        if not others:
            more = len(self.findings) - 1
            return f"{told} {more:,} more of this kind there." if more else told
        return f"{told} The same for {listed(others, namer, most)}."


def grouped(findings: Sequence[FindingRow]) -> list[Group]:
    """Put findings into groups, the worst first, otherwise in their order."""
    found: dict[str, list[int]] = {}
    for place, finding in enumerate(findings):
        found.setdefault(finding.code, []).append(place)
    members = [(code, Lazy(findings.__getitem__, places)) for code, places in found.items()]
    groups = [Group(code, these[0].severity, these[0].remedy, these) for code, these in members]
    return sorted(groups, key=lambda group: _WORST_FIRST.index(group.severity))


def merged(findings: Sequence[FindingRow], namer: Namer, most: int = MOST_NAMES) -> str:
    """One sentence for all findings of a forecast of one code: the first names, and the sums of the facts."""
    facts: Counter[str] = Counter()
    for finding in findings:
        facts.update(finding.facts)
    subjects = dict.fromkeys(finding.subject for finding in findings)
    others = dict.fromkeys(other for finding in findings for other in finding.others)
    template = findings[0].sentence.template
    sums = {name: Counted(count, f"{count:,}") for name, count in facts.items()}
    return template.format(subject=listed([*subjects], namer, most), others=listed([*others], namer, most), **sums)


def listed(names: Sequence[Name], namer: Namer, most: int = MOST_NAMES) -> str:
    """The first names of several, and how many there are beside them."""
    shown = list(map(namer, names[:most]))
    while most != WHOLE and len(shown) > 1 and sum(map(len, shown)) > _MOST_LETTERS:
        shown.pop()
    told, rest = ", ".join(shown), len(names) - len(shown)
    return f"{told} and {rest:,} more" if rest > 0 else told


def command_line(words: Sequence[Name | str | int], namer: Namer) -> str:
    """A command as it can be typed into a shell, or with labels."""
    return " ".join(_typed(word, namer) if isinstance(word, Name) else str(word) for word in words)


def _typed(word: Name, namer: Namer) -> str:
    """A word as the shell needs it, so that it stays one word, and is taken as it is; labels as they are."""
    shown = namer(word)
    in_clear = shown in (word.text, repr(word.text)) and word.text.isprintable()
    return shlex.quote(word.text) if in_clear else shown


def cut(rows: Sequence[_Row], importance: Callable[[_Row], int]) -> tuple[list[_Row], list[_Row]]:
    """Split rows into those to show and those to count. The least important (highest) go where there are too many."""
    if len(rows) <= MOST_ROWS:
        return list(rows), []
    ordered = sorted(rows, key=importance)
    return ordered[:MOST_ROWS], ordered[MOST_ROWS:]


def folded(
    rows: Sequence[_Row], state: Callable[[_Row], str], calm: Container[str], most: int = MOST_LINES
) -> tuple[list[_Row], dict[str, list[_Row]]]:
    """Split rows into those to show and, by state, those that become one line each.

    Where there are too many, all of a ``calm`` state do, and of every other what does not fit.
    """
    if len(rows) <= most:
        return list(rows), {}
    shown: list[_Row] = []
    alike: dict[str, list[_Row]] = {}
    for row in rows:
        if state(row) in calm or len(shown) == most:
            alike.setdefault(state(row), []).append(row)
        else:
            shown.append(row)
    return shown, alike
