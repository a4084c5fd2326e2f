"""The page: self-contained and escaped, and in a real browser accessible, filterable and printable."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from migrator.model.explanation import Place
from migrator.model.words import Finding, Name
from migrator.report import html
from migrator.report.building import foreseen_row
from migrator.report.document import ErrorDocument, ProveDocument, StepRow, TrialPart, UpgradePart, VerbDocument
from migrator.report.parts import ForecastPart, PlanPart
from migrator.report.verified_parts import DifferenceRow, Parity, ParityLine
from migrator.upgrades.release.cache import cache_folder
from tests import browser
from tests.report.test_plan_text import NEW
from tests.report_views import (
    PARITY,
    agent,
    explained,
    judged,
    label,
    scanned,
    session,
    shared,
    stopped,
    transcript,
    verification,
    verified,
)

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


def lossy_report() -> VerbDocument:
    """An agent whose import stopped after 3 of 21 events, and one that has lost nothing."""
    history = transcript("t.jsonl", "extends", events=21, present=3, first_missing_line=5)
    numbers = Parity(**{**PARITY, "sessions": (1, 1), "transcripts": (0, 1), "events": (3, 21), "missing_events": 18})
    work = verified(
        "work", verdicts={"transformed": 1}, transcripts=[history], parity=numbers, complete=False, entries=[FOLDED]
    )
    return judged(
        1,
        databases=[verified("main"), work],
        parity=ParityLine(**{**PARITY, "agents": (1, 2), "missing_events": 18}, line="events 15/33"),
    )


KEPT = transcript("t.jsonl", "contained")
FOLDED = session("s", "transformed", transforms=("delivery-folded", "title-filled"))

PAGES: dict[str, VerbDocument | ErrorDocument] = {
    "big": big_report(),
    "scan": scanned(0, *FINDINGS[:1], agents=[agent("main", problems=3, rows=2), agent("none", "empty", sessions=0)]),
    "lossy": lossy_report(),
    "long names": judged(1, databases=[verified("x" * 200, ("agent:" + "y" * 200, "missing"), transcripts=[KEPT])]),
    "explained": explained(Place("transcript", Name("transcript", "/t"), count=21, present=3, verdict="extends")),
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
    assert 'aria-label="7 there, 1 newer kept, 1 damaged, 2 missing"' in page
    assert page.index("&lt;lost&gt;") < page.index("&lt;agent-0&gt;")
    assert "$ openclaw doctor --fix  # release 2026.9.6" in page


def test_a_page_of_a_command_that_could_not_go_on_says_why() -> None:
    assert "Somebody holds &lt;gateway.lock&gt;." in html.render(PAGES["stopped"], label)


def test_the_agent_that_lost_18_of_21_events_has_a_red_piece_of_18_and_its_tile_says_so() -> None:
    page = html.render(lossy_report(), label)
    assert 'aria-label="3 there, 18 missing"' in page
    assert '<span class="lost" style="flex-grow:18" data-word="missing"></span>' in page
    assert '<strong class="bad">15/33</strong><span>events</span><span class="remark bad">18 missing</span>' in page
    assert '<strong class="good">13/13</strong><span>sessions</span></li>' in page
    assert '<strong class="bad">1/2</strong><span>agents</span>' in page
    assert page.index("&lt;work&gt;") < page.index("&lt;main&gt;")


def test_differences_are_rows_of_a_table_and_harmless_ones_are_folded_in() -> None:
    page = html.render(lossy_report(), label)
    row = page[page.index("What differs: 1") :]
    assert '<strong class="bad">incomplete</strong>' in row
    assert "18 of 21 events missing, from line 5 on." in row
    folded = row[row.index('<details class="harmless">') : row.index("</details>")]
    assert "Harmless: 1 session and 0 transcripts with known changes" in folded
    assert "delivery-folded" in folded
    assert "delivery-folded" not in page.replace(folded, "")


def test_what_differs_within_an_entry_is_said_in_our_words() -> None:
    differences = [
        DifferenceRow(kind="lost", path=[Name("field", "model")]),
        DifferenceRow(kind="differs", path=[Name("field", "label"), 2]),
    ]
    entries = [session("s", "changed", differences=differences), session("m", "moved", places=[Name("database", "d")])]
    page = html.render(judged(1, databases=[verified("main", complete=False, entries=entries)]), label)
    assert "What differs: lost `&lt;model&gt;`; `&lt;label&gt;/2` differs." in page
    assert "It is in &lt;d&gt;." in page


def test_more_differences_than_anybody_reads_are_counted() -> None:
    lost = verified("main", *((str(one), "missing") for one in range(1000)))
    page = html.render(judged(1, databases=[lost]), label)
    assert page.count('<strong class="bad">missing</strong>') == 200
    assert "... and 800 more" in page


def test_what_a_release_gives_up_and_a_failed_check_are_never_folded_in() -> None:
    section = verification(verified("main", checks={"integrity": False}), failed_checks=["integrity"])
    page = html.render(judged(1, verification=structs.replace(section, given_up={"title-dropped": 7})), label)
    assert page.index("Failed checks") < page.index("What the release gives up")
    assert '<th scope="row">title-dropped</th><td class="number" data-head="number">7</td>' in page
    assert '<details class="harmless">' not in page


def test_300_equal_agents_are_one_row_that_unfolds_to_their_names() -> None:
    page = html.render(judged(databases=[verified(f"agent-{one}") for one in range(300)]), label)
    (row,) = re.findall(r'<tr><th scope="row"><details>.*?</tr>', page)
    assert "<summary>300 agents</summary>" in row
    assert row.count("<li>") == 300
    assert "&lt;agent-7&gt;</span> sessions 12/12, transcripts 12/12, events 12/12</li>" in row
    assert '<span class="pair">3,600/3,600</span>' in row


def test_a_broken_agent_among_300_keeps_a_row_of_its_own() -> None:
    page = html.render(big_report(), label)
    assert page.count('<th scope="row"><span class="label">&lt;lost&gt;</span></th>') == 1
    assert "<summary>299 agents</summary>" in page


def test_the_next_command_can_be_copied_from_the_page() -> None:
    page = html.render(judged(1, next_command=["migrator", "plan", "--state-dir", Name("path", "/state")]), label)
    assert "<pre>migrator plan --state-dir &lt;/state&gt;</pre>" in page


def test_an_explanation_is_a_table_of_places_with_what_happened_and_what_to_do() -> None:
    page = html.render(PAGES["explained"], label)
    assert '<td data-head="verdict">extends</td>' in page
    assert "21 events, 3 of them in a database" in page
    assert page.index("Where it is") < page.index("What happened to it") < page.index("Nothing to do: all of it")


def test_a_check_of_the_whole_state_directory_says_so() -> None:
    section = verification(verified("main"), failed_checks=["no-sibling-directories"])
    page = html.render(judged(1, verification=section), label)
    assert '<td data-head="where">the whole state directory</td>' in page


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
    there, kept, damaged, missing = widths(chromium, ".bar")
    assert there / missing == pytest.approx(7 / 2, rel=0.15)
    assert kept == pytest.approx(damaged, rel=0.15)


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False), (390, True)])
def test_the_missing_piece_is_six_sevenths_of_the_bar_and_red_in_both_colours(
    chromium: browser.Page, pages: dict[str, Path], width: int, dark: bool
) -> None:
    chromium.show(width, dark=dark)
    chromium.open(pages["lossy"])
    there, missing = widths(chromium, ".agents td[data-head=events] .bar")
    assert missing / (there + missing) == pytest.approx(18 / 21, rel=0.03)
    colour = chromium.evaluate("getComputedStyle(document.querySelector('[data-word=missing]')).backgroundColor")
    red, green, blue = map(int, re.findall(r"\d+", colour)[:3])
    assert red > 1.8 * max(green, blue)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [1280, 390])
def test_no_cell_is_cut_off_and_nothing_has_to_be_scrolled_sideways(
    chromium: browser.Page, pages: dict[str, Path], name: str, width: int
) -> None:
    chromium.show(width)
    chromium.open(pages[name])
    chromium.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    beyond = chromium.evaluate(
        "[...document.querySelectorAll('th, td, li, pre, .remark')].filter(one => one.offsetWidth > 1 && "
        "getComputedStyle(one).position != 'absolute' && !one.closest('thead') && "
        "one.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(one => one.outerHTML)"
    )
    assert beyond == []
    assert chromium.evaluate(
        "[...document.querySelectorAll('.scroll'), document.documentElement]"
        ".every(one => one.scrollWidth <= one.clientWidth)"
    )


def test_no_word_of_ours_is_broken_by_a_long_name(chromium: browser.Page, pages: dict[str, Path]) -> None:
    chromium.show(1280)
    chromium.open(pages["long names"])
    assert chromium.evaluate("document.querySelector('.agents td:last-child span').getClientRects().length") == 1


def test_rows_are_stacked_on_a_phone_and_each_cell_says_what_it_is(
    chromium: browser.Page, pages: dict[str, Path]
) -> None:
    chromium.show(390)
    chromium.open(pages["lossy"])
    tops = chromium.evaluate(
        "[...document.querySelector('.agents tbody tr').children].map(cell => cell.getBoundingClientRect().top)"
    )
    assert tops == sorted(set(tops))
    heads = chromium.evaluate(
        "[...document.querySelectorAll('.agents tbody tr:first-child td')]"
        ".map(cell => getComputedStyle(cell, '::before').content)"
    )
    assert heads[-1] in ('"state: "', '"state" ": "')


def widths(page: browser.Page, bar: str) -> list[float]:
    """How wide the pieces of the first such bar are."""
    found: list[float] = page.evaluate(
        f"[...document.querySelector('{bar}').children].map(piece => piece.getBoundingClientRect().width)"
    )
    return found
