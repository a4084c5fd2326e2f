"""The byte-exact copy of a database with its journals, and how it is put back so that no kill can split it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from migrator.filesystem import copy_durably, fsync_directory, make_private_directory, move
from migrator.model.errors import BusyError, ChangedError
from migrator.model.inventory import FileIdentity
from migrator.model.words import Name
from migrator.sqlite.snapshot import checkpoint, identify, open_writable

SET = ("", "-wal", "-shm", "-journal")
"""Every file of a database, as the end of its name."""

Files = tuple[tuple[str, FileIdentity], ...]
"""The files of a set that there are, by the end of their names."""

_SETTLED = "settled"
_Put = Callable[[Path, Path], object]
"""Puts a file into the place of another."""


def file_set(database: Path) -> Files:
    """Identify all files of a database, which may have none. Raises OSError and BusyError."""
    return tuple(
        (suffix, identify(str(database) + suffix)) for suffix in SET if os.path.lexists(str(database) + suffix)
    )


def copy_set(database: Path, folder: Path) -> Files:
    """Copy a database with all that belongs to it into a folder, durably, and say what the files were.

    Raises OSError, and ChangedError if a file changes meanwhile.
    """
    files = file_set(database)
    for suffix, facts in files:
        copy = folder / (database.name + suffix)
        copy_durably(Path(str(database) + suffix), copy, facts)
        if identify(str(copy)).sha256 != facts.sha256:
            raise ChangedError("{subject} changed while it was copied; try again.", Name("database", str(database)))
    fsync_directory(folder)
    return files


def is_restored(database: Path, files: Files) -> bool:
    """Whether a database is what it was, file by file: content, mode and time."""
    now = {suffix: (found.sha256, found.mode, found.mtime_ns) for suffix, found in file_set(database)}
    return now == {suffix: (facts.sha256, facts.mode, facts.mtime_ns) for suffix, facts in files}


def restore_set(database: Path, folder: Path, files: Files, replace: Callable[[Path, bool], object]) -> None:
    """Put a copied database back. Killed at any moment, it leaves the new content or the old one, never a mixture.

    A filled journal cannot be put beside a file of other content, nor the file be replaced before it. So the old
    content goes in as one settled file first; the journal changes nothing about that, and then the file as it was
    changes nothing about both. ``replace`` puts a file into the place of the database, and is told whether journals
    were put beside it already.
    Raises BusyError if somebody uses the database, OSError and sqlite3.Error.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    put: _Put = move
    if database.exists():
        settle(database)
        put = _by(replace, False)
    original, facts = folder / database.name, dict(files)
    if any(identity.size for suffix, identity in files if suffix in ("-wal", "-journal")):
        settled = folder / _SETTLED / database.name
        make_private_directory(settled.parent)
        for suffix, identity in files:
            copy_durably(Path(str(original) + suffix), Path(str(settled) + suffix), identity)
        settle(settled)
        _place(settled, database, facts[""], put)
        for suffix in facts.keys() - {""}:
            _place(Path(str(original) + suffix), Path(str(database) + suffix), facts[suffix])
        put = _by(replace, True)
    _place(original, database, facts[""], put)
    for suffix in facts.keys() - {""}:
        _place(Path(str(original) + suffix), Path(str(database) + suffix), facts[suffix])


def _by(replace: Callable[[Path, bool], object], beside_journals: bool) -> _Put:
    return lambda new, _place: replace(new, beside_journals)


def tidy_after_restore(database: Path, folder: Path) -> None:
    """Remove what putting a database back has left behind, be it that it was killed."""
    shutil.rmtree(folder / _SETTLED, ignore_errors=True)
    for suffix in SET:
        _temporary(Path(str(database) + suffix)).unlink(missing_ok=True)


def settle(database: Path) -> None:
    """Bring a database into one file without journals. Raises BusyError if somebody uses it, and sqlite3.Error."""
    if not close_cleanly(database):
        raise BusyError("{subject} is in use; stop its writer and try again.", Name("database", str(database)))
    for suffix in SET[1:]:
        Path(str(database) + suffix).unlink(missing_ok=True)  # of another journal mode, and read by nobody


def close_cleanly(database: Path) -> bool:
    """Let SQLite end what a killed process has begun, and say whether all is in one file, and nobody else has it open.

    The last one to close a database in WAL mode removes its journals, so they tell of another. Raises sqlite3.Error.
    """
    try:
        with closing(open_writable(str(database), with_functions=True)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("COMMIT")
            is_settled = checkpoint(connection)
            uses_wal = connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        return False
    return is_settled and not (uses_wal and any(Path(f"{database}{suffix}").exists() for suffix in ("-wal", "-shm")))


def _place(source: Path, target: Path, facts: FileIdentity, put: _Put = Path.replace) -> None:
    temporary = _temporary(target)
    copy_durably(source, temporary, facts)
    put(temporary, target)
    fsync_directory(target.parent)


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.rollback.tmp")
