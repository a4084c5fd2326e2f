"""Preflight: what forbids this program to begin, looked for before the first byte is written.

What OpenClaw's own upgrade would do is foreseen in :mod:`migrator.planning.forecast`, and never forbids anything here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from migrator.filesystem import free_bytes
from migrator.findings.table import RULES
from migrator.model.counted import counted
from migrator.model.errors import BusyError, RefusedError
from migrator.model.plan import Plan
from migrator.model.words import Finding, Name, Severity
from migrator.runs.run import RUNS


def preflight(plan: Plan) -> None:
    """Refuse before anything is written: a live writer, or too little space on a filesystem.

    Raises BusyError or RefusedError.
    """
    require_idle(plan.findings)
    if any(planned.pending for planned in plan.databases):
        _require_writable(Path(plan.state_dir, RUNS), Name("path", plan.state_dir))
    needed: dict[int, int] = {}
    for planned in plan.databases:
        folder = _existing_parent(Path(planned.database.path))
        if planned.writes:
            _require_writable(Path(planned.database.path).parent, Name("database", planned.database.path))
        device = folder.stat().st_dev
        needed[device] = needed.get(device, 0) + (planned.peak_bytes if planned.pending else 0)
        if needed[device] > free_bytes(folder):
            raise RefusedError(
                f"The filesystem of {{subject}} has {free_bytes(folder)} bytes free, and {needed[device]} are needed; "
                "make room and try again.",
                Name("database", planned.database.path),
            )


def require_idle(findings: Iterable[Finding]) -> None:
    """Refuse while somebody else writes. Raises BusyError."""
    for finding in findings:
        rule = RULES[finding.code]
        if rule.severity is Severity.BUSY:
            sentence = f"{rule.sentence} {rule.remedy}".format(subject="{subject}", **counted(dict(finding.facts)))
            raise BusyError(sentence, finding.subject)


def _require_writable(folder: Path, name: Name) -> None:
    present = _existing_parent(folder)
    if not present.is_dir() or not os.access(present, os.W_OK | os.X_OK):
        raise RefusedError("Nothing can be written for {subject}: run as its owner, on a writable filesystem.", name)


def _existing_parent(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
