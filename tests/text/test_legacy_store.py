from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from migrator.openclaw.text.legacy_store import StoreWriter, laid_out, spelled
from tests.worlds import raw_store, spans

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def written(entries: dict[str, str]) -> bytes:
    stream = BytesIO()
    store = StoreWriter(stream)
    for key, text in entries.items():
        store.add(key, text)
    store.close()
    return stream.getvalue()


@given(st.dictionaries(st.text(), json_values))
def test_a_store_in_the_layout_of_openclaw_comes_back_byte_for_byte(store: dict[str, object]) -> None:
    original = json.dumps(store, indent=2, ensure_ascii=False).encode()
    texts = {key: text.decode() for key, text in spans(original).items()} if store else {}
    assert written(texts) == original


@given(json_values, st.sampled_from([None, 0, 1, 4, "\t"]))
def test_layout_changes_nothing_but_white_space_between_tokens(value: object, indent: int | str | None) -> None:
    text = json.dumps(value, indent=indent)
    assert laid_out(text, 0) == json.dumps(value, indent=2)


def test_every_number_and_string_keeps_its_spelling() -> None:
    text = r'{"a":1E3,"b":-0,"c":9007199254740993,"d":"\u00fc\/ {[,:]}","e":0.10}'
    assert json.loads(laid_out(text, 0)) == json.loads(text)
    for literal in ("1E3", "-0", "9007199254740993", r'"\u00fc\/ {[,:]}"', "0.10"):
        assert f": {literal}" in laid_out(text, 0)


def test_an_empty_store_is_an_empty_object_on_one_line() -> None:
    assert written({}) == b"{}"


def test_keys_are_written_as_json_stringify_writes_them() -> None:
    assert spelled('ü"\\\n\x01\u2028\ud800') == '"ü\\"\\\\\\n\\u0001\u2028\\ud800"'


def test_the_order_of_entries_is_that_in_which_they_were_added(tmp_path: Path) -> None:
    assert written({"b": "{}", "a": "{}"}) == raw_store({"b": "{}", "a": "{}"})
