"""A document as text for a person: the verdict in one word first, what to do next last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from migrator.model.counted import plural
from migrator.model.report import Undone
from migrator.model.words import Name, Severity
from migrator.report.document import (
    ApplyDocument,
    ErrorDocument,
    ExplainDocument,
    ExportDocument,
    PlanDocument,
    ProveDocument,
    RollbackDocument,
    ScanDocument,
    VerbDocument,
    VerifyDocument,
    forecast_of,
    needs_care,
    parity_of,
    verification_of,
)
from migrator.report.explained_rows import COUNTED
from migrator.report.groups import MORE, MOST_LINES, MOST_NAMES, PROBABLY_MEANT, WHOLE, command_line, folded, grouped
from migrator.report.layout import PLAIN, Column, Style, Whole, size, table, wrapped
from migrator.report.parts import STATES, AgentRow, ExplanationPart, ExportPart, FindingRow, Namer, PlaceRow
from migrator.report.plan_text import known_run_lines, plan_lines, run_lines
from migrator.report.upgrade_text import prove_lines, upgrade_lines
from migrator.report.verification_text import verification_lines
from migrator.report.verified_parts import SESSIONS, TRANSCRIPTS

_SEVERITIES = {
    Severity.BUSY: "red",
    Severity.REFUSED: "red",
    Severity.QUARANTINED: "yellow",
    Severity.WARNING: "yellow",
    Severity.NOTE: "faint",
}
_SCAN_COLUMNS = (
    Column("agent directory"),
    Column("store", right=True, spare=2),
    Column("database", right=True, spare=3),
    Column("schema", right=True, spare=4),
    Column("sessions", right=True),
    Column("transcripts", right=True, spare=1),
    Column("state"),
)
_STATE_COLOURS = {"migrated": "green", "legacy": "yellow", "unclaimed": "yellow", "empty": "faint"}
_CALM = ("legacy", "unclaimed", "migrated", "empty")


def render(document: VerbDocument | ErrorDocument, namer: Namer, style: Style = PLAIN) -> str:
    """The text, with a final newline."""
    if isinstance(document, ErrorDocument):
        return error(document, namer)
    if isinstance(document, ExplainDocument):  # it is about one thing, and shows all of that
        style = replace(style, whole=True)
    lines = list(_lines(document, namer, style))
    if not style.whole and any(map(MORE.search, lines)):
        lines.insert(_last_part(lines), "Lists are cut short here: --all shows the whole of them.")
    return "\n".join(broken for line in lines for broken in wrapped(line, style.width)) + "\n"


def _last_part(lines: Sequence[str]) -> int:
    """Where the last part of a report begins, which says how it ended and what is next."""
    return max(number for number, line in enumerate(lines) if line == "") + 1


def error(document: ErrorDocument, namer: Namer, width: int | None = None) -> str:
    """What a command says on stderr when it cannot go on; without a width every sentence is one line."""
    said = [f"migrator {document.command}: {document.message.told(namer)} (exit {document.exit_code})"]
    meant = document.meant or ()
    said += [PROBABLY_MEANT] if meant else []
    said += [Whole(f"  {command_line(words, namer)}") for words in meant]
    lines = said if width is None else (broken for line in said for broken in wrapped(line, width))
    return "\n".join(lines) + "\n"


def _lines(document: VerbDocument, namer: Namer, style: Style) -> Iterator[str]:
    agents, sessions = plural(document.totals.agents, "agent"), plural(document.totals.sessions, "session")
    word = style.paint(document.verdict, _colour(document))
    yield f"{word}: migrator {document.command}, {agents}, {sessions}"
    yield f"state directory {namer(document.state_dir)} (from {document.state_dir_source})"
    for unmet in document.unmet:
        yield f"not as expected: {unmet}"
    yield from _body(document, namer, style)
    verification, forecast, parity = verification_of(document), forecast_of(document), parity_of(document)
    if verification is not None:
        yield from verification_lines(verification, namer, style)
    yield from _findings(document.findings, namer, style, folds_notes=isinstance(document, VerifyDocument))
    if forecast is not None:
        yield from upgrade_lines(forecast, namer, WHOLE if style.whole else MOST_NAMES)
    yield ""
    if parity is not None:
        yield parity
    yield f"{style.paint('next:', 'bold')} {document.next_step}"
    if document.next_command:
        yield Whole(f"  {command_line(document.next_command, namer)}")


def _body(document: VerbDocument, namer: Namer, style: Style) -> Iterator[str]:
    """What only this verb has to say."""
    match document:
        case ScanDocument():
            yield from scan_lines(document.agents, namer, style)
        case PlanDocument() | ApplyDocument(run=None):
            yield from plan_lines(document.plan, namer, style)
        case ApplyDocument(run=run) if run is not None:
            yield from run_lines(run, namer, style)
        case ProveDocument():
            yield from plan_lines(document.plan, namer, style)
            yield from prove_lines(document.upgrade_proof, namer)
        case ExplainDocument():
            yield from explanation_lines(document.explanation, namer)
        case ExportDocument():
            yield from _export(document.export, namer)
        case RollbackDocument(runs=runs) if runs is not None:
            yield from known_run_lines(runs)
        case RollbackDocument(run=run, undone=undone) if run is not None and undone is not None:
            yield from run_lines(run, namer, style)
            yield from _undone(undone)


def _colour(document: VerbDocument) -> str:
    if needs_care(document):
        return "yellow"
    return "green" if document.exit_code == 0 else "red"


def scan_lines(rows: Sequence[AgentRow], namer: Namer, style: Style) -> Iterator[str]:
    """The table of a scan, one row for each agent directory, and what the words for states in it mean."""
    if not rows:
        return
    shown, alike = folded(rows, lambda row: row.state, _CALM, WHOLE if style.whole else MOST_LINES)
    cells = [_scan_cells(row, namer) for row in shown]
    cells += [_alike_cells(those, state) for state, those in alike.items()]
    yield ""
    yield from table(_SCAN_COLUMNS, cells, style, [_STATE_COLOURS.get(row[-1], "red") for row in cells])
    yield ""
    counted = Counter(row.state for row in rows)
    for word, meaning in STATES.items():
        if counted[word]:
            yield f"{word}, {counted[word]:,}: {meaning}"


def _scan_cells(row: AgentRow, namer: Namer) -> list[str]:
    kind = row.store_kind
    store = "none" if kind is None else "set aside" if kind in ("imported", "archived") else _size(row.store_bytes)
    return [
        namer(row.whose),
        store,
        _size(row.database_bytes) if row.shape not in (None, "missing") else "none",
        "-" if row.schema is None else str(row.schema),
        str(row.sessions),
        str(row.transcripts),
        row.state,
    ]


def _alike_cells(rows: Sequence[AgentRow], state: str) -> list[str]:
    """One line for agents that are alike, with what they have together."""
    stores, databases = (
        sum(filter(None, sizes)) for sizes in zip(*((r.store_bytes, r.database_bytes) for r in rows), strict=True)
    )
    counts = [sum(row.sessions for row in rows), sum(row.transcripts for row in rows)]
    sizes = [size(one) if one else "none" for one in (stores, databases)]
    return [f"{len(rows):,} alike", *sizes, "-", *map(str, counts), state]


def _size(count: int | None) -> str:
    return size(count) if count is not None else "?"


def explanation_lines(explanation: ExplanationPart, namer: Namer) -> Iterator[str]:
    """Each place with all that is known about it, each thing that happened, and what to do."""
    for place in explanation.places:
        yield ""
        yield from _place(place, namer)
    yield ""
    for event in explanation.history:
        yield f"{event.time}  {event.what}  {namer(event.where)}"
    yield ""
    yield from explanation.advice


def _place(place: PlaceRow, namer: Namer) -> Iterator[str]:
    names = [namer(part) for part in (place.session, place.session_id) if part is not None]
    yield "  ".join([place.kind, *names])
    yield f"    in {namer(place.where)}"
    if place.verdict is not None:
        meaning = (TRANSCRIPTS if place.kind == "transcript" else SESSIONS).get(place.verdict, "")
        others = [f"it is in {_of(other)}{namer(other)}" for other in place.elsewhere]
        yield f"    {place.verdict}: {', '.join(others) or meaning}"
    facts = [plural(place.count, COUNTED.get(place.kind, "event"))] if place.count is not None else []
    facts += [f"{place.present} of them in a database"] if place.present is not None else []
    facts += [f"updated {place.updated}"] if place.updated is not None else []
    facts += [", ".join(place.why)] if place.why else []
    if facts:
        yield f"    {', '.join(facts)}"
    if place.sha256 is not None:
        yield f"    sha256 {place.sha256}"


def _of(place: Name) -> str:
    return "the archive of deleted sessions of " if place.kind == "archive" else ""


def _export(export: ExportPart, namer: Namer) -> Iterator[str]:
    yield ""
    for one in export.databases:
        counts = ((one.sessions, "session"), (one.transcripts, "transcript"), (one.archives, "archive"))
        told = ", ".join(plural(*count) for count in (*counts, (one.events, "event")))
        yield f"+ {namer(one.place)}: {told}"
    yield f"into {namer(export.folder)}"
    if export.only_in_sqlite:
        counted = ", ".join(f"{word} {count}" for word, count in export.only_in_sqlite.items() if count)
        yield f"has no legacy form, see only-in-sqlite.json: {counted}"


def _undone(undone: Undone) -> Iterator[str]:
    yield f"{plural(undone.removed, 'database')} removed, {undone.restored} restored"
    yield (
        f"{plural(undone.put_back, 'source')} put back, {plural(undone.set_aside, 'later file')} set aside "
        "in the folder of the run"
    )


def _findings(findings: Sequence[FindingRow], namer: Namer, style: Style, *, folds_notes: bool) -> Iterator[str]:
    groups = grouped(findings)
    most = WHOLE if style.whole else MOST_NAMES
    notes = [one for one in groups if one.severity is Severity.NOTE] if folds_notes and not style.whole else []
    if groups:
        yield ""
    for group in groups:
        if group not in notes:
            count = f", {len(group.findings):,}" if len(group.findings) > 1 else ""
            yield style.paint(f"{group.severity.value} [{group.code}{count}]", _SEVERITIES[group.severity])
            yield f"  {group.sentence(namer, most)}"
            yield f"  {group.remedy}"
    if notes:
        told = ", ".join(f"{group.code} {len(group.findings):,}" for group in notes)
        yield style.paint(f"noted, see --all: {told}", _SEVERITIES[Severity.NOTE])
