"""Markdown to be pasted: short whatever was found, and no name that breaks a table."""

from __future__ import annotations

from msgspec import structs

from migrator.model.explanation import Place
from migrator.model.words import Finding, Name
from migrator.report import markdown
from migrator.report.groups import MOST_ROWS
from tests.report_views import agent, explained, judged, label, scanned, stopped, verification, verified

FACTS = (("length", 7), ("offset", 9))
SHOWN = "<details><summary>Everything else</summary>"


def test_the_first_lines_are_the_verdict_what_to_do_and_the_parity() -> None:
    lines = markdown.render(judged(databases=[verified("main")]), label).splitlines()
    assert lines[0] == "### migrator verify: proved (exit 0)"
    assert lines[2] == "**What to do:** Nothing."
    assert lines[4] == "`agents 1/1`"
    assert "| <main> | 12/12 | 12/12 | 12/12 | complete |" in lines


def test_300_agents_and_thousands_of_findings_stay_a_page() -> None:
    findings = [Finding("lock.stale", Name("lock", str(one))) for one in range(3000)]
    databases = [verified(f"a{one}", *([("s", "missing")] if one == 299 else [])) for one in range(300)]
    page = markdown.render(judged(1, *findings, databases=databases), label)
    assert len(page.splitlines()) < MOST_ROWS + 60
    assert "| <a299> | 12/12 | 12/12 | 12/12 | **differs** |" in page
    assert f"... and {299 - MOST_ROWS} more" in page
    assert "| note | `lock.stale` | 3000 |" in page


def test_a_name_cannot_end_its_cell() -> None:
    page = markdown.render(scanned(agents=[agent("a|b\nc")]), label)
    assert "| <a\\|b c> | 12.3 kB | - | 12 | 3 | legacy |" in page


def test_a_failed_check_says_what_should_be_true_and_where() -> None:
    section = verification(verified("main", checks={"integrity": False}), failed_checks=["integrity"])
    page = markdown.render(judged(1, verification=section), label)
    assert "**failed**" in page
    assert "| complete |" not in page
    assert page.index("#### Failed checks") < page.index("#### Not complete")
    assert "| integrity | SQLite's full integrity check passes. | <main> |" in page


def test_a_command_that_could_not_go_on_says_why() -> None:
    page = markdown.render(stopped("plan", 11, "Wait."), label)
    assert page == "### migrator plan: stopped (exit 11)\n\nWait.\n"


def test_no_heading_is_larger_than_a_comment_needs() -> None:
    section = verification(verified("main", checks={"integrity": False}), failed_checks=["integrity"])
    page = markdown.render(judged(1, Finding("lock.stale", Name("lock", "l")), verification=section), label)
    assert {line.split()[0] for line in page.splitlines() if line.startswith("#")} == {"###", "####"}


def test_what_failed_is_seen_and_the_rest_unfolds() -> None:
    findings = (Finding("lock.stale", Name("lock", "l")), Finding("store.truncated", Name("store", "s"), FACTS))
    lossy = verified("lost", ("s", "missing"), complete=False)
    section = structs.replace(
        verification(lossy, verified("main")), verdicts={"same": 12, "missing": 1}, transcripts={"extends": 1}
    )
    seen, _, rest = markdown.render(judged(1, *findings, verification=section), label).partition(SHOWN)
    for part in ("| <lost> |", "| missing | 1 |", "| extends | 1 |", "`store.truncated`"):
        assert part in seen
        assert part not in rest
    for part in ("| <main> |", "| same | 12 |", "`lock.stale`"):
        assert part in rest
        assert part not in seen
    assert rest.index("</details>") < rest.index("<sub>")


def test_of_a_proved_state_nothing_but_the_claim_is_seen() -> None:
    seen, _, _ = markdown.render(judged(databases=[verified("main")]), label).partition(SHOWN)
    assert len(seen.splitlines()) < 8
    assert "|" not in seen


def test_an_explanation_is_seen_place_by_place_with_what_happened() -> None:
    places = (
        Place("transcript", Name("transcript", "/t"), count=21, present=3, verdict="extends", time=1000),
        Place("entry", Name("store", "/s"), verdict="moved", elsewhere=(Name("archive", "/d"),)),
    )
    seen, _, _ = markdown.render(explained(*places), label).partition(SHOWN)
    told = (
        "the file has events that the database lacks, 21 events, 3 of them in a database, updated 1970-01-01T00:00:01Z"
    )
    assert f"| transcript | </t> | extends | {told} |" in seen
    assert "it is in the archive of deleted sessions of </d>" in seen
    assert "| 1970-01-01T00:00:00Z | updated | </s> |" in seen
    assert "Nothing to do: all of it is where it should be." in seen


def test_the_next_command_is_a_block_of_code() -> None:
    page = markdown.render(judged(1, next_command=["migrator", "plan", "--state-dir", Name("path", "/state")]), label)
    assert "\n\n    migrator plan --state-dir </state>\n\n`agents 1/1`" in page
