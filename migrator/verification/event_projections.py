"""Whether what stands beside the events of a history repeats them, and shows the branch that they make.

2026.8.2 and 2026.9.6 read what they show of a session from ``session_transcript_active_events`` as long as
``session_transcript_index_state`` says that it is up to date (``session-transcript-index``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from msgspec import UNSET, Raw
from msgspec.structs import replace

from migrator.openclaw.text.active_branch import Link, active_branch, read_link
from migrator.openclaw.text.transcript import read_line
from migrator.sqlite import nodes
from migrator.sqlite.rows import EventRow, columns


def events_agree(connection: sqlite3.Connection) -> Iterator[bool]:
    """An event that has a time has that one; one that has an id has an identity that repeats it.

    Of two events with one id the first has the identity. What is shown is the active branch.
    """
    has_identities = bool(columns(connection, "transcript_event_identities"))
    has_branch = bool(columns(connection, "session_transcript_active_events")) and bool(
        columns(connection, "session_transcript_index_state")
    )
    for session_id, events in groupby(nodes.events(connection), key=lambda event: event.session_id):
        name = session_id.decode("utf-8", "surrogateescape")
        identities = _identities(connection, name) if has_identities else None
        branch = _Branch.of(connection, name) if has_branch else None
        for event in events:
            yield identities is None or identities.agrees(event)
            if branch is not None:
                branch.add(event)
        yield branch is None or branch.agrees(connection, name)
    if has_identities:
        yield not _orphans(connection, "transcript_event_identities", "seq")
    if has_branch:
        yield not _orphans(connection, "session_transcript_active_events", "event_seq")


@dataclass(frozen=True, slots=True)
class _Identities:
    """The identities of the events of one session by ``seq``, and all ids among them."""

    rows: Mapping[object, tuple[object, ...]]
    ids: Container[object]

    def agrees(self, event: EventRow) -> bool:
        """Whether time and identity of an event are those in its text."""
        line = read_line(event.event_json, 1, 0, complete=True)
        if line.timestamp_ms is not None and event.created_at != line.timestamp_ms:
            return False
        identity = self.rows.get(event.seq)
        if identity is None:
            return line.event_id is None or line.event_id in self.ids
        return identity == (line.event_id, line.event_type, line.parent_id, event.created_at)


def _identities(connection: sqlite3.Connection, session_id: str) -> _Identities:
    found = connection.execute(
        "SELECT seq, event_id, event_type, parent_id, created_at FROM transcript_event_identities WHERE session_id = ?",
        (session_id,),
    )
    rows = {seq: identity for seq, *identity in found}
    return _Identities({seq: tuple(one) for seq, one in rows.items()}, {one[0] for one in rows.values()})


@dataclass(slots=True)
class _Branch:
    """The links of the events of one session, and what a release has noted of them: up to where, and how many."""

    indexed_seq: int
    counts: tuple[int, int]
    links: list[Link] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, connection: sqlite3.Connection, session_id: str) -> _Branch | None:
        """What is noted of a session, unless it says itself that it is to be made anew."""
        state = connection.execute(
            "SELECT indexed_seq, active_event_count, active_message_count FROM session_transcript_index_state"
            " WHERE session_id = ? AND needs_rebuild = 0",
            (session_id,),
        ).fetchone()
        return None if state is None else cls(state[0], state[1:])

    def add(self, event: EventRow) -> None:
        """Take the next event; its text is not kept."""
        link = read_link(event.event_json)
        self.links.append(replace(link, message=Raw(b"") if link.is_message else UNSET))
        self.seqs.append(event.seq)

    def agrees(self, connection: sqlite3.Connection, session_id: str) -> bool:
        """Whether the table of what is shown has the messages of the active branch, in order, and nothing beside it.

        Where it ends before the last event, it is made anew.
        """
        if self.seqs[-1] != self.indexed_seq:
            return True
        branch = active_branch(self.links)
        messages = [self.seqs[index] for index in branch if self._is_message(index)]
        shown = connection.execute(
            "SELECT active_position, event_seq, message_position FROM session_transcript_active_events"
            " WHERE session_id = ? ORDER BY active_position",
            (session_id,),
        ).fetchall()
        said = [(position, seq) for _, seq, position in shown if position is not None]
        remaining = iter([self.seqs[index] for index in branch])
        return (
            said == list(enumerate(messages))
            and [place for place, *_ in shown] == list(range(len(shown)))
            and all(seq in remaining for _, seq, _ in shown)
            and self.counts == (len(shown), len(said))
        )

    def _is_message(self, index: int) -> bool:
        return self.links[index].type == "message" and self.links[index].is_message


def _orphans(connection: sqlite3.Connection, table: str, seq: str) -> bool:
    """Whether a table says something of an event that is not there."""
    found = connection.execute(
        f"SELECT 1 FROM {table} p WHERE NOT EXISTS"
        f" (SELECT 1 FROM transcript_events e WHERE e.session_id = p.session_id AND e.seq = p.{seq}) LIMIT 1"
    )
    return found.fetchone() is not None
