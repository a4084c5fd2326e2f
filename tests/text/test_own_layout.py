"""The fast reader of OpenClaw's own layout: whatever it takes, the general reader takes in the same way."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Mapping
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from migrator.model.inventory import DamagedSpan
from migrator.openclaw.text import store
from migrator.openclaw.text.entry import finite_number, prepare, typed_session_id
from migrator.openclaw.text.entry_head import Head, RawEntry, read_head
from migrator.openclaw.text.json_text import parse_strict
from migrator.openclaw.text.own_layout import own_members
from migrator.openclaw.text.store import StoreReader
from migrator.openclaw.text.text_window import TextWindow

Read = tuple[list[RawEntry], list[object], list[DamagedSpan], bool, int, str]

MEMBERS = st.sampled_from([*Head.__annotations__, "resolvedSkills", "label", "x"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(),
    st.text(st.characters(exclude_categories=()), max_size=6),
    st.sampled_from(["a.b-1", " s ", "done", "/x/s.jsonl", '",\n  "', "x:y"]),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(MEMBERS, inner, max_size=2), max_leaves=6
)
ENTRIES = st.dictionaries(MEMBERS, VALUES, max_size=5)
STORES = st.dictionaries(
    st.sampled_from(["agent:main:main", "é\N{GRINNING FACE}", 'a"b', "\ud800", "", "k\u00a0", "x"]),
    ENTRIES | SCALARS,
    max_size=5,
)
LAYOUTS = st.sampled_from(
    [
        "\n",
        "\r\n",
        ",\n  ",
        '"',
        "{",
        "}",
        "/* a */",
        "\\",
        "\xff",
        "\0",
        ",",
        " ",
        "\ud800",
        "[",
        "-",
        "0",
        '\n  "y": {},',
    ]
)


def spelled(value: object, *, ascii_only: bool = False) -> bytes:
    text = json.dumps(value, indent=2, ensure_ascii=ascii_only)
    return text.encode("utf-8", "surrogatepass")


def read(data: bytes, window: int) -> Read:
    """All that a reader says, with what the entries mean."""
    reader = StoreReader(io.BytesIO(data), window=window)
    entries = list(reader)
    bare = [structs.replace(entry, head=None) for entry in entries]
    return bare, list(map(meaning, entries)), reader.damage, reader.strict, reader.size, reader.sha256


def meaning(entry: RawEntry) -> object:
    found = prepare(entry)
    if found is None:
        return None
    return structs.replace(found, head={}), found.archived_text


@settings(max_examples=200, deadline=None)
@given(
    STORES,
    st.booleans(),
    st.integers(1, 60),
    st.lists(st.tuples(st.integers(0), LAYOUTS, st.integers(0, 3)), max_size=3),
)
def test_the_fast_reader_and_the_general_one_agree_on_whatever_is_done_to_a_store(
    content: Mapping[str, object], ascii_only: bool, window: int, edits: list[tuple[int, str, int]]
) -> None:
    data = spelled(content, ascii_only=ascii_only)
    for place, text, removed in edits:
        at = place % (len(data) + 1)
        data = data[:at] + text.encode("utf-8", "surrogatepass") + data[at + removed :]
    fast = read(data, window)
    with patch.object(store, "own_members", lambda *_window, **_first: iter(())):
        assert read(data, window) == fast


@settings(max_examples=200, deadline=None)
@given(ENTRIES, st.lists(st.tuples(st.integers(0), LAYOUTS), max_size=1))
def test_what_the_head_of_an_entry_says_is_what_its_whole_text_says(
    entry: dict[str, object], edits: list[tuple[int, str]]
) -> None:
    text = spelled(entry)
    for place, inserted in edits:
        at = place % (len(text) + 1)
        text = text[:at] + inserted.encode("utf-8", "surrogatepass") + text[at:]
    head = read_head(text)
    if head is None:
        return
    value = parse_strict(text.decode())
    assert isinstance(value, dict)
    assert head.keys() == value.keys() & Head.__annotations__.keys()
    assert typed_session_id(dict(head)) == typed_session_id(value)
    for name in ("updatedAt", "sessionStartedAt", "startedAt"):
        assert finite_number(head.get(name)) == finite_number(value.get(name))
    for name in ("status", "sessionFile", "sessionId"):
        assert head.get(name) == value.get(name)
    snapshot = value.get("skillsSnapshot")
    assert ("resolvedSkills" in head.get("skillsSnapshot", {})) == (
        isinstance(snapshot, dict) and "resolvedSkills" in snapshot
    )


def test_nesting_that_another_reader_may_find_too_deep_is_left_to_it() -> None:
    assert read_head(b'{"a":' + b"[" * 899 + b"]" * 899 + b"}") is not None
    assert read_head(b'{"a":' + b"[" * 900 + b"]" * 900 + b"}") is None


def test_a_store_as_openclaw_writes_it_is_taken_by_the_fast_reader_alone() -> None:
    content = {f"agent:main:{n}": {"sessionId": f"s{n}", "label": "é" * n} for n in range(100)}
    window = TextWindow(io.BytesIO(spelled(content)), 64)
    window.first_bytes(4)
    window.commit(1)
    found = list(own_members(window, first=True))
    assert [(one.key, parse_strict(one.raw.decode())) for one in found] == list(content.items())
    assert window.text[window.at :] == "\n}"


def test_one_odd_member_costs_the_general_reader_a_few_members_only() -> None:
    members = [b'  "k%d": {\n    "n": %d\n  }' % (n, n) for n in range(1000)]
    members[300] = members[300].replace(b"{", b"{ // by hand")
    reader = StoreReader(io.BytesIO(b"{\n" + b",\n".join(members) + b"\n}"), window=256)
    with patch.object(reader, "_member", wraps=reader._member) as general:
        assert len(list(reader)) == 1000
    assert general.call_count < 10


def test_a_long_entry_is_in_memory_twice_at_most() -> None:
    size = 8 << 20
    data = json.dumps({"a": {"sessionId": "s"}, "b": {"sessionId": "t", "x": "y" * size}, "c": {}}, indent=2).encode()
    tracemalloc.start()
    lengths = [len(entry.raw) for entry in StoreReader(io.BytesIO(data))]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert lengths[1] > size
    assert peak < 2.2 * size
