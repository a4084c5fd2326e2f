"""A document as Markdown to be pasted: into a pull request, an issue, or a job summary. At most a few hundred lines.

What failed is seen at once, under headings no larger than the comment around them; the rest unfolds.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence

from migrator.findings.checks import CHECKS
from migrator.model.counted import plural
from migrator.model.verification import LOST, LOST_HISTORIES
from migrator.model.words import Severity
from migrator.report import explained_rows
from migrator.report.document import (
    ApplyDocument,
    ErrorDocument,
    ExplainDocument,
    PlanDocument,
    ProveDocument,
    RollbackDocument,
    VerbDocument,
    forecast_of,
    parity_of,
    run_of,
    verification_of,
)
from migrator.report.groups import MOST_ROWS, PROBABLY_MEANT, command_line, cut, grouped
from migrator.report.layout import size
from migrator.report.parts import STATES, AgentRow, FindingRow, ForecastPart, Namer, PlanPart
from migrator.report.plan_text import NO_RUNS, RUN_HEADS, RUNS_TITLE, known_run_cells
from migrator.report.verification_text import failed_checks
from migrator.report.verified_parts import SESSIONS, TRANSCRIPTS, VerificationPart, VerifiedDatabase

_Cell = str | int | None
_FAILING = (Severity.BUSY, Severity.REFUSED, Severity.QUARANTINED)
_BAD_STATES = ("unreadable", "unknown", "damaged")
_LOST = {verdict.value for verdict in (*LOST, *LOST_HISTORIES)} | {"quarantined", "damaged"}


def render(document: VerbDocument | ErrorDocument, namer: Namer) -> str:
    """The page, with a final newline."""
    lines = _stopped(document, namer) if isinstance(document, ErrorDocument) else _lines(document, namer)
    return "\n".join(lines) + "\n"


def _stopped(document: ErrorDocument, namer: Namer) -> Iterator[str]:
    yield f"### migrator {document.command}: stopped (exit {document.exit_code})"
    yield from ("", document.message.told(namer))
    if document.meant:
        yield from ("", PROBABLY_MEANT, "", *(f"    {command_line(words, namer)}" for words in document.meant))


def _lines(document: VerbDocument, namer: Namer) -> Iterator[str]:
    parity = parity_of(document)
    yield f"### migrator {document.command}: {document.verdict} (exit {document.exit_code})"
    yield from ("", f"**What to do:** {document.next_step}", "")
    if document.next_command:
        yield from (f"    {command_line(document.next_command, namer)}", "")
    if document.unmet:
        yield from (*(f"- Not as expected: {unmet}" for unmet in document.unmet), "")
    agents, sessions = plural(document.totals.agents, "agent"), plural(document.totals.sessions, "session")
    yield f"`{parity}`" if parity is not None else f"{agents}, {sessions}"
    if isinstance(document, ExplainDocument):
        places, history = (
            list(of(document.explanation, namer)) for of in (explained_rows.places, explained_rows.history)
        )
        yield from _table("Where it is", explained_rows.PLACES, places)
        yield from _table("What happened to it", explained_rows.HISTORY, history)
        yield from ("", *document.explanation.advice)
    if isinstance(document, RollbackDocument) and document.runs is not None:
        yield from _table(RUNS_TITLE, RUN_HEADS, list(known_run_cells(document.runs)))
        yield from ("", NO_RUNS) if not document.runs else ()
    yield from _failed(document, namer)
    folded = list(_rest(document, namer))
    if folded:
        yield from ("", "<details><summary>Everything else</summary>", *folded, "", "</details>")
    yield from ("", f"<sub>OpenClaw session migrator {document.tool}; labels stand for names.</sub>")


def _failed(document: VerbDocument, namer: Namer) -> Iterator[str]:
    """What somebody has to look at."""
    verification, forecast = verification_of(document), forecast_of(document)
    if verification is not None:
        failed = [[check, CHECKS[check], where or "all"] for check, where in failed_checks(verification, namer)]
        yield from _table("Failed checks", ("check", "what should be true", "where it is not"), failed)
        lossy = [one for one in verification.databases if one.state != "complete"]
        yield from _databases("Not complete", lossy, namer)
        yield from _counted("Sessions", verification.verdicts, SESSIONS, _LOST)
        yield from _counted("Transcripts", verification.transcripts, TRANSCRIPTS, _LOST)
    else:
        yield from _agents("Not readable", [row for row in document.agents if row.state in _BAD_STATES], namer)
    yield from _findings("Findings", [one for one in document.findings if one.severity in _FAILING], namer)
    if forecast is not None:
        foreseen = [one for one in forecast.forecast if one.severity is not Severity.NOTE]
        yield from _findings(_title(forecast), foreseen, namer)


def _rest(document: VerbDocument, namer: Namer) -> Iterator[str]:
    """What is as it should be, and what is only worth knowing."""
    run, verification, forecast = run_of(document), verification_of(document), forecast_of(document)
    if run is not None:
        yield from ("", f"Run `{run.id}`")
    elif isinstance(document, PlanDocument | ApplyDocument | ProveDocument):
        yield from _plan(document.plan, namer)
    if verification is not None:
        complete = [one for one in verification.databases if one.state == "complete"]
        yield from _databases("Complete", complete, namer)
        yield from _counted("Sessions that are there", verification.verdicts, SESSIONS, set(SESSIONS) - _LOST)
        yield from _counted("Transcripts", verification.transcripts, TRANSCRIPTS, set(TRANSCRIPTS) - _LOST)
        yield from _given_up(verification)
    else:
        yield from _agents("What is there", [row for row in document.agents if row.state not in _BAD_STATES], namer)
    yield from _findings("Worth knowing", [one for one in document.findings if one.severity not in _FAILING], namer)
    if forecast is not None:
        notes = [one for one in forecast.forecast if one.severity is Severity.NOTE]
        yield from _findings(_title(forecast), notes, namer)


def _title(forecast: ForecastPart) -> str:
    return f"If OpenClaw ({forecast.releases}) upgraded this by itself"


def _databases(title: str, databases: Sequence[VerifiedDatabase], namer: Namer) -> Iterator[str]:
    cells: list[list[_Cell]] = [
        [namer(one.whose), *one.parity.pairs, one.state if one.state == "complete" else f"**{one.state}**"]
        for one in databases[:MOST_ROWS]
    ]
    heads = ("agent directory", "sessions", "transcripts", "events", "state")
    yield from _table(title, heads, cells, len(databases) - len(cells))


def _given_up(verification: VerificationPart) -> Iterator[str]:
    cells: list[list[_Cell]] = [[name, count] for name, count in verification.given_up.items()]
    yield from _table("What the release gives up of what is there", ("change", "number"), cells)


def _agents(title: str, rows: Sequence[AgentRow], namer: Namer) -> Iterator[str]:
    shown, rest = cut(rows, lambda row: list(STATES).index(row.state))
    cells = [
        [namer(row.whose), _size(row.store_bytes), row.schema, row.sessions, row.transcripts, row.state]
        for row in shown
    ]
    heads = ("agent directory", "store", "schema", "sessions", "transcripts", "state")
    yield from _table(title, heads, cells, len(rest))


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


def _counted(title: str, counts: Mapping[str, int], words: Mapping[str, str], of: Container[str]) -> Iterator[str]:
    told: list[list[_Cell]] = [
        [word, counts[word], meaning] for word, meaning in words.items() if word in of and counts.get(word)
    ]
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
    yield from ("", f"#### {title}", "", f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|")
    for row in rows:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"
    if left_out:
        yield from ("", f"... and {left_out:,} more.")


def _cell(value: _Cell) -> str:
    return "-" if value is None else str(value).replace("|", "\\|").replace("\n", " ")


def _size(count: int | None) -> str:
    return size(count) if count is not None else "-"
