"""HTML that is escaped by construction: text becomes markup only through :func:`tag`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_VOID = ("input", "meta")


class Markup(str):
    """A piece of HTML; every other string is text, and is escaped where it is put in."""

    __slots__ = ()


def joined(children: Iterable[str]) -> Markup:
    """Put pieces of HTML and texts one after the other."""
    return Markup("".join(child if isinstance(child, Markup) else escape(child) for child in children))


def tag(name: str, /, *children: str, **attributes: str | bool) -> Markup:
    """An element. An underscore at the end of an attribute's name is dropped (``class_``), others become hyphens."""
    shown = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(str(value))}"')
        for key, value in attributes.items()
        if value is not False
    )
    return Markup(f"<{name}{shown}>" if name in _VOID else f"<{name}{shown}>{joined(children)}</{name}>")


def definitions(pairs: Iterable[tuple[str, str]]) -> Markup:
    """A list of words with what stands for them."""
    return tag("dl", *(piece for word, text in pairs for piece in (tag("dt", word), tag("dd", text))))


def table(caption: str, heads: Sequence[str], rows: Iterable[Markup], name: str | bool = False) -> Markup:
    """A table that scrolls by itself where it is too wide, by keyboard, too."""
    head = tag("thead", tag("tr", *(tag("th", one, scope="col") for one in heads)))
    body = tag("table", tag("caption", caption), head, tag("tbody", *rows), class_=name)
    return tag("div", body, class_="scroll", role="region", tabindex="0", aria_label=caption)
