"""What is left of databases: damaged ones that SQLite does not open, and journals whose database is gone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO

from migrator.filesystem import open_regular_file
from migrator.scanning.discovery import EVENT_TYPES, Holds, look_at
from migrator.sqlite.events import event_hash

_OURS = re.compile(rb"transcript_events|session_(?:entries|nodes)|sessionId")
"""What stands in plain bytes in the tables, or in the entries, of every database with sessions."""

_SESSION = re.compile(rb'"sessionId"\s*:\s*"([^"\\\x00-\x1f]{1,200})"')
_PIECE = re.compile(
    rb"(?P<session>" + _SESSION.pattern + rb")"
    rb"|(?P<packed>\x28\xb5\x2f\xfd)"
    rb'|(?P<event>\{\s*"type"\s*:\s*"(?:' + EVENT_TYPES.encode() + rb')"\s*[,}])'
)
"""The id of a session, the beginning of a compressed event (schema 23), and that of an event."""

_ID = re.compile(r'"id"\s*:\s*"([^"\\]{1,200})"')
_JSON = json.JSONDecoder()
_SLICES = (4096, 1 << 17)
"""So much behind the beginning of an event is looked at. On a page of SQLite is half of the latter at most."""

_NEAR = 300
_BLOCK = 1 << 20
_ENDINGS = ("-wal", "-journal")


@dataclass(slots=True)
class Remains:
    """What the bytes of a journal tell: ids of sessions, and hashes of events with their ids.

    ``torn`` are the ids of events that go on elsewhere; ``unknown`` counts pieces that say nothing of what they are.
    """

    sessions: set[str] = field(default_factory=set)
    events: dict[bytes, str | None] = field(default_factory=dict)
    torn: set[str] = field(default_factory=set)
    unknown: int = 0


def is_ours(path: str) -> bool:
    """Whether a damaged database, or a journal, has a word of sessions among its bytes; so it may if it is closed."""
    try:
        with open_regular_file(path) as stream:
            return any(_OURS.search(data) for data, _ in _blocks(stream))
    except OSError:
        return True


def is_alone(path: str) -> bool:
    """Whether a -wal or -journal is of one of our databases, and SQLite would read it with none."""
    base = next((path.removesuffix(ending) for ending in _ENDINGS if path.endswith(ending)), None)
    try:
        has_database = base is not None and look_at(base) is Holds.DATABASE
    except OSError:
        has_database = False
    return not has_database and is_ours(path)


def remains(path: str) -> Remains:
    """What stands in a journal. A reader of its pages would see no more: what is in the database is not here."""
    found = Remains()
    with suppress(OSError), open_regular_file(path) as stream:
        for data, limit in _blocks(stream):
            _look_through(data, limit, found)
    return found


def named_sessions(data: bytes) -> set[str]:
    """The ids of sessions that stand in the text of entries; also such as other programs have given."""
    return {one.decode("utf-8", "replace") for one in _SESSION.findall(data)}


def _blocks(stream: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The bytes of a file, and up to where those of each block are not seen again in the next one."""
    data = b""
    while block := stream.read(_BLOCK):
        data += block
        limit = max(0, len(data) - _SLICES[-1])
        yield data, limit
        data = data[limit:]
    yield data, len(data)


def _look_through(data: bytes, limit: int, found: Remains) -> None:
    place = 0
    while (match := _PIECE.search(data, place)) and match.start() < limit:
        place = match.end()
        if match["session"]:
            found.sessions |= named_sessions(match["session"])
        elif match["packed"]:
            found.unknown += 1
        else:
            text = next(filter(None, (_object(data[match.start() : match.start() + size]) for size in _SLICES)), None)
            named = _ID.search((text or data[match.start() : match.start() + _NEAR]).decode("utf-8", "replace"))
            if text is not None:
                found.events[event_hash(text)] = named[1] if named else None
                place = match.start() + len(text)
            elif named is not None:
                found.torn.add(named[1])
            else:
                found.unknown += 1


def _object(data: bytes) -> bytes | None:
    """The JSON object with which bytes begin; None if it does not end in them."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        return text[: _JSON.raw_decode(text)[1]].encode("utf-8", "surrogateescape")
    except (ValueError, RecursionError):
        return None
