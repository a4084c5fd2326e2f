"""What lies below the state directory and is not read otherwise, told by what it holds and not by its name alone.

People and programs put sessions where no release looks: copies under any name, databases that were moved aside, a
state directory inside another one. One walk finds them. It looks at each name once, reads the first bytes of what could
be one of these, follows no link, and goes down :data:`DEEPEST` folders.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from migrator.filesystem import first_bytes, names_in

DEEPEST = 24
"""Folders below each other: a state directory inside a home inside an agent needs ten."""

HEAD = 4096
"""So many bytes of the beginning of a file are looked at."""

_SQLITE = b"SQLite format 3\0"

_EVENT_TYPES = (
    "branch_summary|compaction|custom|custom_message|label|leaf|message|model_change|session|session_info"
    "|thinking_level_change"
)
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_WORDS = re.compile(rb'sessionId|agent:|"type"')
"""Without one of these words a file begins with no session and no event: most files are told by this alone."""

_FIRST_EVENT = re.compile(rf'\s*\{{\s*"type"\s*:\s*"(?:{_EVENT_TYPES})"')
_TYPES = frozenset(_EVENT_TYPES.split("|"))
_IN_STORE = re.compile(r"""\bsessionId\b|["']agent:""")
_BEFORE_STORE = ("{", "//", "/*")
_FIRST = (b"{", b"/", b"\xef", b"\xff", b"\xfe")
"""How any of them begins: an object, a comment, or a byte order mark."""

_LITTER = re.compile(
    r"\._.*|\.DS_Store|Thumbs\.db|desktop\.ini|.*@Syno(?:EAStream|Resource)|@eaDir|#recycle|@Recycle|lost\+found"
    r"|\.Trash(?:-\d+|es)?|\.git|\.snapshots?|\.stversions|\.stfolder|\.zfs|\.AppleDouble|\.nfs[0-9a-f]+"
    r"|\$RECYCLE\.BIN|System Volume Information|\.Spotlight-V100|\.fseventsd",
    re.ASCII | re.DOTALL | re.IGNORECASE,
)


_PROGRAMS = (
    "c cc cjs cpp css cts go h hpp java js jsx lock map mjs mts node o php pyc pyi py rb rs scss sh so swift ts tsx"
)
_MEDIA = "avif bmp gif ico jpeg jpg mkv mov mp3 mp4 ogg opus otf pdf png svg ttf wasm wav webm webp woff woff2"
_NEVER_OURS = frozenset((*_PROGRAMS.split(), *_MEDIA.split()))
"""Endings of programs, pictures and sounds, which no person and no program gives to a copy of sessions."""


_JSON = json.JSONDecoder()


class Kind(Enum):
    """What the walk goes on with: folders to look into, and regular files."""

    FOLDER = "folder"
    FILE = "file"


class Holds(str, Enum):
    """What a file may hold, by its first bytes."""

    STORE = "store"
    TRANSCRIPT = "transcript"
    DATABASE = "database"


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
    """What a file may be, by how it begins: a database, a transcript, or a map of keys to entries."""
    if head.startswith(_SQLITE):
        return Holds.DATABASE
    if head.lstrip()[:1] not in _FIRST:
        return None
    if not head.startswith(_UTF_16) and not _WORDS.search(head):
        return None
    text = _as_text(head)
    if _FIRST_EVENT.match(text) or _is_event(text.split("\n", 1)[0]):
        return Holds.TRANSCRIPT
    if text.startswith(_BEFORE_STORE) and _IN_STORE.search(text):
        return Holds.STORE
    return None


def _as_text(head: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(mark):
            return head.removeprefix(mark).decode(encoding, "replace").lstrip()
    return head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").lstrip()


def _is_event(line: str) -> bool:
    """Whether a line begins with an event, whatever follows it: two may have come to stand on one line."""
    try:
        event, _ = _JSON.raw_decode(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(event, dict) and event.get("type") in _TYPES and ("id" in event or "message" in event)


def look_at(path: str) -> Holds | None:
    """What the file at ``path`` may be; None where it is nothing of ours. Raises OSError where it cannot be read."""
    return recognise(first_bytes(path, HEAD))


def walk(state: str, is_read: Callable[[str], bool]) -> Walk:
    """Look through the state directory, but for the files and folders that ``is_read`` says are read otherwise."""
    made, agents = Walk(), os.path.join(state, "agents")
    folders: list[tuple[str, int, str | None]] = [(state, 0, None)]
    while folders:
        folder, depth, root = folders.pop()
        entries = _entries(folder, made)
        if folder != state and any(one.name == "agents" for one in entries) and _is_state(folder):
            root = folder
        is_of_agents = folder == agents or folder.startswith(agents + os.sep)
        for entry in entries:
            if is_read(entry.path):
                continue
            if is_of_agents:
                made.litter += is_litter(entry.name)
            kind = _kind(entry, made)
            if kind is Kind.FOLDER:
                if depth == DEEPEST:
                    made.too_deep.append(entry.path)
                else:
                    folders.append((entry.path, depth + 1, root))
            elif kind is Kind.FILE and _may_be_ours(entry.name):
                _look_into(entry.path, root, made)
    made.found.sort(key=lambda one: one.path)
    made.too_deep.sort()
    return made


def _entries(folder: str, made: Walk) -> list[os.DirEntry[str]]:
    """What is in a folder, with what the system says of its kind. Only what may be litter may be closed to us."""
    try:
        with os.scandir(folder) as listed:
            return list(listed)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        if not is_litter(os.path.basename(folder)):
            made.closed.append(folder)
        return []


def _kind(entry: os.DirEntry[str], made: Walk) -> Kind | None:
    """What was listed, links not followed: nearly always the listing says it, and nothing is looked at."""
    try:
        if entry.is_dir(follow_symlinks=False):
            return Kind.FOLDER
        return Kind.FILE if entry.is_file(follow_symlinks=False) else None
    except OSError:
        made.closed.append(entry.path)
        return None


def _may_be_ours(name: str) -> bool:
    """Whether a file is worth opening: of a home with 100,000 files most are programs and pictures."""
    _, dot, ending = name.rpartition(".")
    return not (dot and ending.lower() in _NEVER_OURS)


def _look_into(path: str, root: str | None, made: Walk) -> None:
    try:
        holds = look_at(path)
    except FileNotFoundError:
        return
    except OSError:
        made.closed.append(path)
        return
    if holds is not None:
        made.found.append(Found(path, holds, root))


def _is_state(folder: str) -> bool:
    """Whether a folder is a state directory: it has an agent with sessions, or with a database."""
    agents = os.path.join(folder, "agents")
    try:
        return not os.path.islink(agents) and any(
            not _PARTS.isdisjoint(names_in(os.path.join(agents, name))) for name in names_in(agents)
        )
    except OSError:
        return False


_PARTS = frozenset({"sessions", "agent"})
