"""GitHub actions: one annotation for each code, and nothing in it that the runner would misread."""

from __future__ import annotations

from migrator.model.words import Finding, Name
from migrator.report import github
from tests.report_views import judged, label, scanned, verification, verified


def test_many_findings_of_a_code_are_one_annotation() -> None:
    findings = [Finding("lock.stale", Name("lock", str(one))) for one in range(300)]
    lines = github.render(scanned(0, *findings), label).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("::notice title=lock.stale (300 findings)::<0> was left behind")


def test_the_level_follows_the_severity_and_that_of_the_verdict_the_exit_code() -> None:
    finding = Finding("database.locked", Name("database", "d"))
    levels = [line.split()[0] for line in github.render(scanned(12, finding), label).splitlines()]
    assert levels == ["::error", "::error"]
    assert github.render(scanned(15), label).startswith("::warning ")
    assert github.render(scanned(), label).startswith("::notice ")


def test_line_ends_percents_colons_and_commas_are_escaped() -> None:
    document = scanned(unmet=["1 agent, expected 2"], next_step="100% of it.")
    (line,) = github.render(document, label).splitlines()
    assert line == (
        "::notice title=migrator scan%3A proved (exit 0)::Not as expected: 1 agent, expected 2.%0A100%25 of it."
    )


def test_a_check_that_failed_is_an_error_of_its_own() -> None:
    section = verification(verified("main", checks={"integrity": False}), failed_checks=["integrity"])
    first = github.render(judged(1, verification=section), label).splitlines()[0]
    assert first.startswith("::error title=migrator verify%3A failed check::failed check integrity (<main>). ")
