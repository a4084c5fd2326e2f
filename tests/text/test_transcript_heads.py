"""Lines of a transcript read by their heads: what is read so is what parsing the whole line gives."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.openclaw.text import transcript
from migrator.openclaw.text.transcript import read_line

PIECES = st.sampled_from(
    [
        '{"type":"message"',
        ',"id":"a1"',
        ',"parentId":null',
        ',"timestamp":"2026-01-02T03:04:05.678Z"',
        ',"timestamp":17.5',
        ',"timestamp":12345678901234567890',
        ',"message":{"role":"user","timestamp":1e3}',
        ',"message":[]',
        ',"id":"\\ud800"',
        ',"n":1e999',
        ',"x":[{',
        "}]",
        "}",
        "\ufeff",
        ',"id":7',
        ',"type":"session"',
        " ",
        '"',
        ",",
        "null",
        ',"x":-0',
        ',"y":NaN',
        ',"z":"\t"',
        ',"id":"é👋"',
    ]
)


@settings(max_examples=250)
@given(st.lists(PIECES, max_size=7), st.booleans())
def test_reading_the_head_of_a_line_says_what_parsing_all_of_it_says(pieces: list[str], closed: bool) -> None:
    raw = "".join([*pieces, "}" * closed]).encode()
    fast = read_line(raw, 1, 0, complete=True)
    with patch.object(transcript, "_read_head", return_value=None):
        assert read_line(raw, 1, 0, complete=True) == fast
