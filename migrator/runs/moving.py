"""Moving a file, to another device too: whenever that is killed, it is at one of the two places, or alike at both."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from pathlib import Path

from migrator.filesystem import copy_durably, fsync_directory, move
from migrator.model.errors import ChangedError
from migrator.model.words import Name
from migrator.sqlite.snapshot import identify


def carry(source: Path, final: Path, sha256: str, rename: Callable[[Path, Path], None] = move) -> None:
    """Move a file that has a digest to a place where nothing is. To another device it is copied, and the copy checked.

    Raises OSError, and ChangedError if its digest is another one, or changes meanwhile: the file stays then.
    """
    try:
        rename(source, final)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy_over(source, final, sha256)
    fsync_directory(final.parent)


def swap(new: Path, place: Path, old: Path) -> None:
    """Put a file into the place of another, whatever that is at this very moment: it is kept, by the name ``old``.

    Where the system cannot do both in one step, a kill may leave the place empty, and both files beside it.
    """
    new.rename(old)
    try:
        _exchange(old, place)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
            raise
        old.rename(new)
        place.rename(old)
        new.rename(place)


def _exchange(one: Path, other: Path) -> None:
    """Let two files have each other's name, in one step. Raises OSError, with ENOSYS where that cannot be asked for."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if os.name == "posix" else None
    if rename is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if rename(_FROM_HERE, os.fsencode(one), _FROM_HERE, os.fsencode(other), _BOTH_WAYS):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


_FROM_HERE = -100  # AT_FDCWD
_BOTH_WAYS = 2  # RENAME_EXCHANGE


def half_carried(final: Path) -> Path:
    """The file in which a copy is made that is to go to a place. A kill leaves it, and it is no use to anybody."""
    return final.with_name(f".{final.name}.carried.tmp")


def are_alike(one: Path, other: Path) -> bool:
    """Whether two regular files, and no links, are the same in bytes, mode and time. Raises OSError and BusyError."""
    statuses = [os.lstat(path) for path in (one, other)]
    if len({(found.st_mode, found.st_size, found.st_mtime_ns) for found in statuses}) > 1:
        return False
    return identify(str(one)).sha256 == identify(str(other)).sha256


def _copy_over(source: Path, final: Path, sha256: str) -> None:
    """Give a file another place by a copy that is whole, checked and durable before the file itself is removed."""
    temporary, facts = half_carried(final), identify(str(source))
    try:
        copy_durably(source, temporary, facts)
        if {identify(str(temporary)).sha256, identify(str(source)).sha256} != {sha256}:
            raise ChangedError("{subject} changed while it was moved; run again.", Name("path", str(source)))
        move(temporary, final)
    finally:
        temporary.unlink(missing_ok=True)
    try:
        fsync_directory(final.parent)
        source.unlink()
    except OSError:
        if source.exists():
            final.unlink()
        raise
