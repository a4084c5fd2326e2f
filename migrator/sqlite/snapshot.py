"""Open a foreign database without touching it, and say what its files were.

``mode=ro`` alone is not read-only: on a cleanly closed WAL database it creates ``-wal`` and ``-shm`` and
leaves them there (SQLite 3.40). ``immutable=1`` creates nothing, but overlooks rows in a ``-wal`` and a
journal that is to be rolled back. So a database without a filled journal is opened immutable, and of any
other a private copy.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from migrator.filesystem import open_regular_file, scratch_directory
from migrator.model.errors import BusyError
from migrator.model.inventory import FileIdentity
from migrator.model.words import Name

SUFFIXES = ("", "-wal", "-journal")
"""The files of a database that hold data; ``-shm`` can be made again from ``-wal``."""

_WITH_OCTET_LENGTH = (3, 43, 0)
_BLOCK = 1 << 20
_COPY_ATTEMPTS = 5
_STATEMENTS = 128  # kept for the next time that they are used, each with a copy of the last text that it wrote
_LONG = 1 << 24  # bytes of a text of which there had better be no such copy

_State = tuple[int, int, int, int]
"""Device, inode, size and time of change of a file."""


@contextmanager
def open_snapshot(path: str) -> Iterator[sqlite3.Connection]:
    """Open a database to read it, creating and changing nothing beside it. Links are followed.

    The connection refuses to write. Raises FileNotFoundError if the file is missing, OSError if it cannot be
    opened or a file of the set is not regular, sqlite3.OperationalError if its path is too long for SQLite,
    and BusyError if somebody writes to it meanwhile. What is no database at all opens, and fails when it is
    first read.
    """
    real = os.path.realpath(path)
    before = _states(real)
    with open_regular_file(real, follow=False):
        pass  # SQLite would not say why it cannot open it
    if any(state is not None and state[2] > 0 for state in before[1:]):
        with scratch_directory() as folder:
            yield from _reading(_copy_set(real, folder), "mode=rw")
        return
    try:
        yield from _reading(real, "mode=ro&immutable=1")
    except sqlite3.Error:
        _require_unchanged(real, before)
        raise
    _require_unchanged(real, before)


def open_writable(path: str, *, with_functions: bool = False, longest: int = 0) -> sqlite3.Connection:
    """Open an existing database to change it, durable beyond a power cut; transactions are the caller's.

    ``with_functions``: its tables use functions in their checks, as those of agent schema 23 do. ``longest`` is the
    size in bytes of the longest text that will be written. Raises sqlite3.Error.
    """
    connection = _connect(path, "mode=rw", _STATEMENTS if longest < _LONG else 0)
    trusted = "ON" if with_functions else "OFF"
    try:
        for pragma in (f"trusted_schema = {trusted}", "foreign_keys = ON", "synchronous = EXTRA"):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    if with_functions:
        _add_functions(connection)
    return connection


def _add_functions(connection: sqlite3.Connection) -> None:
    """Add what the checks of agent schema 23 ask for (``octet_length``, since SQLite 3.43), where SQLite lacks it."""
    if sqlite3.sqlite_version_info < _WITH_OCTET_LENGTH:
        connection.create_function("octet_length", 1, _octet_length, deterministic=True)


def _octet_length(value: str | bytes | None) -> int | None:
    """The function of SQLite 3.43: bytes of a text in UTF-8, or of a blob."""
    if value is None:
        return None
    return len(value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass"))


def checkpoint(connection: sqlite3.Connection) -> bool:
    """Move what is committed into the database file, and say whether all of it is there now.

    Readers, other writers and a full disk can be in the way. Closing does the same, but keeps quiet about a failure.
    """
    try:
        busy, frames, moved = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error:
        return False
    return not busy and frames == moved


def database_files(path: str) -> tuple[tuple[str, FileIdentity], ...]:
    """Identify every file of the set that exists, empty ones too, by its suffix. Links are followed.

    Raises like :func:`identify`, and FileNotFoundError if the database itself is missing.
    """
    real = os.path.realpath(path)
    states = zip(SUFFIXES, _states(real), strict=True)
    return tuple((suffix, identify(real + suffix)) for suffix, state in states if state is not None)


def identify(path: str) -> FileIdentity:
    """Hash a regular file. Raises OSError for a link or anything else, BusyError if it changes meanwhile."""
    digest = sha256()
    with open_regular_file(path, follow=False) as stream:
        before = os.fstat(stream.fileno())
        while block := stream.read(_BLOCK):
            digest.update(block)
        after = os.fstat(stream.fileno())
    if _state(before) != _state(after):
        raise _busy(path)
    return FileIdentity(
        size=after.st_size,
        sha256=digest.hexdigest(),
        mode=stat.S_IMODE(after.st_mode),
        uid=after.st_uid,
        gid=after.st_gid,
        mtime_ns=after.st_mtime_ns,
        links=after.st_nlink,
    )


def read_regular(path: Path, limit: int) -> bytes:
    """Read a regular file, but no more than ``limit`` bytes and one. Raises OSError for anything else."""
    with open_regular_file(path, follow=False) as stream:
        return stream.read(limit + 1)


def _reading(path: str, mode: str) -> Iterator[sqlite3.Connection]:
    connection = _connect(path, mode)
    # SQLite reads the checks of agent schema 23 only where it could write, as to a private copy. There it takes their
    # functions for unsafe if the schema is not trusted. Nothing of a schema runs here: no view and no trigger is used.
    trusted = "OFF" if "immutable" in mode else "ON"
    try:
        for pragma in ("query_only = ON", f"trusted_schema = {trusted}", "cell_size_check = ON"):
            connection.execute(f"PRAGMA {pragma}")
        _add_functions(connection)
        yield connection
    finally:
        connection.close()


def _connect(path: str, mode: str, statements: int = _STATEMENTS) -> sqlite3.Connection:
    """Connect by a URI, which can hold any path: ``%``, ``?``, ``#``, line ends, bytes that are no text.

    SQLite waits for no lock: only who is told to wait does.
    """
    absolute = os.fsencode(Path(path).absolute().as_posix()).lstrip(b"/")
    uri = f"file:/{quote(absolute)}?{mode}"
    return sqlite3.connect(uri, timeout=0, uri=True, isolation_level=None, cached_statements=statements)


def _copy_set(real: str, folder: str) -> str:
    """Copy a database with its journals, all as of one time. Raises BusyError if they do not rest."""
    target = str(Path(folder, "copy.sqlite"))
    for _ in range(_COPY_ATTEMPTS):
        before = _states(real)
        try:
            for suffix, state in zip(SUFFIXES, before, strict=True):
                if state is None:
                    Path(target + suffix).unlink(missing_ok=True)
                else:
                    _copy(real + suffix, Path(target + suffix))
        except FileNotFoundError:
            continue
        if _states(real) == before:
            return target
    raise _busy(real)


def _copy(source: str, target: Path) -> None:
    with open_regular_file(source, follow=False) as read, target.open("wb") as written:
        shutil.copyfileobj(read, written, _BLOCK)


def _require_unchanged(real: str, before: tuple[_State | None, ...]) -> None:
    """Raise BusyError unless the files of a database are what they were."""
    try:
        unchanged = _states(real) == before
    except FileNotFoundError:
        unchanged = False
    if not unchanged:
        raise _busy(real)


def _states(real: str) -> tuple[_State | None, ...]:
    """Look at the files of a database: None for a missing journal, FileNotFoundError for the database."""
    database = Path(real).lstat()
    journals: list[_State | None] = []
    for suffix in SUFFIXES[1:]:
        try:
            journals.append(_state(Path(real + suffix).lstat()))
        except FileNotFoundError:
            journals.append(None)
    return _state(database), *journals


def _state(status: os.stat_result) -> _State:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _busy(path: str) -> BusyError:
    return BusyError(
        "{subject} changed while it was being read; stop its writer and try again.", Name("database", path)
    )
