"""Many proofs, of many machines, as one account: totals, and what is not as it should be first.

The files are read one after the other and line by line. What stays of each is a few numbers in the totals, eight
bytes to notice a copy by, and, of the worst, one record each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from msgspec import UnsetType

from migrator.filesystem import open_regular_file
from migrator.model.conclusions import OUTCOMES
from migrator.model.verification import LOST, HistoryVerdict, Verdict
from migrator.model.words import Name
from migrator.proofs.log import LogReader, log_lines
from migrator.proofs.vocabulary import Begin, Check, End, Totals

MOST_OUTLIERS = 100
"""So many proofs that are not good are listed, the worst; the others are counted."""

TROUBLES = {
    "unreadable": "Bring the proof home again; nothing is known of that machine.",
    "broken": "Do not rely on this proof. Run verify there again, which writes a new one.",
    "repeated": "It is a copy of another proof and was not counted: find out whose it is.",
}
"""What a file can be that holds no proof to count, and what to do then."""

WORST_FIRST = (
    *("unreadable", "broken", "failed", "differences", "left-behind", "changed", "unexpected", "refused", "busy"),
    *("not-upgraded", "not-tried", "unjudged", "repeated", "pending", "quarantined", "exported"),
)
"""Every word of a proof that is not good."""


@dataclass(frozen=True, slots=True)
class ProofFacts:
    """What one proof says. ``number`` is its place on the command line, from 1.

    ``word`` is its verdict, or one of ``TROUBLES``; then ``problem`` says why, and nothing else is known.
    """

    number: int
    file: Name
    word: str
    problem: str | None = None
    head: str | None = None
    verb: str = ""
    exit_code: int = 2
    agents: int = 0
    stores: int = 0
    sessions: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    transcripts: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    failed_checks: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether the proof is sound and its command ended well."""
        return self.word not in TROUBLES and self.exit_code == 0

    @property
    def remedy(self) -> str:
        """What to do now."""
        return TROUBLES[self.word] if self.word in TROUBLES else OUTCOMES[self.word].remedy


@dataclass(slots=True)
class Sums:
    """The sums of all proofs of one verb: a session that was applied and verified must not count twice."""

    proofs: int = 0
    good: int = 0
    agents: int = 0
    stores: int = 0
    sessions: int = 0
    words: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    transcripts: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)

    def add(self, proof: ProofFacts) -> None:
        """Count one more proof."""
        self.proofs += 1
        self.good += proof.good
        self.agents += proof.agents
        self.stores += proof.stores
        self.sessions += proof.sessions
        self.words[proof.word] += 1
        self.verdicts.update(proof.verdicts)
        self.transcripts.update(proof.transcripts)
        self.findings.update(proof.findings)


@dataclass(frozen=True, slots=True)
class Merged:
    """All proofs as one. ``outliers`` are the worst that are not good, ``omitted`` counts further ones."""

    files: int
    good: int
    totals: dict[str, Sums]
    outliers: tuple[ProofFacts, ...]
    omitted: int

    @property
    def exit_code(self) -> int:
        """0 only if every proof is good."""
        return 0 if self.good == self.files else 1


def merge(paths: Iterable[str]) -> Merged:
    """Read every proof, check it, and add up the sound ones. Bad files are outliers; nothing is raised."""
    totals: dict[str, Sums] = {}
    outliers: list[ProofFacts] = []
    seen: set[int] = set()
    files = good = omitted = 0
    for files, path in enumerate(paths, 1):
        proof = _once(read_proof(files, path), seen)
        if proof.word not in TROUBLES:
            totals.setdefault(proof.verb, Sums()).add(proof)
        if proof.good:
            good += 1
            continue
        outliers = sorted([*outliers, proof], key=_badness)
        omitted += len(outliers[MOST_OUTLIERS:])
        del outliers[MOST_OUTLIERS:]
    return Merged(files, good, dict(sorted(totals.items())), tuple(outliers), omitted)


def read_proof(number: int, path: str) -> ProofFacts:
    """Read one proof, which is checked on the way. Never raises."""
    file = Name("file", path)
    try:
        with open_regular_file(path) as stream:
            reader = LogReader(log_lines(stream))
            facts = _facts(reader, ProofFacts(number, file, "broken"))
    except (OSError, ValueError):  # no file, or a path that no file can have
        return ProofFacts(number, file, "unreadable", "There is no such file, or it cannot be read.")
    if reader.problems:
        return ProofFacts(number, file, "broken", reader.problems[0].sentence)
    return replace(facts, head=reader.head)


def _facts(reader: LogReader, facts: ProofFacts) -> ProofFacts:
    failed: set[str] = set()
    for event in reader.events():
        if isinstance(event, Begin):
            facts = replace(facts, verb=event.verb)
        elif isinstance(event, Check) and not event.passed:
            failed.add(event.name)
        elif isinstance(event, Totals):
            verdicts = _by_word(event.verdicts)
            transcripts = _by_word(event.transcripts)
            facts = replace(facts, word=event.verdict, verdicts=verdicts, transcripts=transcripts)
            facts = replace(facts, agents=event.agents, stores=event.stores, sessions=event.sessions)
        elif isinstance(event, End):
            facts = replace(facts, exit_code=event.exit_code, findings=Counter(event.findings))
    return replace(facts, failed_checks=tuple(sorted(failed)))


def _by_word(counts: Mapping[Verdict, int] | Mapping[HistoryVerdict, int] | UnsetType) -> Counter[str]:
    return Counter() if isinstance(counts, UnsetType) else Counter({word.value: n for word, n in counts.items()})


def _once(proof: ProofFacts, seen: set[int]) -> ProofFacts:
    """The proof, or that it is a copy of one that was seen."""
    if proof.head is None:
        return proof
    mark = int(proof.head[:16], 16)
    if mark in seen:
        return ProofFacts(proof.number, proof.file, "repeated", head=proof.head)
    seen.add(mark)
    return proof


def _badness(proof: ProofFacts) -> tuple[int, int, int]:
    """What to sort outliers by: the kind of trouble, then how many sessions are concerned."""
    return WORST_FIRST.index(proof.word), -sum(proof.verdicts[word] for word in LOST), proof.number
