from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from migrator.sqlite import nodes
from migrator.sqlite.events import DAMAGED_EVENT, MAX_EVENT_BYTES
from migrator.sqlite.rows import BAD_ROW, DamagedTableError, EventRow, SessionRow, WindowRow
from migrator.sqlite.snapshot import open_snapshot
from tests.sqlite_worlds import META, NODES_16, NODES_19, NODES_23, execute, insert, make

UPGRADED = "upgraded-2026.6.1-to-2026.9.6"
DATABASE = Path("agent", "openclaw-agent.sqlite")


def nodes_in(path: Path) -> list[SessionRow]:
    with open_snapshot(str(path)) as connection:
        return list(nodes.sessions(connection))


def events(path: Path) -> list[EventRow]:
    with open_snapshot(str(path)) as connection:
        return list(nodes.events(connection))


def windows(path: Path) -> list[WindowRow]:
    with open_snapshot(str(path)) as connection:
        return list(nodes.windows(connection))


def packed(event: bytes, size: int | None = None) -> tuple[object, ...]:
    """The last columns of an event row, compressed."""
    return zstandard.compress(event), len(event) if size is None else size, "{}"


@pytest.mark.parametrize(
    ("world", "agent", "count"),
    [
        (UPGRADED, "agents/main", 12),
        (UPGRADED, "agents/Retired Agent", 0),
        ("defect-stale-store", "after/agents/work", 37),
    ],
)
def test_nodes_of_a_real_release_are_what_plain_queries_give(
    unpack: Callable[[str], Path], world: str, agent: str, count: int
) -> None:
    path = unpack(world) / agent / DATABASE
    with closing(sqlite3.connect(path)) as connection:
        plain = connection.execute("SELECT session_key, current_session_id, entry_json, updated_at FROM session_nodes")
        expected = plain.fetchall()
        generations = connection.execute("SELECT session_key, session_id FROM session_windows").fetchall()
    found = nodes_in(path)
    assert len(found) == count
    assert [
        (row.key.decode(), (row.session_id or b"").decode(), (row.entry_json or b"").decode(), row.updated_at)
        for row in found
    ] == expected
    assert not any(row.archived or row.problem for row in found)
    assert {(row.session_key.decode(), row.session_id.decode()) for row in windows(path)} == set(generations)
    for row in found:
        assert json.loads(row.entry_json or b"")["updatedAt"] == row.updated_at


def test_events_of_a_real_release_are_all_decoded(unpack: Callable[[str], Path]) -> None:
    path = unpack(UPGRADED) / "agents/main" / DATABASE
    with closing(sqlite3.connect(path)) as connection:
        plain = connection.execute(
            "SELECT session_id, seq, event_json, created_at, event_utf8_bytes FROM transcript_events"
        ).fetchall()
    found = events(path)
    assert [(row.session_id.decode(), row.seq) for row in found] == sorted(row[:2] for row in plain)
    by_place = {(session, seq): rest for session, seq, *rest in plain}
    compressed = 0
    for row in found:
        text, created_at, size = by_place[row.session_id.decode(), row.seq]
        assert (row.created_at, len(row.event_json), row.problem) == (created_at, size, None)
        assert json.loads(row.event_json)["type"]
        compressed += text is None
        assert text is None or row.event_json == text.encode()
    assert (len(found), compressed) == (12, 1)


def test_a_transcript_that_the_real_import_cut_short_is_seen_to_be_short(
    unpack: Callable[[str], Path],
) -> None:
    path = unpack("defect-malformed-line") / "after/agents/work" / DATABASE
    assert [row.seq for row in events(path)] == [0, 1, 2]


@pytest.mark.parametrize(("version", "tables"), [(16, NODES_16), (19, NODES_19), (23, NODES_23)])
def test_nodes_are_read_with_and_without_a_column_for_their_validity(
    tmp_path: Path, version: int, tables: tuple[str, ...]
) -> None:
    fills = [
        execute(
            "INSERT INTO session_nodes (session_key, current_session_id, entry_json, updated_at, archived_at)"
            " VALUES (?, ?, ?, ?, ?)",
            *row,
        )
        for row in [("b", "s1", "{}", 1, None), ("a", "s2", "[]", 2, 77)]
    ]
    assert nodes_in(make(tmp_path / "db", version, tables, *fills)) == [
        SessionRow(b"b", b"s1", b"{}", 1, archived=False),
        SessionRow(b"a", b"s2", b"[]", 2, archived=True),
    ]


def test_a_shape_without_archive_dates_has_no_archived_nodes(tmp_path: Path) -> None:
    tables = [table.replace(",\n    archived_at INTEGER", "") for table in NODES_16]
    assert tables != list(NODES_16)
    path = make(tmp_path / "db", 14, tables, insert("session_nodes", ("k", "s", "{}", 1)))
    assert [row.archived for row in nodes_in(path)] == [False]


def test_generations_of_a_key_come_oldest_first_with_their_reason(tmp_path: Path) -> None:
    rows = [
        ("s2", "k", "s1", "reset", 20, 1),
        ("s1", "k", None, None, 10, 1),
        ("s3", "j", None, "fork", 5, 1),
    ]
    path = make(tmp_path / "db", 16, NODES_16, insert("session_windows", *rows))
    assert windows(path) == [
        WindowRow(b"j", b"s3", None, b"fork"),
        WindowRow(b"k", b"s1", None, None),
        WindowRow(b"k", b"s2", b"s1", b"reset"),
    ]


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_generations_in_utf_16_come_in_the_same_order(tmp_path: Path, encoding: str) -> None:
    rows = [
        ("s2", "🦞", "é", "reset", 20, 1),
        ("s1", "🦞", None, None, 10, 1),
        ("s3", "\ue000", None, None, 5, 1),
    ]
    path = make(tmp_path / "db", 16, NODES_16, insert("session_windows", *rows), encoding=encoding)
    assert windows(path) == [
        WindowRow("\ue000".encode(), b"s3", None, None),
        WindowRow("🦞".encode(), b"s1", None, None),
        WindowRow("🦞".encode(), b"s2", "é".encode(), b"reset"),
    ]


def test_compressed_events_are_decoded_and_damaged_ones_are_kept_as_they_are(tmp_path: Path) -> None:
    event = b'{"type":"message","text":"' + b"x" * 5000 + b'"}'
    whole, size, navigation = packed(event)
    assert isinstance(whole, bytes)
    too_large = packed(b"x" * (MAX_EVENT_BYTES + 1))
    rows = [
        ("s", 0, None, 1, whole, size, navigation),
        ("s", 1, None, 1, whole, len(event) - 1, navigation),
        ("s", 2, None, 1, whole[:-3], size, navigation),
        ("s", 3, None, 1, b"", size, navigation),
        ("s", 4, None, 1, whole, None, navigation),
        ("s", 5, None, 1, *too_large),
        ("s", 6, "plain", 1, None, 5, None),
    ]
    found = events(make(tmp_path / "db", 23, NODES_23, insert("transcript_events", *rows)))
    assert [(row.event_json, row.problem) for row in found] == [
        (event, None),
        (whole, DAMAGED_EVENT),
        (whole[:-3], DAMAGED_EVENT),
        (b"", DAMAGED_EVENT),
        (whole, DAMAGED_EVENT),
        (too_large[0], DAMAGED_EVENT),
        (b"plain", None),
    ]


def test_an_event_in_two_forms_or_none_is_a_problem(tmp_path: Path) -> None:
    rows = [
        ("s", 0, "text", 1, *packed(b"other")),
        ("s", 1, None, 1, None, None, None),
        ("s", 2, None, 1, "text", 4, "{}"),
        ("s", 3, "sound", 1, None, None, None),
    ]
    found = events(make(tmp_path / "db", 23, NODES_23, insert("transcript_events", *rows)))
    assert [(row.event_json, row.problem) for row in found] == [
        (b"text", BAD_ROW),
        (b"", BAD_ROW),
        (b"text", BAD_ROW),
        (b"sound", None),
    ]


def test_compressed_events_in_a_utf_16_database_are_decoded(tmp_path: Path) -> None:
    rows = [("s", 0, None, 1, *packed("é".encode())), ("s", 1, "é", 1, None, None, None)]
    path = make(tmp_path / "db", 23, NODES_23, insert("transcript_events", *rows), encoding="UTF-16le")
    assert [row.event_json.decode() for row in events(path)] == ["é", "é"]


def test_without_the_tables_there_is_an_error_and_not_an_empty_list(tmp_path: Path) -> None:
    path = make(tmp_path / "db", 16, (META,))
    for read in (nodes_in, windows):
        with pytest.raises(DamagedTableError):
            read(path)
