"""GitHub actions: one annotation for each code, and nothing in it that the runner would misread."""

from __future__ import annotations

from migrator.model.words import Finding, Name
from migrator.report import github
from tests.report_views import label, report, verification, verified


def test_many_findings_of_a_code_are_one_annotation() -> None:
    findings = [Finding("lock.stale", Name("lock", str(one))) for one in range(300)]
    lines = github.render(report("scan", 0, *findings), label).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("::notice title=lock.stale (300 findings)::<0> was left behind")


def test_the_level_follows_the_severity_and_that_of_the_verdict_the_exit_code() -> None:
    finding = Finding("database.locked", Name("database", "d"))
    levels = [line.split()[0] for line in github.render(report("plan", 12, finding), label).splitlines()]
    assert levels == ["::error", "::error"]
    assert github.render(report("apply", 15), label).startswith("::warning ")
    assert github.render(report("apply"), label).startswith("::notice ")


def test_line_ends_percents_colons_and_commas_are_escaped() -> None:
    view = report("verify", unmet=["1 agent, expected 2"], next_step="100% of it.")
    (line,) = github.render(view, label).splitlines()
    assert line == (
        "::notice title=migrator verify%3A proved (exit 0)::Not as expected: 1 agent, expected 2.%0A100%25 of it."
    )


def test_a_check_that_failed_is_an_error_of_its_own() -> None:
    section = verification(verified("main", checks={"integrity": False}), failed_checks=["integrity"])
    first = github.render(report("verify", 1, verification=section), label).splitlines()[0]
    assert first.startswith("::error title=migrator verify%3A failed check::failed check integrity for <main>. ")
