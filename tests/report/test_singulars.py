"""What is there once is said in the singular: in every sentence of ours, and in every report on a fixture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from migrator.cli.main import main
from migrator.findings.table import RULES
from migrator.model.counted import Counted, counted, in_general, plural
from tests.conftest import FIXTURES, unpacked

NOUNS = (
    "agents|archives|bytes|characters|checks|databases|differences|directories|entries|events|faults|files|findings|folders"
    "|histories|items|keys|lines|messages|names|pieces|proofs|records|rows|runs|sessions|settings|sources|stores"
    "|transcripts|links"
)
WRONG = re.compile(
    rf"(?<![\d.:,/-])\b1 (?:[a-z]+ )?(?:{NOUNS})\b|(?<![\d.:,/-])\b1 [a-z]+ (?:are|were|have|go|refer|point)\b"
)
"""One of something, in the plural, or with its verb in the plural."""

FORMATS = ("text", "markdown", "html", "github", "junit")


@pytest.mark.parametrize(
    ("count", "noun", "told"),
    [
        (0, "session", "0 sessions"),
        (1, "entry", "1 entry"),
        (2, "entry", "2 entries"),
        (3, "key", "3 keys"),
        (1000, "damaged piece", "1,000 damaged pieces"),
    ],
)
def test_a_noun_goes_with_its_number(count: int, noun: str, told: str) -> None:
    assert plural(count, noun) == told


@given(count=st.integers(0, 10**6))
def test_a_sentence_takes_the_words_that_go_with_its_number(count: int) -> None:
    sentence = "{count:entry} {count:points|point} there, from line {line} on"
    told = sentence.format(**counted({"count": count, "line": 1000}))
    assert told == f"{plural(count, 'entry')} {'points' if count == 1 else 'point'} there, from line 1000 on"
    assert in_general(sentence) == "{count} entries point there, from line {line} on"


@pytest.mark.parametrize("code", RULES)
def test_no_finding_says_one_of_something_in_the_plural(code: str) -> None:
    rule = RULES[code]
    names = set(re.findall(r"\{(\w+)", rule.sentence)) - {"pid"}
    facts = {name: Counted(1, "1") for name in names} | {"pid": 17, "subject": "X", "others": "Y"}
    told = rule.sentence.format(**facts)
    assert not WRONG.search(told), told


def reports(root: Path) -> list[str]:
    """What the commands say of a fixture, before it is migrated, while it is, and after."""
    states = [root] if (root / "agents").is_dir() else sorted({one.parent for one in root.rglob("agents")})
    said = []
    for state in states[:2]:
        where = ["--state-dir", str(state), "--names", "clear", "--all"]
        lines = [["scan"], ["plan"], ["verify"], ["apply", "--yes"], ["verify"], ["rollback"]]
        lines += [["verify", "--format", form] for form in FORMATS]
        said += [CliRunner().invoke(main, [*line, *where]).output for line in lines]
    return said


BY_DEFAULT = (
    "context-labels",
    "defect-malformed-line",
    "gateway-2026.6.5",
    "only-deleted-archives-left",
    "transcript-conflict-diverged",
    "upgraded-2026.6.1-to-2026.9.6",
    "upgraded-then-tidied-2026.9.6",
)
"""Of each kind one: read, repaired, written by a gateway, upgraded, with findings of all sorts."""


@pytest.mark.parametrize(
    "fixture",
    [
        pytest.param(name, marks=[] if name in BY_DEFAULT else pytest.mark.exhaustive)
        for name in sorted(path.name.removesuffix(".tar.xz") for path in FIXTURES.glob("*.tar.xz"))
    ],
)
def test_no_report_on_a_fixture_says_one_of_something_in_the_plural(fixture: str, tmp_path: Path) -> None:
    for said in reports(unpacked(fixture, tmp_path)):
        flat = " ".join(re.sub(r"<[^>]*>", " | ", said).split())
        assert not (found := WRONG.search(flat)), flat[max(found.start() - 60, 0) : found.end() + 60]
