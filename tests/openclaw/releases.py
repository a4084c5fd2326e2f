"""The published releases that the tests in this folder run; the README makes its table of releases from them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

LEGACY = ("2026.6.1", "2026.7.1")
"""They keep sessions in files. Their state directories are fixtures; they must list what was exported."""

SCHEMAS = {"2026.8.2": 19, "2026.9.6": 23}
"""They keep sessions in SQLite, at this agent schema, and must carry on what was migrated here."""

Pair = dict[str, dict[str, Any]]
"""The outcome of each way of an upgrade by its name: a word, and why."""

MATRIX: dict[str, dict[str, Pair]] = json.loads(Path(__file__).with_name("matrix.json").read_bytes())
"""What ``scripts/matrix`` found, by the old and the new release: each pair was tried both ways."""


def age(release: str) -> tuple[tuple[int, ...], bool, str]:
    """What releases are put in order by: their numbers; a beta comes before what it was for."""
    numbers, _, beta = release.rpartition("clawdbot-")[2].partition("-beta")
    return tuple(map(int, re.findall(r"\d+", numbers))), not beta, release
