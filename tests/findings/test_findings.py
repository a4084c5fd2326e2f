"""The table of findings: nothing is in it that is never found."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import migrator
from migrator.findings.table import RULES, TABLES


def strings_of_the_program() -> Iterator[str]:
    """Every string in the code of the package, but for those in the tables of findings themselves."""
    package = Path(migrator.__file__).parent
    for path in package.rglob("*.py"):
        if path.parent != package / "findings":
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def test_every_finding_is_made_somewhere() -> None:
    assert RULES.keys() - set(strings_of_the_program()) == set()


def test_no_code_is_in_two_tables() -> None:
    assert sum(map(len, TABLES)) == len(RULES)


def test_no_finding_says_of_commands_that_only_read_that_they_have_kept_or_stored_something() -> None:
    claim = re.compile(r"\b(is|are|was|were) (kept|stored|migrated|put back)\b")
    claims = {code for code, rule in RULES.items() if claim.search(rule.remedy)}
    assert claims == set()
