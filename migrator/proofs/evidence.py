"""Evidence: from a report to the events of a proof log, and the files that a proof consists of."""

from __future__ import annotations

import platform
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path

from migrator import __version__
from migrator.filesystem import filesystem_type, inherit_owner
from migrator.model.errors import BusyError
from migrator.model.inventory import FileIdentity, Inventory, counts
from migrator.model.report import ProveReport, Report, forecast_of, origin_of, plan_of, verification_of
from migrator.model.verification import HistoryVerdict, Verdict
from migrator.model.words import Finding, Name
from migrator.privacy.labels import KEY_FILE, Namer
from migrator.proofs.evidence_upgrade import not_tested, upgrade_checks, upgrade_events
from migrator.proofs.proof import ENDING, Fact, ProofLog, encode_log, numbered_path, read_log, write_durably
from migrator.proofs.proof_events import FILESYSTEMS, MACHINES, SYSTEMS, known
from migrator.proofs.proof_summary import summary_markdown
from migrator.sqlite.snapshot import identify
from migrator.verification.places import same_place

MOST_FINDINGS = 1000
"""So many findings of one code are in a proof one by one; the index of the quarantine and the json format have all."""

_SUMMARY_ENDING = ".summary.md"


def report_names(report: Report) -> Iterator[Name]:
    """Every string of the installations that a report is about: nothing of it may leave the process in clear."""
    origin = origin_of(report)
    theirs = names(origin) if origin is not report.inventory else ()
    return chain(names(report.inventory, forecast_of(report)), theirs)


def names(inventory: Inventory, forecast: tuple[Finding, ...] = ()) -> Iterator[Name]:
    """Every string of an installation that a scan has kept."""
    return (name for name in _all_names(inventory, forecast) if name.text)


def _all_names(inventory: Inventory, forecast: tuple[Finding, ...]) -> Iterator[Name]:
    yield from (Name("path", inventory.state_dir), Name("config", inventory.config_path or ""))
    yield from (Name("config-value", text) for text in inventory.names)
    for agent in inventory.agents:
        yield from (Name("agent", agent.directory), Name("agent-id", agent.normalized_id), Name("path", agent.path))
        yield from (Name("file", file.path) for file in agent.files)
    keys: set[str] = set()
    for store in inventory.stores:
        yield from (Name("store", store.path), Name("store", store.real_path))
        keys.update(entry.key for entry in store.entries)
        yield from (Name("session-id", entry.session_id) for entry in store.entries if entry.session_id is not None)
    for database in inventory.databases:
        yield Name("database", database.path)
        keys.update(row.key for rows in (database.cache_rows, database.typed_rows) for row in rows)
    yield from (Name("session", key) for key in keys)
    for finding in (*inventory.findings, *forecast):
        yield from (finding.subject, *finding.others)


def record(
    report: Report, command: Sequence[Name | str | int], namer: Namer, clock: Callable[[], datetime]
) -> ProofLog:
    """Everything that a report says, as the events of a proof log."""
    log, plan = ProofLog(namer, clock), plan_of(report)
    log.add(
        "begin",
        verb=report.verb,
        command=list(command[1:]),
        tool=__version__,
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        os=known(platform.system(), SYSTEMS),
        machine=known(platform.machine(), MACHINES),
        filesystem=known(filesystem_type(Path(report.inventory.state_dir)), FILESYSTEMS),
        **({"plan": plan.digest} if plan is not None else {}),
        **_releases(report),
    )
    sources = list(_sources(report))
    databases = list(_databases(report))
    for facts in sources:
        log.add("source", **facts)
    for facts in databases:
        log.add("database", **facts)
    _add_transcripts(log, report)
    for event, facts in upgrade_events(report) if isinstance(report, ProveReport) else ():
        log.add(event, **facts)
    for facts in _findings((*report.findings, *(report.forecast if isinstance(report, ProveReport) else ()))):
        log.add("finding", **facts)
    for check in _checks(report):
        log.add("check", **check)
    for code in _not_tested(report):
        log.add("not-tested", code=code)
    _add_totals(log, report, sources, databases)
    log.add("end", exit_code=report.exit_code)
    return log


def _releases(report: Report) -> dict[str, Fact]:
    if not isinstance(report, ProveReport):
        return {}
    upgrade = report.upgrade
    releases = {"openclaw_before": upgrade.before, "openclaw": upgrade.after}
    return {"manifest": upgrade.manifest, **{name: release for name, release in releases.items() if release}}


def render(lines: Sequence[str]) -> dict[str, bytes]:
    """A proof log and its summary, by the ends of their names."""
    return {ENDING: encode_log(lines), _SUMMARY_ENDING: summary_markdown(read_log(lines)).encode()}


def write(folder: Path, verb: str, files: Mapping[str, bytes]) -> None:
    """Write a rendered log and its summary; earlier ones of the same name stay.

    Raises OSError when they could not be made durable.
    """
    log = numbered_path(folder, verb)
    paths = {log.with_name(log.name.removesuffix(ENDING) + end): data for end, data in files.items()}
    for path, data in paths.items():
        write_durably(path, data)
    for path in (*paths, *folder.glob(KEY_FILE)):
        inherit_owner(path, folder)


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
            **_digests(planned.get(store.path, store).identity, store.real_path),
            "entries": len(store.entries),
            "damaged": len(store.damage),
            "quarantined": len(store.damage) + sum(entry.problem is not None for entry in store.entries),
            "transforms": dict(Counter(name for entry in store.entries for name in entry.transforms)),
            **({"verdicts": _by_word(dict(verified.counts))} if verified else {}),
        }
    files = {database.path: dict(database.files).get("") for database in origin.databases}
    for (name, database), verified in judged.items():
        counted = dict(verified.counts)
        yield {
            "store": name,
            "agent": Name("agent", verified.agent) if verified.agent is not None else None,
            "database": Name("database", database),
            **_digests(files.get(name.text), name.text),
            "entries": sum(counted.values()),
            "damaged": 0,
            "quarantined": counted.get(Verdict.QUARANTINED, 0),
            "verdicts": _by_word(counted),
        }


def _digests(before: FileIdentity | None, path: str) -> dict[str, Fact]:
    after = _identity_now(path)
    return {
        "size": before.size if before else None,
        "sha256_before": before.sha256 if before else None,
        "sha256_after": after.sha256 if after else None,
    }


def _identity_now(path: str) -> FileIdentity | None:
    try:
        return identify(path)
    except (OSError, BusyError):
        return None


def _by_word(counted: dict[Verdict, int]) -> dict[str, int]:
    return {verdict.value: count for verdict, count in counted.items() if count}


def _databases(report: Report) -> Iterator[dict[str, Fact]]:
    origin, verification, plan = origin_of(report), verification_of(report), plan_of(report)
    verified = {one.database.path: one for one in (verification.databases if verification else ())}
    planned = {one.database.path: one for one in (plan.databases if plan else ())}
    directories = {agent.directory for agent in (*report.inventory.agents, *origin.agents)}
    known = {database.path: database for database in report.inventory.databases}
    known |= {path: one.database for path, one in verified.items()}  # also those that are lost
    for database in known.values():
        directory = database.directory
        judged = verified.get(database.path)
        counted: Counter[Verdict] = Counter()
        for source in judged.sources if judged else ():
            counted.update(dict(source.counts))
        if judged:
            counted[Verdict.EXTRA] = len(judged.extra)
        actions = Counter(d.action.value for d in planned[database.path].decisions) if database.path in planned else {}
        yield {
            "database": Name("database", database.path),
            "agent": Name("agent", directory) if directory is not None and directory in directories else None,
            "shape": database.shape.value,
            "version": database.version,
            "content_digest": judged.content_digest if judged else None,
            "rows": judged.rows if judged else len({r.key for r in (*database.cache_rows, *database.typed_rows)}),
            **({"verdicts": _by_word(counted)} if judged else {}),
            **({"actions": dict(actions)} if plan is not None else {}),
        }


def _add_transcripts(log: ProofLog, report: Report) -> None:
    verification = verification_of(report)
    for database in verification.databases if verification else ():
        for history in database.histories:
            log.add(
                "transcript",
                transcript=history.transcript,
                database=Name("database", database.database.path),
                verdict=history.verdict.value,
                events=history.events,
                present=history.present,
                lines=dict(history.counts),
            )


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


def _checks(report: Report) -> list[dict[str, Name | str | bool]]:
    made: list[dict[str, Name | str | bool]] = []
    if isinstance(report, ProveReport):
        made += [{"name": name, "passed": passed} for name, passed in upgrade_checks(report.upgrade).items()]
    verification = verification_of(report)
    if verification is None:
        return made
    for database in verification.databases:
        name = Name("database", database.database.path)
        made += [{"name": check.name, "passed": check.passed, "subject": name} for check in database.checks]
    made += [{"name": check.name, "passed": check.passed} for check in verification.checks]
    return made


def _not_tested(report: Report) -> tuple[str, ...]:
    if isinstance(report, ProveReport):
        return (*not_tested(report.upgrade), "power-loss")
    always = ("openclaw-reads", "power-loss")
    return always if verification_of(report) else (*always, "transcripts")


def _add_totals(
    log: ProofLog, report: Report, sources: Sequence[Mapping[str, Fact]], databases: Sequence[Mapping[str, Fact]]
) -> None:
    named = {facts["agent"] for facts in (*sources, *databases) if isinstance(facts["agent"], Name)}
    agents, _ = counts(report.inventory)
    verification, plan = verification_of(report), plan_of(report)
    facts: dict[str, dict[str, int]] = {}
    if verification is not None:
        facts["verdicts"] = _by_word({verdict: verification.count(verdict) for verdict in Verdict})
        facts["transcripts"] = {
            one.value: verification.count_histories(one) for one in HistoryVerdict if verification.count_histories(one)
        }
    if plan is not None:
        actions = Counter(decision.action.value for one in plan.databases for decision in one.decisions)
        facts["actions"] = dict(actions)
    log.add(
        "totals",
        agents=max(agents, len(named)),
        stores=len({facts["store"] for facts in sources}),
        sessions=sum(facts["entries"] for facts in sources if isinstance(facts["entries"], int)),
        verdict=report.word,
        **facts,
    )
