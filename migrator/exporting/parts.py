"""The files of a session whose history was put together from several. Pure.

A file of a conversation begins with a header, and its first message has no parent (OpenClaw 2026.6.1 and 2026.7.1). A
header that is repeated inside one file is followed by a message that goes on from the one before it.

What only other files of a session had may stand between the header of its own file and what follows that
(:mod:`migrator.scanning.joining`), so a conversation that begins anew without a header belongs to the first file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from migrator.openclaw.text.json_text import parse_strict

_HEADER_MARK = b'"session"'


def numbered(events: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Each event with the number of the file that it belongs to, from 0."""
    number = last = 0
    header: bytes | None = None
    has_begun = False  # the first file, with more than its header
    for index, event in enumerate(events):
        if header is not None:
            if _has_no_parent(event):
                number = last = last + 1
            yield number, header
            header = None
        elif number and not has_begun and _has_no_parent(event):
            number, has_begun = 0, True
        if index and _is_header(event):
            header = event
        else:
            has_begun = has_begun or (index > 0 and number == 0)
            yield number, event
    if header is not None:
        yield number, header


def missing_header(first: bytes, session_id: str) -> bytes | None:
    """The header that must come before the first event of a history; None if that is one.

    A gateway of 2026.9.6 may begin a history in SQLite with a reset (openclaw/openclaw PR 125336). Releases that read
    files take one without a header for empty.
    """
    if _is_header(first):
        return None
    time = _members(first).get("timestamp")
    timestamp = time if isinstance(time, str) else "1970-01-01T00:00:00.000Z"
    header = {"type": "session", "version": 3, "id": session_id, "timestamp": timestamp, "cwd": ""}
    return json.dumps(header, separators=(",", ":")).encode()


def part_names(session_id: str, known: Iterable[str], count: int) -> list[str]:
    """Names for the files of a session, in the order in which they were put together.

    ``known`` are those that entries tell. A session's own file comes first: the one that an entry names, else the one
    that is called after the session; then they go by name. Where they do not suffice, further ones are made up that
    older releases take for the same session.
    """
    called_after = f"{session_id}.jsonl"
    first, *others = sorted(set(known), key=lambda name: (name != called_after, name)) or [called_after]
    if len(others) + 1 < count and called_after != first:
        others = sorted([*others, called_after])
    names = [first, *others]
    return [*names[:count], *(f"{session_id}{part_mark(number)}.jsonl" for number in range(len(names), count))]


def part_mark(number: int) -> str:
    """What marks the name of a file that is not the first of its session."""
    return f"-topic-part{number + 1}" if number else ""


def _is_header(event: bytes) -> bool:
    return _HEADER_MARK in event and _members(event).get("type") == "session"


def _has_no_parent(event: bytes) -> bool:
    members = _members(event)
    return "parentId" in members and members["parentId"] is None


def _members(event: bytes) -> dict[str, object]:
    try:
        value = parse_strict(event.decode())
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
