"""Whether the log of an upgrade adds up: what it claims against its trials and the lists of real releases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from migrator.proofs.proof_event import Event

_SHOWN = ("same", "renamed", "hidden")
"""How a session may show in a list without being a difference."""

_CLAIMS = {"openclaw-reads": "after", "gateway-answers": "gateway"}
"""Which list each of these checks is about."""


@dataclass(slots=True)
class UpgradeSums:
    """Takes in the events of a log as they pass by; what it keeps does not grow with them."""

    trials: list[Event] = field(default_factory=list)
    ways: set[str] = field(default_factory=set)
    checks: dict[str, bool] = field(default_factory=dict)
    not_shown: set[tuple[str, str]] = field(default_factory=set)
    """The ways and places of lists in which a session does not show as it was."""

    def add(self, event: Event) -> None:
        """Take in the next event."""
        if event.name == "trial":
            self.trials.append(event)
        elif event.name == "step":
            self.ways.add(event.word("way"))
        elif event.name == "listed":
            self.ways.add(event.word("way"))
            self.not_shown |= {(event.word("way"), at) for at in _CLAIMS.values() if event.word(at) not in _SHOWN}
        elif event.name == "check":
            self.checks[event.word("name")] = event.facts["passed"] is True

    def contradictions(self, begin: Event, totals: Event) -> Iterator[tuple[int, str]]:
        """Say what does not add up, as line number and sentence."""
        if (begin.word("verb") == "prove") != bool(self.trials):
            yield totals.line, "The log of an upgrade has trials, and no other log has."
        if not self.trials:
            return
        first, known = self.trials[0], {trial.word("way") for trial in self.trials}
        if len(known) != len(self.trials) or self.ways - {*known, ""}:
            yield totals.line, "A command or a list belongs to no trial, or two trials went the same way."
        for name in ("verdicts", "transcripts"):
            if first.counts(name) != totals.counts(name):
                yield first.line, f"The {name} of the first trial are not the totals."
        untouched = self.checks.get("original-untouched", False)
        if totals.word("verdict") != (first.word("verdict") if untouched else "changed"):
            yield totals.line, "The verdict is not that of the first trial on an untouched original."
        for name, place in _CLAIMS.items():
            if self.checks.get(name) and (first.word("way"), place) in self.not_shown:
                yield totals.line, "A check claims more than the lists show."
