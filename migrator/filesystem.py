"""What only some platforms can do: durable directory entries, owners and modes, exclusive locks.

Where a platform lacks a thing the fallback is stated with the function. Tested on Linux.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from migrator.model.errors import BusyError, ChangedError
from migrator.model.inventory import FileIdentity
from migrator.model.words import Name

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

if os.name == "posix":
    import fcntl
else:  # pragma: no cover - Windows
    import msvcrt


class _AsLongAsItWas(io.FileIO):
    """A file up to the length that it had when it was opened: one that grows all the time has an end, too."""

    def __init__(self, handle: int) -> None:
        super().__init__(handle, "rb")
        self._end = os.fstat(handle).st_size

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        """Read into a buffer, but nothing beyond the end."""
        left = self._left()
        return (
            super().readinto(memoryview(buffer)[:left]) if left else 0
        )  # most files are asked twice more at their end

    def readall(self) -> bytes:
        """Read to the end."""
        return self.read(self._left()) or b""

    def _left(self) -> int:
        return max(0, self._end - self.tell())


def open_regular_file(path: str | Path, *, follow: bool = True) -> BinaryIO:
    """Open a regular file for reading and nothing else, as long as it is now; never waits on a pipe or a device.

    Raises OSError, for a link too unless it is to be followed, and with EINVAL for what is no regular file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags | (0 if follow else getattr(os, "O_NOFOLLOW", 0)))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file")
    return io.BufferedReader(_AsLongAsItWas(handle), 1 << 16)


_WITHOUT_WAITING = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
)


def first_bytes(path: str, count: int, folder: int | None = None) -> bytes:
    """At most so many bytes of the beginning of a file, in the quickest way; never waits, and follows no link.

    Raises OSError, also for a folder. A pipe or a device that has come into the place of a file has nothing to say.
    """
    handle = os.open(path, _WITHOUT_WAITING, dir_fd=folder)
    try:
        return os.read(handle, count)
    finally:
        os.close(handle)


def read_regular_file(path: str | Path) -> bytes:
    """All of a regular file. Raises OSError for anything else: a pipe or a device in its place is not waited for."""
    with open_regular_file(path) as stream:
        return stream.read()


def fsync_file(path: Path) -> None:
    """Make the content of a file durable. Opened for writing, because Windows refuses to flush a read handle."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def fsync_directory(path: Path) -> None:
    """Make the names in a directory durable; does nothing on Windows, which has no such call."""
    if os.name != "posix":  # pragma: no cover - Windows
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_private_directory(path: Path) -> bool:
    """Make a directory with mode 0700 and the owner of its parent; False if it was there already."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return False
    inherit_owner(path, path.parent)
    fsync_directory(path.parent)
    return True


def inherit_owner(path: Path, model: Path) -> None:
    """Give ``path`` the owner of ``model``; only the superuser can, and only then it is needed."""
    if os.name != "posix" or os.geteuid() != 0:  # pragma: no cover - depends on who runs the tests
        return
    stat = model.stat()
    os.chown(path, stat.st_uid, stat.st_gid, follow_symlinks=False)


def publish(temporary: Path, final: Path) -> None:
    """Give a file that is finished and flushed its final name without ever replacing another file, durably.

    Raises ChangedError if something has appeared under the final name meanwhile.
    """
    try:
        move(temporary, final)
    except FileExistsError:
        raise ChangedError(
            "{subject} appeared while it was being built; plan again.", Name("database", str(final))
        ) from None
    fsync_directory(final.parent)


def move(source: Path, final: Path) -> None:
    """Give a file another name on the same filesystem, and its old one up.

    Killed in between, it has both. Raises FileExistsError rather than replace anything.
    """
    try:
        os.link(source, final)
    except FileExistsError:
        raise
    except OSError:  # no hard links here; the lock of the run keeps other runs away
        if os.path.lexists(final):
            raise FileExistsError(str(final)) from None
        source.rename(final)
    source.unlink(missing_ok=True)


def write_all(handle: int, data: bytes) -> None:
    """Write all of ``data`` and make it durable. Raises OSError, and EIO if the system takes no more bytes."""
    rest = memoryview(data)
    while rest:
        written = os.write(handle, rest)
        if written == 0:
            raise OSError(errno.EIO, "nothing was written")
        rest = rest[written:]
    os.fsync(handle)


def copy_durably(source: Path, target: Path, facts: FileIdentity) -> None:
    """Copy a file to a place where a copy that was begun before may lie, with the mode, owner and time of ``facts``."""
    target.unlink(missing_ok=True)  # not written to: it may be a link, or have another name
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with source.open("rb") as read, os.fdopen(handle, "wb") as written:
        shutil.copyfileobj(read, written, 1 << 20)
        written.flush()
        os.fsync(written.fileno())
    give_facts(target, facts)


def give_facts(path: Path, facts: FileIdentity) -> None:
    """Give a file mode, time and, if we may, the owner that another one has or had."""
    if os.name == "posix" and os.geteuid() == 0:
        os.chown(path, facts.uid, facts.gid)
    path.chmod(facts.mode)
    os.utime(path, ns=(facts.mtime_ns, facts.mtime_ns))


def replace_durably(path: Path, data: bytes) -> None:
    """Write a private file as a whole, durably, and put it in the place of an older one of the same name."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        fsync_directory(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


_SCRATCH = "openclaw-session-migrator-"
_MARK = ".scratch"
"""A file by which a scratch directory is known for one, so that nothing of the user's is ever taken for it."""
_SPARED = 60
"""Seconds for which a scratch directory is spared that nobody holds: it may have been made just now."""


@contextmanager
def scratch_directory(parent: str | None = None) -> Iterator[str]:
    """A private directory for temporary files, held while the block runs, so that it is known to be in use.

    What cannot be removed of it afterwards stays.
    """
    with (
        tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=parent, ignore_cleanup_errors=True) as folder,
        _held(folder),
    ):
        Path(folder, _MARK).touch()
        yield folder


def remove_stale_scratch(parent: str) -> None:
    """Remove the scratch directories of processes that were killed. Elsewhere than on POSIX they stay."""
    for path in Path(parent).glob(f"{_SCRATCH}*"):
        try:
            status = path.lstat()
            is_ours = stat.S_ISDIR(status.st_mode) and os.name == "posix" and status.st_uid == os.geteuid()
            if is_ours and path.joinpath(_MARK).is_file() and time.time() - status.st_mtime > _SPARED:
                with _held(str(path)):
                    shutil.rmtree(path)
        except OSError:
            continue  # somebody holds it, or has removed it


@contextmanager
def _held(folder: str) -> Iterator[None]:
    """Hold a directory by a lock that is gone with the process. Raises OSError if somebody else holds it."""
    if os.name != "posix":  # pragma: no cover - Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def is_absent(path: str) -> bool:
    """Whether there is nothing at a path. What may not be looked at counts as there, to be complained about."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False


def status_of(path: str | Path, *, follow: bool = False) -> os.stat_result | None:
    """The status of something whose name was listed; None if it is gone by now, as temporary files are.

    Raises OSError where it may not, or cannot, be looked at: who asks must say so, and go on with the others.
    """
    try:
        return os.stat(path) if follow else os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def names_in(folder: str | Path) -> list[str]:
    """The names in a directory, sorted; none if there is no directory (any more).

    Raises OSError where it may not, or cannot, be listed.
    """
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def size_at(path: str) -> int:
    """The length of a regular file, links followed; 0 for whatever else is there, or cannot be looked at."""
    try:
        status = status_of(path, follow=True)
    except (OSError, ValueError):
        return 0
    return status.st_size if status is not None and stat.S_ISREG(status.st_mode) else 0


def filesystem_type(path: Path) -> str:
    """The kind of filesystem that a path is on (``ext4``, ``nfs4`` ...), "unknown" where /proc does not tell."""
    real = os.path.realpath(path)
    best, kind = "", "unknown"
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:  # pragma: no cover - not Linux
        return kind
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        point = fields.split()[4].encode().decode("unicode_escape")
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, rest.split()[0]
    return kind


def is_read_only(path: Path) -> bool:
    """Whether the filesystem of a path is mounted read-only; False on Windows, where nothing tells."""
    if os.name != "posix":  # pragma: no cover - Windows
        return False
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def free_bytes(path: Path) -> int:
    """The bytes that can still be written to the filesystem of the nearest existing parent of ``path``."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold a lock file while the block runs. The system drops the lock with the process, however it dies.

    Raises BusyError at once if another process holds it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            if os.name == "posix":
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:  # pragma: no cover - Windows
                getattr(msvcrt, "locking")(handle, getattr(msvcrt, "LK_NBLCK"), 1)  # noqa: B009
            if not os.path.samestat(os.fstat(handle), path.stat()):
                raise FileNotFoundError  # removed by its last holder
        except OSError:
            raise BusyError(
                "Another run of this program is at work on {subject}; wait for it to end.",
                Name("state", str(path.parent.parent)),
            ) from None
        yield
    finally:
        os.close(handle)
