"""A view as JUnit XML, for CI servers: a test case for each store and check, and one for the verdict of all.

The dialect is the one that Jenkins, GitLab and GitHub actions read: ``testsuites``, ``testsuite``, ``testcase`` with at
most one ``failure``, ``error`` or ``skipped``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast
from xml.etree import ElementTree

from migrator.findings.checks import CHECKS
from migrator.model.words import Name
from migrator.report.groups import listed, plural
from migrator.report.scan_text import who
from migrator.report.verdict_words import GOOD, GOOD_TRANSCRIPTS
from migrator.report.view import Namer, View, message, sentence

_FAILING = ("refused", "busy", "quarantined")
_BAD_STATES = ("unreadable", "unknown", "damaged")


@dataclass(frozen=True, slots=True)
class _Case:
    """A test case; ``trouble`` says in one line what is wrong, ``details`` all of it."""

    classname: str
    name: str
    trouble: str = ""
    details: str = ""


def render(view: dict[str, View], namer: Namer) -> str:
    """The document, with a final newline."""
    cases = [_stopped(view, namer)] if "message" in view else list(_cases(view, namer))
    # What has no influence on the exit code is told, but it is no failure: the two must not contradict each other.
    wrong = "failure" if view["exit_code"] else "system-out"
    failures = sum(bool(case.trouble) for case in cases) if view["exit_code"] else 0
    counts = {"tests": str(len(cases)), "failures": str(failures), "errors": "0", "skipped": "0"}
    suites = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(suites, "testsuite", {"name": f"migrator {view['command']}", **counts})
    for case in cases:
        element = ElementTree.SubElement(suite, "testcase", {"classname": case.classname, "name": case.name})
        if case.trouble:
            told = ElementTree.SubElement(element, wrong, {"message": case.trouble} if view["exit_code"] else {})
            told.text = case.details or case.trouble
    ElementTree.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(suites, "unicode")}\n'


def _stopped(view: dict[str, View], namer: Namer) -> _Case:
    return _Case("verdict", str(view["command"]), f"{message(view, namer)} (exit {view['exit_code']})")


def _cases(view: dict[str, View], namer: Namer) -> Iterator[_Case]:
    """The verdict first: it fails whenever the exit code is not 0, so that no failure can be overlooked."""
    told = f"{view['verdict']} (exit {view['exit_code']}): {view['next_step']}"
    unmet = cast(list[str], view["unmet"])
    yield _Case("verdict", str(view["command"]), told if view["exit_code"] else "", "\n".join([told, *unmet]))
    if "verification" in view:
        yield from _verified(cast(dict[str, View], view["verification"]), namer)
    else:
        yield from (_found(row, namer) for row in cast(list[dict[str, View]], view["agents"]))
    for finding in cast(list[dict[str, View]], view["findings"]):
        if finding["severity"] in _FAILING:
            told, subject = sentence(finding, namer), namer(cast(Name, finding["subject"]))
            yield _Case(f"finding.{finding['code']}", subject, told, f"{told}\n{finding['remedy']}")


def _found(row: dict[str, View], namer: Namer) -> _Case:
    state = str(row["state"])
    failure = f"{state}: {plural(cast(int, row['problems']), 'damaged piece')}" if state in _BAD_STATES else ""
    return _Case("store", namer(who(row)), failure)


def _verified(verification: dict[str, View], namer: Namer) -> Iterator[_Case]:
    for database in cast(list[dict[str, View]], verification["databases"]):
        name = namer(who(database))
        lost = list(_lost(database, namer))
        yield _Case("store", name, "; ".join(line.partition(":")[0] for line in lost), "\n".join(lost))
        yield from _checks(cast(dict[str, bool], database["checks"]), name)
    yield from _checks(cast(dict[str, bool], verification["checks"]), "all")


def _checks(checks: dict[str, bool], whose: str) -> Iterator[_Case]:
    for check, passed in checks.items():
        yield _Case(f"check.{check}", whose, "" if passed else f"This does not hold: {CHECKS[check]}")


def _lost(database: dict[str, View], namer: Namer) -> Iterator[str]:
    """A line for each verdict that says that something did not arrive as it was."""
    lists = (("entries", "session", GOOD), ("transcripts", "transcript", GOOD_TRANSCRIPTS))
    for field, noun, good in lists:
        names: dict[str, list[Name]] = {}
        for member in cast(list[dict[str, View]], database[field]):
            if member["verdict"] not in good:
                names.setdefault(str(member["verdict"]), []).append(cast(Name, member[noun]))
        for verdict, members in names.items():
            yield f"{plural(len(members), noun)} {verdict}: {listed(members, namer)}"
