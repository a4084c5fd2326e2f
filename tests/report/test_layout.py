"""Text as the eye measures it: widths, tables, wrapping, sizes and colours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.report.layout import (
    PLAIN,
    WIDTH,
    Column,
    Style,
    columns_of,
    fitted,
    padded,
    size,
    style_of,
    table,
    wrapped,
)

TEXTS = st.text(st.characters(categories=("L", "Nd", "P", "Zs")), max_size=60)
COLUMNS = (Column("agent directory"), Column("store", right=True, spare=1), Column("schema", spare=2), Column("state"))


@pytest.mark.parametrize(("text", "columns"), [("", 0), ("abc", 3), ("研究", 4), ("e\u0301", 1), ("🦞", 2)])
def test_a_text_is_as_wide_as_a_terminal_shows_it(text: str, columns: int) -> None:
    assert columns_of(text) == columns
    assert columns_of(Style(colour=True).paint(text, "red")) == columns


@given(TEXTS, st.integers(1, 40))
def test_what_is_fitted_keeps_both_ends_and_never_is_too_wide(text: str, width: int) -> None:
    shown = fitted(text, width)
    assert columns_of(shown) <= width
    if shown != text:
        cuts = [at for at, character in enumerate(shown) if character == "…"]
        assert any(text.startswith(shown[:cut]) and text.endswith(shown[cut + 1 :]) for cut in cuts)


def test_padding_counts_columns_and_not_characters() -> None:
    assert padded("研", 4) == "研  "
    assert padded("7", 3, right=True) == "  7"


def test_the_columns_of_a_table_stand_below_each_other_whatever_the_script() -> None:
    rows = [["研究チーム", "12 kB", "-", "legacy"], ["main", "1 B", "1", "migrated"], ["🦞", "none", "14", "empty"]]
    lines = list(table(COLUMNS, rows, PLAIN))
    ends = {columns_of(line[: line.index(row[3])]) for line, row in zip(lines[1:], rows, strict=True)}
    assert ends == {columns_of(lines[0][: lines[0].index("state")])}


@given(st.lists(st.lists(TEXTS.map(lambda text: text[:30]), min_size=4, max_size=4), max_size=4))
def test_a_table_on_a_narrow_terminal_first_shortens_names_and_then_leaves_columns_out(rows: list[list[str]]) -> None:
    columns = (*COLUMNS[:3], Column("x"))
    rows = [[first, second[:8], third[:8], "last"] for first, second, third, _ in rows]
    for width in (80, 50, 30):
        assert all(columns_of(line) <= width for line in table(columns, rows, Style(width)))


@pytest.mark.parametrize(
    ("width", "heads"),
    [(80, "agent directory store schema state"), (34, "agent directory store state"), (22, "agent d…ectory state")],
)
def test_columns_go_one_by_one_and_the_important_ones_stay(width: int, heads: str) -> None:
    shown = next(iter(table(COLUMNS, [["a" * 40, "12 kB", "14", "legacy"]], Style(width))))
    assert " ".join(shown.split()) == heads
    assert columns_of(shown) <= width


def test_only_the_last_cell_is_coloured() -> None:
    line = list(table(COLUMNS, [["main", "1 B", "1", "damaged"]], Style(colour=True), ["red"]))[1]
    assert line.endswith("\x1b[31mdamaged\x1b[0m")
    assert line.count("\x1b") == 2


@given(st.lists(st.text("abcdefg", min_size=1, max_size=12), min_size=1, max_size=30), st.integers(0, 6))
def test_a_wrapped_line_keeps_its_words_and_its_width(words: list[str], indent: int) -> None:
    line = " " * indent + " ".join(words)
    pieces = list(wrapped(line, 30))
    assert " ".join(piece.strip() for piece in pieces) == line.strip()
    assert all(columns_of(piece) <= 30 for piece in pieces)
    assert all(piece.startswith(" " * (indent + 2)) for piece in pieces[1:])


def test_a_word_that_is_too_long_is_not_cut() -> None:
    path = "/a" * 60
    assert list(wrapped(f"  see {path} there", WIDTH)) == ["  see", f"    {path}", "    there"]


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (278868, "279 kB"), (78326325248, "78.3 GB")]
)
def test_a_size_has_three_digits_at_most(count: int, told: str) -> None:
    assert size(count) == told


@pytest.mark.parametrize(
    ("terminal", "env", "coloured"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
    ],
)
def test_there_is_colour_on_a_terminal_only_and_never_with_no_color(
    terminal: bool, env: dict[str, str], coloured: bool
) -> None:
    assert style_of(terminal, env).colour is coloured
    assert style_of(False, env).width == WIDTH


@pytest.mark.parametrize(
    "name", ["'a b c d e'", '"it\'s a b c"', "('a b c d'", r"'a \' b c d'", r"'a b \\'", "`'a b c'/0`"]
)
def test_a_name_in_quotes_is_not_broken_and_the_words_after_it_are(name: str) -> None:
    lines = list(wrapped(f"of which {name}, and what follows here", 12))
    assert f"  {name}," in lines
    assert all(len(line) <= 12 for line in lines if name not in line)
    assert " ".join(line.strip() for line in lines) == f"of which {name}, and what follows here"


@given(st.text("ab'\"\\ ", max_size=40), st.integers(1, 30))
def test_whatever_is_wrapped_nothing_is_lost(text: str, width: int) -> None:
    lines = list(wrapped(f"x{text}", width))
    assert "".join(lines).replace(" ", "") == f"x{text}".replace(" ", "")
