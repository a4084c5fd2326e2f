"""Findings of one code as one thing to read, and long lists cut to what matters: 300 agents must stay readable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from migrator.model.words import Name, Severity
from migrator.report.lazy import Lazy
from migrator.report.view import Namer, View, sentence

MOST_NAMES = 3
"""How many names stand in a line; the rest is counted. The json format has them all."""

MOST_ROWS = 50
"""How many rows a table for people has; the rest is counted."""

_Row = TypeVar("_Row")
_WORST_FIRST = [severity.value for severity in reversed(Severity)]


@dataclass(frozen=True, slots=True)
class Group:
    """All findings of one code, as their views."""

    code: str
    severity: str
    remedy: str
    findings: Sequence[dict[str, View]]

    @property
    def subjects(self) -> list[Name]:
        """What they are about, each once."""
        return list(dict.fromkeys(cast(Name, finding["subject"]) for finding in self.findings))

    def sentence(self, namer: Namer) -> str:
        """What the first of them says, and what else it is true of."""
        if "effect" in self.findings[0]:
            return merged(self.findings, namer)
        told = sentence(self.findings[0], namer)
        others = self.subjects[1:]
        if not others:
            more = len(self.findings) - 1
            return f"{told} {more:,} more of this kind there." if more else told
        return f"{told} The same for {listed(others, namer)}."


def grouped(findings: Sequence[View]) -> list[Group]:
    """Put findings into groups, the worst first, otherwise in their order."""
    all_of_them = cast(Sequence[dict[str, View]], findings)
    found: dict[str, list[int]] = {}
    for place, finding in enumerate(all_of_them):
        found.setdefault(str(finding["code"]), []).append(place)
    members = [(code, Lazy(all_of_them.__getitem__, places)) for code, places in found.items()]
    groups = [Group(code, str(these[0]["severity"]), str(these[0]["remedy"]), these) for code, these in members]
    return sorted(groups, key=lambda group: _WORST_FIRST.index(group.severity))


def merged(findings: Sequence[dict[str, View]], namer: Namer) -> str:
    """One sentence for all findings of a forecast of one code: the first names, and the sums of the facts."""
    facts: Counter[str] = Counter()
    for finding in findings:
        facts.update(cast(dict[str, int], finding["facts"]))
    subjects = dict.fromkeys(cast(Name, finding["subject"]) for finding in findings)
    others = dict.fromkeys(other for finding in findings for other in cast(list[Name], finding["others"]))
    template = str(findings[0]["sentence"])
    sums = {name: f"{count:,}" for name, count in facts.items()}
    return template.format(subject=listed([*subjects], namer), others=listed([*others], namer), **sums)


def listed(names: Sequence[Name], namer: Namer) -> str:
    """The first names of several, and how many there are beside them."""
    shown, rest = ", ".join(map(namer, names[:MOST_NAMES])), len(names) - MOST_NAMES
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def cut(rows: Sequence[_Row], importance: Callable[[_Row], int]) -> tuple[list[_Row], list[_Row]]:
    """Split rows into those to show and those to count. The least important (highest) go where there are too many."""
    if len(rows) <= MOST_ROWS:
        return list(rows), []
    ordered = sorted(rows, key=importance)
    return ordered[:MOST_ROWS], ordered[MOST_ROWS:]


def plural(count: int, noun: str) -> str:
    """A number with its noun: ``1 session``, ``2 sessions``, ``1,000 entries``."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1]}ies" if noun.endswith("y") else f"{count:,} {noun}s"
