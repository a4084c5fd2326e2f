"""What is left of databases: damaged ones that SQLite does not open, and journals whose database is gone."""

from __future__ import annotations

import re

from migrator.filesystem import open_regular_file
from migrator.scanning.discovery import Holds, look_at

_OURS = re.compile(rb"transcript_events|session_(?:entries|nodes)|sessionId")
"""What stands in plain bytes in the tables, or in the entries, of every database with sessions."""

_LONGEST_WORD = 32
_BLOCK = 1 << 20


def is_ours(path: str) -> bool:
    """Whether a damaged database, or a journal, has a word of sessions among its bytes; so it may if it is closed."""
    tail = b""
    try:
        with open_regular_file(path) as stream:
            while block := stream.read(_BLOCK):
                if _OURS.search(tail + block):
                    return True
                tail = block[-_LONGEST_WORD:]
    except OSError:
        return True
    return False


def is_alone(path: str) -> bool:
    """Whether a -wal or -journal is of one of our databases, and that is not beside it."""
    try:
        has_database = look_at(path.rpartition("-")[0]) is Holds.DATABASE
    except OSError:
        has_database = False
    return not has_database and is_ours(path)
