"""A private copy of a state directory, and what proves that the original was left alone.

A state directory that comes with the program is for the smallest real test of an upgrade. It holds nobody's words:
``smoke.tar.xz`` is ``fixtures/legacy-2026.7.1.tar.xz`` without its agent of an odd name, whose sessions a release
moves: 14 sessions of two agents, as OpenClaw 2026.7.1 left them.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import stat
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from migrator.commands.request import Request
from migrator.filesystem import free_bytes, open_regular_file, scratch_directory
from migrator.model.errors import RefusedError, UsageError
from migrator.model.request import Selection, Surroundings
from migrator.model.upgrade import FileChanges
from migrator.model.words import Name
from migrator.scanning.directories import is_inside

_BLOCK = 1 << 20
_ALIASES = "aliases"

Times = Mapping[str, tuple[int, ...]]
"""What tells whether a file was written to, by relative path: type and mode, size, times, and which file it is."""

SMOKE_ARCHIVE = "smoke.tar.xz"


@dataclass(frozen=True, slots=True)
class Tree:
    """Everything below a directory, by relative path: modes, owners, times, and the content of every file.

    ``manifest`` is the digest of what ``find . -type f | LC_ALL=C sort | xargs sha256sum`` prints there, ``size``
    the bytes of all files, ``links_outside`` the number of links that lead out.
    """

    entries: Mapping[str, tuple[int | str, ...]]
    manifest: str
    size: int
    links_outside: int


def read_tree(root: str) -> Tree:
    """Read a whole directory, and touch nothing. Raises RefusedError for what cannot be read."""
    entries: dict[str, tuple[int | str, ...]] = {}
    digests: dict[str, str] = {}
    size = links_outside = 0
    for path, status in _walk(root):
        content = ""
        if stat.S_ISREG(status.st_mode):
            content = digests[path] = _digest(os.path.join(root, path))
            size += status.st_size
        elif stat.S_ISLNK(status.st_mode):
            content = os.readlink(os.path.join(root, path))
            links_outside += not is_inside(os.path.join(root, path), root)
        entries[path] = (status.st_mode, status.st_uid, status.st_gid, status.st_size, status.st_mtime_ns, content)
    lines = (f"{digests[path]}  ./{path}\n" for path in sorted(digests, key=os.fsencode))
    manifest = hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
    return Tree(entries, manifest, size, links_outside)


def times(root: str) -> Times:
    """What tells whether files were written to, without reading them. Whatever vanishes meanwhile is not there."""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):  # a link to a folder is among the folders
            path = os.path.join(folder, name)
            with suppress(OSError):
                status = os.lstat(path)
                facts = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
                if not stat.S_ISDIR(status.st_mode):
                    found[os.path.relpath(path, root)] = facts
    return found


def changes(before: Times, after: Times) -> FileChanges:
    """The files that were created, changed and removed in between."""
    return FileChanges(
        created=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(sorted(path for path in after.keys() & before.keys() if after[path] != before[path])),
        removed=tuple(sorted(before.keys() - after.keys())),
    )


def copy_tree(root: str, target: Path) -> None:
    """Copy a directory with modes and times.

    Links stay links if they lead to something inside, and are left out if they lead out, so that nothing can be
    changed through them. A file that has several names gets a second one beside ``target``, because OpenClaw refuses
    such files. Pipes and sockets are left out, too.
    """
    folders = [("", os.lstat(root))]
    target.mkdir(mode=0o700)
    for path, status in _walk(root):
        source, copy = os.path.join(root, path), target / path
        if stat.S_ISDIR(status.st_mode):
            copy.mkdir(mode=0o700)
            folders.append((path, status))
        elif stat.S_ISREG(status.st_mode):
            shutil.copy2(source, copy)
            if status.st_nlink > 1:
                _give_second_name(copy, target.with_name(f"{target.name}-{_ALIASES}"))
        elif stat.S_ISLNK(status.st_mode) and is_inside(source, root):
            copy.symlink_to(os.path.relpath(os.path.realpath(source), os.path.realpath(os.path.dirname(source))))
    for path, status in reversed(folders):
        os.chmod(target / path, stat.S_IMODE(status.st_mode) | stat.S_IRWXU)
        os.utime(target / path, ns=(status.st_atime_ns, status.st_mtime_ns))


def copy_installation(state_dir: str, config: str | None, target: Path) -> None:
    """Copy a state directory, and let its configuration name the copy where it names the original by its whole path.

    Else ``session.store``, a workspace or the directory of an agent would lead a release back into the original.
    """
    copy_tree(state_dir, target)
    if config is None or not is_inside(config, state_dir):
        return
    copy = target / os.path.relpath(os.path.realpath(config), os.path.realpath(state_dir))
    status, text = copy.stat(), copy.read_bytes()
    for spelled in (os.fsencode, _escaped):
        text = re.sub(re.escape(spelled(state_dir)) + rb"(?=[/\\\"'])", lambda _: spelled(str(target)), text)  # noqa: B023
    copy.chmod(stat.S_IMODE(status.st_mode) | stat.S_IWUSR)
    copy.write_bytes(text)
    copy.chmod(stat.S_IMODE(status.st_mode))
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))


def _escaped(path: str) -> bytes:
    """A path as JSON may spell it."""
    return json.dumps(path)[1:-1].encode()


def require_space(folder: Path, needed: int) -> None:
    """Raise RefusedError if a filesystem has less than ``needed`` bytes free."""
    free = free_bytes(folder)
    if free < needed:
        raise RefusedError(
            f"The private copies need {needed} bytes, and the filesystem of {{subject}} has {free} free; "
            "name another place with TMPDIR.",
            Name("path", str(folder)),
        )


def _walk(root: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every path below a directory but itself, relative, in byte order within each directory; parents come first."""

    def refuse(error: OSError) -> None:
        raise _unreadable(os.fsdecode(error.filename or root)) from None

    for folder, folders, files in os.walk(root, onerror=refuse):
        folders.sort(key=os.fsencode)
        for name in sorted((*folders, *files), key=os.fsencode):
            path = os.path.join(folder, name)
            try:
                status = os.lstat(path)
            except OSError:
                raise _unreadable(path) from None
            yield os.path.relpath(path, root), status


def _digest(path: str) -> str:
    total = hashlib.sha256()
    try:
        with open_regular_file(path) as stream:
            while block := stream.read(_BLOCK):
                total.update(block)
    except OSError:
        raise _unreadable(path) from None
    return total.hexdigest()


def _unreadable(path: str) -> RefusedError:
    sentence = "{subject} cannot be read, so it cannot be copied; run as its owner, while nothing writes there."
    return RefusedError(sentence, Name("path", path))


def _give_second_name(copy: Path, aliases: Path) -> None:
    aliases.mkdir(mode=0o700, exist_ok=True)
    os.link(copy, aliases / str(copy.stat().st_ino))


def of_smoke_state(request: Request, until: ExitStack) -> Request:
    """The same request on a state directory that is unpacked here, and removed when ``until`` is closed.

    Raises UsageError if the request names another one.
    """
    if request.selection != Selection():
        raise UsageError("--smoke has a state of its own; leave out what names another one.")
    folder = os.path.realpath(until.enter_context(scratch_directory(request.surroundings.tmp)))
    packed = resources.files("migrator.upgrades").joinpath(SMOKE_ARCHIVE).read_bytes()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return replace(
        request,
        selection=Selection(state_dir=os.path.join(folder, "smoke")),
        surroundings=Surroundings({}, folder, folder, request.surroundings.tmp),
    )
