"""The proof of an upgrade as a tree of plain values, for every format of a report."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from migrator.findings.sayings import SAYINGS
from migrator.model.upgrade import Record, Trial, Upgrade
from migrator.model.words import Name

if TYPE_CHECKING:
    from migrator.report.view import View

_LAST_LINES = 6


def of_upgrade(upgrade: Upgrade) -> dict[str, View]:
    """What was run, and what came of each way."""
    return {
        "before": upgrade.before,
        "after": upgrade.after,
        "manifest": upgrade.manifest,
        "original_untouched": upgrade.untouched,
        "cut_off_from_networks": upgrade.isolated,
        "confined_to_copies": upgrade.confined,
        "steps": [_step(record) for record in upgrade.records],
        "trials": [_trial(trial) for trial in upgrade.trials],
    }


def _trial(trial: Trial) -> dict[str, View]:
    return {
        "way": trial.way.value,
        "verdict": trial.word,
        "exit_code": trial.exit_code,
        "failed_checks": [check.name for check in trial.checks if not check.passed],
        "steps": [_step(record) for record in trial.records],
        "shown": {
            place: dict(Counter(getattr(one, place).value for one in trial.sessions))
            for place in ("before", "after", "gateway")
        },
        "sessions": [
            {
                "session": one.session,
                "session_id": one.session_id,
                "before": one.before.value,
                "after": one.after.value,
                "gateway": one.gateway.value,
                "differs": list(one.differs),
            }
            for one in trial.sessions
        ],
    }


def _step(record: Record) -> dict[str, View]:
    last_lines = [line.strip() for line in record.last_words.splitlines() if line.strip()][-_LAST_LINES:]
    return {
        "part": record.part.value,
        "release": record.release,
        "command": list(record.command),
        "exit_code": record.exit_code,
        "seconds": round(record.seconds, 1),
        "counts": dict(record.counts),
        "created": len(record.files.created),
        "changed": len(record.files.changed),
        "removed": len(record.files.removed),
        "says": [SAYINGS[code] for code in record.sayings],
        "last_words": [Name("output", line) for line in last_lines],
    }
