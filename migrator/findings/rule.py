"""What every finding has to say about itself."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.model.words import Severity

NOTE, WARNING, QUARANTINED = Severity.NOTE, Severity.WARNING, Severity.QUARANTINED
REFUSED, BUSY = Severity.REFUSED, Severity.BUSY


@dataclass(frozen=True, slots=True)
class Rule:
    """What a finding code means. ``remedy`` says what to do next; "nothing to do" is a good answer."""

    severity: Severity
    sentence: str
    remedy: str
