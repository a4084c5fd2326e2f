"""Documents of reports with a few parts in them, for tests of formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from migrator.model.explanation import Event, Explanation, Place
from migrator.model.inventory import StoreKind
from migrator.model.verification import HistoryVerdict, Verdict
from migrator.model.words import Finding, Name
from migrator.report.building import explanation_part, finding_row
from migrator.report.document import (
    FORMAT,
    VERSION,
    ErrorDocument,
    ExplainDocument,
    ScanDocument,
    Totals,
    VerifyDocument,
)
from migrator.report.parts import AgentRow, ForecastPart, Sentence, State
from migrator.report.verified_parts import (
    Parity,
    ParityLine,
    SessionRow,
    TranscriptRow,
    VerificationPart,
    VerifiedDatabase,
)

PAIR = (12, 12)
PARITY: dict[str, Any] = {
    "agents": (1, 1),
    "sessions": PAIR,
    "transcripts": PAIR,
    "events": PAIR,
    "lines": 12,
    "blank": 0,
    "quarantined": 0,
    "missing": 0,
    "changed": 0,
    "moved": 0,
    "deleted": 0,
    "missing_events": 0,
    "absent_transcripts": 0,
    "extra_sessions": 0,
    "extra_events": 0,
}
NO_FORECAST = ForecastPart(releases="2026.8.2 and 2026.9.6", filesystems=[], forecast=[])


def label(name: Name) -> str:
    """A namer whose labels show what they stand for."""
    return f"<{name.text}>"


def agent(directory: str, state: State = "legacy", **changes: Any) -> AgentRow:  # noqa: ANN401 - any members
    """A row of a scan."""
    members: dict[str, Any] = {
        "agent": Name("agent", directory),
        "agent_id": Name("agent-id", directory),
        "store": Name("store", f"/{directory}/sessions.json"),
        "store_kind": StoreKind.AGENT,
        "store_bytes": 12345,
        "problems": 0,
        "database": None,
        "database_bytes": None,
        "shape": None,
        "schema": None,
        "entries": 12,
        "rows": 0,
        "sessions": 12,
        "transcripts": 3,
        "state": state,
    }
    return AgentRow(**{**members, **changes})


def session(name: str, verdict: str, **changes: Any) -> SessionRow:  # noqa: ANN401 - any members
    """A session with its verdict."""
    members: dict[str, Any] = {
        "session": Name("session", name),
        "source": Name("store", "/s"),
        "verdict": Verdict(verdict),
        "transforms": (),
        "differences": (),
        "places": (),
    }
    return SessionRow(**{**members, **changes})


def transcript(name: str, verdict: str, **changes: Any) -> TranscriptRow:  # noqa: ANN401 - any members
    """A transcript with its verdict."""
    members: dict[str, Any] = {
        "transcript": Name("transcript", name),
        "session": Name("session", name),
        "verdict": HistoryVerdict(verdict),
        "events": 9,
        "present": 9,
        "lines": {},
        "transforms": {},
        "first_missing_line": None,
        "places": (),
    }
    return TranscriptRow(**{**members, **changes})


def verified(directory: str, *entries: tuple[str, str], **changes: Any) -> VerifiedDatabase:  # noqa: ANN401
    """A verified database; ``entries`` are sessions with their verdicts."""
    members: dict[str, Any] = {
        "agent": Name("agent", directory),
        "database": Name("database", f"/{directory}.sqlite"),
        "complete": not entries,
        "parity": Parity(**PARITY),
        "rows": 12,
        "verdicts": {"same": 12},
        "content_digest": "0" * 64,
        "checks": {"integrity": True},
        "entries": [session(*one) for one in entries],
        "transcripts": (),
        "extra": (),
    }
    return VerifiedDatabase(**{**members, **changes})


def verification(*databases: VerifiedDatabase, failed_checks: Sequence[str] = ()) -> VerificationPart:
    """The part of a verification."""
    return VerificationPart(
        verdicts={"same": 12},
        transcripts={},
        checks={"sources-unchanged": True},
        failed_checks=failed_checks,
        given_up={},
        databases=databases,
    )


def shared(command: str, exit_code: int = 0, *findings: Finding, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """The members that the documents of all verbs have."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "command": command,
        "verdict": "proved" if exit_code == 0 else "differences",
        "exit_code": exit_code,
        "tool": "0.1.0",
        "next_step": "Nothing.",
        "unmet": (),
        "state_dir": Name("path", "/state"),
        "state_dir_source": "--state-dir",
        "totals": Totals(agents=1, sessions=12),
        "agents": (),
        "findings": [finding_row(one) for one in findings],
        **changes,
    }


def scanned(exit_code: int = 0, *findings: Finding, **changes: Any) -> ScanDocument:  # noqa: ANN401
    """The document of a scan."""
    return ScanDocument(**shared("scan", exit_code, *findings, **{"upgrade": NO_FORECAST, **changes}))


def judged(
    exit_code: int = 0,
    *findings: Finding,
    databases: Sequence[VerifiedDatabase] = (),
    **changes: Any,  # noqa: ANN401
) -> VerifyDocument:
    """The document of a verification."""
    made: Mapping[str, Any] = {
        "parity": ParityLine(**PARITY, line="agents 1/1"),
        "verification": verification(*databases),
        **changes,
    }
    return VerifyDocument(**shared("verify", exit_code, *findings, **made))


def explained(*places: Place, **changes: Any) -> ExplainDocument:  # noqa: ANN401
    """The document of an explanation."""
    found = Explanation((), places, (Event(0, "updated", Name("store", "/s")),), ("fine",))
    return ExplainDocument(**shared("explain", **changes), explanation=explanation_part(found))


def stopped(command: str, exit_code: int, message: str, subject: Name | None = None) -> ErrorDocument:
    """The document of a command that could not go on."""
    return ErrorDocument(
        format=FORMAT,
        version=VERSION,
        tool="0.1.0",
        command=command,
        verdict="stopped",
        exit_code=exit_code,
        subject=subject,
        message=Sentence(template=message, subject=subject),
    )
