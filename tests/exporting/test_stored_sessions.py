from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.exporting.stored_sessions import LegacySession, is_file_name, legacy_sessions, numbered, part_names
from migrator.scanning.databases import read_database
from migrator.sqlite.snapshot import open_snapshot
from tests.sqlite_worlds import BOTH, NODES_23, Fill, insert
from tests.worlds import World, cache_row, entry, owner

HEADER, FIRST, NEXT = b'{"type":"session","id":"s"}', b'{"id":"a","parentId":null}', b'{"id":"b","parentId":"a"}'
OLD = b'{"type":"message","text":"session"}'

events = st.lists(st.sampled_from([HEADER, FIRST, NEXT, OLD, b"[]", b'"session"', b"\xff"]))


def sessions(path: Path) -> list[LegacySession]:
    database, _ = read_database(str(path), "main")
    with open_snapshot(str(path)) as connection:
        return list(legacy_sessions(connection, database))


def typed_row(key: str, session_id: str, text: str) -> Fill:
    return insert("session_entries", (key, session_id, text, 7, None))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_in_schema_1_the_cache_row_counts_and_keeps_its_text(world: World) -> None:
    path = world.database(
        "main",
        owner("main"),
        cache_row("agent:main:b", '{ "sessionId": "b", "n": 1E3 }'),
        cache_row("agent:main:a", entry("a", 7)),
        typed_row("agent:main:b", "b", '{"sessionId":"b"}'),
        typed_row("agent:main:only-typed", "t", '{"sessionId":"t"}'),
        tables=BOTH,
    )
    found = sessions(path)
    assert [session.key for session in found] == ["agent:main:b", "agent:main:a", "agent:main:only-typed"]
    assert found[0].text == '{ "sessionId": "b", "n": 1E3 }'


def test_copies_under_recovered_keys_and_entries_that_were_made_up_are_left_out(world: World) -> None:
    made_up = json.dumps({"sessionId": "lost", "updatedAt": 7, "archivedAt": 7})
    path = world.database(
        "main",
        owner("main"),
        cache_row("agent:main:a", entry("a", 7)),
        typed_row("agent:main:recovered:a", "a", '{"sessionId":"a","archivedAt":7}'),
        typed_row("agent:main:recovered:lost", "lost", made_up),
        typed_row("agent:main:recovered:named", "named", '{"sessionId":"named","label":"mine"}'),
        tables=BOTH,
    )
    assert [session.key for session in sessions(path)] == ["agent:main:a", "agent:main:recovered:named"]


@pytest.mark.parametrize(
    ("session_file", "name"),
    [
        ("/home/user/.openclaw/agents/main/sessions/a-topic-3.jsonl", "a-topic-3.jsonl"),
        ("C:\\Users\\me\\sessions\\a.jsonl", "a.jsonl"),
        ("other.jsonl", None),
        ("../a.json", None),
        ("", None),
        (7, None),
    ],
)
def test_a_transcript_keeps_the_name_that_its_entry_gives_it(
    world: World, session_file: object, name: str | None
) -> None:
    path = world.database("main", owner("main"), cache_row("agent:main:a", entry("a", 7, sessionFile=session_file)))
    assert [session.file_name for session in sessions(path)] == [name]


def test_members_that_did_not_change_keep_their_spelling(world: World) -> None:
    text = '{"sessionId":"a","updatedAt":7,"big":9007199254740993,"x":1.50,"delivery":{"kind":"none"}}'
    path = world.database(
        "main",
        owner("main", version=23),
        insert("session_nodes", ("agent:main:a", "a", text, 1, 7, None)),
        insert("transcript_events", ("a", 0, "{}", 7, None, None, None)),
        version=23,
        tables=NODES_23,
    )
    [session] = sessions(path)
    assert session.text == '{"sessionId":"a","updatedAt":7,"big":9007199254740993,"x":1.50,"sessionFile":"a.jsonl"}'


@pytest.mark.parametrize("text", ["no json", "[]", "null", "7"])
def test_a_row_that_is_no_entry_has_a_problem(world: World, text: str) -> None:
    path = world.database("main", owner("main"), cache_row("agent:main:a", text))
    assert [session.problem for session in sessions(path)] == [True]


def test_only_plain_names_are_file_names() -> None:
    assert all(map(is_file_name, ["a", "0b98-1", "a.b_c@d"]))
    assert not any(map(is_file_name, ["", ".", "..", "a/b", "a\\b", "a:b", ".a", "a\n", "x" * 201]))


@given(events)
def test_no_event_is_lost_or_moved_and_a_file_begins_with_a_header(history: list[bytes]) -> None:
    found = list(numbered(history))
    assert [event for _, event in found] == history
    for before, (number, event) in pairwise(found):
        assert number - before[0] in (0, 1) or number == 0
        assert number == before[0] or event == (FIRST if number == 0 else HEADER)


def test_only_a_conversation_that_begins_anew_is_another_file() -> None:
    def cut(*history: bytes) -> list[int]:
        return [number for number, _ in numbered(history)]

    assert cut(HEADER, FIRST, NEXT, HEADER, FIRST) == [0, 0, 0, 1, 1]
    assert cut(HEADER, FIRST, HEADER, NEXT, HEADER) == [0] * 5
    assert cut(HEADER, HEADER, FIRST, NEXT, HEADER, FIRST, FIRST, NEXT) == [0, 1, 1, 1, 2, 2, 0, 0]
    assert cut(HEADER, OLD, HEADER, OLD) == [0] * 4  # the first releases wrote no parents: nothing tells


def test_the_names_that_entries_tell_come_first_and_the_others_are_made_up() -> None:
    assert part_names("s", [], 2) == ["s.jsonl", "s-topic-part2.jsonl"]
    assert part_names("s", ["s-topic-1.jsonl"], 2) == ["s-topic-1.jsonl", "s.jsonl"]
    assert part_names("s", ["z.jsonl", "s.jsonl", "b.jsonl"], 3) == ["s.jsonl", "b.jsonl", "z.jsonl"]
    assert part_names("s", ["b.jsonl", "c.jsonl"], 2) == ["b.jsonl", "c.jsonl"]
