"""What an export has written: plain data, like the model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from migrator.model.words import Finding


class Layout(str, Enum):
    """What is written: files that older releases read, or text for people."""

    LEGACY = "legacy"
    MARKDOWN = "markdown"


@dataclass(frozen=True, slots=True)
class ExportedStore:
    """What came out of one database. ``place`` is the folder below the one that was asked for.

    ``headers`` are those that were written before histories that have none.
    """

    database: str
    place: str
    sessions: int
    transcripts: int
    archives: int
    events: int
    headers: int = 0


@dataclass(frozen=True, slots=True)
class Exported:
    """The tree that was written. ``only_in_sqlite`` counts what has no legacy form, by its name in OpenClaw."""

    folder: str
    stores: tuple[ExportedStore, ...]
    only_in_sqlite: tuple[tuple[str, int], ...]
    findings: tuple[Finding, ...]
