"""Every format by its name, but for text, which also wants to know the terminal."""

from __future__ import annotations

from collections.abc import Callable

from migrator.report import github, html, json_format, junit, markdown
from migrator.report.view import Namer, View

Render = Callable[[dict[str, View], Namer], str]

RENDERERS: dict[str, Render] = {
    "json": json_format.render,
    "jsonl": json_format.render_lines,
    "junit": junit.render,
    "github": github.render,
    "markdown": markdown.render,
    "html": html.render,
}
