"""A report as a tree of plain values, with every string of the installation still wrapped as a Name.

Every format renders this one tree, so no format can say more than another, and all go through one redaction.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from migrator import __version__
from migrator.findings.table import RULES
from migrator.model.errors import MigratorError
from migrator.model.exported import Exported
from migrator.model.inventory import Database, counts
from migrator.model.outcome import Outcome
from migrator.model.plan import Action, DatabasePlan, Reject
from migrator.model.repair import Repair
from migrator.model.report import Report
from migrator.model.verification import (
    DatabaseVerification,
    Difference,
    EntryVerdict,
    HistoryVerdict,
    Verdict,
    Verification,
)
from migrator.model.words import HASH_BYTES, Finding, Name, Number
from migrator.planning.forecast import RELEASES, effect
from migrator.report.agent_rows import agent_rows, directory_of
from migrator.report.explain_view import of_explanation
from migrator.report.lazy import Lazy
from migrator.report.prove_view import of_upgrade
from migrator.verification.parity import is_complete, parity

Leaf = str | Number | bool | Name | None
View = Leaf | Sequence["View"] | dict[str, "View"]
Namer = Callable[[Name], str]

FORMAT = "openclaw-session-migrator/report"
VERSION = 1

_OWN = re.compile(r"[0-9a-f]{64}|[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}")
"""A digest, or the id of a run."""


def of_report(report: Report) -> dict[str, View]:
    """Everything that a report says."""
    agents, sessions = counts(report.inventory)
    directories = {agent.directory for agent in report.inventory.agents}
    databases = {database.path: database for database in report.inventory.databases}
    view: dict[str, View] = {
        "format": FORMAT,
        "version": VERSION,
        "tool": __version__,
        "command": report.verb,
        "verdict": report.word,
        "exit_code": report.exit_code,
        "next_step": report.next_step,
        "unmet": list(report.unmet),
        "state_dir": Name("path", report.inventory.state_dir),
        "state_dir_source": report.inventory.state_dir_source,
        "totals": {"agents": agents, "sessions": sessions},
        "agents": agent_rows(report.inventory),
    }
    if report.plan is not None:
        view["plan"] = {
            "digest": report.plan.digest,
            "databases": [_planned(planned, directories) for planned in report.plan.databases],
        }
    if report.run is not None:
        view["run"] = {
            "id": Path(report.run).name,
            "folder": Name("path", report.run),
            "databases": [_done(outcome, directories, databases) for outcome in report.outcomes],
            "archived_sources": len(report.archived),
        }
    if report.undone is not None:
        view["undone"] = asdict(report.undone)
    if report.verification is not None:
        numbers = parity(report.verification)
        view["parity"] = {**asdict(numbers), "line": str(numbers)}
        view["verification"] = {
            "verdicts": {verdict.value: report.verification.count(verdict) for verdict in Verdict},
            "transcripts": {one.value: report.verification.count_histories(one) for one in HistoryVerdict},
            "checks": {check.name: check.passed for check in report.verification.checks},
            "failed_checks": list(report.verification.failed_checks),
            "databases": [_verified(one, directories) for one in report.verification.databases],
        }
    if report.explained is not None:
        view["explanation"] = of_explanation(report.explained)
    if report.exported is not None:
        view["export"] = _exported(report.exported)
    if report.filesystems:
        view["upgrade"] = {
            "releases": RELEASES,
            "filesystems": [asdict(filesystem) | {"place": filesystem.place} for filesystem in report.filesystems],
            "forecast": [{"effect": effect(one.code), **of_finding(one)} for one in report.forecast],
        }
    if report.upgrade is not None:
        view["upgrade_proof"] = of_upgrade(report.upgrade)
    view["findings"] = Lazy(of_finding, report.findings)
    return view


def _done(outcome: Outcome, directories: set[str], databases: Mapping[str, Database]) -> dict[str, View]:
    return {
        "agent": directory_of(databases.get(outcome.path), directories),
        "database": Name("database", outcome.path),
        "created": outcome.created,
        "rows_written": outcome.rows_written,
        "failure": outcome.finding.code if outcome.failure and outcome.finding else None,
        "checkpointed": outcome.checkpointed,
    }


def digests(view: View) -> set[str]:
    """The digests, counts and ids of runs in a view: we worked them out, so they are no leak, whatever they look like.

    Numbers of nine digits and more are left out: a leaked telephone number is likelier than such a count.
    """
    found: set[str] = set()
    to_see: list[Iterator[View]] = [iter((view,))]
    while to_see:
        for one in to_see[-1]:
            if isinstance(one, str):
                if _OWN.fullmatch(one):
                    found.add(one)
            elif isinstance(one, int | float):
                if not isinstance(one, bool) and abs(one) < 10**8:
                    found.add(str(one))
            elif isinstance(one, dict | Sequence):
                to_see.append(iter(one.values() if isinstance(one, dict) else one))
                break
        else:
            to_see.pop()
    return found


def of_error(error: MigratorError, verb: str) -> dict[str, View]:
    """What a command says that could not go on."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "tool": __version__,
        "command": verb,
        "verdict": "stopped",
        "exit_code": error.exit_code,
        "subject": error.subject,
        "message": error.sentence,
    }


def of_finding(finding: Finding) -> dict[str, View]:
    """A finding with its sentence; the placeholders in it are filled by the renderer."""
    rule = RULES[finding.code]
    return {
        "code": finding.code,
        "severity": rule.severity.value,
        "subject": finding.subject,
        "others": list(finding.others),
        "facts": dict(finding.facts),
        "sentence": rule.sentence,
        "remedy": rule.remedy,
    }


def sentence(finding: dict[str, View], namer: Namer) -> str:
    """The sentence of a finding's view, with names and numbers in place."""
    subject, others, facts, text = (
        finding["subject"],
        finding["others"],
        finding["facts"],
        finding["sentence"],
    )
    assert isinstance(subject, Name)  # noqa: S101 - of_finding made it
    assert isinstance(text, str)  # noqa: S101
    named = [namer(other) for other in others if isinstance(other, Name)] if isinstance(others, list) else []
    numbers = facts if isinstance(facts, dict) else {}
    return text.format(subject=namer(subject), others=", ".join(named), **numbers)


def message(view: dict[str, View], namer: Namer) -> str:
    """The sentence of a view made by ``of_error``, with its name in place."""
    subject, told = view["subject"], str(view["message"])
    return told.format(subject=namer(subject)) if isinstance(subject, Name) else told


def _planned(planned: DatabasePlan, directories: set[str]) -> dict[str, View]:
    actions = Counter(decision.action.value for decision in planned.decisions)
    repaired = planned.repair.histories if planned.repair is not None else ()
    for row in planned.repair.rows if planned.repair is not None else ():
        actions[(Action.UPDATE if row.replaces else Action.INSERT).value] += 1
    return {
        "agent": directory_of(planned.database, directories),
        "database": Name("database", planned.database.path),
        "stores": [Name("store", store.path) for store in planned.stores],
        "create": planned.database.shape.value == "missing" and planned.pending,
        "pending": planned.pending,
        "actions": dict(sorted(actions.items())),
        "quarantine": Lazy(_reject, planned.rejects),
        "histories": len(planned.histories),
        "repairs": _repair(planned.repair),
        "events": sum(len(history.hashes) // HASH_BYTES for history in planned.histories),
        "new_events": sum(len(history.hashes) // HASH_BYTES - history.present for history in planned.histories)
        + sum(history.events for history in repaired),
        "expected_rows": planned.expected_rows,
        "expected_digest": planned.expected_digest,
        "peak_bytes": planned.peak_bytes,
    }


def _repair(repair: Repair | None) -> list[View]:
    """Where each row and each history of a repair comes from."""
    if repair is None:
        return []
    rows: list[View] = [
        {
            "session": Name("session", row.key),
            "from": row.source.origin.value,
            "places": [row.source.place],
            "replaces_older": row.replaces,
            "archived": row.archived,
            "events": None,
        }
        for row in repair.rows
    ]
    return rows + [
        {
            "session": Name("session", history.key),
            "from": history.origin.value,
            "places": [file.name for file in history.files],
            "replaces_older": False,
            "archived": history.entry is not None,
            "events": history.events,
        }
        for history in repair.histories
    ]


def _reject(reject: Reject) -> dict[str, View]:
    return {
        "source": Name("store", reject.path),
        "session": Name("session", reject.key) if reject.key is not None else None,
        "code": reject.code,
        "offset": reject.offset,
        "length": reject.length,
        "preserved": reject.preserved,
    }


def _exported(exported: Exported) -> dict[str, View]:
    return {
        "folder": Name("path", exported.folder),
        "databases": [
            {
                "database": Name("database", store.database),
                "place": Name("path", store.place),
                "sessions": store.sessions,
                "transcripts": store.transcripts,
                "archives": store.archives,
                "events": store.events,
            }
            for store in exported.stores
        ],
        "only_in_sqlite": dict(exported.only_in_sqlite),
    }


def _verified(verified: DatabaseVerification, directories: set[str]) -> dict[str, View]:
    totals: Counter[str] = Counter()
    for source in verified.sources:
        totals.update({verdict.value: count for verdict, count in source.counts})
    return {
        "agent": directory_of(verified.database, directories),
        "database": Name("database", verified.database.path),
        "complete": is_complete(verified),
        "parity": asdict(parity(Verification("", (verified,), (), ()))),
        "rows": verified.rows,
        "verdicts": dict(sorted(totals.items())),
        "content_digest": verified.content_digest,
        "checks": {check.name: check.passed for check in verified.checks},
        "entries": Lazy(_judged, [(one.source, verdict) for one in verified.sources for verdict in one.verdicts]),
        "transcripts": [
            {
                "transcript": history.transcript,
                "session": history.session,
                "verdict": history.verdict.value,
                "events": history.events,
                "present": history.present,
                "lines": dict(history.counts),
                "transforms": dict(history.transforms),
                "first_missing_line": history.first_missing_line or None,
                "places": list(history.places),
            }
            for history in verified.histories
        ],
        "extra": list(verified.extra),
    }


def _judged(judged: tuple[Name, EntryVerdict]) -> dict[str, View]:
    source, verdict = judged
    return {
        "session": verdict.session,
        "source": source,
        "verdict": verdict.verdict.value,
        "transforms": list(verdict.transforms),
        "differences": [_difference(difference) for difference in verdict.differences],
        "places": list(verdict.places),
    }


def _difference(difference: Difference) -> dict[str, View]:
    return {"kind": difference.kind, "path": list(difference.path)}
