"""What lies below the state directory and is not read otherwise, told by what it holds and not by its name alone.

People and programs put sessions where no release looks: copies under any name, databases that were moved aside, a
state directory inside another one. One walk finds them. It looks at each name once, reads the first bytes of what could
be one of these, follows no link, and goes down :data:`DEEPEST` folders.
"""

from __future__ import annotations

import json
import lzma
import os
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import Enum

from migrator.filesystem import first_bytes, names_in
from migrator.openclaw.text.utf16 import MARKS
from migrator.sqlite.compressed import DamagedPayloadError, beginning

DEEPEST = 24
"""Folders below each other: a state directory inside a home inside an agent needs ten."""

HEAD = 4096
"""So many bytes of the beginning of a file are looked at."""

_MOST_MEMORY = 100 << 20

_JSON = json.JSONDecoder()
_SQLITE = b"SQLite format 3\0"
_JOURNALS = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83", b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7")
"""How a -wal of SQLite begins, in either order of bytes, and how its -journal does."""

EVENT_TYPES = (
    "branch_summary|compaction|custom|custom_message|label|leaf|message|model_change|session|session_info"
    "|thinking_level_change"
)
_WORDS = (b"sessionId", b"agent:", b'"type"')
"""Without one of these words a file begins with no session and no event: most files are told by this alone."""

_FIRST_EVENT = re.compile(rf'\s*\{{\s*"type"\s*:\s*"(?:{EVENT_TYPES})"')
_TYPES = frozenset(EVENT_TYPES.split("|"))
_IN_STORE = re.compile(r"""\bsessionId\b|["']agent:""")
_GZIP, _XZ, _ZIP, _TAR, _ZSTD = b"\x1f\x8b", b"\xfd7zXZ\0", b"PK\3\4", b"ustar", b"(\xb5/\xfd"
_ONE_BLOCK = (1 << 17) + 64
"""Bytes that hold the first block of a Zstandard frame: nothing of it can be decoded without all of it."""
_TAR_PLACE = 257
_PACKED_NAMES = re.compile(rb"sessions\.json|\.jsonl|openclaw-agent\.sqlite|agents/[^/]{1,200}/sessions")
_BEFORE_STORE = ("{", "//", "/*")
_FIRST = (b"{", b"/", b"\xef", b"\xff", b"\xfe")
"""How any of them begins: an object, a comment, or a byte order mark."""

_LITTER = re.compile(
    r"\._.*|\.DS_Store|Thumbs\.db|desktop\.ini|.*@Syno(?:EAStream|Resource)|@eaDir|#recycle|@Recycle|lost\+found"
    r"|\.Trash(?:-\d+|es)?|\.git|\.snapshots?|\.stversions|\.stfolder|\.zfs|\.AppleDouble|\.nfs[0-9a-f]+"
    r"|\$RECYCLE\.BIN|System Volume Information|\.Spotlight-V100|\.fseventsd",
    re.ASCII | re.DOTALL | re.IGNORECASE,
)


class Kind(Enum):
    """What the walk goes on with: folders to look into, and regular files."""

    FOLDER = "folder"
    FILE = "file"


class Holds(str, Enum):
    """What a file may hold, by its first bytes."""

    STORE = "store"
    TRANSCRIPT = "transcript"
    DATABASE = "database"
    JOURNAL = "journal"
    PACKED = "packed"


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may hold sessions. ``root`` is the state directory that it lies in, if that is inside this one."""

    path: str
    holds: Holds
    root: str | None = None


@dataclass(slots=True)
class Walk:
    """What one walk has found, what it has not looked at, and how much litter lies among the agents."""

    found: list[Found] = field(default_factory=list)
    too_deep: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    litter: int = 0


def is_litter(name: str) -> bool:
    """Whether desktops, network drives and file systems leave such a name everywhere."""
    return _LITTER.fullmatch(name) is not None


def recognise(head: bytes) -> Holds | None:
    """What a file may be, by how it begins: a database or its journal, a transcript, or a map of keys to entries."""
    if head.startswith(_SQLITE):
        return Holds.DATABASE
    if head.startswith(_JOURNALS):
        return Holds.JOURNAL
    if head.startswith((_GZIP, _XZ, _ZIP, _ZSTD)) or head[_TAR_PLACE:].startswith(_TAR):
        return Holds.PACKED if _is_of_sessions(head) else None
    if head.lstrip()[:1] not in _FIRST:
        return None
    if not head.startswith(tuple(MARKS)) and not any(word in head for word in _WORDS):
        return None
    text = _as_text(head)
    if _FIRST_EVENT.match(text) or _is_event(text.split("\n", 1)[0]):
        return Holds.TRANSCRIPT
    if text.startswith(_BEFORE_STORE) and _IN_STORE.search(text):
        return Holds.STORE
    return None


def _is_of_sessions(head: bytes) -> bool:
    """Whether something packed begins with sessions, events or a database, or with a file that has a name of these."""
    try:
        if head.startswith(_GZIP):
            head = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, HEAD)
        elif head.startswith(_XZ):
            head = lzma.LZMADecompressor(memlimit=_MOST_MEMORY).decompress(head, HEAD)
        elif head.startswith(_ZSTD):
            head = beginning(head, HEAD)
    except (zlib.error, lzma.LZMAError, DamagedPayloadError):
        return False
    is_archive = head.startswith(_ZIP) or head[_TAR_PLACE:].startswith(_TAR)
    if is_archive:
        return _PACKED_NAMES.search(head) is not None
    return not head.startswith((_GZIP, _XZ, _ZSTD)) and recognise(head) is not None


def _as_text(head: bytes) -> str:
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            return head.removeprefix(mark).decode(encoding, "replace").lstrip()
    return head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").lstrip()


def _is_event(line: str) -> bool:
    """Whether a line begins with an event, whatever follows it: two may have come to stand on one line."""
    try:
        event, _ = _JSON.raw_decode(line)
    except (ValueError, RecursionError):
        return False
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        return False
    return event["type"] in _TYPES and ("id" in event or "message" in event)


def look_at(path: str) -> Holds | None:
    """What the file at ``path`` may be; None where it is nothing of ours. Raises OSError where it cannot be read."""
    return _holds(path)


def _holds(path: str, folder: int | None = None) -> Holds | None:
    head = first_bytes(path, HEAD, folder)
    if not head.startswith(_ZSTD):
        return recognise(head)
    is_packed = recognise(first_bytes(path, _ONE_BLOCK, folder)) is Holds.PACKED
    if is_packed and path.endswith(".zst"):
        return Holds.TRANSCRIPT  # as 2026.8.1 and later pack what they archive; all readers of transcripts unpack it
    return Holds.PACKED if is_packed else None


def walk(state: str, read: Iterable[str] = ()) -> Walk:
    """Look through the state directory, but for the files and folders that are ``read`` otherwise."""
    made, agents, known = Walk(), os.path.join(state, "agents"), _by_folder(read)
    folders: list[tuple[str, int, str | None]] = [(state, 0, None)]
    while folders:
        folder, depth, root = folders.pop()
        with _opened(folder, made) as (handle, entries):
            is_agent = folder == state or os.path.dirname(folder) == agents  # what lies below is named file by file
            if not is_agent and _has_agents(entries) and is_state_directory(folder):
                root = folder
            is_of_agents = folder == agents or folder.startswith(agents + os.sep)
            read_here = known.get(folder, ())
            for entry in entries:
                name = entry.name
                if name in read_here:
                    continue
                if is_of_agents:
                    made.litter += is_litter(name)
                kind = _kind(entry, folder, made)
                if kind is Kind.FILE:
                    _look_into(folder, name, handle, root, made)
                elif kind is Kind.FOLDER and depth == DEEPEST:
                    made.too_deep.append(os.path.join(folder, name))
                elif kind is Kind.FOLDER:
                    folders.append((os.path.join(folder, name), depth + 1, root))
    made.found.sort(key=lambda one: one.path)
    made.too_deep.sort()
    return made


def _has_agents(entries: Iterable[os.DirEntry[str]]) -> bool:
    """Whether a folder of this name is there itself: where a link leads to is no part of what is walked through."""
    return any(one.name == "agents" and not one.is_symlink() for one in entries)


def _by_folder(paths: Iterable[str]) -> dict[str, set[str]]:
    """Names by the folder that they are in."""
    names: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        names[os.path.dirname(path)].add(os.path.basename(path))
    return names


@contextmanager
def _opened(folder: str, made: Walk) -> Iterator[tuple[int | None, list[os.DirEntry[str]]]]:
    """A folder, and what is in it with what the system says of its kind. Only what may be litter may be closed to us.

    Files are opened by their names in it, which costs a third less than by their paths; Windows cannot do that.
    """
    with ExitStack() as stack:
        try:
            handle = None
            if os.open in os.supports_dir_fd:
                handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
                stack.callback(os.close, handle)
            with os.scandir(folder if handle is None else handle) as listed:
                found = handle, list(listed)
        except (FileNotFoundError, NotADirectoryError):
            found = None, []
        except OSError:
            if not is_litter(os.path.basename(folder)):
                made.closed.append(folder)
            found = None, []
        yield found


def _kind(entry: os.DirEntry[str], folder: str, made: Walk) -> Kind | None:
    """What was listed, links not followed: nearly always the listing says it, and nothing is looked at."""
    try:
        if entry.is_file(follow_symlinks=False):
            return Kind.FILE
        return Kind.FOLDER if entry.is_dir(follow_symlinks=False) else None
    except OSError:
        made.closed.append(os.path.join(folder, entry.name))
        return None


def _look_into(folder: str, name: str, handle: int | None, root: str | None, made: Walk) -> None:
    try:
        holds = _holds(os.path.join(folder, name) if handle is None else name, handle)
    except FileNotFoundError:
        return
    except OSError:
        made.closed.append(os.path.join(folder, name))
        return
    if holds is not None:
        made.found.append(Found(os.path.join(folder, name), holds, root))


_PARTS = frozenset({"sessions", "agent"})


def is_state_directory(folder: str) -> bool:
    """Whether a folder has an agent with sessions, or with a database. What may not be looked at is none."""
    agents = os.path.join(folder, "agents")
    return any(not _PARTS.isdisjoint(_listed(os.path.join(agents, name))) for name in _listed(agents))


def _listed(folder: str) -> list[str]:
    try:
        return names_in(folder)
    except OSError:
        return []
