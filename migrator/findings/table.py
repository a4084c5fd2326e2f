"""The table of findings: every code with its severity, its sentence and what to do. A page shows the same.

A sentence speaks about "{subject}" and may use the finding's numeric facts by name and "{others}". No sentence ever
holds text from an installation: names are put in by whoever prints, as clear text or as labels.
"""

from __future__ import annotations

from migrator.findings.databases import DATABASE_RULES
from migrator.findings.histories import HISTORY_RULES
from migrator.findings.repairs import REPAIR_RULES
from migrator.findings.rule import Rule
from migrator.findings.runs import RUN_RULES
from migrator.findings.stores import STORE_RULES
from migrator.findings.upgrades import UPGRADE_RULES

TABLES = (STORE_RULES, HISTORY_RULES, DATABASE_RULES, RUN_RULES, REPAIR_RULES, UPGRADE_RULES)
"""The findings by what they are about."""

RULES: dict[str, Rule] = {code: rule for table in TABLES for code, rule in table.items()}
