"""Bring what a database holds into its -wal, as a process that was killed leaves it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from scattering.pieces import WAL


def fill_journal(path: Path, *, whole: bool) -> None:
    """Let the -wal of a database with events hold ``whole`` of it, or every other event; only it has these then."""
    work = path.with_name(f"{path.name}.work")
    with closing(sqlite3.connect(work)) as writer:
        writer.create_function("octet_length", 1, lambda text: None if text is None else len(text.encode()))
        if whole:
            writer.execute("PRAGMA journal_mode = WAL")
            writer.execute("PRAGMA wal_autocheckpoint = 0")
            _copy(path, writer)
        else:
            _copy(path, writer)
            writer.execute("PRAGMA journal_mode = WAL")
            writer.execute("CREATE TEMP TABLE later AS SELECT * FROM transcript_events WHERE seq % 2 = 1")
            writer.execute("DELETE FROM transcript_events WHERE seq % 2 = 1")
            writer.commit()
            writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            writer.execute("PRAGMA wal_autocheckpoint = 0")
            writer.execute("INSERT INTO transcript_events SELECT * FROM later")
            writer.commit()
        for ending in ("", WAL):  # before it is closed, which would bring all into the database
            shutil.copy(f"{work}{ending}", f"{path}{ending}")
    for ending in ("", WAL, "-shm"):
        Path(f"{work}{ending}").unlink(missing_ok=True)


def _copy(path: Path, writer: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(path)) as reader:
        reader.backup(writer)
