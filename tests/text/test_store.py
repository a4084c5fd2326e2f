"""The reader of sessions.json: every entry, every damaged byte, every layout."""

from __future__ import annotations

import io
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import json5
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from migrator.findings.table import RULES
from migrator.model.inventory import DamagedSpan
from migrator.model.words import Severity
from migrator.openclaw.text import json5_text
from migrator.openclaw.text.entry_head import RawEntry
from migrator.openclaw.text.store import StoreReader

LAYOUT = re.compile(
    r"""[\s\ufeff]+|[{},:]|//[^\n]*|/\*.*?\*/|(?:[^\W\d]|[$\\])[\w$\\\u200c]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""",
    re.DOTALL,
)


def read(data: bytes | str, window: int = 1 << 20) -> tuple[list[RawEntry], StoreReader]:
    """Read a whole store and check what must hold for any input."""
    data = data.encode() if isinstance(data, str) else data
    reader = StoreReader(io.BytesIO(data), window=window)
    entries = list(reader)
    assert (reader.size, reader.sha256) == (len(data), sha256(data).hexdigest())
    assert [entry.index for entry in entries] == list(range(len(entries)))
    spans = [(entry.offset, len(entry.raw)) for entry in entries]
    spans += [(span.offset, span.length) for span in reader.damage]
    end = 0
    for offset, length in sorted(spans):
        assert end <= offset <= offset + length <= len(data)
        end = offset + length
    for entry in entries:
        assert data[entry.offset : entry.offset + len(entry.raw)] == entry.raw
        assert (entry.text is None) == (entry.value is None) == (entry.problem is not None)
        if entry.text is not None:
            entry.text.encode()
            assert isinstance(entry.value, dict)
        assert entry.problem is None or RULES[entry.problem].severity is Severity.QUARANTINED
    assert all(RULES[span.problem].severity is Severity.QUARANTINED for span in reader.damage)
    assert not (reader.strict and reader.damage)
    return entries, reader


def bare(entries: list[RawEntry]) -> list[RawEntry]:
    """Without the heads, which may hold more or less of the same."""
    return [structs.replace(entry, head=None) for entry in entries]


def unaccounted(data: bytes, entries: list[RawEntry], reader: StoreReader) -> str:
    """What is in no entry and no damaged span, with a blank in place of each of those."""
    rest = bytearray(data)
    spans = [(entry.offset, len(entry.raw)) for entry in entries]
    spans += [(span.offset, span.length) for span in reader.damage]
    for offset, length in spans:
        rest[offset : offset + length] = b" " * length
    return rest.decode("utf-8", "replace")


def assert_only_layout(rest: str) -> None:
    """Nothing but blanks, comments, keys and punctuation, and of braces only the outer ones."""
    at, braces = 0, ""
    while at < len(rest):
        token = LAYOUT.match(rest, at)
        assert token, rest[at:]
        braces += token.group() if token.group() in "{}" else ""
        at = token.end()
    assert braces in ("", "{", "{}")


def problems(entries: list[RawEntry]) -> list[tuple[str, str | None]]:
    return [(entry.key, entry.problem) for entry in entries]


# what is fine


def test_a_strict_store_is_yielded_verbatim() -> None:
    data = '{\n  "a": {\n    "n": 1.50,\n    "s": "é"\n  },\n  "b": {}\n}'
    entries, reader = read(data)
    assert [(e.key, e.text, e.transforms) for e in entries] == [
        ("a", '{\n    "n": 1.50,\n    "s": "é"\n  }', ()),
        ("b", "{}", ()),
    ]
    assert entries[0].value == {"n": Decimal("1.50"), "s": "é"}
    assert reader.strict
    assert reader.damage == []


def test_an_empty_object_is_a_sound_store() -> None:
    entries, reader = read(" {\t}\r\n")
    assert (entries, reader.damage, reader.strict) == ([], [], True)


def test_duplicate_keys_are_all_yielded_in_file_order() -> None:
    entries, _ = read('{"a":{"n":1},"b":{},"a":{"n":2},"\\u0061":{"n":3}}')
    assert [(e.key, e.text) for e in entries] == [
        ("a", '{"n":1}'),
        ("b", "{}"),
        ("a", '{"n":2}'),
        ("a", '{"n":3}'),
    ]


def test_the_last_of_duplicate_members_inside_an_entry_counts() -> None:
    entries, _ = read('{"a":{"n":1,"n":2}}')
    assert entries[0].value == {"n": 2}


def test_numbers_keep_their_exact_value() -> None:
    digits = "7" * 5000
    entries, reader = read(f'{{"a":{{"i":{2**80},"f":-0.10,"long":{digits},"far":1e400,"z":-0.0}}}}')
    assert reader.strict
    value = entries[0].value
    assert isinstance(value, dict)
    assert value["i"] == 2**80
    assert isinstance(value["i"], int)
    assert str(value["f"]) == "-0.10"
    assert str(value["long"]) == digits
    assert value["far"] == Decimal("1e400")
    assert str(value["z"]) == "-0.0"


def test_a_number_beyond_every_exponent_is_read_as_javascript_reads_it() -> None:
    entries, reader = read('{"a":{"x":-1e99999999999999999999,"y":1e-99999999999999999999}}')
    assert reader.strict
    assert entries[0].value == {"x": Decimal("-Infinity"), "y": 0}


def test_escaped_lone_surrogates_stay_escapes_in_the_text() -> None:
    entries, reader = read(r'{"k\ud800":{"a":"\udc80"}}')
    assert entries[0].key == "k\ud800"
    assert entries[0].text == r'{"a":"\udc80"}'
    assert entries[0].value == {"a": "\udc80"}
    assert entries[0].transforms == ()
    assert reader.strict


def test_invalid_utf8_is_replaced_as_javascript_does() -> None:
    data = b'{"k\xe2\x82":{"a":"\xed\xa0\x80x\xff\xe2\x82"},"b":{}}'
    entries, reader = read(data)
    assert entries[0].key == "k\ufffd"
    assert entries[0].raw == b'{"a":"\xed\xa0\x80x\xff\xe2\x82"}'
    assert entries[0].text == '{"a":"\ufffd\ufffd\ufffdx\ufffd\ufffd"}'
    assert entries[0].value == {"a": "\ufffd\ufffd\ufffdx\ufffd\ufffd"}
    assert entries[0].transforms == ("utf8-replaced",)
    assert (entries[1].offset, entries[1].transforms) == (data.rindex(b"{"), ())
    assert reader.strict


def test_the_stores_of_real_releases_are_strict_and_whole(unpack: Callable[[str], Path]) -> None:
    stores = list(unpack("legacy-2026.6.1").rglob("sessions.json"))
    assert stores
    for path in stores:
        data = path.read_bytes()
        entries, reader = read(data, window=100)
        assert reader.strict
        assert {e.key: json.loads(e.raw) for e in entries} == json.loads(data)


# JSON5


def test_json5_at_the_top_level_does_not_touch_strict_entries() -> None:
    data = (
        '\ufeff// head\n{ /* a */ a /* b */ : {"n":1.0}, \'b\\x41\':{} ,\xa0"c\\\nd":{},\u2028\\u0065é$_1:{},} // end'
    )
    entries, reader = read(data)
    assert [e.key for e in entries] == ["a", "bA", "cd", "eé$_1"]
    assert [e.text for e in entries] == ['{"n":1.0}', "{}", "{}", "{}"]
    assert all(e.transforms == () for e in entries)
    assert reader.damage == []
    assert not reader.strict


@pytest.mark.parametrize(
    "data", ["\ufeff{}", "{/**/}", "{}//", '{"a":{},}', "{a:{}}", "{'a':{}}", '{"a":{b:1}}', '{"\t":{}}', "\xa0{}"]
)
def test_whatever_is_json5_only_is_not_strict(data: str) -> None:
    _, reader = read(data)
    assert not reader.strict
    assert reader.damage == []


def test_a_json5_entry_becomes_json() -> None:
    entries, reader = read("{a:{s:'it\\'s',h:0x1F,big:123456789012345678901234567890,t:[1,],/* } */u:'\\ud800'}}")
    assert entries[0].text == (
        '{"s": "it\'s", "h": 31, "big": 123456789012345678901234567890, "t": [1], "u": "\\ud800"}'
    )
    assert entries[0].value == {"s": "it's", "h": 31, "big": int("1234567890" * 3), "t": [1], "u": "\ud800"}
    assert entries[0].transforms == ("json5-to-json",)
    assert reader.damage == []


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("window", [1, 2, 3, 1 << 20])
def test_a_continued_line_does_not_end_a_string(line_end: str, window: int) -> None:
    entries, reader = read(f"{{'k\\{line_end}\"}}':{{s:'x\\{line_end}}}'}}}}", window)
    assert [(e.key, e.value) for e in entries] == [('k"}', {"s": "x}"})]
    assert reader.damage == []


def test_surrogate_pairs_that_json5_escapes_are_one_character() -> None:
    entries, _ = read("{'\\ud83d\\ude00':{s:'\\ud83d\\ude00'}}")
    assert entries[0].key == "\N{GRINNING FACE}"
    assert entries[0].value == {"s": "\N{GRINNING FACE}"}


def test_numbers_that_are_not_finite_become_null_and_are_named() -> None:
    entries, _ = read('{"a":{"x":NaN,"y":-Infinity,"z":1e999},"b":{"x":1,},"c":{"x":-1e999,}}')
    assert entries[0].text == '{"x": null, "y": null, "z": null}'
    assert entries[0].transforms == ("json5-to-json", "nonfinite-to-null")
    assert entries[1].transforms == ("json5-to-json",)
    assert entries[2].transforms == ("json5-to-json", "nonfinite-to-null")


def test_invalid_utf8_in_json5_is_named_too() -> None:
    entries, _ = read(b"{a:{x:'\xff'}}")
    assert entries[0].text == '{"x": "\ufffd"}'
    assert entries[0].transforms == ("json5-to-json", "utf8-replaced")


def test_a_long_value_is_not_given_to_the_json5_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json5_text, "JSON5_LIMIT", 20)
    entries, _ = read('{a:{x:\'0123456789abcdef\'},b:{x:\'0\'},"c":{"x":"0123456789abcdef"}}')
    assert problems(entries) == [("a", "entry.json5-too-large"), ("b", None), ("c", None)]
    entries, _ = read('{"a":{"x":' + "[" * 200_000 + "]" * 200_000 + "}}")
    assert problems(entries) == [("a", "entry.too-deep")]


def test_importing_the_reader_does_not_load_the_json5_parser() -> None:
    code = "import sys, migrator.openclaw.text.store; sys.exit('json5' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0


# entries with a problem


@pytest.mark.parametrize("value", ["null", "true", "-12.5", '"text"', "[{}]", "'json5'", "+1", "NaN"])
def test_an_entry_that_is_no_object_is_kept_raw(value: str) -> None:
    entries, reader = read(f'{{"a":{value},"b": {value} }}')
    assert [(e.raw.decode(), e.problem) for e in entries] == [(value, "entry.not-object")] * 2
    assert reader.damage == []


@pytest.mark.parametrize(
    "value",
    ["01", "truex", "1.5.5", "{]}", '{"x":[1}', '{"x":[[{"y":[1}}', "{a}", '{"a":1 2}', "undefined", "", "{a:1e}"],
)
def test_an_entry_that_is_neither_json_nor_json5_is_kept_raw(value: str) -> None:
    entries, reader = read(f'{{"a":{value},"b":{{}}}}')
    assert problems(entries) == [("a", "entry.not-json"), ("b", None)]
    assert entries[0].raw.decode() == value
    assert (reader.damage, reader.strict) == ([], False)


@pytest.mark.parametrize("opening", ['{"x":', "{x:'y',z:"])
@pytest.mark.parametrize("window", [100, 1 << 20])
def test_nesting_without_end_is_an_entry_that_is_too_deep(opening: str, window: int) -> None:
    value = opening + "[" * 200_000 + "]" * 200_000 + "}"
    entries, reader = read(f'{{"a":{value},"b":{{}}}}', window)
    assert problems(entries) == [("a", "entry.too-deep"), ("b", None)]
    assert entries[0].raw.decode() == value
    assert reader.damage == []


def from_below(frames: int, job: Callable[[], list[RawEntry]]) -> list[RawEntry]:
    """Run something with so many more frames on the stack."""
    return from_below(frames - 1, job) if frames else job()


def test_nine_hundred_levels_are_read_from_a_deep_call_stack() -> None:
    data = '{"a":{"x":' + "[" * 899 + "1" * 5000 + "]" * 899 + "}}"
    entries = from_below(500, lambda: read(data)[0])
    assert entries[0].problem is None
    assert entries[0].text == data[5:-1]


def test_json5_is_read_from_a_deep_call_stack() -> None:
    data = "{a:{x:" + "[" * 25 + "]" * 25 + "}}"
    assert from_below(500, lambda: read(data)[0])[0].problem is None


@pytest.mark.parametrize("levels", range(970, 1000, 2))
def test_what_is_too_deep_does_not_depend_on_the_caller(levels: int) -> None:
    data = '{"a":{"x":' + "[" * levels + "]" * levels + "}}"
    assert problems(from_below(400, lambda: read(data)[0])) == problems(read(data)[0])


# damaged files


@pytest.mark.parametrize("data", ["", " \n", "\ufeff", "// nothing\n", "/* nothing */"])
def test_a_file_without_json_is_empty_and_not_an_empty_store(data: str) -> None:
    entries, reader = read(data)
    assert entries == []
    assert reader.damage == [DamagedSpan(0, len(data.encode()), "store.empty")]
    assert not reader.strict


@pytest.mark.parametrize("data", ["[]", "null", '"{}"', "12", '[{"a":{}}]', "#", ' "a": {}}', "/* open"])
def test_a_file_that_is_no_object_is_damaged_as_a_whole(data: str) -> None:
    entries, reader = read(data)
    assert entries == []
    assert reader.damage == [DamagedSpan(0, len(data), "store.not-object")]


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("window", [1, 1 << 20])
def test_a_file_in_another_encoding_is_damaged_as_a_whole(coding: str, window: int) -> None:
    data = '{"a":{}}'.encode(coding)
    entries, reader = read(data, window)
    assert entries == []
    assert reader.damage == [DamagedSpan(0, len(data), "store.not-utf8")]


def test_a_byte_order_mark_of_utf16_is_enough() -> None:
    for data in (b"\xff\xfe" + "\u4e2d\u6587".encode("utf-16-le"), b"\xfe\xff" + "\u4e2d\u6587".encode("utf-16-be")):
        assert read(data)[1].damage == [DamagedSpan(0, 6, "store.not-utf8")]


def test_a_file_of_nul_bytes_is_damaged_as_a_whole() -> None:
    assert read(bytes(5000))[1].damage == [DamagedSpan(0, 5000, "store.not-utf8")]


@pytest.mark.parametrize("tail", ["}", "x", "{}", ',"b"', "\0", "/* open", '\n  "b": {}\n}'])
def test_text_after_the_closing_brace_is_damage(tail: str) -> None:
    entries, reader = read('{"a":{}} // fine\n ' + tail)
    assert problems(entries) == [("a", None)]
    text = tail.lstrip()
    end = len('{"a":{}} // fine\n ' + tail)
    assert reader.damage == [DamagedSpan(end - len(text), len(text), "store.trailing-text")]


@pytest.mark.parametrize("rest", ["", ",", "\n", ', "b', ',"b"', ',"b":', ',"b":{"x":"', ",b", ',"b":nul', ",/* open"])
def test_a_truncated_store_yields_the_entries_before_the_cut(rest: str) -> None:
    entries, reader = read('{"a":{}' + rest)
    assert problems(entries) == [("a", None)]
    (span,) = reader.damage
    assert span.offset + span.length == reader.size
    begun = rest.lstrip(", ") if "b" in rest else rest
    assert span.length == len(begun) or "/*" in rest
    assert not reader.strict


def test_truncation_at_any_byte_yields_a_prefix_and_accounts_for_the_rest() -> None:
    sample = {"a": {"s": 'é\N{GRINNING FACE}"\\', "n": [1, {"x": None}]}, "kéy": {}, "c": {"t": {"u": "v"}}}
    for indent in (None, 2):
        data = json.dumps(sample, indent=indent, ensure_ascii=False).encode()
        whole, _ = read(data)
        for cut in range(len(data)):
            entries, reader = read(data[:cut], window=7)
            assert bare(entries) == bare(whole[: len(entries)])
            assert bare([e for e in whole if e.offset + len(e.raw) <= cut]) == bare(entries)
            (span,) = reader.damage
            assert span.problem == ("store.truncated" if cut else "store.empty")
            assert span.offset + span.length == cut
            assert_only_layout(unaccounted(data[:cut], entries, reader))


OWN_LAYOUT = '{\n  "a": {\n    "x": "1"\n  },\n  "b": {\n    "x": "2"\n  },\n  "c": {\n    "x": "3"\n  }\n}'


@pytest.mark.parametrize(
    ("good", "bad", "problem"),
    [
        ('"2"\n  }', '"2"\n  ', "entry.unbalanced"),
        ('"2"\n  }', '{[[{"2"\n  }', "entry.unbalanced"),
        ('"2"\n  },', "", "entry.unbalanced"),
        ('"2"', '2"', "entry.not-json"),
        ('"2"', '"2', "entry.not-json"),
        ('"2"', '"2"2"', "entry.not-json"),
        ('"2"', "/* 2", "entry.unbalanced"),
        ('"2"', "\0\0\0", "entry.not-json"),
        ('{\n    "x": "2"', '"x": "2"', "entry.not-object"),
        ('{\n    "x": "2"\n  },', "", "entry.not-json"),
        ('{\n    "x": "2"\n  },', ",", "entry.not-json"),
    ],
)
@pytest.mark.parametrize("window", [1, 1 << 20])
def test_a_damaged_value_does_not_take_its_neighbours_along(
    good: str, bad: str, problem: str | None, window: int
) -> None:
    data = OWN_LAYOUT.replace(good, bad)
    assert data != OWN_LAYOUT
    entries, reader = read(data, window)
    assert problems(entries) == [("a", None), ("b", problem), ("c", None)]
    assert entries[2].text == '{\n    "x": "3"\n  }'
    assert_only_layout(unaccounted(data.encode(), entries, reader))


@pytest.mark.parametrize("window", [1, 1 << 20])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "bad", ['"b" {', "b: : {", "#", '"b: {', ": {", "] ] {", "\0\0\0", '"b\\u12": {', '"b": 1 2 {']
)
def test_garbage_between_members_ends_at_the_next_line_of_the_own_layout(bad: str, line_end: str, window: int) -> None:
    data = OWN_LAYOUT.replace('"b": {', bad).replace("\n", line_end)
    entries, reader = read(data, window)
    assert problems(entries)[0] == ("a", None)
    assert problems(entries)[-1] == ("c", None)
    assert "store.damaged" in {span.problem for span in reader.damage} or entries[1].problem
    assert_only_layout(unaccounted(data.encode(), entries, reader))


@pytest.mark.parametrize(
    ("data", "garbage", "keys"),
    [
        ('{"a":{},#,"b":{}}', "#", "ab"),
        ('{"a":{},#x{"n":1,"m":2},y,"b":{}}', '#x{"n":1,"m":2},y', "ab"),
        ('{"a":{},\n  # "b"}', '# "b"', "a"),
        ('{"a":{},it\'s // all "b":1, "c}', 'it\'s // all "b":1, "c}', "a"),
        ('{"a":{},#],"b":{}}', "#]", "ab"),
        ('{\n  "a": {},\n  #\n  "b"\n}', '#\n  "b"\n', "a"),
        ('{"a":{}},"b":{}}', '},"', "ab"),
        ('{"a":{}},"b":{}}}', '},"', "ab"),
    ],
)
@pytest.mark.parametrize("window", [1, 1 << 20])
def test_garbage_without_such_a_line_ends_before_the_next_member(
    data: str, garbage: str, keys: str, window: int
) -> None:
    entries, reader = read(data, window=window)
    assert problems(entries) == [(key, None) for key in keys]
    assert reader.damage[0] == DamagedSpan(data.index(garbage), len(garbage.removesuffix(',"')), "store.damaged")


@pytest.mark.parametrize("window", [1, 1 << 20])
def test_a_line_that_only_begins_like_a_member_does_not_end_the_garbage(window: int) -> None:
    data = '{\n  "a": {},\n  #\n  "text",\n  "b\n  "c": {}\n}'
    entries, reader = read(data, window)
    assert problems(entries) == [("a", None), ("c", None)]
    start = data.index("#")
    assert reader.damage == [DamagedSpan(start, data.index('\n  "c"') - start, "store.damaged")]


def test_lines_of_another_layout_are_not_taken_for_members() -> None:
    data = '{\n"a": {\n  "sessionId": "x",\n  "deliveryContext": {}\n},\n"b": {\n  "route": {},\n  "t": "'
    entries, reader = read(data)
    assert problems(entries) == [("a", None)]
    start = data.index('"b"')
    assert reader.damage == [DamagedSpan(start, len(data) - start, "store.truncated")]


@pytest.mark.parametrize("quote", ['"', "'"])
def test_inner_lines_that_look_like_members_belong_to_their_sound_value(quote: str) -> None:
    data = f'{{\n  "a": {{\n  "b": {quote}x{quote},\n  "c": {{}}\n  }},\n  "d": {{}}\n}}'
    for window in (1, 5, 1 << 20):
        entries, reader = read(data, window)
        assert problems(entries) == [("a", None), ("d", None)]
        assert reader.damage == []


def test_an_entry_that_swallowed_its_successors_is_cut_when_the_end_shows_it() -> None:
    data = '{\n  "a": {\n    "x": 1,\n  "b": {},\n  "c": {}\n}'
    for tail in ("", "\n", "\n#\n"):
        entries, reader = read(data + tail)
        assert problems(entries) == [("a", "entry.unbalanced"), ("b", None), ("c", None)]
        assert [span.problem for span in reader.damage] == (["store.trailing-text"] if "#" in tail else [])
        assert not reader.strict


@pytest.mark.parametrize(
    ("data", "offset", "length"),
    [('{"a":{} "b":{}}', 7, 0), ('{"a":{},,"b":{}}', 8, 1), ('{,"a":{},"b":{}}', 1, 1)],
)
def test_a_wrong_comma_loses_no_entry(data: str, offset: int, length: int) -> None:
    entries, reader = read(data)
    assert problems(entries) == [("a", None), ("b", None)]
    assert reader.damage == [DamagedSpan(offset, length, "store.misplaced-comma")]
    assert not reader.strict


def test_many_broken_entries_are_all_listed() -> None:
    data = "{\n" + "".join(f'  "{n}": {{ "x": [\n' for n in range(3000)) + '  "last": {}\n}'
    entries, _ = read(data, window=64)
    assert len(entries) == 3001
    assert {e.problem for e in entries[:-1]} == {"entry.unbalanced"}
    assert problems(entries)[-1] == ("last", None)


def test_the_window_stays_short_except_for_one_long_entry() -> None:
    long = '{"x":"' + "y" * 10_000 + '"}'
    values = ["{}", "{x:1}", "{!}", long, *["{}", "{x:1}", "{!}", "[1]"] * 100]
    data = "{" + ",".join(f'"{n}":{value}' for n, value in enumerate(values)) + "}"
    stream = io.BytesIO(data.encode())
    reader = StoreReader(stream, window=64)
    states = [(len(reader._window.text), stream.tell()) for _ in reader]
    assert len(states) == len(values)
    assert max(length for length, _ in states) < 3 * 64
    assert states[2][1] < 3 * 64


def test_an_error_of_the_stream_passes_through() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 3:
                raise OSError(5, "input/output error")
            return super().read(size)

    with pytest.raises(OSError, match="input/output"):
        list(StoreReader(Broken(b'{"a":{}}'), window=2))


# laws

exotic = st.text(
    st.one_of(st.characters(), st.sampled_from("\ud800\udfff\udc80\"\\/'\0\n\r\t\u2028\ufeff {}[]:,")), max_size=12
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**310) | st.floats(allow_nan=False) | exotic,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(exotic, inner, max_size=4),
    max_leaves=12,
)
members = st.lists(
    st.tuples(exotic, st.one_of(st.dictionaries(exotic, json_values, max_size=4), json_values)), max_size=6
)
windows = st.one_of(st.integers(1, 40), st.just(1 << 20))


def dumps(
    value: object, *, ascii_only: bool, indent: int | None = None, separators: tuple[str, str] | None = None
) -> str:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent, separators=separators).replace("Infinity", "1e999")
    return re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)


def compact(pairs: list[tuple[str, object]], *, ascii_only: bool) -> str:
    texts = [
        dumps(key, ascii_only=ascii_only) + ":" + dumps(value, ascii_only=ascii_only, separators=(",", ":"))
        for key, value in pairs
    ]
    return "{" + ",".join(texts) + "}"


def indented(pairs: list[tuple[str, object]], *, ascii_only: bool, line_end: str = "\n", indent: int = 2) -> str:
    blank = " " * indent
    texts = [
        blank
        + dumps(key, ascii_only=ascii_only)
        + ": "
        + dumps(value, ascii_only=ascii_only, indent=indent).replace("\n", "\n" + blank)
        for key, value in pairs
    ]
    text = "{\n" + ",\n".join(texts) + "\n}" if pairs else "{}"
    return text.replace("\n", line_end)


layouts = st.sampled_from(
    [
        lambda pairs: compact(pairs, ascii_only=True),
        lambda pairs: compact(pairs, ascii_only=False) + "\n",
        lambda pairs: indented(pairs, ascii_only=True),
        lambda pairs: indented(pairs, ascii_only=False),  # as OpenClaw writes
        lambda pairs: indented(pairs, ascii_only=False, line_end="\r\n"),
        lambda pairs: indented(pairs, ascii_only=False, indent=1),
        lambda pairs: indented(pairs, ascii_only=False, indent=0),
    ]
)


def as_pairs(text: str) -> object:
    """An independent reading that keeps order and duplicates."""
    value: object = json.loads(text, object_pairs_hook=tuple, parse_float=Decimal)
    return value


@settings(max_examples=250, deadline=None)
@given(members, layouts, windows)
def test_every_entry_of_a_strict_store_is_yielded_with_its_exact_span(
    pairs: list[tuple[str, object]], layout: Callable[[list[tuple[str, object]]], str], window: int
) -> None:
    text = layout(pairs)
    entries, reader = read(text, window)
    expected = as_pairs(text)
    assert isinstance(expected, tuple)
    assert tuple((e.key, as_pairs(e.raw.decode())) for e in entries) == expected
    assert reader.strict
    assert reader.damage == []
    for entry, (_, value) in zip(entries, expected, strict=True):
        is_object = isinstance(value, tuple)
        assert entry.problem == (None if is_object else "entry.not-object")
        assert entry.text == (entry.raw.decode() if is_object else None)
        assert not is_object or entry.value == json.loads(entry.raw, parse_float=Decimal)
    assert_only_layout(unaccounted(text.encode(), entries, reader))


blanks = st.sampled_from(["", "", " ", "\n", "\r\n", '/* } " */', "// ]'\n", "\u2003", "\ufeff", "\n  "])
json5_words = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=6)


def single_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def continued(text: str) -> str:
    return '"' + "\\\n".join(json.dumps(char)[1:-1] for char in text) + '"'


strings5 = st.one_of(
    json5_words.map(json.dumps), json5_words.map(single_quoted), json5_words.map(continued), st.just("'\\x41\\0\\v'")
)
keys5 = st.one_of(strings5, st.sampled_from(["a", "$_9", "é", "null", "\\u0041b", "a\u200cb"]))
scalars5 = st.one_of(
    strings5,
    st.integers().map(str),
    st.integers(0, 2**70).map(hex),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["true", "null", "+1", ".5", "5.", "-0x10", "NaN", "-Infinity", "+Infinity", "1E3"]),
)


def joined(opening: str, closing: str) -> Callable[[tuple[list[str], list[str], bool]], str]:
    """Put items in brackets, with blanks around them and perhaps a trailing comma."""

    def join(drawn: tuple[list[str], list[str], bool]) -> str:
        items, gaps, trailing = drawn
        text = ",".join(gaps[0] + item + gaps[1] for item in items)
        return opening + text + ("," if trailing and items else "") + gaps[2] + closing

    return join


def bracketed(items: st.SearchStrategy[str], opening: str, closing: str) -> st.SearchStrategy[str]:
    gaps = st.lists(blanks, min_size=3, max_size=3)
    return st.tuples(st.lists(items, max_size=3), gaps, st.booleans()).map(joined(opening, closing))


def objects5(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return bracketed(st.tuples(keys5, blanks, blanks, values).map(lambda m: f"{m[0]}{m[1]}:{m[2]}{m[3]}"), "{", "}")


values5 = st.recursive(scalars5, lambda inner: objects5(inner) | bracketed(inner, "[", "]"), max_leaves=6)


def as_json(value: object) -> object:
    """What JSON can hold of a JSON5 value; the parser leaves escaped surrogate pairs unpaired."""
    if isinstance(value, dict):
        return {as_json(key): as_json(member) for key, member in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return None if isinstance(value, float) and not math.isfinite(value) else value


@settings(max_examples=80, deadline=None)
@given(objects5(objects5(values5)), windows, blanks, blanks)
def test_a_json5_store_means_what_the_json5_parser_says(text: str, window: int, before: str, after: str) -> None:
    text = before + text + after
    entries, reader = read(text, window)
    assert reader.damage == []
    found = {e.key: json.loads(e.text or "null") for e in entries}
    assert found == as_json(json5.loads(text))
    assert_only_layout(unaccounted(text.encode(), entries, reader))


fragments = st.lists(
    st.sampled_from(
        [
            *(char.encode() for char in "{}[],:\"'\\#0a \n\t"),
            *(b"//", b"/*", b"*/", b"\r\n", b'\n  "', b'"k":', b'"k":{},', b'\n  "k": {},', b"k:{a:1},", b"\\u12"),
            *(b'{"k":{"x":[1]}}', b"\xff", b"\xe2\x82", b"\xef\xbb\xbf", b"\0", b"nul", b"1e", b"NaN"),
        ]
    ),
    max_size=14,
).map(b"".join)


@settings(max_examples=250, deadline=None)
@given(st.one_of(st.binary(max_size=60), fragments, fragments.map(b"{".__add__)), windows)
def test_no_bytes_at_all_make_the_reader_raise(data: bytes, window: int) -> None:
    entries, reader = read(data, window)
    whole, same = read(data)
    assert (entries, reader.damage, reader.strict) == (whole, same.damage, same.strict)


@settings(max_examples=250, deadline=None)
@given(fragments.map(b"{".__add__), windows)
def test_every_byte_is_accounted_for(data: bytes, window: int) -> None:
    assert_only_layout(unaccounted(data, *read(data, window)))


@settings(max_examples=250, deadline=None)
@given(st.one_of(fragments.map(b"{".__add__), fragments.map(lambda data: b'{"a":{},' + data + b'"z":{}}')), windows)
def test_strict_is_what_a_strict_parser_accepts(data: bytes, window: int) -> None:
    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        expected = json.loads(data.decode("utf-8", "replace"), parse_constant=refuse)
    except ValueError:
        expected = None
    entries, reader = read(data, window)
    assert reader.strict == isinstance(expected, dict)
    if reader.strict:
        assert {e.key for e in entries} == set(expected)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text('ab{}[]"\\,:/* \n', max_size=12), min_size=1, max_size=4), st.integers(0, 3), windows)
def test_damage_inside_one_value_leaves_all_other_entries(texts: list[str], place: int, window: int) -> None:
    pairs: list[tuple[str, object]] = [(f"k{n}", {"text": text, "n": {}}) for n, text in enumerate(texts)]
    values = [indented([pair], ascii_only=False)[len('{\n  "k0": ') : -2] for pair in pairs]
    place %= len(values)
    broken = values[place].replace('"n": {}', '"n": {')
    lines = [f'  "{key}": {broken if n == place else values[n]}' for n, (key, _) in enumerate(pairs)]
    entries, _ = read("{\n" + ",\n".join(lines) + "\n}", window)
    good = [(e.key, e.raw.decode()) for e in entries if e.problem is None]
    assert good == [(key, values[n]) for n, (key, _) in enumerate(pairs) if n != place]
