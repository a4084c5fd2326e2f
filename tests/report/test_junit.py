"""JUnit: a test case for each store and check, and the verdict of all."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree

from migrator.model.words import Finding, Name
from migrator.report import junit
from migrator.report.document import ErrorDocument, VerbDocument
from migrator.report.junit import Occasion
from migrator.report.verified_parts import Parity, VerifiedDatabase
from tests.report_views import PARITY, agent, judged, label, scanned, stopped, transcript, verified

ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "disabled", "errors"},
    "testsuite": {
        *("name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id", "package"),
        *("file", "log", "url", "version"),
    },
    "testcase": {"name", "time", "classname", "group"},
    "failure": {"type", "message"},
    "system-out": set[str](),
}
"""The elements and attributes of junit-10.xsd of Jenkins' xUnit plugin that a report of ours may have."""


def short() -> VerifiedDatabase:
    """A database whose import stopped after 3 of 21 events."""
    history = transcript("t.jsonl", "extends", events=21, present=3)
    parity = Parity(**{**PARITY, "events": (3, 21), "missing_events": 18})
    return verified("work", complete=False, parity=parity, transcripts=[history])


def cases(document: VerbDocument | ErrorDocument) -> dict[tuple[str, str], ElementTree.Element]:
    root = ElementTree.fromstring(junit.render(document, label))  # noqa: S314 - our own text
    return {(case.attrib["classname"], case.attrib["name"]): case for case in root.iter("testcase")}


def test_each_store_and_each_check_is_a_case() -> None:
    found = cases(judged(databases=[verified("main"), verified("ops")]))
    assert set(found) == {
        ("verdict", "verify"),
        ("store", "<main>"),
        ("check.integrity", "<main>"),
        ("store", "<ops>"),
        ("check.integrity", "<ops>"),
        ("check.sources-unchanged", "all"),
    }
    assert all(len(case) == 0 for case in found.values())


def test_what_is_lost_fails_the_case_of_its_store_with_the_first_names() -> None:
    lost = [(f"s{one}", "missing") for one in range(5)]
    lossy = verified("main", *lost, ("t", "changed"), ("k", "kept"), checks={"integrity": False})
    found = cases(judged(1, databases=[lossy]))
    failure = found["store", "<main>"].find("failure")
    assert failure is not None
    assert failure.attrib == {"message": "5 of 12 sessions missing; 1 of 12 sessions changed", "type": "store"}
    assert failure.text == "5 of 12 sessions missing: <s0>, <s1>, <s2> and 2 more\n1 of 12 sessions changed: <t>"
    assert found["check.integrity", "<main>"].find("failure") is not None
    assert found["verdict", "verify"].find("failure") is not None


def test_what_does_not_count_for_the_exit_code_is_told_but_does_not_fail() -> None:
    finding = Finding("store.unreadable", Name("store", "/s"), (("errno", 13),))
    found = cases(scanned(0, finding, agents=[agent("main", "damaged", problems=2)]))
    for case in (found["store", "<main>"], found["finding.store.unreadable", "</s>"]):
        assert [child.tag for child in case] == ["system-out"]


def test_a_command_that_could_not_go_on_is_one_failing_case() -> None:
    ((_, case),) = cases(stopped("apply", 11, "Wait & see.")).items()
    assert "Wait & see. (exit 11)" in "".join(case.itertext())


def test_a_history_that_was_cut_short_says_how_many_events_of_how_many_are_missing() -> None:
    failure = cases(judged(1, databases=[short()]))["store", "<work>"].find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "18 of 21 events missing"
    assert failure.text == "18 of 21 events missing: <t.jsonl>"


def test_a_transcript_that_moved_with_all_its_events_fails_by_its_verdict() -> None:
    moved = verified("main", complete=False, transcripts=[transcript("t", "moved"), transcript("u", "contained")])
    failure = cases(judged(1, databases=[moved]))["store", "<main>"].find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "1 of 12 transcripts moved"


def test_time_and_timestamp_are_those_of_the_command_in_utc() -> None:
    began = datetime(2026, 11, 25, 12, 15, tzinfo=timezone(timedelta(hours=2)))
    root = ElementTree.fromstring(junit.render(judged(), label, Occasion(began, 2.5)))  # noqa: S314 - our own text
    (suite,) = root.iter("testsuite")
    assert root.attrib["time"] == suite.attrib["time"] == "2.500"
    assert suite.attrib["timestamp"] == "2026-11-25T10:15:00"
    assert [case.attrib["time"] for case in root.iter("testcase") if "time" in case.attrib] == ["2.500"]


def test_no_element_has_an_attribute_that_the_schema_does_not_know() -> None:
    began = datetime(2026, 11, 25, tzinfo=timezone.utc)
    finding = Finding("store.unreadable", Name("store", "/s"), (("errno", 13),))
    for document in (judged(1, finding, databases=[short()]), scanned(0, finding), stopped("plan", 11, "Wait.")):
        text = junit.render(document, label, Occasion(began, 1))
        for element in ElementTree.fromstring(text).iter():  # noqa: S314 - our own text
            assert set(element.attrib) <= ATTRIBUTES[element.tag]


def test_test_cases_have_numbers_for_names_where_labels_change_from_run_to_run() -> None:
    finding = Finding("store.unreadable", Name("store", "/s"), (("errno", 13),))
    document = judged(1, finding, databases=[short(), verified("main")])
    text = junit.render(document, label, Occasion(has_lasting_labels=False))
    names = [case.attrib["name"] for case in ElementTree.fromstring(text).iter("testcase")]  # noqa: S314 - our own
    assert names == ["verify", "agent 1", "agent 1", "agent 2", "agent 2", "all", "store 1"]
