"""What can be added to one database by a repair, as it is collected from every source."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from migrator.model.inventory import Database
from migrator.model.verification import HistoryVerdict, HistoryVerification
from migrator.model.writes import Origin, RowSource, SourceFile

_LACKING = (HistoryVerdict.ABSENT, HistoryVerdict.EXTENDS)


@dataclass(frozen=True, slots=True)
class Offer:
    """What one origin has of the history of a session: files, each with what verify says of it."""

    origin: Origin
    members: list[tuple[HistoryVerification, SourceFile]]

    @property
    def diverges(self) -> bool:
        """Whether database and files have both gone on, each in another way."""
        return any(verified.verdict is HistoryVerdict.DIVERGES for verified, _ in self.members)

    @property
    def lacking(self) -> list[tuple[HistoryVerification, SourceFile]]:
        """The files that have events which the database lacks."""
        return [
            (verified, file)
            for verified, file in self.members
            if verified.verdict in _LACKING and verified.events > verified.present
        ]


@dataclass(slots=True)
class Additions:
    """What can be added to one database; ``replaced`` are keys whose rows are older than a source of the same key.

    ``rows`` are by key, and by the session id where another conversation has that key (else empty).
    """

    database: Database
    rows: dict[tuple[str, str], RowSource] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    histories: dict[str, list[Offer]] = field(default_factory=lambda: defaultdict(list))
