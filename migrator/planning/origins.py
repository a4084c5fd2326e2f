"""What a repair can add to a database, where it takes that from, and what stays deleted. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from migrator.model.inventory import Database, Entry, Inventory, StoreKind, Transcript
from migrator.model.plan import Judged
from migrator.model.verification import HistoryVerdict, HistoryVerification
from migrator.model.words import Name
from migrator.model.writes import Origin, RowSource, SourceFile
from migrator.openclaw.places.session_files import FileKind, transcript_session_id
from migrator.planning.folding import deleted_by_gateway, is_gateways
from migrator.runs.run import RUNS
from migrator.scanning.joining import in_order

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


_BY_KIND = {StoreKind.IMPORTED: Origin.IMPORTED, StoreKind.ARCHIVED: Origin.ARCHIVED}


def sources_in_order(session_id: str, files: list[SourceFile], own: Collection[str]) -> tuple[SourceFile, ...]:
    """The files of a session, its own one first; one in the rows of another database comes last.

    ``own`` are paths that are known to be own files.
    """
    by_path = {file.transcript.path: file for file in files if file.transcript is not None}
    transcripts = in_order(
        session_id, [file.transcript for file in by_path.values() if file.transcript is not None], own
    )
    return (
        *(by_path[transcript.path] for transcript in transcripts),
        *(file for file in files if file.transcript is None),
    )


def file_origin(transcript: Transcript | None) -> Origin:
    """Where a transcript of the installation itself is from."""
    if transcript is None or transcript.kind == FileKind.TRANSCRIPT.value:
        return Origin.LIVE
    return Origin.ARCHIVED if RUNS in Path(transcript.path).parts else Origin.IMPORTED


def row_source(sources: Judged, place: Name, key: str) -> RowSource | None:
    """The entry of a source that verify has judged."""
    for store in sources.inventory.stores if place.kind == "store" else ():
        if store.path == place.text:
            entries = [entry for entry in store.entries if entry.key == key and entry.problem is None]
            origin = sources.origin or _BY_KIND.get(store.kind, Origin.LIVE)
            return RowSource(origin, place, entries[-1], store=store) if entries else None
    for database in sources.inventory.databases if place.kind == "database" else ():
        if database.path == place.text:
            rows = {row.key: row for row in (*database.cache_rows, *database.typed_rows)}
            if row := rows.get(key):
                entry = Entry(-1, row.key, 0, 0, row.sha256, row.updated_at, row.session_id)
                return RowSource(sources.origin or Origin.BACKUP, place, entry, rows_of=database)
    return None


def deleted_sessions(inventory: Inventory, database: Database) -> Iterator[str]:
    """The session ids that were deleted in this database or its directory."""
    yield from (one.session_id for one in deleted_by_gateway(database))
    for agent in inventory.agents if is_gateways(database) else ():
        for file in agent.files if agent.directory == database.directory else ():
            if file.kind == FileKind.ARCHIVE_DELETED.value:
                session_id, _ = transcript_session_id(Path(file.path).name)
                if session_id is not None:
                    yield session_id
