"""Evidence: from a report to the events of a proof log.

Of an upgrade these are its commands, what real releases listed, and the verdict on each way.
"""

from __future__ import annotations

import os
import platform
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from migrator import __version__
from migrator.filesystem import filesystem_type
from migrator.model.errors import BusyError
from migrator.model.inventory import Database, FileIdentity, Inventory, agents_with_anything
from migrator.model.report import ApplyReport, ProveReport, Report, origin_of, plan_of, verification_of
from migrator.model.upgrade import ListedSession, Record, Trial, Upgrade
from migrator.model.verification import DatabaseVerification, HistoryVerdict, SourceVerification, Verdict
from migrator.model.words import Finding, Name
from migrator.privacy.labels import Namer
from migrator.proofs.claims import gaps
from migrator.proofs.log import Fact, ProofLog
from migrator.proofs.vocabulary import FILESYSTEMS, MACHINES, SYSTEMS, Source, known
from migrator.sqlite.snapshot import identify
from migrator.verification.holdings import same_place
from migrator.verification.parity import parity

MOST_FINDINGS = 1000
"""So many findings of one code are in a proof one by one; the index of the quarantine and the json format have all."""


def record(
    report: Report,
    command: Sequence[Name | str | int],
    namer: Namer,
    clock: Callable[[], datetime],
    started: datetime,
) -> ProofLog:
    """Everything that a report says, as the events of a proof log, each with the time at which it happened.

    ``started`` is when the command started; it has just ended, and its sources are looked at once more now.
    """
    ended = clock()
    log = ProofLog(namer, clock)
    log.add("begin", started, **_call(report, command))
    for event, at, facts in _upgrade_events(report) if isinstance(report, ProveReport) else ():
        log.add(event, at, **facts)
    sources = list(_sources(report))
    databases = list(_databases(report, sources))
    for facts in _agents(report, sources, databases):
        log.add("agent", ended, **facts)
    for facts in databases:
        log.add("database", ended, **facts)
    for facts in _transcripts(report):
        log.add("transcript", ended, **facts)
    for facts in _findings((*report.findings, *(report.forecast if isinstance(report, ProveReport) else ()))):
        log.add("finding", ended, **facts)
    for facts in _checks(report):
        log.add("check", ended, **facts)
    for source in sources:
        log.add("source", **source, sha256_after=_digest_now(source["store"]))
    log.add("check", name="sources-unchanged", passed=all(one.is_unchanged for one in log.ledger.of(Source)))
    assert log.ledger.begin is not None  # noqa: S101 - it was added first
    for code in sorted(gaps(log.ledger, log.ledger.begin, verification_of(report) is not None)):
        log.add("not-tested", code=code)
    log.add("totals", **_totals(report))
    log.add("end", exit_code=report.exit_code)
    return log


def _call(report: Report, command: Sequence[Name | str | int]) -> dict[str, Fact]:
    """What was called, by what, where."""
    return {
        "verb": report.verb,
        "command": list(command[1:]),
        "tool": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "os": known(platform.system(), SYSTEMS),
        "machine": known(platform.machine(), MACHINES),
        "filesystem": known(filesystem_type(Path(report.inventory.state_dir)), FILESYSTEMS),
        **({"plan": plan.digest} if (plan := plan_of(report)) is not None else {}),
        **_releases(report),
    }


def _releases(report: Report) -> dict[str, Fact]:
    if not isinstance(report, ProveReport):
        return {}
    upgrade = report.upgrade
    releases = {"openclaw_before": upgrade.before, "openclaw": upgrade.after}
    return {"manifest": upgrade.manifest, **{name: release for name, release in releases.items() if release}}


def _sources(report: Report) -> Iterator[dict[str, Fact]]:
    """Every store that there is to judge by, and every older database whose rows are."""
    origin, verification, plan = origin_of(report), verification_of(report), plan_of(report)
    judged = {
        (source.source, database.database.path): source
        for database in (verification.databases if verification else ())
        for source in database.sources
    }
    planned = {store.path: store for one in (plan.databases if plan else ()) for store in one.stores}
    for store in origin.stores:
        name = Name("store", store.path)
        database = same_place(store.database, origin, report.inventory)
        verified = judged.pop((name, database), None)
        yield {
            "store": name,
            "agent": Name("agent", store.agent) if store.agent is not None else None,
            "database": Name("database", database),
            **_identity(planned.get(store.path, store).identity),
            "entries": len(store.entries),
            "damaged": len(store.damage),
            "quarantined": len(store.damage) + sum(entry.problem is not None for entry in store.entries),
            "transforms": dict(Counter(name for entry in store.entries for name in entry.transforms)),
            **({"verdicts": _by_word(dict(verified.counts))} if verified else {}),
        }
    yield from _older_databases(origin, judged)


def _older_databases(
    origin: Inventory, judged: Mapping[tuple[Name, str], SourceVerification]
) -> Iterator[dict[str, Fact]]:
    """The sources that are no stores, by name and by the database that they are judged against."""
    files = {database.path: dict(database.files).get("") for database in origin.databases}
    for (name, database), verified in judged.items():
        counted = dict(verified.counts)
        yield {
            "store": name,
            "agent": Name("agent", verified.agent) if verified.agent is not None else None,
            "database": Name("database", database),
            **_identity(files.get(name.text)),
            "entries": sum(counted.values()),
            "damaged": 0,
            "quarantined": counted.get(Verdict.QUARANTINED, 0),
            "transforms": {},
            "verdicts": _by_word(counted),
        }


def _identity(before: FileIdentity | None) -> dict[str, Fact]:
    return {"size": before.size if before else None, "sha256_before": before.sha256 if before else None}


def _digest_now(store: Fact) -> str | None:
    assert isinstance(store, Name)  # noqa: S101 - see _sources
    try:
        return identify(os.path.realpath(store.text)).sha256
    except (OSError, BusyError):
        return None


def _by_word(counted: dict[Verdict, int]) -> dict[str, int]:
    return {verdict.value: count for verdict, count in counted.items() if count}


def _databases(report: Report, sources: Sequence[Mapping[str, Fact]]) -> Iterator[dict[str, Fact]]:
    belonging = Counter(source["database"] for source in sources)
    origin, verification, plan = origin_of(report), verification_of(report), plan_of(report)
    written = _written(report)
    verified = {one.database.path: one for one in (verification.databases if verification else ())}
    planned = {one.database.path: one for one in (plan.databases if plan else ())}
    directories = {agent.directory for agent in (*report.inventory.agents, *origin.agents)}
    known = {database.path: database for database in report.inventory.databases}
    known |= {path: one.database for path, one in verified.items()}  # also those that are lost
    for database in known.values():
        directory = database.directory
        decisions = planned[database.path].decisions if database.path in planned else ()
        yield {
            "database": Name("database", database.path),
            "agent": Name("agent", directory) if directory is not None and directory in directories else None,
            "written": database.path in written,
            "sources": belonging[Name("database", database.path)],
            "shape": database.shape.value,
            "version": database.version,
            **_contents(database, verified.get(database.path)),
            **({"actions": dict(Counter(d.action.value for d in decisions))} if plan is not None else {}),
        }


def _written(report: Report) -> set[str]:
    return {outcome.path for outcome in report.outcomes} if isinstance(report, ApplyReport) else set()


def _contents(database: Database, judged: DatabaseVerification | None) -> dict[str, Fact]:
    """What a database holds, with the verdicts if it was judged."""
    if judged is None:
        return {"transcripts": 0, "events": 0, "content_digest": None, "rows": len(database.keys)}
    counted: Counter[Verdict] = Counter()
    for source in judged.sources:
        counted.update(dict(source.counts))
    counted[Verdict.EXTRA] = len(judged.extra)
    return {
        "transcripts": len(judged.histories),
        "events": sum(history.events for history in judged.histories),
        "content_digest": judged.content_digest,
        "rows": judged.rows,
        "verdicts": _by_word(counted),
        "extra_events": judged.extra_events,
    }


def _transcripts(report: Report) -> Iterator[dict[str, Fact]]:
    verification = verification_of(report)
    for database in verification.databases if verification else ():
        for history in database.histories:
            yield {
                "transcript": history.transcript,
                "database": Name("database", database.database.path),
                "verdict": history.verdict.value,
                "events": history.events,
                "present": history.present,
                "lines": dict(history.counts),
            }


def _agents(
    report: Report, sources: Sequence[Mapping[str, Fact]], databases: Sequence[Mapping[str, Fact]]
) -> Iterator[dict[str, Fact]]:
    """Every agent directory that holds anything, or that a store or database names."""
    stores, own = (Counter(one["agent"] for one in group) for group in (sources, databases))
    agents = {Name("agent", directory) for directory in agents_with_anything(report.inventory)}
    for name in sorted(agents | {name for name in (*stores, *own) if isinstance(name, Name)}):
        yield {"agent": name, "stores": stores[name], "databases": own[name]}


def _findings(findings: Sequence[Finding]) -> Iterator[dict[str, Fact]]:
    """Every finding, up to so many of one code: the last of these says how many more there are."""
    left = Counter(finding.code for finding in findings)
    listed: Counter[str] = Counter()
    for finding in findings:
        left[finding.code] -= 1
        listed[finding.code] += 1
        if listed[finding.code] > MOST_FINDINGS:
            continue
        last = listed[finding.code] == MOST_FINDINGS
        yield {
            "code": finding.code,
            "subject": finding.subject,
            "facts": dict(finding.facts),
            "others": list(finding.others),
            **({"more": left[finding.code]} if last and left[finding.code] else {}),
        }


def _checks(report: Report) -> list[dict[str, Fact]]:
    made: list[dict[str, Fact]] = []
    if isinstance(report, ProveReport):
        made += [{"name": name, "passed": passed} for name, passed in _upgrade_checks(report.upgrade).items()]
    verification = verification_of(report)
    if verification is None:
        return made
    for database in verification.databases:
        name = Name("database", database.database.path)
        made += [{"name": check.name, "passed": check.passed, "subject": name} for check in database.checks]
    made += [{"name": check.name, "passed": check.passed} for check in verification.checks]
    return made


def _totals(report: Report) -> dict[str, Fact]:
    """The verdict, and what it rests on; the log adds the sums of what it lists."""
    facts: dict[str, Fact] = {"verdict": report.word}
    if (verification := verification_of(report)) is not None:
        facts["verdicts"] = _by_word({verdict: verification.count(verdict) for verdict in Verdict})
        counted = {one.value: verification.count_histories(one) for one in HistoryVerdict}
        facts["transcripts"] = {word: count for word, count in counted.items() if count}
    if (plan := plan_of(report)) is not None:
        facts["actions"] = dict(Counter(d.action.value for one in plan.databases for d in one.decisions))
    return facts


def _upgrade_events(report: ProveReport) -> Iterator[tuple[str, datetime | None, dict[str, Fact]]]:
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


def _upgrade_checks(upgrade: Upgrade) -> dict[str, bool]:
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
