from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from migrator.exporting.parts import numbered, part_names

HEADER, FIRST, NEXT = b'{"type":"session","id":"s"}', b'{"id":"a","parentId":null}', b'{"id":"b","parentId":"a"}'
OLD = b'{"type":"message","text":"session"}'

events = st.lists(st.sampled_from([HEADER, FIRST, NEXT, OLD, b"[]", b'"session"', b"\xff"]))


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
