"""What one entry of a store means, and the text that a database may hold for it."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from io import BytesIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from migrator.openclaw.text.entry import (
    DROP_RESOLVED_SKILLS,
    REPLACE_KEY_SURROGATES,
    PreparedEntry,
    _without_any_skills,
    _without_the_only_skills,
    drop_resolved_skills,
    finite_number,
    prepare,
    storable_key,
    usable_session_id,
    without_archived_mark,
)
from migrator.openclaw.text.entry_head import RawEntry
from migrator.openclaw.text.store import StoreReader

CHECKPOINT = "abc.checkpoint.0f8fad5b-d9cb-469f-a165-70867728950e"


def raw_entry(text: str, key: str = "agent:main:main") -> RawEntry:
    [entry] = StoreReader(BytesIO(f"{{{json.dumps(key)}: {text}}}".encode()))
    return entry


def prepared(text: str, key: str = "agent:main:main") -> PreparedEntry:
    entry = prepare(raw_entry(text, key))
    if entry is None:
        raise AssertionError("the entry has a problem")
    return entry


@pytest.mark.parametrize("text", ["null", "[1]", '"text"', "17", "true", "{]"])
def test_what_is_no_object_can_not_be_prepared(text: str) -> None:
    assert prepare(raw_entry(text)) is None


def test_an_entry_is_stored_exactly_as_it_was_spelled() -> None:
    text = '{"a" :  1.0,"b":1E3,\n"c":-0.0, "d":"\\u00e4\\ud800", "e":[ ]}'
    entry = prepared(text)
    assert entry.text == text
    assert entry.transforms == ()


def test_the_columns_of_an_entry_are_read_from_it() -> None:
    entry = prepared('{"sessionId": " s1 ", "updatedAt": 12.5, "sessionStartedAt": 3, "status": "done"}')
    assert (entry.session_id, entry.updated_at, entry.started_at, entry.status) == ("s1", 12.5, 3, "done")


def test_values_of_the_wrong_type_are_no_columns() -> None:
    entry = prepared('{"sessionId": 5, "updatedAt": "7", "sessionStartedAt": true, "status": ["done"]}')
    assert (entry.session_id, entry.updated_at, entry.started_at, entry.status) == (None, None, None, None)


def test_of_a_member_that_is_there_twice_the_last_one_counts() -> None:
    assert prepared('{"sessionId": "first", "sessionId": "last"}').session_id == "last"


# session ids


@pytest.mark.parametrize("text", ["a", "0f8fad5b-d9cb-469f-a165-70867728950e", "A.b_c-d", "x" * 128, "a.checkpoint.1"])
def test_a_session_id_that_can_name_a_file_is_usable(text: str) -> None:
    assert usable_session_id(text) == text


@pytest.mark.parametrize(
    "value",
    [None, 5, True, {}, [], "", " ", ".", "..", "../x", "a/b", "a:b", "a b", "-a", "_a", "x" * 129, "é", "a\n\nb",
     "a\0", CHECKPOINT, CHECKPOINT.upper()],
)  # fmt: skip
def test_what_can_not_name_a_transcript_is_no_session_id(value: object) -> None:
    assert usable_session_id(value) is None


@pytest.mark.parametrize("around", [" ", "\t", "\n", "\ufeff", "\u00a0", "\u2028", "\u3000"])
def test_a_session_id_is_trimmed_as_javascript_trims(around: str) -> None:
    assert usable_session_id(f"{around}abc{around}") == "abc"


@pytest.mark.parametrize("around", ["\x1c", "\x1f", "\x85"])
def test_what_javascript_does_not_trim_makes_a_session_id_unusable(around: str) -> None:
    assert usable_session_id(f"{around}abc") is None


# numbers


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (1779000000000, 1779000000000),
        (1.0, 1),
        (Decimal("1E3"), 1000),
        (Decimal("-0.0"), 0),
        (Decimal("9007199254740993.0"), 9007199254740993),
        (2**63 - 1025, 2**63 - 1025),
        (2**63, float(2**63)),
        (Decimal("1e300"), 1e300),
        (Decimal("0.5"), 0.5),
    ],
)
def test_a_number_is_what_a_column_can_hold(value: object, expected: object) -> None:
    found = finite_number(value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    "value",
    [None, True, False, "1", [], {}, float("nan"), float("inf"), Decimal("1e400"), Decimal("-1e999999"), 10**400],
)
def test_what_is_no_finite_number_is_none(value: object) -> None:
    assert finite_number(value) is None


@given(st.decimals(allow_nan=False, allow_infinity=False) | st.integers() | st.floats())
@example(Decimal("82298340047203048.33"))
def test_a_column_differs_from_a_number_by_no_more_than_a_double_does(value: object) -> None:
    found = finite_number(value)
    if found is not None:
        assert float(found) == float(value)  # type: ignore[arg-type]


# keys


@given(st.text(st.characters(exclude_categories=())))
def test_only_lone_surrogates_of_a_key_are_replaced(text: str) -> None:
    key = json.loads(json.dumps(text))  # as the reader gives it: pairs are joined
    expected = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in key)
    assert storable_key(key) == expected


def test_a_replaced_key_is_a_named_transform() -> None:
    entry = prepared("{}", key="a\ud800b")
    assert (entry.key, entry.transforms) == ("a\ufffdb", (REPLACE_KEY_SURROGATES,))


@pytest.mark.parametrize("key", ["", " pad ", "__proto__", "a\0b", "🦞", "\ufffd", "\U0001f99e"])
def test_an_odd_key_stays_as_it_is(key: str) -> None:
    entry = prepared("{}", key=key)
    assert (entry.key, entry.transforms) == (key, ())


# resolved skills


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"skillsSnapshot":{"resolvedSkills":[{"a":"}"}]}}', '{"skillsSnapshot":{}}'),
        ('{"skillsSnapshot":{"resolvedSkills":[],"v":1}}', '{"skillsSnapshot":{"v":1}}'),
        ('{"skillsSnapshot":{"v":1,"resolvedSkills":[]}}', '{"skillsSnapshot":{"v":1}}'),
        ('{"skillsSnapshot":{"v":1.0,"resolvedSkills":[],"w":1E3}}', '{"skillsSnapshot":{"v":1.0,"w":1E3}}'),
        ('{"skillsSnapshot":{"resolvedSkills":1,"v":2,"resolvedSkills":3}}', '{"skillsSnapshot":{"v":2}}'),
        ('{"skillsSnapshot":{"resolved\\u0053kills":1,"v":2}}', '{"skillsSnapshot":{"v":2}}'),
        (
            '{"skillsSnapshot":{"resolvedSkills":1},"a":2,"skillsSnapshot":{"resolvedSkills":3,"v":4}}',
            '{"skillsSnapshot":{},"a":2,"skillsSnapshot":{"v":4}}',
        ),
    ],
)
def test_resolved_skills_are_cut_out_of_the_snapshot(text: str, expected: str) -> None:
    entry = prepared(text)
    assert (entry.text, entry.transforms) == (expected, (DROP_RESOLVED_SKILLS,))


@pytest.mark.parametrize(
    "text",
    [
        '{"resolvedSkills":[1]}',
        '{"skillsSnapshot":{"nested":{"resolvedSkills":[1]}}}',
        '{"skillsSnapshot":[{"resolvedSkills":[1]}]}',
        '{"skillsSnapshot":"resolvedSkills"}',
        '{"other":{"skillsSnapshot":{"resolvedSkills":[1]}}}',
        '{"skillsSnapshot":null}',
    ],
)
def test_resolved_skills_anywhere_else_are_kept(text: str) -> None:
    entry = prepared(text)
    assert (entry.text, entry.transforms) == (text, ())


BLANKS = st.text(" \t\r\n", max_size=3)
VALUES = st.recursive(
    st.sampled_from(["1", "1.0", "-0.0", "1E3", "null", '"}"', '"]{"', '"\\"resolvedSkills\\""', '"\\ud800"', '""']),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[ {' , '.join(items)}]")
        | st.dictionaries(st.sampled_from(["a", "resolvedSkills", "}"]), inner, max_size=2).map(
            lambda members: "{" + ",".join(f'"{name}": {text}' for name, text in members.items()) + " }"
        )
    ),
    max_leaves=6,
)


TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[{}\[\],:]|[^\s{}\[\],:"]+')


@st.composite
def members(draw: st.DrawFn, names: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> str:
    """The text of a member, with any blanks between the tokens."""
    return f'{draw(BLANKS)}"{draw(names)}"{draw(BLANKS)}:{draw(BLANKS)}{draw(values)}{draw(BLANKS)}'


OTHERS = st.lists(members(st.sampled_from(["version", "prompt", "x"]), VALUES), max_size=3)


@st.composite
def entries_with_skills(draw: st.DrawFn) -> tuple[str, str]:
    """The text of an entry with resolved skills, and of the same entry without them."""
    before, skills, after = draw(OTHERS), draw(members(st.just("resolvedSkills"), VALUES)), draw(OTHERS)
    head, tail = draw(OTHERS), draw(OTHERS)
    texts = []
    for inner in ([*before, skills, *after], [*before, *after]):
        snapshot = '"skillsSnapshot": {' + ",".join(inner) + "}"
        texts.append("{" + ",".join([*head, snapshot, *tail]) + "}")
    return texts[0], texts[1]


@given(entries_with_skills())
def test_cutting_takes_one_member_with_one_comma_and_leaves_every_other_byte(texts: tuple[str, str]) -> None:
    text, expected = texts
    cut = drop_resolved_skills(text)
    assert TOKEN.findall(cut) == TOKEN.findall(expected)
    gone = len(text) - len(cut)
    start = next((at for at in range(len(cut)) if text[at] != cut[at]), len(cut))
    assert text[:start] + text[start + gone :] == cut  # one piece is gone, and nothing else


@given(entries_with_skills())
def test_what_was_cut_once_is_not_cut_again(texts: tuple[str, str]) -> None:
    cut = prepared(texts[0]).text
    assert (prepared(cut).text, prepared(cut).transforms) == (cut, ())


@given(entries_with_skills())
def test_cutting_at_once_is_cutting_member_by_member(texts: tuple[str, str]) -> None:
    assert _without_the_only_skills(texts[0]) in (None, _without_any_skills(texts[0]))


@pytest.mark.parametrize("indent", [None, 2])
def test_what_a_gateway_writes_is_cut_at_once(indent: int | None) -> None:
    skills = {"skills": [{"name": "a"}], "resolvedSkills": [{"name": "a", "text": '"}], "'}], "version": 3}
    text = json.dumps({"sessionId": "s", "skillsSnapshot": skills, "label": "x"}, indent=indent)
    assert _without_the_only_skills(text) == _without_any_skills(text) != text


@pytest.mark.parametrize(
    "text",
    [
        '{"skillsSnapshot":{"a":1,"resolvedSkills":1,"resolvedSkills":2}}',
        '{"skillsSnapshot":{"a":1,"resolvedSkills":1},"skillsSnapshot":{"a":1,"resolvedSkills":2}}',
        '{"skillsSnapshot":{"a":"resolvedSkills","resolved\\u0053kills":1}}',
        '{"skillsSnapshot":{"resolvedSkills":1}}',
    ],
)
def test_an_odd_entry_is_cut_member_by_member(text: str) -> None:
    assert _without_the_only_skills(text) is None
    assert prepared(text).transforms == (DROP_RESOLVED_SKILLS,)
    assert "2" not in prepared(text).text


@pytest.mark.parametrize(
    ("text", "without"),
    [
        (b'{"a": 1.0, "archivedAt": 5}', b'{"a": 1.0}'),
        (b'{"archivedAt":5,"a":1}', b'{"a":1}'),
        (b'{"archivedAt":5}', b"{}"),
        (b'{"a":{"archivedAt":5}}', b'{"a":{"archivedAt":5}}'),
        (b"no json", b"no json"),
        (b"\xff", b"\xff"),
        (b"[]", b"[]"),
    ],
)
def test_the_mark_of_the_archived_can_be_taken_off(text: bytes, without: bytes) -> None:
    assert without_archived_mark(text) == without
