"""Text on a terminal: widths as the eye sees them, tables, wrapping and colour."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

WIDTH = 80
"""Columns of a page where nobody says otherwise."""

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "faint": "2"}
_ESCAPES = re.compile("\x1b\\[[0-9]+m")
_OPENED = re.compile("[(`]*(['\"])")
_GAP = "  "
_NARROWEST = 12


@dataclass(frozen=True, slots=True)
class Style:
    """How wide a page is, in columns, whether it may be coloured, and whether every list is shown as a whole."""

    width: int = WIDTH
    colour: bool = False
    whole: bool = False

    def paint(self, text: str, colour: str) -> str:
        """Give the text in a colour; as it is where there are none, or the colour is no word of ours."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self.colour and colour in _COLOURS else text


PLAIN = Style()


def style_of(terminal: bool, env: Mapping[str, str], *, whole: bool = False) -> Style:
    """The style of standard output: coloured on a terminal only, and never with NO_COLOR (no-color.org) set."""
    coloured = terminal and not env.get("NO_COLOR") and env.get("TERM") != "dumb"
    return Style(shutil.get_terminal_size((WIDTH, 24)).columns if terminal else WIDTH, coloured, whole)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. The higher ``spare``, the earlier it is left out where there is no room; 0 never is."""

    head: str
    right: bool = False
    spare: int = 0


class Whole(str):
    """A line that is never broken: a command to be pasted."""


def columns_of(text: str) -> int:
    """How many columns a terminal needs for a text; Chinese characters and emoji take two."""
    text = _ESCAPES.sub("", text)
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    return max(wcswidth(text), 0)


def fitted(text: str, width: int) -> str:
    """Shorten a text to a width by taking out its middle: names mostly differ at their ends."""
    if columns_of(text) <= width:
        return text
    head, tail = "", ""
    for before, after in zip(text, reversed(text), strict=True):
        if columns_of(head + before + "…" + tail) > width:
            break
        head += before
        if columns_of(head + "…" + after + tail) > width:
            break
        tail = after + tail
    return head + "…" + tail


def padded(text: str, width: int, right: bool = False) -> str:
    """Fill a text up to a width with spaces."""
    space = " " * (width - columns_of(text))
    return space + text if right else text + space


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], style: Style, colours: Sequence[str] = ()
) -> Iterator[str]:
    """Lay out a table; ``colours`` are those of the last cells. The first column is shortened before others go."""
    kept = list(range(len(columns)))
    while True:
        widths = [max(columns_of(row[at]) for row in [[c.head for c in columns], *rows]) for at in kept]
        rest = style.width - sum(widths[1:]) - len(_GAP) * (len(kept) - 1)
        spare = max(kept, key=lambda at: columns[at].spare)
        if rest >= min(widths[0], _NARROWEST) or columns[spare].spare == 0:
            break
        kept.remove(spare)
    widths[0] = min(widths[0], max(rest, _NARROWEST))
    shown = [columns[at] for at in kept]
    yield style.paint(_line([column.head for column in shown], shown, widths), "bold")
    for number, row in enumerate(rows):
        line = _line([row[at] for at in kept], shown, widths)
        last = row[kept[-1]]
        yield line.removesuffix(last) + style.paint(last, colours[number]) if number < len(colours) else line


def _line(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    shown = (
        padded(fitted(cell, width), width, column.right)
        for cell, column, width in zip(cells, columns, widths, strict=True)
    )
    return _GAP.join(shown).rstrip()


def wrapped(line: str, width: int) -> Iterator[str]:
    """Break a line between words; what follows is indented two further than the line. No word or name is cut."""
    if isinstance(line, Whole):
        yield line
        return
    indent = " " * (len(line) - len(line.lstrip(" ")))
    shown = ""
    for word in _words(line[len(indent) :]):
        longer = f"{shown} {word}" if shown else indent + word
        if shown and columns_of(longer) > width:
            yield shown.rstrip()
            longer = f"{indent}  {word}"
        shown = longer
    yield shown


def _words(text: str) -> Iterator[str]:
    """The words of a text; a name in quotes is one, whatever spaces it has."""
    parts = iter(text.split(" "))
    for part in parts:
        opened = _OPENED.match(part)
        word = part
        while opened is not None and not _closes(word[opened.end() :], opened[1]):
            following = next(parts, None)
            if following is None:
                break
            word += " " + following
        yield word


def _closes(text: str, quote: str) -> bool:
    return re.search(rf"(?<!\\)(?:\\\\)*{quote}", text) is not None


def size(count: float) -> str:
    """A number of bytes for people: three digits at most, in units of a thousand."""
    if count < 1000:
        return f"{count:.0f} B"
    power = min(int(math.log10(count)) // 3, 5)
    scaled = count / 1000**power
    return f"{scaled:.{0 if scaled >= 100 else 1}f} {'kMGTP'[power - 1]}B"
