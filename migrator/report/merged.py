"""Merged proofs as a document, as text, and as Markdown to be pasted: what is not good first, or that all is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from migrator import __version__
from migrator.model.counted import plural
from migrator.model.words import Name
from migrator.proofs.merging import Merged, ProofFacts, Sums
from migrator.report import json_format
from migrator.report.parts import Counts, Namer, Part

FORMAT = "openclaw-session-migrator/merged-proofs"
VERSION = 1


class TotalsRow(Part, frozen=True, kw_only=True):
    """The sums of all proofs of one verb."""

    proofs: int
    good: int
    agents: int
    stores: int
    sessions: int
    outcomes: Counts
    verdicts: Counts
    transcripts: Counts
    findings: Counts


class OutlierRow(Part, frozen=True, kw_only=True):
    """What is known of a proof that is not good, and what to do."""

    number: int
    file: Name
    outcome: str
    problem: str | None
    head: str | None
    verb: str | None
    exit_code: int
    agents: int
    stores: int
    sessions: int
    verdicts: Counts
    failed_checks: Sequence[str]
    findings: Counts
    remedy: str


class MergedDocument(Part, frozen=True, kw_only=True):
    """Everything that is to be said of merged proofs."""

    format: str
    version: int
    tool: str
    command: str
    exit_code: int
    proofs: int
    good: int
    totals: Mapping[str, TotalsRow]
    outliers: Sequence[OutlierRow]
    omitted: int
    next_step: str


def of_merged(merged: Merged) -> MergedDocument:
    """The document of merged proofs."""
    good = merged.exit_code == 0
    return MergedDocument(
        format=FORMAT,
        version=VERSION,
        tool=__version__,
        command="proof merge",
        exit_code=merged.exit_code,
        proofs=merged.files,
        good=merged.good,
        totals={verb: _totals(totals) for verb, totals in merged.totals.items()},
        outliers=[_outlier(proof) for proof in merged.outliers],
        omitted=merged.omitted,
        next_step="Nothing to do: every proof is good." if good else "See to the proofs listed, the first one first.",
    )


def text(document: MergedDocument, namer: Namer) -> str:
    """For a terminal or a log, with a final newline."""
    return "\n".join(_text(document, namer)) + "\n"


def markdown(document: MergedDocument, namer: Namer) -> str:
    """For a comment or a job summary, with a final newline."""
    return "\n".join(_markdown(document, namer)) + "\n"


RENDERERS = {"text": text, "json": json_format.render, "markdown": markdown}
"""Every format of merged proofs by its name."""


def _totals(totals: Sums) -> TotalsRow:
    return TotalsRow(
        proofs=totals.proofs,
        good=totals.good,
        agents=totals.agents,
        stores=totals.stores,
        sessions=totals.sessions,
        outcomes=_sorted(totals.words),
        verdicts=_sorted(totals.verdicts),
        transcripts=_sorted(totals.transcripts),
        findings=_sorted(totals.findings),
    )


def _outlier(proof: ProofFacts) -> OutlierRow:
    return OutlierRow(
        number=proof.number,
        file=proof.file,
        outcome=proof.word,
        problem=proof.problem,
        head=proof.head,
        verb=proof.verb or None,
        exit_code=proof.exit_code,
        agents=proof.agents,
        stores=proof.stores,
        sessions=proof.sessions,
        verdicts=_sorted(proof.verdicts),
        failed_checks=proof.failed_checks,
        findings=_sorted(proof.findings),
        remedy=proof.remedy,
    )


def _sorted(counts: Counter[str]) -> Counts:
    return {word: count for word, count in sorted(counts.items()) if count}


def _text(document: MergedDocument, namer: Namer) -> Iterator[str]:
    yield _headline(document)
    for proof in document.outliers:
        yield ""
        yield f"{proof.outcome}: proof {proof.number}, {namer(proof.file)}"
        yield from (f"    {line}" for line in _details(proof))
    if document.omitted:
        yield from ("", f"... and {document.omitted} more that are not good")
    for verb, row in document.totals.items():
        yield ""
        counted = ", ".join(map(plural, (row.agents, row.stores, row.sessions), ("agent", "store", "session")))
        yield f"{verb}: {plural(row.proofs, 'proof')}, {row.good} good, {counted}"
        yield from _counted("    outcomes", row.outcomes)
        yield from _counted("    verdicts", row.verdicts)
        yield from _counted("    transcripts", row.transcripts)
        yield from _counted("    findings", row.findings)
    yield from ("", document.next_step)


def _headline(document: MergedDocument) -> str:
    are = "is" if document.good == 1 else "are"
    return f"proof merge: {document.good} of {plural(document.proofs, 'proof')} {are} good"


def _details(proof: OutlierRow) -> Iterator[str]:
    """What is known of an outlier: why it is none to count, or what its command found; then what to do."""
    if proof.problem:
        yield proof.problem
    if proof.verb:
        yield f"{proof.verb}, exit code {proof.exit_code}, {plural(proof.sessions, 'session')}"
    yield from _counted("verdicts", proof.verdicts)
    yield from _counted("findings", proof.findings)
    if proof.failed_checks:
        yield "failed checks: " + ", ".join(proof.failed_checks)
    if proof.head:
        yield f"hash of its last line: {proof.head}"
    yield proof.remedy


def _counted(title: str, counts: Counts) -> Iterator[str]:
    if counts:
        yield f"{title}: {_joined(counts)}"


def _joined(counts: Counts) -> str:
    return ", ".join(f"{word} {count}" for word, count in counts.items())


def _markdown(document: MergedDocument, namer: Namer) -> Iterator[str]:
    yield from (f"# {_headline(document)}", "", f"What to do: {document.next_step}")
    if document.outliers:
        yield from ("", "## Not good", "", "| proof | outcome | what is known |", "| --- | --- | --- |")
    for proof in document.outliers:
        details = "<br>".join(_details(proof))
        yield f"| {proof.number}, {_cell(namer(proof.file))} | {proof.outcome} | {details} |"
    if document.omitted:
        yield from ("", f"{document.omitted} more are not good.")
    if document.totals:
        yield from (
            "",
            "## Totals",
            "",
            "| command | proofs | good | agents | stores | sessions | outcomes | verdicts |",
        )
        yield "| --- " * 8 + "|"
    for verb, row in document.totals.items():
        numbers = " | ".join(map(str, (row.proofs, row.good, row.agents, row.stores, row.sessions)))
        yield f"| {verb} | {numbers} | {_joined(row.outcomes)} | {_joined(row.verdicts)} |"


def _cell(name: str) -> str:
    return name.replace("|", "\\|")
