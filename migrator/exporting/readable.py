"""A transcript as Markdown that a person can read: who said what, and when. No format fact depends on it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from migrator.model.counted import plural
from migrator.openclaw.text.json_text import parse_strict

_Object = dict[str, object]

_NAMES = {"user": "User", "assistant": "Assistant", "toolResult": "Tool result", "system": "System"}
_LONGEST = 20_000
"""Characters of one part; more than that nobody reads, and the legacy format has all of it."""


def markdown(title: str, facts: Iterable[tuple[str, str]], events: Iterable[bytes]) -> Iterator[str]:
    """The lines of a document: a heading, a list of facts, and each message under a heading of its own."""
    yield f"# {_one_line(title)}"
    yield ""
    for name, value in facts:
        yield f"- {name}: {_one_line(value)}"
    for text in events:
        yield from _event(text)


def _event(text: bytes) -> Iterator[str]:
    try:
        event = parse_strict(text.decode("utf-8", "replace"))
    except ValueError:
        event = None
    if not isinstance(event, dict):
        yield from _section("Unreadable line", None, [_fenced(text.decode("utf-8", "replace"))])
        return
    when, kind, message = event.get("timestamp"), event.get("type"), event.get("message")
    if kind == "session":
        return
    if kind == "message" and isinstance(message, dict):
        role = str(message.get("role"))
        yield from _section(_NAMES.get(role, role), when, _parts(message))
    elif isinstance(event.get("summary"), str):
        yield from _section(f"Summary ({kind})", when, [str(event["summary"])])
    else:
        details = {name: value for name, value in event.items() if name not in ("type", "timestamp", "id", "parentId")}
        yield from _section(str(kind), when, [_fenced(_json(details))])


def _section(title: str, when: object, parts: Iterable[str]) -> Iterator[str]:
    yield ""
    yield f"## {_one_line(title)}" + (f", {_one_line(str(when))}" if when is not None else "")
    for part in parts:
        yield ""
        yield (
            part
            if len(part) <= _LONGEST
            else f"{part[:_LONGEST]} [... {plural(len(part) - _LONGEST, 'more character')}]"
        )


def _parts(message: _Object) -> Iterator[str]:
    """The content of a message; what is neither text nor known is shown as JSON."""
    content = message.get("content")
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            yield str(part["text"])
        elif isinstance(part, dict) and isinstance(part.get("thinking"), str):
            yield "\n".join(f"> {line}" for line in str(part["thinking"]).splitlines())
        elif isinstance(part, dict) and part.get("type") == "toolCall":
            yield f"**Tool call** `{_one_line(str(part.get('name')))}`\n\n{_fenced(_json(part.get('arguments')))}"
        elif isinstance(part, dict) and isinstance(part.get("data"), str):
            yield f"[{_one_line(str(part.get('type')))}, {len(str(part['data']))} characters of data]"
        elif part is not None:
            yield _fenced(_json(part))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=float)


def _fenced(text: str) -> str:
    """A code block with a fence that is longer than any in the text."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text}\n{fence}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
