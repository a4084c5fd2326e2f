"""Markdown to be pasted: short whatever was found, and no name that breaks a table."""

from __future__ import annotations

from migrator.model.words import Finding, Name
from migrator.report import markdown
from migrator.report.groups import MOST_ROWS
from tests.report_views import agent, judged, label, scanned, stopped, verification, verified


def test_the_first_lines_are_the_verdict_what_to_do_and_the_parity() -> None:
    lines = markdown.render(judged(databases=[verified("main")]), label).splitlines()
    assert lines[0] == "## migrator verify: proved (exit 0)"
    assert lines[2] == "**What to do:** Nothing."
    assert lines[4] == "`agents 1/1`"
    assert "| <main> | 12/12 | 12/12 | 12/12 | complete |" in lines


def test_300_agents_and_thousands_of_findings_stay_a_page() -> None:
    findings = [Finding("lock.stale", Name("lock", str(one))) for one in range(3000)]
    databases = [verified(f"a{one}", *([("s", "missing")] if one == 299 else [])) for one in range(300)]
    page = markdown.render(judged(1, *findings, databases=databases), label)
    assert len(page.splitlines()) < MOST_ROWS + 50
    assert "| <a299> | 12/12 | 12/12 | 12/12 | **differs** |" in page
    assert f"... and {300 - MOST_ROWS} more" in page
    assert "| note | `lock.stale` | 3000 |" in page


def test_a_name_cannot_end_its_cell() -> None:
    page = markdown.render(scanned(agents=[agent("a|b\nc")]), label)
    assert "| <a\\|b c> | 12.3 kB | - | 12 | 3 | legacy |" in page


def test_a_failed_check_says_what_should_be_true_and_where() -> None:
    section = verification(verified("main", checks={"integrity": False}), failed_checks=["integrity"])
    page = markdown.render(judged(1, verification=section), label)
    assert "**failed**" in page
    assert "| complete |" not in page
    assert "| integrity | SQLite's full integrity check passes. | <main> |" in page


def test_a_command_that_could_not_go_on_says_why() -> None:
    page = markdown.render(stopped("plan", 11, "Wait."), label)
    assert page == "## migrator plan: stopped (exit 11)\n\nWait.\n"
