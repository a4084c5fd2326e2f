"""What a power cut could still take away when a run has ended, read from the system calls that it made.

A name is durable once its directory is flushed, content once its file is; and a file must be flushed before it gets
its final name. Knows nothing of the program. What SQLite does to files of its own (``-wal``, ``-shm``, ``-journal``)
and to a database in place is left out: that is its trade, and the power cut test tries it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_WRITES = ("write", "pwrite64", "ftruncate", "sendfile", "copy_file_range")
_FLUSHES = ("fsync", "fdatasync")
_CALL = re.compile(r"\d+ +(\w+)\((.*)\) = (-?\d+)")
_OWN = re.compile(r"\.sqlite(-wal|-shm|-journal)?$|\.lock$")


def undurable(trace: Path, root: Path) -> Iterator[str]:
    """Say what was not durable when it had to be. The trace is that of ``strace -y`` on a run without a fault."""
    dirty: set[str] = set()
    pending: dict[str, str] = {}
    for line in trace.read_text(errors="replace").splitlines():
        match = _CALL.match(line)
        if match is None or match[3].startswith("-"):
            continue
        name, paths = match[1], _paths(match[2])
        if not any(path.startswith(str(root)) for path in paths):
            continue
        if name in _WRITES:
            dirty.add(paths[0])
        elif name in _FLUSHES:
            dirty.discard(paths[0])
            pending = {path: what for path, what in pending.items() if os.path.dirname(path) != paths[0]}
        elif name in ("rename", "link", "linkat"):
            source, target = paths[-2:]
            if source in dirty:
                yield f"got its name before its content was flushed: {target}"
            dirty = {target if path == source else path for path in dirty} if name == "rename" else dirty
            pending[target] = "new name"
        elif name in ("mkdir", "mkdirat") or (name == "openat" and "O_CREAT" in match[2]):
            pending.setdefault(paths[-1] if name == "mkdir" else paths[0], "new name")
        elif name in ("unlink", "rmdir"):
            pending.pop(paths[-1], None)
            dirty.discard(paths[-1])
    yield from (f"content not flushed: {path}" for path in sorted(dirty) if not _OWN.search(path))
    yield from (f"{what} not flushed: {path}" for path, what in sorted(pending.items()) if not _OWN.search(path))


def _paths(arguments: str) -> list[str]:
    """The paths among the arguments of a call: of open files first, then those that are given as text."""
    found = re.findall(r'\d<(/[^>]*)>|"(/[^"]*)"', arguments)
    return [descriptor or text for descriptor, text in found if not (descriptor and "AT_FDCWD" in descriptor)]
