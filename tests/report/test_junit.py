"""JUnit: a test case for each store and check, and the verdict of all."""

from __future__ import annotations

from xml.etree import ElementTree

from migrator.model.words import Finding, Name
from migrator.report import junit
from migrator.report.document import ErrorDocument, VerbDocument
from tests.report_views import agent, judged, label, scanned, stopped, verified


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
    assert failure.attrib["message"] == "5 sessions missing; 1 session changed"
    assert failure.text == "5 sessions missing: <s0>, <s1>, <s2> and 2 more\n1 session changed: <t>"
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
