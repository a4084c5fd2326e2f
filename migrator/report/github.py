"""A document as workflow commands of GitHub actions: one annotation for each code, since a step shows ten of a kind.

The page for ``$GITHUB_STEP_SUMMARY`` is the one of :mod:`migrator.report.markdown`.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrator.model.counted import plural
from migrator.model.words import Severity
from migrator.report.document import ErrorDocument, VerbDocument, parity_of, verification_of
from migrator.report.groups import grouped
from migrator.report.parts import Namer
from migrator.report.verification_text import failed_check_lines

_LEVELS = {
    Severity.BUSY: "error",
    Severity.REFUSED: "error",
    Severity.QUARANTINED: "warning",
    Severity.WARNING: "warning",
    Severity.NOTE: "notice",
}


def render(document: VerbDocument | ErrorDocument, namer: Namer) -> str:
    """The commands, one a line, the verdict last, with a final newline."""
    lines = _stopped(document, namer) if isinstance(document, ErrorDocument) else _lines(document, namer)
    return "\n".join(lines) + "\n"


def _stopped(document: ErrorDocument, namer: Namer) -> Iterator[str]:
    told = f"{document.message.told(namer)} (exit {document.exit_code})"
    yield _annotation("error", f"migrator {document.command}: stopped", told)


def _lines(document: VerbDocument, namer: Namer) -> Iterator[str]:
    command, code = f"migrator {document.command}", document.exit_code
    for group in grouped(document.findings):
        title = f"{group.code} ({plural(len(group.findings), 'finding')})"
        yield _annotation(_LEVELS[group.severity], title, f"{group.sentence(namer)} {group.remedy}")
    level = "notice" if code == 0 else "warning" if code == 15 else "error"
    verification, parity = verification_of(document), parity_of(document)
    for line in failed_check_lines(verification, namer) if verification is not None else ():
        yield _annotation(level, f"{command}: failed check", line)
    told = [*(f"Not as expected: {unmet}." for unmet in document.unmet), document.next_step]
    told += [parity] if parity is not None else []
    yield _annotation(level, f"{command}: {document.verdict} (exit {code})", "\n".join(told))


def _annotation(level: str, title: str, text: str) -> str:
    name = _escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={name}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
