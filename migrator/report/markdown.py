"""A document as Markdown to be pasted: into a pull request, an issue, or a job summary. At most a few hundred lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from migrator.findings.checks import CHECKS
from migrator.report.document import (
    ApplyDocument,
    ErrorDocument,
    PlanDocument,
    ProveDocument,
    VerbDocument,
    forecast_of,
    parity_of,
    run_of,
    verification_of,
)
from migrator.report.groups import cut, grouped, plural
from migrator.report.layout import size
from migrator.report.parts import STATES, AgentRow, FindingRow, Namer, PlanPart
from migrator.report.verdict_words import SESSIONS, TRANSCRIPTS
from migrator.report.verification_text import databases_to_show, failed_checks
from migrator.report.verified_parts import VerificationPart

_Cell = str | int | None


def render(document: VerbDocument | ErrorDocument, namer: Namer) -> str:
    """The page, with a final newline."""
    lines = _stopped(document, namer) if isinstance(document, ErrorDocument) else _lines(document, namer)
    return "\n".join(lines) + "\n"


def _stopped(document: ErrorDocument, namer: Namer) -> Iterator[str]:
    yield f"## migrator {document.command}: stopped (exit {document.exit_code})"
    yield from ("", document.message.told(namer))


def _lines(document: VerbDocument, namer: Namer) -> Iterator[str]:
    parity, run = parity_of(document), run_of(document)
    verification, forecast = verification_of(document), forecast_of(document)
    yield f"## migrator {document.command}: {document.verdict} (exit {document.exit_code})"
    yield from ("", f"**What to do:** {document.next_step}", "")
    for unmet in document.unmet:
        yield f"- Not as expected: {unmet}"
    agents, sessions = plural(document.totals.agents, "agent"), plural(document.totals.sessions, "session")
    yield f"`{parity}`" if parity is not None else f"{agents}, {sessions}"
    if run is not None:
        yield from ("", f"Run `{run.id}`")
    elif isinstance(document, PlanDocument | ApplyDocument | ProveDocument):
        yield from _plan(document.plan, namer)
    if verification is not None:
        yield from _verification(verification, namer)
    else:
        yield from _agents(document.agents, namer)
    yield from _findings("Findings", document.findings, namer)
    if forecast is not None:
        title = f"If OpenClaw ({forecast.releases}) upgraded this by itself"
        yield from _findings(title, forecast.forecast, namer)
    yield from ("", f"<sub>OpenClaw session migrator {document.tool}; labels stand for names.</sub>")


def _agents(rows: Sequence[AgentRow], namer: Namer) -> Iterator[str]:
    shown, rest = cut(rows, lambda row: list(STATES).index(row.state))
    cells = [
        [namer(row.whose), _size(row.store_bytes), row.schema, row.sessions, row.transcripts, row.state]
        for row in shown
    ]
    heads = ("agent directory", "store", "schema", "sessions", "transcripts", "state")
    yield from _table("What is there", heads, cells, len(rest))


def _plan(plan: PlanPart, namer: Namer) -> Iterator[str]:
    shown, rest = cut(plan.databases, lambda one: 0 if one.quarantine else 1 if one.pending else 2)
    cells = [
        [
            "create" if one.create else "change" if one.pending else "keep",
            namer(one.whose),
            *(one.actions.get(action, 0) for action in ("insert", "update", "complete")),
            one.new_events,
            len(one.quarantine),
        ]
        for one in shown
    ]
    heads = ("what", "agent directory", "new sessions", "updated", "completed", "new events", "quarantined")
    yield from _table("Plan", heads, cells, len(rest))


def _verification(verification: VerificationPart, namer: Namer) -> Iterator[str]:
    shown, rest = databases_to_show(verification)
    cells: list[list[_Cell]] = [
        [namer(one.whose), *one.parity.pairs, one.state if one.state == "complete" else f"**{one.state}**"]
        for one in shown
    ]
    yield from _table("Databases", ("agent directory", "sessions", "transcripts", "events", "state"), cells, len(rest))
    yield from _counted("Sessions", verification.verdicts, SESSIONS)
    yield from _counted("Transcripts", verification.transcripts, TRANSCRIPTS)
    failed = [[check, CHECKS[check], where or "all"] for check, where in failed_checks(verification, namer)]
    yield from _table("Failed checks", ("check", "what should be true", "where it is not"), failed)


def _counted(title: str, counts: Mapping[str, int], words: Mapping[str, str]) -> Iterator[str]:
    told: list[list[_Cell]] = [[word, counts[word], meaning] for word, meaning in words.items() if counts.get(word)]
    yield from _table(title, ("verdict", "number", "meaning"), told)


def _findings(title: str, findings: Sequence[FindingRow], namer: Namer) -> Iterator[str]:
    cells = [
        [group.severity.value, f"`{group.code}`", len(group.findings), group.sentence(namer), group.remedy]
        for group in grouped(findings)
    ]
    yield from _table(title, ("severity", "code", "number", "the first", "what to do"), cells)


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[_Cell]], left_out: int = 0) -> Iterator[str]:
    if not rows:
        return
    yield from ("", f"### {title}", "", f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|")
    for row in rows:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"
    if left_out:
        yield from ("", f"... and {left_out:,} more, which need no look first.")


def _cell(value: _Cell) -> str:
    return "-" if value is None else str(value).replace("|", "\\|").replace("\n", " ")


def _size(count: int | None) -> str:
    return size(count) if count is not None else "-"
