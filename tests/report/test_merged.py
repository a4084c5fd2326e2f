"""Merged proofs in each format: what is not good first, with what to do, then the totals."""

from __future__ import annotations

import json
from collections import Counter

from migrator.model.words import Name
from migrator.privacy.labels import clear_text
from migrator.proofs.merging import Merged, ProofFacts, Sums
from migrator.report import json_format, merged

GOOD = ProofFacts(1, Name("file", "web-1"), "proved", head="a" * 64, verb="verify", exit_code=0, agents=2, sessions=9)
BROKEN = ProofFacts(2, Name("file", "web|2"), "broken", "Line 3 is not JSON.")
LOSSY = ProofFacts(
    3,
    Name("file", "web-3"),
    "differences",
    head="b" * 64,
    verb="verify",
    exit_code=1,
    agents=1,
    sessions=5,
    verdicts=Counter(same=3, missing=2, moved=0),
    findings=Counter({"store.truncated": 1}),
    failed_checks=("owner",),
)


def view(*proofs: ProofFacts, omitted: int = 0) -> merged.MergedDocument:
    totals = Sums()
    for proof in proofs:
        if proof.problem is None:
            totals.add(proof)
    bad = tuple(proof for proof in proofs if not proof.good)
    return merged.of_merged(Merged(len(proofs), len(proofs) - len(bad), {"verify": totals}, bad, omitted))


def test_the_text_names_the_outliers_first_with_all_that_is_known_and_what_to_do() -> None:
    text = merged.text(view(BROKEN, LOSSY, GOOD), clear_text)
    assert text == (
        "proof merge: 1 of 3 proofs is good\n"
        "\n"
        "broken: proof 2, web|2\n"
        "    Line 3 is not JSON.\n"
        "    Do not rely on this proof. Run verify there again, which writes a new one.\n"
        "\n"
        "differences: proof 3, web-3\n"
        "    verify, exit code 1, 5 sessions\n"
        "    verdicts: missing 2, same 3\n"
        "    findings: store.truncated 1\n"
        "    failed checks: owner\n"
        f"    hash of its last line: {'b' * 64}\n"
        f"    {LOSSY.remedy}\n"
        "\n"
        "verify: 2 proofs, 1 good, 3 agents, 0 stores, 14 sessions\n"
        "    outcomes: differences 1, proved 1\n"
        "    verdicts: missing 2, same 3\n"
        "    findings: store.truncated 1\n"
        "\n"
        "See to the proofs listed, the first one first.\n"
    )


def test_when_all_are_good_the_text_ends_with_nothing_to_do() -> None:
    lines = merged.text(view(GOOD), clear_text).splitlines()
    assert (lines[0], lines[-1]) == ("proof merge: 1 of 1 proof is good", "Nothing to do: every proof is good.")


def test_the_markdown_is_a_page_with_whole_tables() -> None:
    page = merged.markdown(view(BROKEN, LOSSY, GOOD, omitted=4), clear_text)
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert {row.replace("\\|", "").count("|") for row in rows[:4]} == {4}
    assert {row.count("|") for row in rows[4:]} == {9}
    assert "| 2, web\\|2 | broken | Line 3 is not JSON.<br>" in page
    assert "4 more are not good." in page


def test_json_holds_what_the_text_holds_and_names_go_through_the_namer() -> None:
    whole = json.loads(json_format.render(view(BROKEN, LOSSY, GOOD), lambda name: f"{name.kind}:label"))
    assert (whole["format"], whole["version"], whole["exit_code"]) == (merged.FORMAT, 1, 1)
    assert (whole["proofs"], whole["good"]) == (3, 1)
    assert [(one["outcome"], one["file"]) for one in whole["outliers"]] == [
        ("broken", "file:label"),
        ("differences", "file:label"),
    ]
    assert whole["totals"]["verify"]["verdicts"] == {"missing": 2, "same": 3}
