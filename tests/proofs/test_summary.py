"""The page about a proof: the verdict first, nothing that the log does not say, and fit to be pasted."""

from __future__ import annotations

import json

import pytest

from migrator.findings.checks import CHECKS, NOT_TESTED
from migrator.model.conclusions import OUTCOMES
from migrator.model.verification import Verdict
from migrator.model.words import Name
from migrator.privacy.guard import LeakGuard
from migrator.privacy.labels import Labels
from migrator.proofs.log import read_log
from migrator.proofs.summary import summary_markdown
from tests.proof_logs import KEY, a_run, a_scan, an_upgrade, digest, facts_of, judged, secrets, written

LINES = written(a_run()).lines()
PAGE = summary_markdown(read_log(LINES))


def label(kind: str, text: str) -> str:
    return Labels(KEY).of(Name(kind, text))


def test_the_verdict_stands_first_and_then_what_to_do() -> None:
    assert PAGE.splitlines()[0] == "### proved"
    assert PAGE.splitlines()[2].startswith("3 of 3 sessions of 2 agents and ")
    assert PAGE.splitlines()[4] == f"What to do: {OUTCOMES['proved'].remedy}"


def test_the_page_about_an_upgrade_begins_with_the_releases_and_what_became_of_the_sessions() -> None:
    page = summary_markdown(read_log(written(an_upgrade()).lines())).splitlines()
    assert page[0] == "### differences"
    assert page[2].startswith("Upgrade of a copy from 2026.7.1 to 2026.9.6: 3 of 3 sessions of 2 agents and ")


def test_what_is_seen_without_unfolding_stays_small_and_says_what_failed_and_what_was_not_tested() -> None:
    shown, _, folded = summary_markdown(read_log(written(an_upgrade()).lines())).partition("<details>")
    assert CHECKS["second-run"] in shown
    assert all(sentence in shown for sentence in (NOT_TESTED["power-loss"],))
    assert len(shown.encode()) + sum(len(NOT_TESTED[one]) + 3 for one in NOT_TESTED) < 4000
    assert folded.rstrip().endswith("</details>")


@pytest.mark.parametrize(
    "part",
    [
        f"- Command: `migrator apply --state-dir {label('path', '/home/alice/.openclaw')} --expect-agents 2`",
        "- Exit code: 0",
        "migrator 0.1.0",
        "Python 3.11.2",
        "SQLite 3.40.1",
        "Linux x86_64 ext4",
        "- Started: 2026-11-22T10:15:30.143Z, took 0.6 seconds",
        json.loads(LINES[-1])["hash"],
        digest("ops"),
        digest("content of ops"),
        "| contained | 1 |",
        "| agent.no-round-trip | 1 |",
        f"| passed | {CHECKS['integrity']} | {label('database', 'ops')} |",
        f"- {NOT_TESTED['power-loss']}",
        "| agent | store | entries | damaged | same | equal | extra |",
        "| all |  | 3 |  | 2 | 1 | 1 |",
    ],
)
def test_the_page_holds_what_a_reviewer_asks_for(part: str) -> None:
    assert part in PAGE


def test_the_counts_stand_beside_the_label_of_their_agent() -> None:
    agent = label("agent", "Alice Private")
    store = label("store", "/home/alice/.openclaw/agents/Alice Private/sessions/sessions.json")
    assert f"| {agent} | {store} | 2 | 0 | 2 | 0 | 0 |" in PAGE


@pytest.mark.parametrize(
    "part",
    [
        "OpenClaw 2026.7.1 and 2026.9.6",
        "| migrator | differences | 1 equal, 1 extra, 2 same | 3 of 3 | second-run |",
        "| migrator | the new release | same | 1 |",
        "| migrator | its gateway | hidden | 1 |",
        f"| migrator | openclaw gateway call chat.history {label('session', 'ops')} | 2026.9.6 | 0 | 0.3 | 1 | 1 | 1 |",
        f"| passed | {CHECKS['original-untouched']} |",
    ],
)
def test_the_page_about_an_upgrade_holds_its_ways_its_lists_and_its_commands(part: str) -> None:
    assert part in summary_markdown(read_log(written(an_upgrade()).lines()))


def test_a_source_that_stayed_the_same_is_told_from_one_that_changed() -> None:
    assert PAGE.count("| the same |") == 2
    events = a_run()
    facts_of(events, "source").update(sha256_after=digest("changed"))
    facts_of(events, "source", 1).update(sha256_after=None)
    facts_of(events, "check", 1)["passed"] = False
    facts_of(events, "totals").update(verdict="changed")
    facts_of(events, "end").update(exit_code=13)
    page = summary_markdown(read_log(written(events).lines()))
    assert "| the same |" not in page
    assert f"| {digest('Alice Private')} | {digest('changed')} |" in page
    assert f"| {digest('ops')} | none |" in page


def test_failed_checks_stand_before_passed_ones() -> None:
    events = a_run()
    facts_of(events, "check")["passed"] = False
    facts_of(events, "totals").update(verdict="differences")
    facts_of(events, "end").update(exit_code=1)
    page = summary_markdown(read_log(written(events).lines()))
    assert page.index("| FAILED |") < page.index("| passed |")


def test_every_word_and_number_of_the_page_is_in_the_log_or_is_our_own() -> None:
    labels = Labels(KEY)
    log = written(a_run(), labels.of)
    guard = LeakGuard(computed=[*labels.issued, *log.computed()])
    for name in secrets():
        guard.add_name(name)
    page = summary_markdown(read_log(log.lines()))
    guard.check_names(page)
    guard.check_sources(page, [page.encode()])


def test_the_guard_would_notice_a_page_that_says_more() -> None:
    guard = LeakGuard()
    guard.add_name("Alice Private")
    with pytest.raises(Exception, match="withheld"):
        guard.check_names(f"{PAGE} Alice")


def test_a_broken_log_gets_no_verdict_but_its_problems() -> None:
    page = summary_markdown(read_log([LINES[0], "gossip about alice", *LINES[2:]]))
    assert page.startswith("### broken log\n")
    assert "- Line 2 is not JSON." in page
    assert "proved" not in page
    assert "alice" not in page


def test_a_log_that_does_not_add_up_gets_no_verdict() -> None:
    events = a_run()
    facts_of(events, "totals")["sessions"] = 4
    assert summary_markdown(read_log(written(events).lines())).startswith("### broken log\n")


def test_many_stores_still_fit_on_a_page() -> None:
    stores = {f"agent {number}": {Verdict.SAME: 1} for number in range(500)}
    page = summary_markdown(read_log(written(judged("verify", stores, "proved", 0)).lines()))
    assert page.startswith("### proved\n")
    assert page.count("The other rows are in the log.") == 4
    assert len(page.splitlines()) < 210


def test_a_scan_has_no_columns_for_verdicts() -> None:
    events = a_scan()
    page = summary_markdown(read_log(written(events).lines()))
    assert "| agent | store | entries | damaged |\n" in page
    assert page.startswith("### scanned\n")
