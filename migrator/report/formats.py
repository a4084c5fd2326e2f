"""Every format by its name: the door of this room."""

from __future__ import annotations

from collections.abc import Callable

from migrator.report import github, html, json_format, junit, markdown, text
from migrator.report.document import ErrorDocument, VerbDocument
from migrator.report.junit import Occasion
from migrator.report.layout import PLAIN, Style
from migrator.report.parts import Namer

RENDERERS: dict[str, Callable[[VerbDocument | ErrorDocument, Namer], str]] = {
    "json": json_format.render,
    "junit": junit.render,
    "github": github.render,
    "markdown": markdown.render,
    "html": html.render,
}
"""All but ``text``, which also wants to know the terminal."""


def render(
    form: str,
    document: VerbDocument | ErrorDocument,
    namer: Namer,
    style: Style = PLAIN,
    occasion: Occasion = Occasion(),  # noqa: B008
) -> str:
    """A document in a format, with a final newline; ``style`` is for text, ``occasion`` for JUnit."""
    if form == "junit":
        return junit.render(document, namer, occasion)
    return RENDERERS[form](document, namer) if form in RENDERERS else text.render(document, namer, style)
