"""From what a verb found or did to its document: every name is still wrapped, every number is worked out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from msgspec import structs
from msgspec.structs import asdict

from migrator import __version__
from migrator.findings.table import RULES
from migrator.findings.upgrades import SAYINGS
from migrator.model.errors import MigratorError
from migrator.model.explanation import ADVICE, Explanation
from migrator.model.exported import Exported
from migrator.model.inventory import counts
from migrator.model.report import (
    ApplyReport,
    ExplainReport,
    ExportReport,
    KnownRun,
    PlanReport,
    ProveReport,
    Report,
    RollbackReport,
    ScanReport,
    VerifyReport,
)
from migrator.model.upgrade import Record, Trial, Upgrade
from migrator.model.words import Finding, Name, Number
from migrator.planning.forecast import RELEASES, effect
from migrator.report.database_parts import agent_rows, plan_part, run_part, verified_members
from migrator.report.document import (
    FORMAT,
    VERSION,
    ApplyDocument,
    ErrorDocument,
    ExplainDocument,
    ExportDocument,
    ListedRow,
    PlanDocument,
    ProveDocument,
    RollbackDocument,
    ScanDocument,
    StepRow,
    Totals,
    TrialPart,
    UpgradePart,
    VerbDocument,
    VerifyDocument,
)
from migrator.report.parts import (
    CommandLine,
    EventRow,
    ExplanationPart,
    ExportedDatabase,
    ExportPart,
    FindingRow,
    ForecastPart,
    ForeseenRow,
    KnownRunRow,
    Lazy,
    PlaceRow,
    RunPart,
    Sentence,
)

_LAST_LINES = 6
"""So many lines of the output of a failed command are shown."""


def document_of(report: Report) -> VerbDocument:
    """Everything that a report says."""
    shared, inventory = _shared(report), report.inventory
    match report:
        case ScanReport():
            return ScanDocument(**shared, upgrade=_forecast(report))
        case PlanReport():
            return PlanDocument(**shared, plan=plan_part(report.plan, inventory))
        case VerifyReport():
            return VerifyDocument(**shared, **verified_members(report.verification, inventory))
        case ApplyReport():
            return ApplyDocument(
                **shared,
                **verified_members(report.verification, inventory),
                plan=plan_part(report.plan, inventory),
                run=_applied(report),
            )
        case ProveReport():
            return ProveDocument(
                **shared,
                **(verified_members(report.verification, inventory) if report.verification is not None else {}),
                plan=plan_part(report.plan, inventory),
                upgrade=_forecast(report),
                upgrade_proof=_upgrade(report.upgrade),
            )
        case ExportReport():
            return ExportDocument(**shared, export=_exported(report.exported))
        case ExplainReport():
            return ExplainDocument(**shared, explanation=explanation_part(report.explained))
        case RollbackReport():
            runs = [_known_run(one) for one in report.runs] if report.word == "listed" else None
            return RollbackDocument(**shared, run=run_part(report.run, inventory), undone=report.undone, runs=runs)
    raise TypeError(type(report).__name__)


def error_document(error: MigratorError, verb: str, meant: Sequence[CommandLine] = ()) -> ErrorDocument:
    """What a command says that could not go on, with the command lines that may have been meant."""
    return ErrorDocument(
        format=FORMAT,
        version=VERSION,
        tool=__version__,
        command=verb,
        verdict="stopped",
        exit_code=error.exit_code,
        subject=error.subject,
        message=Sentence(template=error.sentence, subject=error.subject, others=error.others),
        meant=meant or None,
    )


def finding_row(finding: Finding) -> FindingRow:
    """A finding with its sentence and what to do."""
    return FindingRow(**_finding(finding))


def foreseen_row(finding: Finding) -> ForeseenRow:
    """A finding of a forecast, with what it is about."""
    return ForeseenRow(**_finding(finding), effect=effect(finding.code))


def _finding(finding: Finding) -> dict[str, Any]:
    rule, facts = RULES[finding.code], dict(finding.facts)
    return {
        "code": finding.code,
        "severity": rule.severity,
        "subject": finding.subject,
        "others": finding.others,
        "facts": facts,
        "sentence": Sentence(template=rule.sentence, subject=finding.subject, others=finding.others, facts=facts),
        "remedy": rule.remedy,
    }


def _shared(report: Report) -> dict[str, Any]:
    """The members that the documents of all verbs have."""
    agents, sessions = counts(report.inventory)
    document = VerbDocument(
        format=FORMAT,
        version=VERSION,
        tool=__version__,
        command=report.verb,
        verdict=report.word,
        exit_code=report.exit_code,
        next_step=report.next_step,
        next_command=report.next_command or None,
        unmet=report.unmet,
        state_dir=Name("path", report.inventory.state_dir),
        state_dir_source=report.inventory.state_dir_source,
        totals=Totals(agents=agents, sessions=sessions),
        agents=agent_rows(report.inventory),
        findings=Lazy(finding_row, report.findings),
    )
    return asdict(document)


def _forecast(report: ScanReport | ProveReport) -> ForecastPart:
    forecast = [foreseen_row(one) for one in report.forecast]
    return ForecastPart(releases=RELEASES, filesystems=report.filesystems, forecast=forecast)


def _exported(exported: Exported) -> ExportPart:
    return ExportPart(
        folder=Name("path", exported.folder),
        databases=[
            ExportedDatabase(
                database=Name("database", store.database),
                place=Name("path", store.place),
                sessions=store.sessions,
                transcripts=store.transcripts,
                archives=store.archives,
                events=store.events,
            )
            for store in exported.stores
        ],
        only_in_sqlite=dict(exported.only_in_sqlite),
    )


def explanation_part(explained: Explanation) -> ExplanationPart:
    """All of an explanation; times are in the form in which we write times everywhere."""
    return ExplanationPart(
        subjects=explained.subjects,
        places=[
            PlaceRow(
                kind=place.kind,
                where=place.where,
                session=place.key,
                session_id=place.session_id,
                sha256=place.digest,
                updated=_time(place.time),
                count=place.count,
                present=place.present,
                verdict=place.verdict,
                why=place.why,
                elsewhere=place.elsewhere,
            )
            for place in explained.places
        ],
        history=[EventRow(time=_time(one.time), what=one.what, where=one.where) for one in explained.events],
        advice=[ADVICE[code] for code in explained.advice],
    )


def _time(milliseconds: Number | None) -> str | None:
    """A time in UTC; None for one that no calendar has."""
    if milliseconds is None:
        return None
    try:
        return f"{datetime.fromtimestamp(milliseconds / 1000, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return None


def _applied(report: ApplyReport) -> RunPart | None:
    part = run_part(report.run, report.inventory, report.outcomes, report.archiving)
    return structs.replace(part, take_back=report.rollback_command(part.id)) if part is not None else None


def _known_run(run: KnownRun) -> KnownRunRow:
    return KnownRunRow(
        id=os.path.basename(run.folder),
        folder=Name("path", run.folder),
        began=_time(run.time or None),
        state=run.state,
        takes_back=run.takes_back,
        obstacles=run.obstacles,
    )


def _upgrade(upgrade: Upgrade) -> UpgradePart:
    return UpgradePart(
        before=upgrade.before,
        after=upgrade.after,
        manifest=upgrade.manifest,
        original_untouched=upgrade.untouched,
        cut_off_from_networks=upgrade.isolated,
        confined_to_copies=upgrade.confined,
        steps=[_step(record) for record in upgrade.records],
        trials=[_trial(trial) for trial in upgrade.trials],
    )


def _trial(trial: Trial) -> TrialPart:
    return TrialPart(
        way=trial.way.value,
        verdict=trial.word,
        exit_code=trial.exit_code,
        failed_checks=[check.name for check in trial.checks if not check.passed],
        steps=[_step(record) for record in trial.records],
        shown={
            "before": dict(Counter(one.before.value for one in trial.sessions)),
            "after": dict(Counter(one.after.value for one in trial.sessions)),
            "gateway": dict(Counter(one.gateway.value for one in trial.sessions)),
        },
        sessions=[
            ListedRow(
                session=one.session,
                session_id=one.session_id,
                before=one.before.value,
                after=one.after.value,
                gateway=one.gateway.value,
                differs=one.differs,
            )
            for one in trial.sessions
        ],
    )


def _step(record: Record) -> StepRow:
    last_lines = [line.strip() for line in record.last_words.splitlines() if line.strip()][-_LAST_LINES:]
    return StepRow(
        part=record.part.value,
        release=record.release,
        command=record.command,
        exit_code=record.exit_code,
        seconds=round(record.seconds, 1),
        counts=dict(record.counts),
        created=len(record.files.created),
        changed=len(record.files.changed),
        removed=len(record.files.removed),
        says=[SAYINGS[code] for code in record.sayings],
        last_words=[Name("output", line) for line in last_lines],
    )
