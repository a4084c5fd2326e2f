"""Which file of a session comes first in a repair, and where files are from. Pure."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from migrator.model.inventory import Transcript
from migrator.model.writes import Origin, SourceFile
from migrator.openclaw.places.session_files import FileKind
from migrator.runs.run import RUNS
from migrator.scanning.joining import in_order


def sources_in_order(session_id: str, files: list[SourceFile], own: Collection[str]) -> tuple[SourceFile, ...]:
    """The files of a session, its own one first; one in the rows of another database comes last.

    ``own`` are paths that are known to be own files.
    """
    by_path = {file.transcript.path: file for file in files if file.transcript is not None}
    transcripts = in_order(session_id, [one.transcript for one in by_path.values() if one.transcript is not None], own)
    return (*(by_path[one.path] for one in transcripts), *(file for file in files if file.transcript is None))


def file_origin(transcript: Transcript | None) -> Origin:
    """Where a transcript of the installation itself is from."""
    if transcript is None or transcript.kind == FileKind.TRANSCRIPT.value:
        return Origin.LIVE
    return Origin.ARCHIVED if RUNS in Path(transcript.path).parts else Origin.IMPORTED
