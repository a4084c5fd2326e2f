from __future__ import annotations

import io
import json
import sqlite3
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.findings.table import RULES
from migrator.model.counted import counted
from migrator.model.words import Severity
from migrator.openclaw.text.line_pieces import MAX_DEPTH
from migrator.openclaw.text.transcript import DAMAGE, Line, LineKind, TranscriptReader, epoch_milliseconds

HEADER = b'{"type":"session","version":3,"id":"s1","timestamp":"2026-11-22T11:06:17.090Z","cwd":"/"}'
MESSAGE = (
    b'{"type":"message","id":"m1","parentId":null,"timestamp":"2026-11-22T11:06:17.363Z",'
    b'"message":{"role":"user","content":"hi","timestamp":1795345574926}}'
)
REPLY = b'{"type":"message","id":"m2","parentId":"m1","message":{"role":"assistant","timestamp":1795345574926}}'
LABEL = b'{"type":"label","id":"l1","parentId":"m2"}'

PIECES = st.sampled_from(
    [
        HEADER,
        MESSAGE,
        REPLY,
        LABEL,
        b"\n",
        b"\r\n",
        b"\0",
        b"\0\0\0",
        b"null",
        b"5",
        b" ",
        b"{",
        b'"',
        b"\xff",
        b"\\",
    ]
)
BYTES = st.binary(max_size=200) | st.lists(PIECES, max_size=20).map(b"".join)


def read(data: bytes, window: int = 1 << 20) -> tuple[list[Line], TranscriptReader]:
    reader = TranscriptReader(io.BytesIO(data), window=window)
    return list(reader), reader


def kinds(data: bytes) -> list[LineKind]:
    return [line.kind for line in read(data)[0]]


def rebuilt(lines: list[Line], size: int) -> bytes:
    """The pieces at their offsets, and a line feed in each gap of one byte."""
    out = b""
    for line in lines:
        out += b"\n" * (line.offset - len(out)) + line.raw
    return out + b"\n" * (size - len(out))


def test_a_good_transcript_is_read_line_by_line() -> None:
    lines, reader = read(b"\n".join([HEADER, MESSAGE, REPLY, LABEL, b""]))
    assert [line.kind for line in lines] == [
        LineKind.HEADER,
        LineKind.MESSAGE,
        LineKind.MESSAGE,
        LineKind.EVENT,
    ]
    assert lines[1] == Line(
        number=2,
        offset=len(HEADER) + 1,
        length=len(MESSAGE),
        kind=LineKind.MESSAGE,
        raw=MESSAGE,
        text=MESSAGE,
        event_id="m1",
        parent_id=None,
        event_type="message",
        timestamp_ms=1795345577363,
    )
    assert (lines[2].parent_id, lines[2].timestamp_ms) == ("m1", 1795345574926)
    assert (lines[3].event_type, lines[3].timestamp_ms) == ("label", None)
    assert reader.header is lines[0]
    assert reader.physical_lines == 4
    assert {kind for kind, count in reader.counts.items() if count == 0} == set(LineKind) - {
        LineKind.HEADER,
        LineKind.MESSAGE,
        LineKind.EVENT,
    }


def test_an_empty_file_has_no_lines() -> None:
    lines, reader = read(b"")
    assert lines == []
    assert (reader.size, reader.physical_lines, reader.header) == (0, 0, None)
    assert reader.sha256 == sha256(b"").hexdigest()


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b'{"type":"session"}', LineKind.HEADER),
        (b'{"type":"message"}', LineKind.MESSAGE),
        (b'{"type":"custom"}', LineKind.EVENT),
        (b'{"type":""}', LineKind.OTHER),
        (b'{"type":5}', LineKind.OTHER),
        (b"{}", LineKind.OTHER),
        (b"[]", LineKind.OTHER),
        (b"true", LineKind.OTHER),
        (b'"text"', LineKind.OTHER),
        (b"-1e400", LineKind.OTHER),
        (b"null", LineKind.NULL),
        (b"false", LineKind.NULL),
        (b'""', LineKind.NULL),
        (b"-0.0", LineKind.NULL),
        (b"", LineKind.BLANK),
        (b" \t\r", LineKind.BLANK),
        ("\ufeff\u00a0\u2028".encode(), LineKind.BLANK),
        (b"{", LineKind.MALFORMED),
        (b"{'type':'message'}", LineKind.MALFORMED),
        (b'{"a":NaN}', LineKind.MALFORMED),
        (b"-Infinity", LineKind.MALFORMED),
        (b'{"a":1,}', LineKind.MALFORMED),
        (b'{"a":"\t"}', LineKind.MALFORMED),
        (b"\xff\xfe", LineKind.MALFORMED),
        (b"\0\0\0", LineKind.NUL_DAMAGED),
        (b'{"a":"\0"}', LineKind.NUL_DAMAGED),
    ],
)
def test_a_line_has_one_class_wherever_it_stands(line: bytes, kind: LineKind) -> None:
    assert kinds(line + b"\n") == [kind]
    assert kinds(MESSAGE + b"\n" + line + b"\n" + REPLY)[1] is kind
    whole, reader = read(MESSAGE + b"\n" + line)
    torn = LineKind.TORN_TAIL if kind is LineKind.MALFORMED else kind
    assert [piece.kind for piece in whole[1:]] == ([torn] if line else [])
    assert sum(reader.counts.values()) == len(whole)


def test_only_lines_without_json_have_no_text() -> None:
    lines, _ = read(b"\n".join([HEADER, b"null", b"5", b"", b"{", b"\0", b"torn"]))
    assert [line.text is None for line in lines] == [False, False, False, True, True, True, True]


def test_white_space_and_a_byte_order_mark_around_the_json_are_not_part_of_its_text() -> None:
    lines, _ = read(b"\xef\xbb\xbf " + HEADER + b" \r\n\xe2\x80\xa8" + MESSAGE + b"\r\n")
    assert [line.text for line in lines] == [HEADER, MESSAGE]
    assert lines[0].raw.startswith(b"\xef\xbb\xbf")
    assert lines[1].transforms == ()


def test_a_line_separator_or_a_lone_return_inside_a_string_ends_no_line() -> None:
    text = '{"type":"message","id":"a","message":{"content":"one\u2028two\u0085three"}}'
    lines, _ = read(text.encode() + b"\r" + b"\n")
    assert [(line.kind, line.text) for line in lines] == [(LineKind.MESSAGE, text.encode())]


def test_invalid_utf8_is_replaced_and_says_so() -> None:
    lines, _ = read(b'{"type":"message","id":"a\xff","x":"\xed\xa0\x80"}\n')
    assert lines[0].text == '{"type":"message","id":"a\ufffd","x":"\ufffd\ufffd\ufffd"}'.encode()
    assert lines[0].event_id == "a\ufffd"
    assert lines[0].transforms == ("utf8-replaced",)


def test_the_text_is_what_was_written_and_sqlite_can_hold_it() -> None:
    written = b'{"type":"message","id":"a","n":[1.0,1E2,-0,9007199254740993],"n":"\\ud83d\\u0000","x":"\\ud800"}'
    line = read(written)[0][0]
    assert line.kind is LineKind.MESSAGE
    assert line.text is not None
    with sqlite3.connect(":memory:") as connection:
        assert connection.execute("SELECT CAST(? AS TEXT)", (line.text,)).fetchone() == (written.decode(),)


@pytest.mark.parametrize("value", [b'"\\ud800"', b'""', b"5", b"null", b"[]"])
def test_what_no_database_column_can_hold_is_none(value: bytes) -> None:
    line = read(b'{"type":%b,"id":%b,"parentId":%b,"message":{"role":%b}}' % ((value,) * 4))[0][0]
    assert (line.event_id, line.parent_id, line.event_type) == (None, None, None)


def test_integers_of_any_length_are_read() -> None:
    for digits in (4_300, 100_000):
        line = read(b'{"type":"custom","id":"a","timestamp":%b}\n' % (b"9" * digits))[0][0]
        assert (line.kind, line.timestamp_ms) == (LineKind.EVENT, None)


def test_nesting_is_judged_by_a_fixed_depth() -> None:
    def nested(depth: int) -> bytes:
        return b'{"a":' * (depth - 1) + b'{"type":"x","text":"]]}}\\\\"}' + b"}" * (depth - 1)

    assert kinds(nested(MAX_DEPTH) + b"\n") == [LineKind.OTHER]
    assert kinds(nested(MAX_DEPTH + 1) + b"\n") == [LineKind.MALFORMED]
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + 5_000)
    try:
        assert kinds(nested(MAX_DEPTH + 1) + b"\n") == [LineKind.MALFORMED]
    finally:
        sys.setrecursionlimit(limit)


def test_brackets_inside_strings_are_no_nesting() -> None:
    text = json.dumps({"type": "message", "content": '[{"\\' * MAX_DEPTH, "list": [[]] * MAX_DEPTH})
    assert kinds(text.encode() + b"\n") == [LineKind.MESSAGE]


@pytest.mark.parametrize("line", [b"[" * 200_000 + b"]" * 200_000, b'{"a":' * 200_000])
def test_200_000_levels_are_malformed_and_stop_nothing(line: bytes) -> None:
    assert kinds(line + b"\n" + MESSAGE) == [LineKind.MALFORMED, LineKind.MESSAGE]


def test_a_record_before_nul_bytes_is_saved() -> None:
    lines, reader = read(HEADER + b"\n" + MESSAGE + b"\0" * 284)
    assert [(line.number, line.kind, line.offset, line.length) for line in lines] == [
        (1, LineKind.HEADER, 0, len(HEADER)),
        (2, LineKind.MESSAGE, len(HEADER) + 1, len(MESSAGE)),
        (2, LineKind.NUL_DAMAGED, len(HEADER) + 1 + len(MESSAGE), 284),
    ]
    assert reader.physical_lines == 2
    assert sum(reader.counts.values()) == 3


@pytest.mark.parametrize(
    ("line", "pieces"),
    [
        (b"\0\0" + MESSAGE, [b"\0\0", MESSAGE]),
        (MESSAGE + b"\0" + REPLY, [MESSAGE, b"\0", REPLY]),
        (b'{"type":"mess\0\0' + MESSAGE, [b'{"type":"mess\0\0', MESSAGE]),
        (MESSAGE + b"\0" + LABEL + b"\0", [MESSAGE, b"\0" + LABEL + b"\0"]),
        (b'{"type":"mess\0\0', [b'{"type":"mess\0\0']),
        (b"5\0", [b"5\0"]),
        (b"\0  ", [b"\0  "]),
    ],
)
def test_only_whole_objects_are_cut_off_from_nul_bytes(line: bytes, pieces: list[bytes]) -> None:
    for data in (line, line + b"\n"):
        lines, _ = read(data)
        assert [piece.raw for piece in lines] == pieces
        assert {piece.number for piece in lines} == {1}
        assert {piece.kind for piece in lines} <= {LineKind.MESSAGE, LineKind.NUL_DAMAGED}
        assert sum(piece.kind is LineKind.NUL_DAMAGED for piece in lines) == 1


def test_a_repeated_line_with_an_id_is_a_duplicate_and_keeps_its_meaning() -> None:
    lines, reader = read(b"\n".join([HEADER, MESSAGE, HEADER, b" " + MESSAGE + b" \r", MESSAGE, b""]))
    assert [line.kind for line in lines[2:]] == [LineKind.DUPLICATE] * 3
    assert (lines[3].event_id, lines[3].text) == ("m1", MESSAGE)
    assert reader.header is lines[0]


def test_equal_lines_without_an_id_are_two_events() -> None:
    yes = b'{"type":"message","message":{"role":"user","content":"yes"}}\n'
    assert kinds(yes * 2) == [LineKind.MESSAGE] * 2
    assert kinds(b"5\n5\n{\n{\n") == [LineKind.OTHER] * 2 + [LineKind.MALFORMED] * 2


def test_the_same_id_with_another_body_is_no_duplicate() -> None:
    assert kinds(LABEL + b"\n" + LABEL.replace(b":", b": ") + b"\n") == [LineKind.EVENT] * 2


def test_different_invalid_bytes_are_no_duplicates() -> None:
    assert kinds(b'{"id":"a","x":"\xff"}\n{"id":"a","x":"\xfe"}\n') == [LineKind.OTHER] * 2


def test_the_first_header_counts_wherever_it_stands() -> None:
    second = HEADER.replace(b"s1", b"s2")
    lines, reader = read(b"\n".join([MESSAGE, HEADER, second, b""]))
    assert [line.kind for line in lines] == [LineKind.MESSAGE, LineKind.HEADER, LineKind.HEADER]
    assert reader.header is lines[1]
    assert reader.header.event_id == "s1"
    assert reader.header.number == 2
    assert read(MESSAGE)[1].header is None


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        ("1970-01-01T00:00:00.000Z", 0),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2026-11-22T11:06:17.090Z", 1795345577090),
        ("2026-11-22T11:06:17Z", 1795345577000),
        ("2026-11-22T11:06:17.5", 1795345577500),
        ("2026-11-22 11:06:17.123456789Z", 1795345577123),
        ("2026-11-22T13:06:17.090+02:00", 1795345577090),
        ("2026-11-22T05:36:17.090-0530", 1795345577090),
        ("2026-11-22", 1795305600000),
        (1795345577090, 1795345577090),
        (1795345577090.9, 1795345577090),
        (-8.64e15, -8_640_000_000_000_000),
        (8.64e15 + 2, None),
        (float("inf"), None),
        (float("nan"), None),
        (True, None),
        (None, None),
        ([], None),
        ("", None),
        ("yesterday", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-11-22T24:00:00Z", None),
        ("2026-11-22T11:06:17.090Z\n", None),
        ("0000-01-01", None),
        ("\u0662026-11-22", None),
    ],
)
def test_times_become_milliseconds_since_the_epoch(value: object, milliseconds: int | None) -> None:
    assert epoch_milliseconds(value) == milliseconds


@given(st.datetimes(), st.integers(-23 * 60, 23 * 60))
def test_a_time_means_the_same_in_every_zone(time: datetime, minutes: int) -> None:
    here = time.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    expected = (here - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)
    assert epoch_milliseconds(here.isoformat(timespec="milliseconds")) == expected


def test_a_time_of_the_event_goes_before_that_of_its_message() -> None:
    line = b'{"type":"message","timestamp":%b,"message":{"timestamp":7}}'
    times = [read(line % value)[0][0].timestamp_ms for value in (b"5", b"0", b'"soon"', b"null")]
    assert times == [5, 0, 7, 7]


@given(BYTES)
def test_every_byte_is_accounted_for(data: bytes) -> None:
    lines, reader = read(data)
    assert rebuilt(lines, len(data)) == data
    assert reader.size == len(data)
    assert reader.sha256 == sha256(data).hexdigest()
    assert reader.physical_lines == data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
    assert {line.number for line in lines} == set(range(1, reader.physical_lines + 1))
    assert {kind: sum(line.kind is kind for line in lines) for kind in LineKind} == reader.counts
    assert all(line.length == len(line.raw) for line in lines)
    assert all(b"\n" not in line.raw for line in lines)


@given(BYTES, st.integers(1, 7))
def test_the_window_changes_nothing(data: bytes, window: int) -> None:
    small, reader = read(data, window)
    large, other = read(data)
    assert small == large
    assert (reader.counts, reader.header, reader.sha256) == (other.counts, other.header, other.sha256)


@given(BYTES.filter(bool), st.data())
def test_a_flipped_byte_shows_in_one_line_or_where_lines_end(data: bytes, draw: st.DataObject) -> None:
    position = draw.draw(st.integers(0, len(data) - 1))
    other = data[position] ^ draw.draw(st.integers(1, 255))
    damaged = data[:position] + bytes([other]) + data[position + 1 :]
    before, reader = read(data)
    after, damaged_reader = read(damaged)
    assert reader.sha256 != damaged_reader.sha256
    if ord("\n") in (data[position], other):
        assert reader.physical_lines != damaged_reader.physical_lines or position == len(data) - 1
        assert [line.offset for line in before] != [line.offset for line in after] or before[-1] != after[-1]
    else:
        number = data.count(b"\n", 0, position) + 1
        changed = {
            n
            for n in range(1, reader.physical_lines + 1)
            if b"".join(line.raw for line in before if line.number == n)
            != b"".join(line.raw for line in after if line.number == n)
        }
        assert changed == {number}


def test_a_stream_that_gives_less_than_was_asked_for_is_read_to_its_end() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 1, 3))

    data = HEADER + b"\n" + MESSAGE
    assert list(TranscriptReader(Slow(data))) == read(data)[0]


def test_all_damage_has_a_rule_whose_facts_a_line_can_give() -> None:
    facts = {"line": 1, "offset": 2, "length": 3}
    assert set(DAMAGE) == {LineKind.MALFORMED, LineKind.NUL_DAMAGED, LineKind.TORN_TAIL}
    for code in DAMAGE.values():
        assert RULES[code].sentence.format(subject="S", **counted(facts))
        assert RULES[code].severity is Severity.QUARANTINED


def test_real_transcripts_are_read_without_a_remark(unpack: Callable[[str], Path]) -> None:
    files = 0
    for path in unpack("legacy-2026.7.1").rglob("*.jsonl"):
        lines, reader = read(path.read_bytes())
        assert reader.header is lines[0]
        assert reader.header.event_id == path.stem
        assert {line.kind for line in lines} <= {LineKind.HEADER, LineKind.MESSAGE, LineKind.EVENT}
        assert None not in {line.event_id for line in lines} | {line.timestamp_ms for line in lines}
        assert all(line.transforms == () and line.text == line.raw for line in lines)
        files += 1
    assert files == 3


def test_the_damaged_real_transcript_has_21_events_around_one_malformed_line(
    unpack: Callable[[str], Path],
) -> None:
    (path,) = unpack("defect-malformed-line").rglob("before/agents/work/sessions/*.jsonl")
    lines, reader = read(path.read_bytes())
    assert reader.counts[LineKind.MALFORMED] == 1
    assert reader.counts[LineKind.HEADER] + reader.counts[LineKind.MESSAGE] == 21
    assert sum(reader.counts.values()) == reader.physical_lines == 22
    assert lines[3].kind is LineKind.MALFORMED


RECORD = b'{"type":"message","id":"%b","parentId":null,"timestamp":"t","message":{"content":[{"type":"text"}]}}'
HEAD = b'{"type":"message","id":"x","parentId":null,"timestamp":"t","message":{"content":[{"type":"toolCall","id":"c"},'


@pytest.mark.parametrize(
    ("line", "pieces"),
    [
        (RECORD % b"a" + RECORD % b"b", [LineKind.MESSAGE, LineKind.MESSAGE]),
        (RECORD % b"a" + b" " + RECORD % b"b", [LineKind.MESSAGE, LineKind.MESSAGE]),
        (b'{"type":"message"}{"type":"message"}', [LineKind.MESSAGE, LineKind.MESSAGE]),
        (RECORD % b"a" + b"}", [LineKind.MESSAGE, LineKind.MALFORMED]),
        (HEAD + RECORD % b"b", [LineKind.MALFORMED, LineKind.MESSAGE]),
        (HEAD + RECORD % b"b" + b"\xff}" + RECORD % b"c", [LineKind.MALFORMED, LineKind.MESSAGE] * 2),
        (HEAD, [LineKind.MALFORMED]),
        (HEAD * 100 + RECORD % b"b", [LineKind.MALFORMED]),
        (b'{"id":' * 2000, [LineKind.MALFORMED]),
    ],
    ids=["two", "blank between", "short", "a brace behind", "behind a head", "twice", "head", "too many heads", "deep"],
)
def test_whole_records_on_a_line_of_several_are_events_and_the_rest_is_damage(
    line: bytes, pieces: list[LineKind]
) -> None:
    reader = TranscriptReader(io.BytesIO(line + b"\n" + RECORD % b"z" + b"\n"))
    lines = list(reader)
    assert [one.kind for one in lines] == [*pieces, LineKind.MESSAGE]
    assert b"".join(one.raw for one in lines if one.number == 1) == line
    assert (reader.physical_lines, sum(reader.counts.values())) == (2, len(lines))


def test_only_the_very_end_of_a_spliced_last_line_is_a_torn_tail() -> None:
    lines = list(TranscriptReader(io.BytesIO(HEAD + RECORD % b"b" + b'{"type"')))
    assert [one.kind for one in lines] == [LineKind.MALFORMED, LineKind.MESSAGE, LineKind.TORN_TAIL]
