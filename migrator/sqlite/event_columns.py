"""What the columns beside the texts of a history say, as a digest: so that many rows are compared, and no text is read.

It is worked out from a transcript, and again from the rows that a database has for it.
"""

from __future__ import annotations

import marshal
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from typing import Any

_HALF = 16  # bytes, of times and of identities

_EVENTS = "SELECT CAST(session_id AS BLOB), seq, created_at FROM transcript_events NOT INDEXED"
_IDENTITIES = (
    "SELECT CAST(session_id AS BLOB), seq, event_id, event_type, parent_id, created_at, message_idempotency_key"
    " FROM transcript_event_identities NOT INDEXED"
)


class EventColumns:
    """Takes the events of a transcript one by one, as they are stored: the first one with an id has its identity."""

    def __init__(self) -> None:
        self._times = array("q")
        self._identities = blake2b(digest_size=_HALF)
        self._ids: set[int] = set()

    def add(self, event_id: str | None, event_type: str | None, parent_id: str | None, time_ms: int) -> None:
        """Take the next event; its time is 0 where it has none."""
        if event_id is not None and (hashed := hash(event_id)) not in self._ids:
            self._ids.add(hashed)  # should two ids hash alike, the digest is another one, and the rows are read instead
            identity = (len(self._times), event_id, event_type, parent_id, time_ms, None)
            self._identities.update(marshal.dumps(identity, 2))
        self._times.append(time_ms)

    def digest(self) -> bytes:
        """The digest of all events so far."""
        return _of_times(self._times) + self._identities.digest()


def stored_columns(connection: sqlite3.Connection) -> Mapping[bytes, bytes]:
    """The digests of all histories by session id; empty for one whose rows were not written in one go.

    Rows are read in the order of writing, which is the fastest one. Raises sqlite3.OperationalError where the tables
    lack columns.
    """
    times = dict(_by_session(connection.execute(_EVENTS), _times_digest))
    identities = dict(_by_session(connection.execute(_IDENTITIES), _identities_digest))
    none = _identities_digest(())
    return {
        session_id: times[session_id] + identity
        if times.get(session_id) and (identity := identities.get(session_id, none))
        else b""
        for session_id in times.keys() | identities.keys()
    }


def _by_session(
    rows: Iterable[tuple[Any, ...]], digest: Callable[[Iterable[tuple[Any, ...]]], bytes]
) -> Iterator[tuple[bytes, bytes]]:
    """The digest of each session's rows; empty, in the end, for one that occurs in several places."""
    seen: set[bytes] = set()
    for session_id, group in groupby(rows, key=itemgetter(0)):
        yield session_id, b"" if session_id in seen else digest(group)
        seen.add(session_id)


def _times_digest(rows: Iterable[tuple[Any, ...]]) -> bytes:
    """Empty if the events do not count from 0 without gaps, or have times that are none."""
    times = array("q")
    for _, seq, created_at in rows:
        if seq != len(times) or not isinstance(created_at, int):
            return b""
        times.append(created_at)
    return _of_times(times)


def _of_times(times: array[int]) -> bytes:
    return blake2b(times.tobytes(), digest_size=_HALF).digest()


def _identities_digest(rows: Iterable[tuple[Any, ...]]) -> bytes:
    digest = blake2b(digest_size=_HALF)
    for row in rows:
        digest.update(marshal.dumps(row[1:], 2))
    return digest.digest()
