"""JSON5 rewritten as JSON: what is rewritten means what the JSON5 parser takes it for, and nothing else is."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.openclaw.text import json5_text
from migrator.openclaw.text.json5_text import json5_to_json, rewritten

BLANKS = st.sampled_from(["", "", " ", "\n  ", "/* a } */", "// b ]\n", "\t", "/**/"])
KEYS = st.sampled_from(["a", "$b_1", '"c d"', "'e'", "true", "null", '"\\u00e9"', "'f\"g'", "NaN", "a1"])
SCALARS = st.sampled_from(
    [
        "1",
        "-1.50",
        "1e5",
        "1E400",
        "-0",
        "-0.0",
        "0.1",
        "12345678901234567890",
        "true",
        "false",
        "null",
        "0x1f",
        "+1",
        ".5",
        "NaN",
        "-Infinity",
        '"x"',
        "'y'",
        "'it\\'s'",
        "'say \"no\"'",
        '"\\n\\u0041"',
        "'\\x41'",
        "'a\\\nb'",
        '"\\ud83d\\ude00"',
        "'é👋'",
        "''",
    ]
)


@st.composite
def documents(draw: st.DrawFn, depth: int = 0) -> str:
    """JSON5 in all spellings, mostly sound."""
    if depth == 3 or draw(st.integers(0, 2)) == 0:
        return draw(SCALARS)

    def blank() -> str:
        return draw(BLANKS)

    comma = draw(st.sampled_from(["", "", ","]))
    if draw(st.booleans()):
        items = [blank() + draw(documents(depth + 1)) + blank() for _ in range(draw(st.integers(0, 3)))]
        return "[" + ",".join(items) + comma + blank() + "]"
    members = [
        blank() + draw(KEYS) + blank() + ":" + blank() + draw(documents(depth + 1)) + blank()
        for _ in range(draw(st.integers(0, 3)))
    ]
    return "{" + ",".join(members) + comma + blank() + "}"


def said(source: str) -> tuple[str, bool] | None:
    try:
        return json5_to_json(source)
    except ValueError:
        return None


@settings(max_examples=250, deadline=None)
@given(
    documents(),
    st.lists(st.tuples(st.integers(0), st.sampled_from([*"{}[],:'\"/\\- 1a\n\0", "", "//", "é"])), max_size=2),
)
def test_the_rewriting_and_the_parser_agree(source: str, edits: list[tuple[int, str]]) -> None:
    for place, text in edits:
        at = place % (len(source) + 1)
        source = source[:at] + text + source[at + (not text) :]
    fast = said(source)
    with patch.object(json5_text, "rewritten", return_value=None):
        assert said(source) == fast


def test_what_people_write_is_rewritten() -> None:
    source = "{ // by hand\n  name: 'it\\'s \"me\"', 'b': [1, 2.5, true,], /* c */ \"d\": null,\n}"
    assert rewritten(source) == '{   "name": "it\'s \\"me\\"", "b": [1, 2.5, true],   "d": null }'


@pytest.mark.parametrize("source", ["0x1", "+1", "NaN", "'a\\\nb'", "{true: 1}", "[,]", "[1,,]", "{,}", "\u00a01", "a"])
def test_what_is_beyond_it_is_left_to_the_parser(source: str) -> None:
    assert rewritten(source) is None
