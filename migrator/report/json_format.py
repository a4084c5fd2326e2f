"""A view as one JSON document, or as JSON lines: names become what the namer makes of them.

``report-1.schema.json`` describes both; a change that its readers could stumble over raises the version.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import cast

from migrator.model.words import Name
from migrator.report.view import Namer, View, message, sentence

SCHEMA = "report-1.schema.json"
"""The file beside this one that describes a document; its definition ``line`` describes a line."""

_HEAD = ("format", "version", "tool", "command", "state_dir", "state_dir_source")
_END = ("verdict", "exit_code", "next_step", "unmet", "totals", "parity")
_LISTS = {
    ("plan", "databases"): "planned",
    ("run", "databases"): "written",
    ("export", "databases"): "exported",
    ("upgrade", "filesystems"): "filesystem",
    ("upgrade", "forecast"): "foreseen",
    ("verification", "databases"): "verified",
}


def render(view: dict[str, View], namer: Namer) -> str:
    """The document, with a final newline."""
    return json.dumps(_named(_spoken(view, namer), namer), indent=2) + "\n"


def render_lines(view: dict[str, View], namer: Namer) -> str:
    """One event a line, each with a final newline: first ``begin``, last ``end``, or only ``stopped``."""
    return "".join(
        json.dumps(_named({"event": event, **facts}, namer), separators=(",", ":")) + "\n"
        for event, facts in _events(cast(dict[str, View], _spoken(view, namer)))
    )


def _events(view: dict[str, View]) -> Iterator[tuple[str, dict[str, View]]]:
    if "message" in view:
        yield "stopped", view
        return
    yield "begin", {field: view[field] for field in _HEAD}
    for agent in cast(list[dict[str, View]], view["agents"]):
        yield "agent", agent
    for name, section in view.items():
        if isinstance(section, dict) and name not in _END:
            yield from _section(name, section)
    for finding in cast(list[dict[str, View]], view["findings"]):
        yield "finding", finding
    yield "end", {field: view[field] for field in _END if field in view}


def _section(name: str, section: dict[str, View]) -> Iterator[tuple[str, dict[str, View]]]:
    """What a section lists, each thing as an event of its own, then the rest of it."""
    rest = dict(section)
    for (whose, field), event in _LISTS.items():
        if whose == name:
            for listed in cast(list[dict[str, View]], rest.pop(field)):
                yield from _parts(listed) if event == "verified" else [(event, listed)]
    yield name, rest


def _parts(database: dict[str, View]) -> Iterator[tuple[str, dict[str, View]]]:
    """A verified database: its sessions and transcripts that are worth a line, then itself."""
    rest = dict(database)
    for field, event in (("entries", "session"), ("transcripts", "transcript")):
        for member in cast(list[dict[str, View]], rest.pop(field)):
            yield event, {"database": database["database"], **member}
    yield "verified", rest


def _spoken(view: View, namer: Namer) -> View:
    """The view with the names put into every sentence, or into the message of an error."""
    if isinstance(view, dict):
        if "sentence" in view and "facts" in view:
            return {**view, "sentence": sentence(view, namer)}
        if view.get("verdict") == "stopped":
            return {**view, "message": message(view, namer)}
        return {key: _spoken(value, namer) for key, value in view.items()}
    if isinstance(view, Sequence) and not isinstance(view, str):
        return [_spoken(value, namer) for value in view]
    return view


def _named(view: View, namer: Namer) -> object:
    if isinstance(view, Name):
        return namer(view)
    if isinstance(view, dict):
        return {key: _named(value, namer) for key, value in view.items()}
    if isinstance(view, Sequence) and not isinstance(view, str):
        return [_named(value, namer) for value in view]
    return view
