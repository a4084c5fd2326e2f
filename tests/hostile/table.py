"""All hostile cases by name."""

from __future__ import annotations

from tests.hostile import agents, databases, entries, sizes, stores
from tests.hostile.case import Case

CASES: tuple[Case, ...] = (*stores.CASES, *entries.CASES, *databases.CASES, *agents.CASES, *sizes.CASES)
BY_NAME = {case.name: case for case in CASES}
