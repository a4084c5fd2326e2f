"""The smallest pieces of plain data: names from an installation, numbers, and findings.

Strings that were read from an installation (keys, names, paths, ids) are carried as :class:`Name`, so that whoever
prints them has to choose between the text and its label.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

Number = int | float
"""A finite JSON number, as OpenClaw keeps times."""


HASH_BYTES = 8
"""Length of the hash of one event; enough that among four million events no two meet by chance."""


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """A string from the installation; ``kind`` is one of our own words (``agent``, ``session``, ``store`` ...)."""

    kind: str
    text: str


class Severity(str, Enum):
    """How much a finding matters, mildest first; it decides the exit code."""

    NOTE = "note"
    WARNING = "warning"
    QUARANTINED = "quarantined"
    REFUSED = "refused"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth knowing. ``code`` is a row of :mod:`migrator.findings.table`, which owns the sentence.

    ``facts`` are numbers only (offsets, lines, counts, versions); ``others`` are further names that the sentence
    is about, such as the second directory of a collision.
    """

    code: str
    subject: Name
    facts: tuple[tuple[str, Number], ...] = ()
    others: tuple[Name, ...] = ()
