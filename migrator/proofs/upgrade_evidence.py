"""Evidence of an upgrade: its commands, what real releases listed, and the verdict on each way, as events of a log."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from migrator.model.inventory import Inventory
from migrator.model.report import ProveReport
from migrator.model.upgrade import ListedSession, Record, Trial, Upgrade
from migrator.model.verification import HistoryVerdict, Verdict
from migrator.model.words import Name
from migrator.proofs.log import Fact
from migrator.verification.parity import parity


def upgrade_events(report: ProveReport) -> Iterator[tuple[str, datetime | None, dict[str, Fact]]]:
    """The events with their times: all commands on the original, then each trial with its commands and lists."""
    upgrade, files = report.upgrade, _file_names(report.inventory)
    state = report.inventory.state_dir
    yield from (("step", one.ended, _step(one, state, files)) for one in upgrade.records)
    for trial in upgrade.trials:
        yield from (("step", one.ended, _step(one, state, files)) for one in trial.records)
        ended = trial.records[-1].ended if trial.records else None
        yield from (("listed", ended, _listed(trial, seen)) for seen in trial.sessions)
        yield "trial", ended, _outcome(upgrade, trial)


def _listed(trial: Trial, seen: ListedSession) -> dict[str, Fact]:
    return {
        "way": trial.way,
        "session": seen.session,
        "session_id": seen.session_id,
        "before": seen.before,
        "after": seen.after,
        "gateway": seen.gateway,
        "differs": list(seen.differs),
        "tokens": seen.tokens,
    }


def upgrade_checks(upgrade: Upgrade) -> dict[str, bool]:
    """The checks of the way that counts, and that the original was left alone."""
    return {"original-untouched": upgrade.untouched, **{check.name: check.passed for check in upgrade.trials[0].checks}}


def _step(record: Record, state_dir: str, files: dict[str, Name]) -> dict[str, Fact]:
    def named(paths: tuple[str, ...]) -> list[Name]:
        whole = (os.path.join(state_dir, path) for path in paths)
        return [files.get(path, Name("file", path)) for path in whole]

    return {
        "part": record.part,
        "way": record.way,
        "release": record.release,
        "command": list(record.command),
        "exit_code": record.exit_code,
        "seconds": record.seconds,
        "counts": dict(record.counts),
        "created": named(record.files.created),
        "changed": named(record.files.changed),
        "removed": named(record.files.removed),
        "sayings": list(record.sayings),
    }


def _file_names(inventory: Inventory) -> dict[str, Name]:
    """What the other events call the files of an installation, by path."""
    names = {store.path: Name("store", store.path) for store in inventory.stores}
    names |= {one.path: Name("transcript", one.path) for one in inventory.transcripts}
    return names | {database.path: Name("database", database.path) for database in inventory.databases}


def _outcome(upgrade: Upgrade, trial: Trial) -> dict[str, Fact]:
    verification = trial.verification
    facts: dict[str, Fact] = {"way": trial.way, "verdict": trial.word, "exit_code": trial.exit_code}
    facts |= {"isolated": upgrade.isolated, "confined": upgrade.confined, "links_left_out": upgrade.links_left_out}
    facts |= {"steps": len(trial.records), "listed": len(trial.sessions)}
    for place in ("before", "after", "gateway"):
        facts[place] = dict(Counter(getattr(seen, place).value for seen in trial.sessions))
    facts["failed"] = sorted({check.name for check in trial.checks if not check.passed})
    if verification is None:
        return facts | {"sessions": 0, "events": 0, "present": 0, "verdicts": {}, "transcripts": {}}
    numbers = parity(verification)
    counts = {verdict.value: verification.count(verdict) for verdict in Verdict}
    histories = {verdict.value: verification.count_histories(verdict) for verdict in HistoryVerdict}
    return facts | {
        "sessions": numbers.sessions[1],
        "events": numbers.events[1],
        "present": numbers.events[0],
        "verdicts": {word: count for word, count in counts.items() if count},
        "transcripts": {word: count for word, count in histories.items() if count},
        "failed": sorted({*verification.failed_checks, *(c.name for c in trial.checks if not c.passed)}),
    }
