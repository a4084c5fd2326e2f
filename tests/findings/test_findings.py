"""The table of findings: nothing is in it that is never found."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import migrator
from migrator.findings.table import RULES

TABLES = ("findings.py", "repair_rules.py", "upgrade_rules.py")


def strings_of_the_program() -> Iterator[str]:
    """Every string in the code of the package, but for those in the tables of findings themselves."""
    for path in Path(migrator.__file__).parent.rglob("*.py"):
        if path.name not in TABLES:
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def test_every_finding_is_made_somewhere() -> None:
    assert RULES.keys() - set(strings_of_the_program()) == set()
