"""A document as JUnit XML, for CI servers: a test case for each store and check, and one for the verdict of all.

The dialect is the one that Jenkins, GitLab and GitHub actions read: ``testsuites``, ``testsuite``, ``testcase`` with at
most one ``failure``, ``error`` or ``skipped``, and no attribute that the schemas of Jenkins do not know. A test case
has the same name in every run, so that a server can show what became of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from xml.etree import ElementTree

from migrator.findings.checks import CHECKS
from migrator.model.counted import plural
from migrator.model.verification import LOST_HISTORIES, Verdict
from migrator.model.words import Name, Severity
from migrator.report.document import ErrorDocument, VerbDocument, verification_of
from migrator.report.groups import listed
from migrator.report.parts import AgentRow, Namer
from migrator.report.verified_parts import TranscriptRow, VerificationPart, VerifiedDatabase
from migrator.verification.parity import ARRIVED

_FAILING = (Severity.REFUSED, Severity.BUSY, Severity.QUARANTINED)
_GOOD = (*ARRIVED, Verdict.EXTRA, Verdict.QUARANTINED)
_BAD_STATES = ("unreadable", "unknown", "damaged")


@dataclass(frozen=True, slots=True)
class Occasion:
    """When a command began, how many seconds it took, and whether a name has the same label in every run."""

    started: datetime | None = None
    seconds: float = 0
    has_lasting_labels: bool = True

    @property
    def stamp(self) -> str:
        """The time in UTC as the schemas of JUnit want it, without a zone; empty where it is not known."""
        return f"{self.started.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%S}" if self.started is not None else ""


@dataclass(frozen=True, slots=True)
class _Case:
    """A test case; ``trouble`` says in one line what is wrong, ``details`` all of it."""

    classname: str
    name: str
    trouble: str = ""
    details: str = ""


class _Titles:
    """Names of test cases: labels that last, else a number in the order of the report."""

    def __init__(self, namer: Namer, is_lasting: bool) -> None:
        self._namer, self._is_lasting = namer, is_lasting
        self._numbers: dict[Name, str] = {}
        self._kinds: Counter[str] = Counter()

    def of(self, name: Name) -> str:
        """The title of the test cases on the subject of this name."""
        if self._is_lasting:
            return self._namer(name)
        if name not in self._numbers:
            self._kinds[name.kind] += 1
            self._numbers[name] = f"{name.kind} {self._kinds[name.kind]}"
        return self._numbers[name]


def render(document: VerbDocument | ErrorDocument, namer: Namer, occasion: Occasion = Occasion()) -> str:
    """The text, with a final newline."""
    titles = _Titles(namer, occasion.has_lasting_labels)
    if isinstance(document, ErrorDocument):
        cases = [_stopped(document, namer)]
    else:
        cases = list(_cases(document, namer, titles))
    # What has no influence on the exit code is told, but it is no failure: the two must not contradict each other.
    wrong = "failure" if document.exit_code else "system-out"
    failures = sum(bool(case.trouble) for case in cases) if document.exit_code else 0
    name = f"migrator {document.command}"
    counts = {"name": name, "tests": str(len(cases)), "failures": str(failures), "errors": "0"}
    timed = {"time": f"{occasion.seconds:.3f}"} if occasion.started is not None else {}
    stamped = {"skipped": "0", "timestamp": occasion.stamp} if occasion.started is not None else {"skipped": "0"}
    suites = ElementTree.Element("testsuites", {**counts, **timed})
    suite = ElementTree.SubElement(suites, "testsuite", {**counts, **timed, **stamped})
    for case in cases:
        # All is judged together: only the verdict has a time, and the times add up.
        own = timed if case.classname == "verdict" else {}
        element = ElementTree.SubElement(suite, "testcase", {"classname": case.classname, "name": case.name, **own})
        if case.trouble:
            saying = {"message": case.trouble, "type": case.classname} if document.exit_code else {}
            ElementTree.SubElement(element, wrong, saying).text = case.details or case.trouble
    ElementTree.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(suites, "unicode")}\n'


def _stopped(document: ErrorDocument, namer: Namer) -> _Case:
    return _Case("verdict", document.command, f"{document.message.told(namer)} (exit {document.exit_code})")


def _cases(document: VerbDocument, namer: Namer, titles: _Titles) -> Iterator[_Case]:
    """The verdict first: it fails whenever the exit code is not 0, so that no failure can be overlooked."""
    told = f"{document.verdict} (exit {document.exit_code}): {document.next_step}"
    yield _Case("verdict", document.command, told if document.exit_code else "", "\n".join([told, *document.unmet]))
    verification = verification_of(document)
    if verification is not None:
        yield from _verified(verification, namer, titles)
    else:
        yield from (_found(row, titles) for row in document.agents)
    for finding in document.findings:
        if finding.severity in _FAILING:
            told = finding.sentence.told(namer)
            yield _Case(f"finding.{finding.code}", titles.of(finding.subject), told, f"{told}\n{finding.remedy}")


def _found(row: AgentRow, titles: _Titles) -> _Case:
    failure = f"{row.state}: {plural(row.problems, 'damaged piece')}" if row.state in _BAD_STATES else ""
    return _Case("store", titles.of(row.whose), failure)


def _verified(verification: VerificationPart, namer: Namer, titles: _Titles) -> Iterator[_Case]:
    for database in verification.databases:
        title = titles.of(database.whose)
        lost = list(_lost(database))
        details = [f"{told}: {listed(names, namer)}" for told, names in lost]
        yield _Case("store", title, "; ".join(told for told, _ in lost), "\n".join(details))
        yield from _checks(database.checks, title)
    yield from _checks(verification.checks, "all")


def _checks(checks: Mapping[str, bool], whose: str) -> Iterator[_Case]:
    for check, passed in checks.items():
        yield _Case(f"check.{check}", whose, "" if passed else f"This does not hold: {CHECKS[check]}")


def _lost(database: VerifiedDatabase) -> Iterator[tuple[str, Sequence[Name]]]:
    """What did not arrive as it was: how much of how much, and the names of what it is about."""
    short = [one.transcript for one in database.transcripts if _is_short(one)]
    present, events = database.parity.events
    if present < events:
        yield f"{events - present:,} of {plural(events, 'event')} missing", short
    sessions = [(one.verdict.value, one.session) for one in database.entries if one.verdict not in _GOOD]
    transcripts = [
        (one.verdict.value, one.transcript)
        for one in database.transcripts
        if one.verdict in LOST_HISTORIES and not _is_short(one)
    ]
    yield from _by_verdict("session", sessions, database.parity.sessions[1])
    yield from _by_verdict("transcript", transcripts, database.parity.transcripts[1])


def _is_short(history: TranscriptRow) -> bool:
    return history.present < history.events


def _by_verdict(noun: str, judged: Sequence[tuple[str, Name]], total: int) -> Iterator[tuple[str, Sequence[Name]]]:
    names: dict[str, list[Name]] = {}
    for verdict, name in judged:
        names.setdefault(verdict, []).append(name)
    for verdict, members in names.items():
        yield f"{len(members):,} of {plural(total, noun)} {verdict}", members
