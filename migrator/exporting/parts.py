"""The files of a session whose history was put together from several. Pure.

A file of a conversation begins with a header, and its first message has no parent (OpenClaw 2026.6.1 and 2026.7.1). A
header that is repeated inside one file is followed by a message that goes on from the one before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migrator.openclaw.text.json_text import parse_strict

_HEADER_MARK = b'"session"'


def numbered(events: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Each event with the number of the file that it belongs to, from 0."""
    number = 0
    header: bytes | None = None
    for index, event in enumerate(events):
        if header is not None:
            number += _has_no_parent(event)
            yield number, header
            header = None
        if index and _is_header(event):
            header = event
        else:
            yield number, event
    if header is not None:
        yield number, header


def part_names(session_id: str, known: Iterable[str], count: int) -> list[str]:
    """Names for the files of a session, in the order in which they were put together.

    ``known`` are those that entries tell; one of the session itself comes first, then they go by name. Where they do
    not suffice, further ones are made up that older releases take for the same session.
    """
    own = f"{session_id}.jsonl"
    names = sorted(set(known), key=lambda name: (name != own, name))
    if len(names) < count and own not in names:
        names.insert(0, own)
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
