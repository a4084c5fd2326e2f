"""What the files of a sessions directory are, by their names, and where the transcript of an entry may be.

File names: 2026.7.1, ``config/sessions/artifacts.ts``, ``paths.ts``, ``session-file-rotation.ts``; archives
with a generation or ``.zst``: 2026.8.2; import archive: 2026.9.6, ``commands/doctor-session-sqlite``.
Everything here is about names and paths as text: nothing is opened, and no link is followed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path, PurePath
from urllib.parse import unquote

from migrator.openclaw.places.paths import js_trim, normalize_agent_id
from migrator.openclaw.text.entry import usable_session_id

_ANY_ID = "any-session-id"


class FileKind(str, Enum):
    """What one file below a sessions directory, or below an import archive, is."""

    STORE = "store"
    TRANSCRIPT = "transcript"  # primary: a live session, or one that no entry refers to any more
    ARCHIVE_DELETED = "archive-deleted"
    ARCHIVE_RESET = "archive-reset"
    ARCHIVE_BAK = "archive-bak"
    COLD_ARCHIVE = "cold-archive"  # events that a database of schema 20 or later keeps in a file
    CHECKPOINT = "checkpoint"  # a copy from before a compaction
    TRAJECTORY = "trajectory"
    TRAJECTORY_POINTER = "trajectory-pointer"
    REPAIR_BACKUP = "repair-backup"
    LOCK = "lock"
    TEMPORARY = "temporary"  # may hold the newest complete store after a crash
    STORE_BACKUP = "store-backup"
    STORE_CORRUPT = "store-corrupt"
    CODEX_BINDING = "codex-binding"  # what the codex plugin of 2026.5 and 2026.6 keeps beside a transcript
    PROMPT_BLOB = "prompt-blob"  # a cache of skill prompts
    IMPORTED_TRANSCRIPT = "imported-transcript"  # the original of a transcript that a newer release imported
    IMPORTED_STORE = "imported-store"
    UNKNOWN = "unknown"


_DEFAULT_STORE = "sessions.json"
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_TIME = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d"
_FLAGS = re.ASCII | re.IGNORECASE | re.DOTALL
_IMPORTED = re.compile(r"(?P<inner>.+)\.imported-\d+(?:\.\d+)?", re.ASCII | re.DOTALL)
_IMPORT_NAME_LIMIT = 160  # the importer cuts a base name here, which can take its suffix away
_ARCHIVED = re.compile(
    rf"(?P<inner>.*\.jsonl)\.(?P<reason>deleted|reset|bak)\.{_TIME}(?:\.\d{{3}})?Z(?:\.[0-9a-f]{{32}})?(?:\.zst)?",
    re.ASCII | re.DOTALL,
)
_ARCHIVES = {
    "deleted": FileKind.ARCHIVE_DELETED,
    "reset": FileKind.ARCHIVE_RESET,
    "bak": FileKind.ARCHIVE_BAK,
}
_STORE_SUFFIXES = (
    (re.compile(""), FileKind.STORE),
    (re.compile(r"\.bak(?:[.-][\dTZ_-]+)?", re.ASCII), FileKind.STORE_BACKUP),
    (re.compile(r"\.corrupt-[\dTZ_-]+", re.ASCII), FileKind.STORE_CORRUPT),
)
_REPAIRED = re.compile(rf"(?P<inner>.+\.jsonl)\.corrupt-{_TIME}-\d{{3}}Z-[0-9a-f]{{8}}\.jsonl", re.ASCII | re.DOTALL)
"""What 2026.6.1 to 2026.7.35 save before they give a transcript its missing header."""

_NAMES = (  # the first that fits
    (re.compile(r".*\.tmp", re.DOTALL), FileKind.TEMPORARY),
    (re.compile(r".*\.lock", re.DOTALL), FileKind.LOCK),
    (re.compile(r".*\.trajectory\.jsonl", re.DOTALL), FileKind.TRAJECTORY),
    (re.compile(r".*\.trajectory-path\.json", re.DOTALL), FileKind.TRAJECTORY_POINTER),
    (
        re.compile(
            r".+\.checkpoint\.[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.jsonl",
            _FLAGS,
        ),
        FileKind.CHECKPOINT,
    ),
    (_REPAIRED, FileKind.REPAIR_BACKUP),
    (re.compile(r".*\.jsonl", re.DOTALL), FileKind.TRANSCRIPT),
    (re.compile(r".*\.jsonl\.codex-app-server\.json", re.DOTALL), FileKind.CODEX_BINDING),
    (re.compile(r".*\.jsonl\.(?:bak-.+|broken-.+|pre-doctor-.+\.bak)", re.DOTALL), FileKind.REPAIR_BACKUP),
)
_PLACES = (
    (
        re.compile(r"(?:.*/)?skills-prompts/sha256/[0-9a-f]{2}/[0-9a-f]{64}\.txt", re.DOTALL),
        FileKind.PROMPT_BLOB,
    ),
    (re.compile(r"(?:.*/)?cold/[0-9a-f]{64}\.jsonl\.zst", re.DOTALL), FileKind.COLD_ARCHIVE),
)

_FORK = re.compile(rf"{_TIME}-\d{{3}}Z_({_UUID})", _FLAGS)
_COLLISION = re.compile(r"(.+)\.legacy-\d+", re.ASCII | re.DOTALL)
_GENERATED_TAIL = re.compile(rf"(?:.*\.)?((?:{_TIME}-\d{{3}}Z_)?{_UUID}(?:-topic-.+)?)", _FLAGS)
_ONLY_UUID = re.compile(_UUID, _FLAGS)
_ARCHIVE_TIER = "archive-tier."  # instead of a session key, for a file that no entry owned
_FOREIGN_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def classify(relative: str, store_name: str = _DEFAULT_STORE) -> FileKind:
    """Say what a file is, by its path relative to the sessions directory (or the import archive).

    ``store_name`` is the file name of the store, where the configuration gave it another one. An archived or
    imported trajectory or checkpoint stays what it was: only transcripts and stores become archives.
    """
    is_name = "/" not in relative and "\\" not in relative and relative != "."
    parts = (relative,) if is_name else PurePath(relative).parts  # which takes ten times as long
    name = parts[-1] if parts else ""
    for store in {store_name, _DEFAULT_STORE}:
        for suffix, kind in _STORE_SUFFIXES if name.startswith(store) else ():
            if suffix.fullmatch(name[len(store) :]):
                return kind
    if match := _IMPORTED.fullmatch(name):
        return _imported_kind(match["inner"])
    if match := _ARCHIVED.fullmatch(name):
        inner = classify(match["inner"])
        return _ARCHIVES[match["reason"]] if inner is FileKind.TRANSCRIPT else inner
    place = "/".join(parts)
    return next(
        (
            kind
            for text, patterns in ((name, _NAMES), (place, _PLACES))
            for pattern, kind in patterns
            if pattern.fullmatch(text)
        ),
        FileKind.UNKNOWN,
    )


def _imported_kind(inner: str) -> FileKind:
    if inner.startswith("legacy-store.") and not inner.endswith(".jsonl"):
        return FileKind.IMPORTED_STORE
    kind = classify(inner)
    if kind is FileKind.TRANSCRIPT or (kind is FileKind.UNKNOWN and len(inner) > _IMPORT_NAME_LIMIT):
        return FileKind.IMPORTED_TRANSCRIPT
    return kind


def transcript_session_id(name: str) -> tuple[str | None, str | None]:
    """Give the session id and the topic that the name of a transcript implies; (None, None) for custom names.

    Primary, archived and imported transcripts have such names. In an import archive the session key stands in
    front, and both may hold dots: an id that could begin at more than one of them is not guessed. A topic is
    decoded, except in an import archive, where the importer has replaced its percent signs.
    """
    imported = _IMPORTED.fullmatch(name)
    inner = imported["inner"] if imported else name
    archived = _ARCHIVED.fullmatch(inner)
    inner = archived["inner"] if archived else inner
    repaired = _REPAIRED.fullmatch(inner)
    inner = repaired["inner"] if repaired else inner
    if classify(inner) is not FileKind.TRANSCRIPT:
        return None, None
    stem = inner[: -len(".jsonl")]
    collision = _COLLISION.fullmatch(stem)
    stem = collision[1] if collision else stem
    if imported:
        session_id, topic = _split_topic(_behind_session_key(stem))
        return session_id, topic
    session_id, topic = _split_topic(stem)
    return session_id, unquote(topic) if topic else None


def _behind_session_key(stem: str) -> str:
    """Take the session key off an imported name; empty where its end is anybody's guess."""
    if stem.startswith(_ARCHIVE_TIER):
        return stem[len(_ARCHIVE_TIER) :]
    if match := _GENERATED_TAIL.fullmatch(stem):
        return match[1]
    key, _, rest = stem.partition(".")
    return "" if not key or "." in rest else rest


def _split_topic(stem: str) -> tuple[str | None, str | None]:
    """Split a name without its suffix: ``<id>``, ``<id>-topic-<topic>`` or ``<time>_<uuid>``."""
    if match := _FORK.fullmatch(stem):
        return match[1], None
    session_id, _, topic = stem.partition("-topic-")
    if topic and usable_session_id(session_id) == session_id:
        return session_id, topic
    return (stem, None) if usable_session_id(stem) == stem else (None, None)


def transcript_candidates(
    session_file: object, session_id: str, store_dir: str, state_dir: str, key_agent_dir: str | None
) -> tuple[str, ...]:
    """List the paths where an entry's transcript may be, best first, as OpenClaw resolves them and then some.

    ``session_file`` is the entry's ``sessionFile``, whatever it holds; directories are absolute. First
    comes what OpenClaw reads (2026.7.1, ``resolveSessionFilePath``, and the gateway's rule that a file
    named after another session is stale). For a moved state directory OpenClaw knows only the old place;
    here the same tail below the current one is tried, and the older locations. No path is outside
    ``state_dir`` and ``store_dir`` as text; whoever opens one must still mind links. Empty where no
    transcript may be named after the session id. A ``sqlite:`` marker, left behind by releases without
    transcript files, is no ``sessionFile``.
    """
    usable_id = usable_session_id(session_id)
    if usable_id is None:
        return ()
    own = f"{usable_id}.jsonl"
    pointer = usable_pointer(session_file)
    parts = _path_parts(pointer)
    names = list(dict.fromkeys([*parts[-1:], own]))
    folders = [store_dir, os.path.join(state_dir, "sessions")]
    if key_agent_dir:
        folders.append(os.path.join(state_dir, "agents", key_agent_dir, "sessions"))
    in_store, *elsewhere = [[os.path.join(folder, name) for name in names] for folder in folders]
    paths = [*_resolve(pointer, parts, store_dir, state_dir), *in_store]
    if _names_another_session(names[0], usable_id):
        paths.insert(0, in_store[-1])
    paths += [*_moved(parts, state_dir), *(path for group in elsewhere for path in group)]
    roots = (os.path.normpath(store_dir), os.path.normpath(state_dir))
    inside = (path for path in map(os.path.normpath, paths) if any(_is_below(path, root) for root in roots))
    return tuple(dict.fromkeys(inside))


def usable_pointer(session_file: object) -> str:
    """Trim a ``sessionFile``; empty for what names no file that a system call could take."""
    if not isinstance(session_file, str):
        return ""
    pointer = js_trim(session_file)
    try:
        usable = b"\0" not in os.fsencode(pointer)
    except UnicodeEncodeError:
        return ""
    return pointer if usable and not pointer.startswith("sqlite:") else ""


def _path_parts(pointer: str) -> list[str]:
    """Split a path of this or another machine into its parts, with ``..`` resolved."""
    separators = r"[\\/]" if os.sep == "\\" or _FOREIGN_WINDOWS.match(pointer) else "/"
    parts: list[str] = []
    for part in re.split(separators, pointer):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return parts


def _resolve(pointer: str, parts: list[str], store_dir: str, state_dir: str) -> Iterator[str]:
    """Yield where OpenClaw itself would read: below the store's directory, or in another agent's sessions."""
    if not pointer:
        return
    path = os.path.normpath(os.path.join(store_dir, pointer))
    if _is_below(path, os.path.normpath(store_dir)):
        yield path
    elif Path(pointer).is_absolute() and path in _moved(parts, state_dir):
        agent = Path(path).relative_to(os.path.normpath(state_dir)).parts[1]
        if normalize_agent_id(agent) == agent:
            yield path


def _moved(parts: list[str], state_dir: str) -> list[str]:
    """Give the place below the current state directory of ``.../agents/<directory>/sessions/...``."""
    for index in range(len(parts) - 4, -1, -1):
        if parts[index] == "agents" and parts[index + 2] == "sessions":
            return [os.path.normpath(os.path.join(state_dir, *parts[index:]))]
    return []


def _names_another_session(name: str, session_id: str) -> bool:
    named, _ = transcript_session_id(name)
    return named is not None and named != session_id and _ONLY_UUID.fullmatch(named) is not None


def _is_below(path: str, root: str) -> bool:
    root = os.path.normcase(root)
    return os.path.normcase(path).startswith(root if root.endswith(os.sep) else root + os.sep)


class Whereabouts:
    """Says what :func:`transcript_candidates` says, and works it out once for entries of one folder and one form."""

    def __init__(self, state_dir: str) -> None:
        self._state_dir = state_dir
        self._known: dict[tuple[str, str, str | None], tuple[list[str], list[str]]] = {}

    def entry(
        self, session_file: str | None, session_id: str, folder: str, owner: str | None
    ) -> tuple[Sequence[str], Sequence[str]]:
        """The paths where the transcript of an entry may be, best first, and every folder that it may be in.

        ``folder`` is that of the store, ``owner`` the agent directory that the session key names, if there is such.
        """
        name = f"{session_id}.jsonl"
        pointer = session_file or name
        head = pointer.removesuffix(name)
        if not _is_plain(session_id) or pointer == head or not (head == "" or head.endswith("/")):
            paths = self._paths(session_file, session_id, folder, owner)
            return paths, _folders(folder, paths)
        if (head, folder, owner) not in self._known:
            paths = self._paths(f"{head}{_ANY_ID}.jsonl", _ANY_ID, folder, owner)
            self._known[head, folder, owner] = list(map(os.path.dirname, paths)), _folders(folder, paths)
        folders, all_folders = self._known[head, folder, owner]
        return [os.path.join(one, name) for one in folders], all_folders

    def _paths(self, session_file: str | None, session_id: str, folder: str, owner: str | None) -> list[str]:
        found = transcript_candidates(session_file, session_id, folder, self._state_dir, owner)
        as_named = [os.path.normpath(os.path.join(folder, session_file))] if session_file else []
        # A file that is named after the very id, whatever characters are in it.
        return list(dict.fromkeys([*found, *as_named, os.path.join(folder, f"{session_id}.jsonl")]))


def _is_plain(session_id: str) -> bool:
    """Whether an id is one that a file is named after, and the name says nothing else, such as a topic."""
    is_word = session_id.replace("-", "").isalnum() and "-topic-" not in session_id
    return is_word and usable_session_id(session_id) == session_id


def _folders(folder: str, paths: Sequence[str]) -> list[str]:
    return sorted({folder, *map(os.path.dirname, paths)})
