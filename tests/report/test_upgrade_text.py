"""The forecast as text: one line for each kind, however many things there are of it."""

from __future__ import annotations

import re

import pytest

from migrator.findings.table import RULES
from migrator.model.report import Filesystem
from migrator.model.words import Finding, Name
from migrator.report.building import foreseen_row
from migrator.report.groups import MOST_NAMES
from migrator.report.parts import ForecastPart
from migrator.report.upgrade_text import upgrade_lines
from tests.report.test_document import facts_of

OWN = sorted(code for code in RULES if code.startswith(("upgrade.", "host.")))
FILESYSTEM = Filesystem(Name("path", "/x"), "ext4", read_only=False, free=7, needed=5)


def told(*findings: Finding) -> list[str]:
    forecast = ForecastPart(releases="A to B", filesystems=[FILESYSTEM], forecast=[*map(foreseen_row, findings)])
    return list(upgrade_lines(forecast, lambda name: f"<{name.text}>"))


def many(code: str, count: int, fact: int = 2) -> list[Finding]:
    facts = tuple((name, fact) for name, _ in facts_of(RULES[code].sentence))
    return [Finding(code, Name("session", f"n{one}"), facts, (Name("session", f"o{one}"),)) for one in range(count)]


@pytest.mark.parametrize("code", OWN)
def test_every_kind_is_one_line_and_its_remedy(code: str) -> None:
    for count in (1, 50):
        _, _, head, line, remedy, filesystem = told(*many(code, count))
        assert head.startswith("  ")
        assert line.endswith(f"[{code}]" if count == 1 else f"[{code}, 50]")
        assert "{" not in line
        assert remedy.strip() == RULES[code].remedy
        assert filesystem == "  ext4 filesystem of <<path>>".replace("<<path>>", "</x>") + (
            ": may need 5 B, 7 B are free"
        )


def test_the_first_names_are_told_and_the_rest_is_counted() -> None:
    line = told(*many("upgrade.blocks-null", MOST_NAMES))[3]
    assert line.count("<n") == MOST_NAMES
    assert "more" not in line
    line = told(*many("upgrade.blocks-null", MOST_NAMES + 4))[3]
    assert line.count("<n") == MOST_NAMES
    assert "and 4 more" in line


def test_the_numbers_of_all_are_added_up() -> None:
    line = told(*many("upgrade.loses-history", 3, fact=7))[3]
    assert re.search(r"\b21 good events\b", line)


def test_a_remedy_is_not_repeated_under_one_head() -> None:
    lines = told(*many("upgrade.blocks-acp", 1), *many("upgrade.blocks-key", 1), *many("upgrade.loses-entry", 1))
    remedy = RULES["upgrade.blocks-acp"].remedy
    assert RULES["upgrade.blocks-key"].remedy == RULES["upgrade.loses-entry"].remedy == remedy
    assert sum(line.strip() == remedy for line in lines) == 2


def test_nothing_to_tell_is_told_too() -> None:
    assert "nothing is known to go wrong" in told()[2]
