"""The page: self-contained and escaped, and in a real browser accessible, filterable and printable."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.model.words import Finding, Name
from migrator.report import html
from migrator.report.building import foreseen_row
from migrator.report.document import ErrorDocument, ProveDocument, StepRow, TrialPart, UpgradePart, VerbDocument
from migrator.report.parts import ForecastPart, PlanPart
from migrator.report.verified_parts import ParityLine
from migrator.upgrades.release.cache import cache_folder
from tests import browser
from tests.report.test_plan_text import NEW
from tests.report_views import PARITY, agent, judged, label, scanned, shared, stopped, verification, verified

FINDINGS = (
    Finding("database.locked", Name("database", "d")),
    Finding("store.truncated", Name("store", "s"), (("length", 7), ("offset", 9))),
    *(Finding("lock.stale", Name("lock", str(one))) for one in range(300)),
)
VERDICTS = {"same": 7, "kept": 1, "missing": 2, "quarantined": 1}
STEP = StepRow(
    part="migrate",
    command=["openclaw", "doctor", "--fix"],
    release="2026.9.6",
    exit_code=1,
    seconds=2.5,
    counts={},
    says=["It failed."],
    last_words=[Name("output", "words")],
    created=3,
    changed=0,
    removed=0,
)
TRIAL = TrialPart(
    way="openclaw", verdict="differences", exit_code=1, failed_checks=(), steps=[STEP], shown={}, sessions=()
)
PROOF = UpgradePart(
    before=None,
    after="2026.9.6",
    manifest="0" * 64,
    original_untouched=True,
    cut_off_from_networks=True,
    confined_to_copies=True,
    steps=[STEP],
    trials=[TRIAL],
)
FORECAST = foreseen_row(Finding("upgrade.hides-agent", Name("agent", "a")))


def big_report() -> ProveDocument:
    """300 agents, one of which has lost something, with every section that a page can have."""
    lost = verified("lost", ("x", "missing"), ("y", "missing"), verdicts=VERDICTS)
    databases = [*(verified(f"agent-{one}") for one in range(299)), lost]
    return ProveDocument(
        **shared("prove", 1, *FINDINGS),
        plan=PlanPart(digest="0" * 64, databases=[NEW]),
        parity=ParityLine(**PARITY, line="agents 299/300, sessions 3588/3590"),
        verification=verification(*databases),
        upgrade=ForecastPart(releases="2026.8.2 and 2026.9.6", forecast=[FORECAST], filesystems=[]),
        upgrade_proof=PROOF,
    )


PAGES: dict[str, VerbDocument | ErrorDocument] = {
    "big": big_report(),
    "scan": scanned(0, *FINDINGS[:1], agents=[agent("main", problems=3, rows=2), agent("none", "empty", sessions=0)]),
    "clean": judged(databases=[verified("main")]),
    "stopped": stopped("apply", 11, "Somebody holds {subject}.", Name("lock", "gateway.lock")),
}


def test_a_page_holds_nothing_that_would_be_fetched_or_run() -> None:
    for document in PAGES.values():
        page = html.render(document, label)
        assert not re.search(r"<script|<link|<img|<iframe|src=|url\(|@import|https?:|javascript:| on\w+=", page)
        assert "default-src &#x27;none&#x27;" in page


def test_names_cannot_become_markup() -> None:
    evil = "<b onload=x>\"'&"
    document = scanned(0, Finding("lock.stale", Name("lock", evil)), agents=[agent(evil)])
    page = html.render(document, lambda name: name.text)
    assert "<b onload" not in page
    assert "&lt;b onload=x&gt;&quot;&#x27;&amp;" in page


def test_a_page_says_what_came_out_what_to_do_and_the_parity() -> None:
    page = html.render(big_report(), label)
    assert "<title>migrator prove: differences</title>" in page
    assert "agents 299/300, sessions 3588/3590" in page
    assert "missing, 2 sessions, in no database: &lt;x&gt;, &lt;y&gt;" in page
    assert 'aria-label="7 same, 1 kept, 2 missing, 1 quarantined"' in page
    assert page.index("&lt;lost&gt;") < page.index("&lt;agent-0&gt;")
    assert "$ openclaw doctor --fix  # release 2026.9.6" in page


def test_a_page_of_a_command_that_could_not_go_on_says_why() -> None:
    assert "Somebody holds &lt;gateway.lock&gt;." in html.render(PAGES["stopped"], label)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Page]:
    """A page in a real browser; skips where there is none, but fails in CI."""
    found, missing = browser.find(), "Chromium or axe-core is not installed: run scripts/browser"
    if found is None or axe() is None:
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with browser.page(found, tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages as files."""
    folder = tmp_path_factory.mktemp("pages")
    for name, document in PAGES.items():
        (folder / f"{name}.html").write_text(html.render(document, label), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in PAGES}


def axe() -> str | None:
    """The source of the accessibility checker, where scripts/browser has put it."""
    found = sorted(cache_folder().glob("axe-core-*/node_modules/axe-core/axe.min.js"))
    return found[-1].read_text(encoding="utf-8") if found else None


def rows(page: browser.Page) -> int:
    """How many rows of findings are to be seen."""
    shown = page.evaluate("[...document.querySelectorAll('tr[class^=is-]')].filter(row => row.offsetHeight).length")
    assert isinstance(shown, int)
    return shown


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(
    ("width", "dark", "printed"),
    [(1100, False, False), (1100, True, False), (380, False, False), (800, False, True)],
)
def test_axe_finds_no_violation_in_any_colours_width_or_medium(
    chromium: browser.Page, pages: dict[str, Path], name: str, width: int, dark: bool, printed: bool
) -> None:
    chromium.show(width, dark=dark, printed=printed)
    chromium.open(pages[name])
    assert chromium.evaluate(f"{axe()};0") == 0
    found = chromium.evaluate(
        "axe.run(document).then(done => [done.passes.length, done.violations.map("
        "one => `${one.id}: ${one.nodes[0].html}`)])"
    )
    assert found[0] > 10
    assert found[1] == []
    assert chromium.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [url for url in chromium.requests if url != pages[name].as_uri()] == []


def test_a_filter_hides_its_rows_by_keyboard_alone_and_print_shows_all(
    chromium: browser.Page, pages: dict[str, Path]
) -> None:
    chromium.show(1100)
    chromium.open(pages["big"])
    total = rows(chromium)
    assert total == 3
    for _ in range(20):
        chromium.press("Tab", 9)
        if chromium.evaluate("document.activeElement.id") == "is-note":
            break
    chromium.press(" ", 32)
    assert rows(chromium) == total - 1
    chromium.press(" ", 32)
    assert rows(chromium) == total
    chromium.press(" ", 32)
    chromium.show(800, printed=True)
    assert rows(chromium) == total


def test_the_first_key_leads_past_the_header_and_the_list_of_a_code_opens_by_keyboard(
    chromium: browser.Page, pages: dict[str, Path]
) -> None:
    chromium.show(1100)
    chromium.open(pages["big"])
    chromium.press("Tab", 9)
    assert chromium.evaluate("document.activeElement.className") == "skip"
    assert chromium.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    for _ in range(30):
        chromium.press("Tab", 9)
        if chromium.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    chromium.press(" ", 32)
    assert chromium.evaluate("document.activeElement.parentElement.open")


def test_a_bar_has_the_proportions_of_its_numbers(chromium: browser.Page, pages: dict[str, Path]) -> None:
    chromium.show(1100)
    chromium.open(pages["big"])
    widths = chromium.evaluate(
        "[...document.querySelector('.bar').children].map(piece => piece.getBoundingClientRect().width)"
    )
    same, kept, missing, quarantined = widths
    assert same / missing == pytest.approx(7 / 2, rel=0.15)
    assert kept == pytest.approx(quarantined, rel=0.15)
