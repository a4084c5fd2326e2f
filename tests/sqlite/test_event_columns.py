"""The digest of the columns of a history: that of a transcript is that of the rows which were written for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from migrator.sqlite import target, typed_entries
from migrator.sqlite.events import EventColumns, put_events, stored_columns
from tests.sqlite_worlds import NewEvent

Event = tuple[str | None, str | None, str | None, int]
"""Id, type, parent and time."""

WORDS = st.sampled_from([None, "a", "b", "c", "message", "é👋"])
EVENTS = st.lists(st.tuples(WORDS, WORDS, WORDS, st.integers(-5, 2**53 - 1)), max_size=6)


def digest(events: Sequence[Event]) -> bytes:
    columns = EventColumns()
    for event in events:
        columns.add(*event)
    return columns.digest()


def put(connection: sqlite3.Connection, session_id: str, events: Sequence[Event], first: int = 0) -> None:
    typed_entries.put_sessions(connection, [typed_entries.Owner(session_id, session_id, 0)])
    numbered = list(enumerate(events, first))
    put_events(
        connection,
        [NewEvent(session_id, seq, b"{}", event[3], event[0], event[1], event[2]) for seq, event in numbered],
    )


def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    target.create_tables(connection)
    return connection


@given(st.dictionaries(st.sampled_from(["s", "t", "u"]), EVENTS.filter(bool)))
def test_the_rows_of_every_history_have_the_digest_of_its_events(histories: dict[str, list[Event]]) -> None:
    with closing(database()) as connection:
        for session_id, events in histories.items():
            put(connection, session_id, events)
        assert stored_columns(connection) == {name.encode(): digest(events) for name, events in histories.items()}


@given(EVENTS.filter(bool), st.data())
def test_another_value_in_any_column_makes_another_digest(events: list[Event], data: st.DataObject) -> None:
    at, column = data.draw(st.integers(0, len(events) - 1)), data.draw(st.integers(0, 3))
    event_id, event_type, parent_id, time_ms = events[at]
    changed: list[Event] = [
        ("other", event_type, parent_id, time_ms),
        (event_id, "other", parent_id, time_ms),
        (event_id, event_type, "other", time_ms),
        (event_id, event_type, parent_id, time_ms - 1),
    ]
    without_row = event_id is None or event_id in [event[0] for event in events[:at]]
    same = digest([*events[:at], changed[column], *events[at + 1 :]]) == digest(events)
    assert same == (column in (1, 2) and without_row)


def test_a_history_that_was_written_in_two_goes_has_no_digest() -> None:
    with closing(database()) as connection:
        put(connection, "s", [("a", None, None, 1)])
        put(connection, "t", [("a", None, None, 1)])
        put(connection, "s", [("b", None, None, 1)], first=1)
        assert stored_columns(connection)[b"s"] == b""
        assert stored_columns(connection)[b"t"] != b""


def test_a_gap_a_time_that_is_none_and_an_identity_without_events_have_no_digest() -> None:
    with closing(database()) as connection:
        put(connection, "gap", [("a", None, None, 1)], first=1)
        put(connection, "time", [(None, None, None, 1)])
        connection.execute("UPDATE transcript_events SET created_at = 'x' WHERE session_id = 'time'")
        connection.execute("INSERT INTO transcript_event_identities VALUES ('lone', 'a', 0, NULL, NULL, NULL, 1)")
        assert stored_columns(connection) == {b"gap": b"", b"time": b"", b"lone": b""}
