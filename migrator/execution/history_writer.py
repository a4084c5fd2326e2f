"""The part of executing that is about transcripts: a history read again from its files, and put into the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import islice

from migrator.model import Name
from migrator.openclaw.transcript import Line, TranscriptReader
from migrator.plan_model import HistoryPlan
from migrator.progress import Advance
from migrator.scanning.sources import open_source, require_same
from migrator.scanning.transcripts import Merge, storable_lines
from migrator.sqlite import target
from migrator.sqlite.event_rows import event_hash

_BATCH = 500


def write_history(connection: sqlite3.Connection, history: HistoryPlan, advance: Advance) -> None:
    """Append the events that the database lacks, in file order, and the entry of a history that none claims."""
    if history.entry is not None:
        session = target.Owner(history.session_id, history.key, history.updated_at)
        target.put_sessions(connection, [session])
        typed = target.TypedRow(history.key, history.session_id, history.entry, history.updated_at)
        target.put_typed_rows(connection, [typed])
    session_id, lines = history.session_id, _history_lines(history, advance)
    rows = islice(enumerate(lines), history.present, None)
    while batch := [(seq, line, text, line.timestamp_ms or 0) for seq, (line, text) in islice(rows, _BATCH)]:
        target.put_events(connection, [target.Event(session_id, seq, text, at) for seq, _, text, at in batch])
        target.put_identities(
            connection,
            [
                target.Identity(session_id, line.event_id, seq, line.event_type, line.parent_id, at)
                for seq, line, _, at in batch
                if line.event_id is not None
            ],
        )


def _history_lines(history: HistoryPlan, advance: Advance) -> Iterator[tuple[Line, bytes]]:
    """The lines of all files of a session, read again; what files share is taken once."""
    merge = Merge() if len(history.files) > 1 else None
    for file in history.files:
        if merge is not None:
            merge.next_file()
        with open_source(file.path, Name("transcript", file.path)) as stream:
            reader = TranscriptReader(stream)
            for line, text in storable_lines(reader):
                advance(line.length)
                if merge is None or merge.adds(event_hash(text)):
                    yield line, text
            require_same(Name("transcript", file.path), file.identity, reader.sha256)
