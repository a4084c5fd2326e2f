"""Same bytes, same JSON, same after named transforms, or changed; and where a difference is."""

from __future__ import annotations

import json
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.model.verification import Difference, Level, Verdict
from migrator.model.words import Name
from migrator.openclaw.changes.judge import explain, judge
from migrator.openclaw.text.entry import prepare
from migrator.openclaw.text.entry_head import RawEntry
from migrator.openclaw.text.js_values import strictly_equal
from migrator.openclaw.text.json_text import parse_strict
from migrator.openclaw.text.store import StoreReader
from tests.text.test_entry import entries_with_skills


def source(text: str | bytes) -> RawEntry:
    raw = text if isinstance(text, bytes) else text.encode()
    [entry] = StoreReader(BytesIO(b'{"k": ' + raw + b"}"))
    return entry


@pytest.mark.parametrize(
    ("text", "stored", "verdict"),
    [
        ('{"a": 1}', '{"a": 1}', Verdict.SAME),
        ('{"a": 1}', '{"a":1}', Verdict.EQUAL),
        ('{"a":1,"b":2}', '{"b":2,"a":1}', Verdict.EQUAL),
        ('{"a":"\\u00e9"}', '{"a":"é"}', Verdict.EQUAL),
        ('{"a":1,"a":2}', '{"a":2}', Verdict.EQUAL),
        ('{"a":1}', '{"a":1.0}', Verdict.CHANGED),
        ('{"a":1}', '{"a":true}', Verdict.CHANGED),
        ('{"a":0}', '{"a":-0}', Verdict.CHANGED),
        ('{"a":0.0}', '{"a":-0.0}', Verdict.CHANGED),
        ('{"a":1e3}', '{"a":1000}', Verdict.CHANGED),
        ('{"a":9007199254740993}', '{"a":9007199254740992}', Verdict.CHANGED),
        ('{"a":[1,2]}', '{"a":[2,1]}', Verdict.CHANGED),
        ('{"a":null}', "{}", Verdict.CHANGED),
        ('{"a":1}', '{"a":1', Verdict.CHANGED),
        ('{"a":1}', "", Verdict.CHANGED),
        ('{"a":1}', '{"a":1} x', Verdict.CHANGED),
        ('{"a":1}', "[]", Verdict.CHANGED),
        ('{"a":1}', "null", Verdict.CHANGED),
        ('{"a":1}', "NaN", Verdict.CHANGED),
    ],
)
def test_the_strictest_level_at_which_two_texts_agree_is_the_verdict(text: str, stored: str, verdict: Verdict) -> None:
    assert judge(source(text), stored.encode(), Level.JSON)[0] is verdict
    assert judge(source(text), stored.encode(), Level.BYTES)[0] is (
        Verdict.SAME if verdict is Verdict.SAME else Verdict.CHANGED
    )


@pytest.mark.parametrize("stored", ['{"a":1.0}', '{"a":true}', '{"a":[2,1]}', '{"a":null}', "{}", '{"a":1', "[]", ""])
def test_no_known_transform_explains_another_value(stored: str) -> None:
    assert judge(source('{"a":"x"}'), stored.encode())[0] is Verdict.CHANGED


def test_bytes_that_are_no_text_are_a_change() -> None:
    assert judge(source('{"a":1}'), b'{"a":"\xff"}') == (Verdict.CHANGED, ())


@given(entries_with_skills(), st.sampled_from(["{}", "{{'odd': Infinity, {}", '{{"n": 1e2, "updatedAt": 1.0, {}']))
def test_what_is_stored_as_it_was_prepared_is_explained_by_what_was_done_to_it(
    texts: tuple[str, str], odd: str
) -> None:
    entry = source(odd.format(texts[0] if odd == "{}" else texts[0].lstrip("{")))
    made = prepare(entry)
    assert made is not None
    verdict, names = judge(entry, made.stored)
    in_what_is_gone = (
        "javascript-numbers",
    )  # a number that was dropped as it was spelled may count as rewritten before
    assert verdict is Verdict.TRANSFORMED
    assert tuple(name for name in names if name not in in_what_is_gone) == made.transforms


def test_what_explains_a_difference_is_named() -> None:
    entry = source("{'skillsSnapshot': {version: 1, resolvedSkills: []}}")
    stored = b'{"skillsSnapshot": {"version": 1}}'
    assert judge(entry, stored) == (Verdict.TRANSFORMED, ("json5-to-json", "drop-resolved-skills"))


def test_a_transform_explains_nothing_but_what_it_does() -> None:
    entry = source('{"skillsSnapshot": {"version": 1, "resolvedSkills": []}, "a": 1}')
    assert judge(entry, b'{"skillsSnapshot": {"version": 1}, "a": 1}')[0] is Verdict.TRANSFORMED
    assert judge(entry, b'{"skillsSnapshot": {"version": 1}, "a": 2}')[0] is Verdict.CHANGED
    assert judge(entry, b'{"a": 1}')[0] is Verdict.CHANGED


NUMBERS = st.sampled_from(["0", "0.0", "-0.0", "1", "1.0", "1.00", "10", "true", "null"])
"""All of these are different."""

TEXTS = st.recursive(
    NUMBERS | st.text(max_size=2).map(json.dumps),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(
            lambda members: "{" + ",".join(f'"{name}":{text}' for name, text in members.items()) + "}"
        )
    ),
    max_leaves=5,
)


def normal_form(text: str) -> str:
    """Another way to say equal: sorted members, and numbers as they are spelled."""
    value = json.loads(text, parse_int=lambda literal: {"int": literal}, parse_float=lambda literal: {"float": literal})
    return json.dumps(value, sort_keys=True)


@given(TEXTS, TEXTS)
def test_strict_equality_is_equality_of_all_but_blanks_and_the_order_of_members(one: str, other: str) -> None:
    assert strictly_equal(parse_strict(one), parse_strict(other)) is (normal_form(one) == normal_form(other))


@given(TEXTS)
def test_strict_equality_is_reflexive_under_any_layout(text: str) -> None:
    assert strictly_equal(parse_strict(text), parse_strict(f" {text} "))


@given(TEXTS, TEXTS)
def test_strict_equality_is_symmetric(one: str, other: str) -> None:
    left, right = parse_strict(one), parse_strict(other)
    assert strictly_equal(left, right) is strictly_equal(right, left)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", "1.0"), ("1", "true"), ("0", "false"), ("0.0", "-0.0"), ("0", "-0"), ("1.0", "1.00"), ("1e1", "10"),
     ("null", "false"), ('""', "null"), ("[]", "{}"), ('"1"', "1")],
)  # fmt: skip
def test_values_that_python_or_javascript_would_mix_up_are_told_apart(one: str, other: str) -> None:
    for left, right in ((one, other), (f"[{one}]", f"[{other}]"), (f'{{"a":{one}}}', f'{{"a":{other}}}')):
        assert not strictly_equal(parse_strict(left), parse_strict(right))


def test_depth_does_not_matter() -> None:
    one, other, same = ("[" * 880 + inner + "]" * 880 for inner in ("1", "2", "1"))
    assert strictly_equal(parse_strict(one), parse_strict(same))
    assert not strictly_equal(parse_strict(one), parse_strict(other))


def test_a_difference_is_a_path_and_a_kind() -> None:
    found = explain(source('{"a": {"b": [1, {"c": 2}]}, "x": 1}'), b'{"a": {"b": [1, {"c": 3}]}, "y": 1}')
    names = [Name("field", name) for name in "abc"]
    assert set(found) == {
        Difference("differs", (names[0], names[1], 1, names[2])),
        Difference("added", (Name("field", "y"),)),
        Difference("lost", (Name("field", "x"),)),
    }


@pytest.mark.parametrize("stored", [b"", b"{", b"\xff", b"{} {}"])
def test_what_is_no_json_is_explained_as_that(stored: bytes) -> None:
    assert explain(source("{}"), stored) == (Difference("no-json", ()),)


@pytest.mark.parametrize("name", ["", "__proto__", "a'b\"c", "root['x']", "[0]", "a\0b", "🦞", "\\", "\n"])
def test_odd_names_are_given_as_they_are(name: str) -> None:
    text = json.dumps({name: {name: 1}})
    assert explain(source(text), text.replace("1", "2").encode()) == (
        Difference("differs", (Name("field", name), Name("field", name))),
    )


@given(TEXTS.map(lambda text: f'{{"v":{text}}}'), TEXTS.map(lambda text: f'{{"v":{text}}}'))
def test_every_change_has_an_explanation(one: str, other: str) -> None:
    if judge(source(one), other.encode())[0] is Verdict.CHANGED:
        assert explain(source(one), other.encode()) != ()


@pytest.mark.parametrize("depth", [100, 300, 890])
def test_a_deep_difference_is_explained_without_a_crash(depth: int) -> None:
    one, other = ('{"x":' + "[" * depth + inner + "]" * depth + "}" for inner in ("1", "2"))
    assert explain(source(one), other.encode()) != ()
