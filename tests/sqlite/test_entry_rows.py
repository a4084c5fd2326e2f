from __future__ import annotations

from pathlib import Path

import pytest

from migrator.sqlite import typed_entries
from migrator.sqlite.rows import BAD_ROW, DamagedTableError, EventRow, SessionRow, WindowRow
from migrator.sqlite.snapshot import open_snapshot
from tests.sqlite_worlds import (
    BOTH,
    CACHE_ONLY,
    ENTRIES,
    EVENTS,
    SESSIONS,
    TYPED,
    Fill,
    damage_last_leaf,
    execute,
    insert,
    make,
)


def entries(path: Path) -> list[SessionRow]:
    with open_snapshot(str(path)) as connection:
        return list(typed_entries.sessions(connection))


def events(path: Path) -> list[EventRow]:
    with open_snapshot(str(path)) as connection:
        return list(typed_entries.events(connection))


def windows(path: Path) -> list[WindowRow]:
    with open_snapshot(str(path)) as connection:
        return list(typed_entries.windows(connection))


def entry(key: object, session_id: object, text: object, updated_at: object = 1) -> Fill:
    return insert("session_entries", (key, session_id, text, updated_at, None))


@pytest.mark.parametrize(("version", "tables"), [(1, BOTH), (4, TYPED), (8, BOTH), (13, TYPED)])
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_entries_are_read_in_the_order_of_writing_at_every_version(
    tmp_path: Path, version: int, tables: tuple[str, ...], encoding: str
) -> None:
    fills = entry("🦞", "s1", '{"n":1}', 5), entry("\ue000", "s2", '{"é":2}', 2.5), entry("a", "s1", "x")
    path = make(tmp_path / "db", version, tables, *fills, encoding=encoding)
    assert entries(path) == [
        SessionRow("🦞".encode(), b"s1", b'{"n":1}', 5, archived=False),
        SessionRow("\ue000".encode(), b"s2", '{"é":2}'.encode(), 2.5, archived=False),
        SessionRow(b"a", b"s1", b"x", 1, archived=False),
    ]


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le"])
def test_a_text_that_the_cache_has_as_well_is_read_once_and_any_other_one_is_read(
    tmp_path: Path, encoding: str
) -> None:
    texts = [("same", '{"é":1}', '{"é":1}'), ("other", "{}", "{ }"), ("blob", b"{}", "{}")]
    fills = [entry(key, "s", text) for key, text, _ in texts] + [entry("alone", "s", "{}")]
    fills += [insert("cache_entries", ("session_entries", key, text, None, None, 1)) for key, _, text in texts]
    path = make(tmp_path / "db", 1, BOTH, *fills, encoding=encoding)
    with open_snapshot(str(path)) as connection:
        found = {row.key.decode(): row for row in typed_entries.sessions(connection, apart_from_cache=True)}
    assert [key for key, row in found.items() if row.repeats] == ["same"]
    assert found["same"].entry_json is None
    assert [found[key].entry_json for key in ("other", "alone")] == [b"{}", b"{}"]
    assert [row.problem for row in found.values() if row.problem] == [BAD_ROW]


def test_more_or_fewer_columns_do_not_matter(tmp_path: Path) -> None:
    without_status = ENTRIES.replace(", status TEXT", "")
    assert without_status != ENTRIES
    fill = insert("session_entries", ("k", "s", "{}", 1))
    assert len(entries(make(tmp_path / "fewer", 8, (without_status,), fill))) == 1
    wider = SESSIONS.replace("created_at", "channel TEXT, created_at")
    fill = insert("sessions", ("s", "k", "telegram", 1, 2))
    assert windows(make(tmp_path / "more", 8, (wider,), fill)) == [WindowRow(b"k", b"s", None, None)]


def test_events_come_in_the_order_of_seq_whatever_their_time(tmp_path: Path) -> None:
    rows = [("s2", 0, "e", 9), ("s1", 10, "d", 1), ("s1", 2, "c", 2), ("s1", 0, "a", 8), ("s1", 1, "b", 7)]
    path = make(tmp_path / "db", 8, TYPED, insert("transcript_events", *rows))
    assert [(row.session_id, row.seq, row.event_json) for row in events(path)] == [
        (b"s1", 0, b"a"),
        (b"s1", 1, b"b"),
        (b"s1", 2, b"c"),
        (b"s1", 10, b"d"),
        (b"s2", 0, b"e"),
    ]


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_events_in_utf_16_come_in_the_same_order(tmp_path: Path, encoding: str) -> None:
    rows = [("🦞", 1, "d", 1), ("🦞", 0, "é", 1), ("\ue000", 1, "b", 1), ("\ue000", 0, "a", 1)]
    path = make(tmp_path / "db", 8, TYPED, insert("transcript_events", *rows), encoding=encoding)
    assert [row.event_json.decode() for row in events(path)] == ["a", "b", "é", "d"]


def test_events_are_read_as_the_bytes_they_are(tmp_path: Path) -> None:
    bad = "INSERT INTO transcript_events VALUES ('s', 0, CAST(x'7b00ff7d' AS TEXT), 'soon')"
    assert events(make(tmp_path / "db", 1, BOTH, execute(bad))) == [EventRow(b"s", 0, b"{\x00\xff}", None)]


def test_events_of_other_types_are_problems_and_the_rest_is_read(tmp_path: Path) -> None:
    untyped = EVENTS.replace("event_json TEXT NOT NULL", "event_json")
    rows = [
        ("s", 0, "ok", 1),
        ("s", 1, b"blob", 1),
        ("s", "x", "seq", 1),
        (b"t", 0, "id", 1),
        ("s", 2, None, 1),
    ]
    found = events(make(tmp_path / "db", 8, (untyped,), insert("transcript_events", *rows)))
    assert {(row.session_id, row.seq, row.event_json, row.problem) for row in found} == {
        (b"s", 0, b"ok", None),
        (b"s", 1, b"blob", BAD_ROW),
        (b"s", 2, b"", BAD_ROW),
        (b"s", -1, b"seq", BAD_ROW),
        (b"t", 0, b"id", BAD_ROW),
    }


def test_entries_of_other_types_are_problems(tmp_path: Path) -> None:
    path = make(tmp_path / "db", 8, TYPED, entry("a", b"s", "{}"), entry("b", "s", b"{}"), entry("c", "s", "{}"))
    assert [row.problem for row in entries(path)] == [BAD_ROW, BAD_ROW, None]


def test_transcripts_of_a_key_come_oldest_first(tmp_path: Path) -> None:
    rows = [
        ("s3", "k", 30, 1),
        ("s1", "k", 10, 1),
        ("s2", "k", 20, 1),
        ("s0", "l", 5, 1),
        (b"s9", "k", 40, 1),
    ]
    path = make(tmp_path / "db", 8, TYPED, insert("sessions", *rows))
    assert [(row.session_key, row.session_id, row.problem) for row in windows(path)] == [
        (b"k", b"s1", None),
        (b"k", b"s2", None),
        (b"k", b"s3", None),
        (b"k", b"s9", BAD_ROW),
        (b"l", b"s0", None),
    ]


def test_a_database_with_cache_rows_only_has_no_typed_rows(tmp_path: Path) -> None:
    path = make(tmp_path / "db", 1, CACHE_ONLY)
    assert (entries(path), events(path), windows(path)) == ([], [], [])


def test_events_are_streamed(tmp_path: Path) -> None:
    rows = (("s", number, "{}", 1) for number in range(5000))
    with open_snapshot(str(make(tmp_path / "db", 8, TYPED, insert("transcript_events", *rows)))) as connection:
        steps = [0]
        connection.set_progress_handler(lambda: steps.__setitem__(0, steps[0] + 1), 100)
        found = typed_entries.events(connection)
        next(found)
        first = steps[0]
        assert sum(1 for _ in found) == 4999
    assert steps[0] > 20 * (first + 1)


def test_a_damaged_page_among_the_events_names_their_table(tmp_path: Path) -> None:
    rows = (("s", number, "x" * 1000, 1) for number in range(300))
    path = make(tmp_path / "db", 8, TYPED, insert("transcript_events", *rows))
    damage_last_leaf(path)
    with pytest.raises(DamagedTableError) as caught:
        events(path)
    assert caught.value.table == "transcript_events"
    assert caught.value.rows > 0
