"""A document as JUnit XML, for CI servers: a test case for each store and check, and one for the verdict of all.

The dialect is the one that Jenkins, GitLab and GitHub actions read: ``testsuites``, ``testsuite``, ``testcase`` with at
most one ``failure``, ``error`` or ``skipped``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from migrator.findings.checks import CHECKS
from migrator.model.verification import Verdict
from migrator.model.words import Name, Severity
from migrator.report.document import ErrorDocument, VerbDocument, verification_of
from migrator.report.groups import listed, plural
from migrator.report.parts import AgentRow, Namer
from migrator.report.verified_parts import VerificationPart, VerifiedDatabase
from migrator.verification.parity import ARRIVED, ARRIVED_HISTORIES

_FAILING = (Severity.REFUSED, Severity.BUSY, Severity.QUARANTINED)
_GOOD = (*ARRIVED, Verdict.EXTRA, Verdict.QUARANTINED)
_BAD_STATES = ("unreadable", "unknown", "damaged")


@dataclass(frozen=True, slots=True)
class _Case:
    """A test case; ``trouble`` says in one line what is wrong, ``details`` all of it."""

    classname: str
    name: str
    trouble: str = ""
    details: str = ""


def render(document: VerbDocument | ErrorDocument, namer: Namer) -> str:
    """The text, with a final newline."""
    cases = [_stopped(document, namer)] if isinstance(document, ErrorDocument) else list(_cases(document, namer))
    # What has no influence on the exit code is told, but it is no failure: the two must not contradict each other.
    wrong = "failure" if document.exit_code else "system-out"
    failures = sum(bool(case.trouble) for case in cases) if document.exit_code else 0
    counts = {"tests": str(len(cases)), "failures": str(failures), "errors": "0", "skipped": "0"}
    suites = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(suites, "testsuite", {"name": f"migrator {document.command}", **counts})
    for case in cases:
        element = ElementTree.SubElement(suite, "testcase", {"classname": case.classname, "name": case.name})
        if case.trouble:
            told = ElementTree.SubElement(element, wrong, {"message": case.trouble} if document.exit_code else {})
            told.text = case.details or case.trouble
    ElementTree.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(suites, "unicode")}\n'


def _stopped(document: ErrorDocument, namer: Namer) -> _Case:
    return _Case("verdict", document.command, f"{document.message.told(namer)} (exit {document.exit_code})")


def _cases(document: VerbDocument, namer: Namer) -> Iterator[_Case]:
    """The verdict first: it fails whenever the exit code is not 0, so that no failure can be overlooked."""
    told = f"{document.verdict} (exit {document.exit_code}): {document.next_step}"
    yield _Case("verdict", document.command, told if document.exit_code else "", "\n".join([told, *document.unmet]))
    verification = verification_of(document)
    if verification is not None:
        yield from _verified(verification, namer)
    else:
        yield from (_found(row, namer) for row in document.agents)
    for finding in document.findings:
        if finding.severity in _FAILING:
            told = finding.sentence.told(namer)
            yield _Case(f"finding.{finding.code}", namer(finding.subject), told, f"{told}\n{finding.remedy}")


def _found(row: AgentRow, namer: Namer) -> _Case:
    failure = f"{row.state}: {plural(row.problems, 'damaged piece')}" if row.state in _BAD_STATES else ""
    return _Case("store", namer(row.whose), failure)


def _verified(verification: VerificationPart, namer: Namer) -> Iterator[_Case]:
    for database in verification.databases:
        name = namer(database.whose)
        lost = list(_lost(database, namer))
        yield _Case("store", name, "; ".join(line.partition(":")[0] for line in lost), "\n".join(lost))
        yield from _checks(database.checks, name)
    yield from _checks(verification.checks, "all")


def _checks(checks: Mapping[str, bool], whose: str) -> Iterator[_Case]:
    for check, passed in checks.items():
        yield _Case(f"check.{check}", whose, "" if passed else f"This does not hold: {CHECKS[check]}")


def _lost(database: VerifiedDatabase, namer: Namer) -> Iterator[str]:
    """A line for each verdict that says that something did not arrive as it was."""
    sessions = [(one.verdict.value, one.session) for one in database.entries if one.verdict not in _GOOD]
    transcripts = [
        (one.verdict.value, one.transcript) for one in database.transcripts if one.verdict not in ARRIVED_HISTORIES
    ]
    yield from _by_verdict("session", sessions, namer)
    yield from _by_verdict("transcript", transcripts, namer)


def _by_verdict(noun: str, judged: Sequence[tuple[str, Name]], namer: Namer) -> Iterator[str]:
    names: dict[str, list[Name]] = {}
    for verdict, name in judged:
        names.setdefault(verdict, []).append(name)
    for verdict, members in names.items():
        yield f"{plural(len(members), noun)} {verdict}: {listed(members, namer)}"
