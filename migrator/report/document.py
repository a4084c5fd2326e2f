"""The report of each verb, as a frozen class: what a JSON document says, and what every other format shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import astuple

from migrator.model.report import Undone
from migrator.model.words import Name
from migrator.report.parts import (
    AgentRow,
    CommandLine,
    Count,
    Counts,
    Digest,
    ExplanationPart,
    ExportPart,
    FindingRow,
    ForecastPart,
    KnownRunRow,
    Part,
    PlanPart,
    RunPart,
    Seconds,
    Sentence,
)
from migrator.report.verified_parts import ParityLine, VerificationPart

FORMAT: Literal["openclaw-session-migrator/report"] = "openclaw-session-migrator/report"
VERSION: Literal[1] = 1
"""Grows when a reader of the old documents could stumble."""

Word = Annotated[str, Meta(pattern="^[a-z]+(-[a-z]+)*$", description="An outcome in one word, as in proofs.")]
ExitCode = Annotated[int, Meta(extra_json_schema={"enum": [0, 1, 2, 10, 11, 12, 13, 14, 15, 130, 143]})]


class Totals(Part, frozen=True, kw_only=True):
    """How much was found."""

    agents: Count
    sessions: Count


class StepRow(Part, frozen=True, kw_only=True):
    """One command that was run on a private copy."""

    part: str
    release: str | None
    command: CommandLine
    exit_code: Count | None
    seconds: Seconds
    counts: Counts
    created: Count
    changed: Count
    removed: Count
    says: Sequence[str]
    last_words: Sequence[Name]


class ListedRow(Part, frozen=True, kw_only=True):
    """What the releases show of one session."""

    session: Name
    session_id: Name
    before: str
    after: str
    gateway: str
    differs: Sequence[str]


class TrialPart(Part, frozen=True, kw_only=True):
    """One way of upgrading, tried on a private copy; ``shown`` counts sessions by how each release shows them."""

    way: str
    verdict: Word
    exit_code: ExitCode
    failed_checks: Sequence[str]
    steps: Sequence[StepRow]
    shown: Mapping[str, Counts]
    sessions: Sequence[ListedRow]


class UpgradePart(Part, frozen=True, kw_only=True):
    """What was run to prove an upgrade, and what came of each way."""

    before: str | None
    after: str | None
    manifest: Digest
    original_untouched: bool
    cut_off_from_networks: bool
    confined_to_copies: bool
    steps: Sequence[StepRow]
    trials: Sequence[TrialPart]


class Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every report begins with. A part that may be None is left out of the JSON then."""

    format: Literal["openclaw-session-migrator/report"]
    version: Literal[1]
    tool: str
    command: str
    verdict: Word
    exit_code: ExitCode


class ErrorDocument(Document, frozen=True, kw_only=True):
    """What a command says that could not go on; ``meant`` are command lines that may have been meant."""

    verdict: Literal["stopped"]
    subject: Name | None
    message: Sentence
    meant: Sequence[CommandLine] | None = None


class VerbDocument(Document, frozen=True, kw_only=True):
    """What a command found or did; those below add what only their verb has."""

    next_step: str
    next_command: CommandLine | None = None
    unmet: Sequence[str]
    state_dir: Name
    state_dir_source: str
    totals: Totals
    agents: Sequence[AgentRow]
    findings: Sequence[FindingRow]


class ScanDocument(VerbDocument, frozen=True, kw_only=True):
    """What is there, and what OpenClaw's own upgrade would do to it."""

    command: Literal["scan"]
    upgrade: ForecastPart


class PlanDocument(VerbDocument, frozen=True, kw_only=True):
    """What would be done."""

    command: Literal["plan"]
    plan: PlanPart


class VerifyDocument(VerbDocument, frozen=True, kw_only=True):
    """Whether every session is there."""

    command: Literal["verify"]
    parity: ParityLine
    verification: VerificationPart


class ApplyDocument(VerbDocument, frozen=True, kw_only=True):
    """What was done, and whether every session is there now. There is no run where there was nothing to do."""

    command: Literal["apply"]
    plan: PlanPart
    run: RunPart | None = None
    parity: ParityLine
    verification: VerificationPart


class ProveDocument(VerbDocument, frozen=True, kw_only=True):
    """What came of an upgrade that was tried; nothing is verified where nothing was migrated."""

    command: Literal["prove"]
    plan: PlanPart
    parity: ParityLine | None = None
    verification: VerificationPart | None = None
    upgrade: ForecastPart
    upgrade_proof: UpgradePart


class ExportDocument(VerbDocument, frozen=True, kw_only=True):
    """What was written to files."""

    command: Literal["export"]
    export: ExportPart


class ExplainDocument(VerbDocument, frozen=True, kw_only=True):
    """What is known about one thing."""

    command: Literal["explain"]
    explanation: ExplanationPart


class RollbackDocument(VerbDocument, frozen=True, kw_only=True):
    """What was taken back; neither run nor numbers where it was refused. ``runs``: all that could be named instead."""

    command: Literal["rollback"]
    run: RunPart | None = None
    undone: Undone | None = None
    runs: Sequence[KnownRunRow] | None = None


DOCUMENTS = (
    ScanDocument,
    PlanDocument,
    ApplyDocument,
    VerifyDocument,
    ProveDocument,
    ExportDocument,
    ExplainDocument,
    RollbackDocument,
    ErrorDocument,
)
"""Every kind of document that there is."""


def verification_of(document: Document) -> VerificationPart | None:
    """What a verb has verified, of those that do."""
    return document.verification if isinstance(document, ApplyDocument | VerifyDocument | ProveDocument) else None


def parity_of(document: Document) -> str | None:
    """The parity line of a verb that has verified something."""
    parity = document.parity if isinstance(document, ApplyDocument | VerifyDocument | ProveDocument) else None
    return parity.line if parity is not None else None


def forecast_of(document: Document) -> ForecastPart | None:
    """What OpenClaw's own upgrade would do, where the verb has looked."""
    return document.upgrade if isinstance(document, ScanDocument | ProveDocument) else None


def run_of(document: Document) -> RunPart | None:
    """The run that a verb has made or taken back."""
    return document.run if isinstance(document, ApplyDocument | RollbackDocument) else None


def needs_care(document: Document) -> bool:
    """Whether what came out is neither good nor bad."""
    return document.exit_code == 15 or document.verdict == "pending"


_OWN = re.compile(
    r"[0-9a-f]{64}|[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}|20[0-9]{2}\.[0-9]{1,2}\.[0-9]{1,2}(?:-(?:beta\.)?[0-9]{1,2})?"
)
"""A digest, the id of a run, or the number of a release."""


def worked_out(document: Struct) -> set[str]:
    """The digests, counts, ids of runs and numbers of releases in a document: we worked them out, so they are no leak.

    Numbers of nine digits and more are left out: a leaked telephone number is likelier than such a count.
    """
    found: set[str] = set()
    for leaf in leaves(document):
        if isinstance(leaf, str):
            if _OWN.fullmatch(leaf):
                found.add(leaf)
        elif isinstance(leaf, int | float) and not isinstance(leaf, bool) and abs(leaf) < 10**8:
            found.add(str(leaf))
    return found


def leaves(value: object) -> Iterator[object]:
    """Every string and every number in a document, in no order."""
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, str | int | float):
            yield one
        elif isinstance(one, Struct):
            pending += astuple(one)
        elif isinstance(one, Mapping):
            pending += one.values()
        elif isinstance(one, Sequence):
            pending += one
