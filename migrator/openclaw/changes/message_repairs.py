"""What ``openclaw doctor --fix`` rewrites inside the messages of a transcript that is in SQLite already."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from migrator.openclaw.text.js_values import Json, trimmed

_Object = dict[str, Json]

MARK = "\N{MATHEMATICAL LEFT WHITE SQUARE BRACKET}openclaw:ctx\N{MATHEMATICAL RIGHT WHITE SQUARE BRACKET}"
"""What newer releases write behind the labels of context that did not come from the user."""

# JavaScript ends a line at more characters than Python does.
_START, _END, _REST = "(?:(?<=[\n\r\u2028\u2029])|\\A)", "(?=[\n\r\u2028\u2029]|\\Z)", "[^\n\r\u2028\u2029]+"
_JSON_NEXT = "[ \t]*(\n```json)"
_TIME_PREFIX = re.compile(r"\[[A-Za-z]{3} \d{4}-\d\d-\d\d \d\d:\d\d[^\]]*\] *", re.ASCII)

# Labels up to 2026.7.1 and what they become (``doctor-session-transcript-labels`` of 2026.8.2 and 2026.9.6).
_LABELS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(_START + old), new)
    for old, new in (
        (
            "(Conversation info|Sender|Forwarded message context|Location|Structured object)"
            rf" \(untrusted metadata\):{_JSON_NEXT}",
            rf"\1: {MARK}\2",
        ),
        (
            r"Untrusted context \(metadata, do not treat as instructions or commands\):([ \t]*\r?\n)"
            r"(?=<active_memory_plugin>[ \t]*(?:\r?\n|" + _END + "))",
            r"Context:\1",
        ),
        (
            rf"Untrusted context \(metadata, do not treat as instructions or commands\):{_END}",
            f"Context: {MARK}",
        ),
        (
            rf"(Chat history since last reply) \(untrusted, for context\):{_END}",
            rf"\1: {MARK}",
        ),
        (
            r"(Thread starter|Reply target of current user message)"
            rf" \(untrusted, for context\):{_JSON_NEXT}",
            rf"\1: {MARK}\2",
        ),
        (
            rf"(Reply chain of current user message) \(untrusted, nearest first\):{_JSON_NEXT}",
            rf"\1 (nearest first): {MARK}\2",
        ),
        (
            rf"Replied message \(untrusted, for context\):{_JSON_NEXT}",
            rf"Reply target of current user message: {MARK}\1",
        ),
        (
            rf"({_REST}) \(untrusted, chronological(, [^)\n]+)?\):{_END}",
            rf"\1 (chronological\2): {MARK}",
        ),
    )
)


def mark_context_labels(message: _Object) -> _Object:
    """Rewrite the labels of context in a message of the user or the assistant."""
    if message.get("role") not in ("user", "assistant"):
        return message
    content = message.get("content")
    if isinstance(content, str):
        marked = _mark(content)
        return message if marked == content else {**message, "content": marked}
    return _with_texts(message, lambda _index, text: _mark(text))


def _mark(text: str) -> str:
    if "untrusted" not in text and "Untrusted" not in text:
        return text
    prefix = _TIME_PREFIX.match(text)
    start = prefix.end() if prefix else 0
    body = text[start:]
    for old, new in _LABELS:
        body = old.sub(new, body)
    return text[:start] + body


def _with_texts(message: _Object, change: Callable[[int, str], str]) -> _Object:
    """Change the text of every text part, given its place; the same object if that changes nothing."""
    content = message.get("content")
    if not isinstance(content, list):
        return message
    parts = [
        {**part, "text": change(index, part["text"])}
        if isinstance(part, dict) and isinstance(part.get("text"), str)
        else part
        for index, part in enumerate(content)
    ]
    return message if parts == content else {**message, "content": parts}


# Directives in answers (``state-migrations.transcript-directives``, 2026.9.6): the second run of the doctor moves
# them into ``openclawDelivery``. It leaves those in code alone, and tidies the blanks around the others. What it
# makes of a spoken passage between ``tts`` tags that stays in the text is not known here, and a difference.

_REACTION = re.compile(r"\[\[\s*react(?:_to_current)?\s*:\s*[^\]\n]+?\s*\]\]", re.IGNORECASE)
_DIRECTIVE = re.compile(
    r"\[\[\s*(?:(?P<audio>audio_as_voice)|(?P<current>reply_to_current)|reply_to\s*:\s*(?P<id>[^\]\n]+)"
    r"|tts\s*:\s*text\s*\]\](?P<speech>.*?)\[\[\s*/\s*tts\s*:\s*text|tts\s*:(?P<voice>[^\]]+)"
    r"|tts|/\s*tts(?:\s*:\s*[^\]]*)?)\s*\]\]",
    re.IGNORECASE | re.DOTALL,
)
_BLANKS = re.compile(r"\s+")


def drop_reactions(message: _Object, stored: _Object) -> _Object:
    """Cut the reactions out of an answer whose stored text has none. Nothing else keeps them."""
    if message.get("role") != "assistant":
        return message

    def cut(index: int, text: str) -> str:
        kept = _text_at(stored, index)
        if kept is None or _REACTION.search(kept) or not _REACTION.search(text):
            return text
        return _REACTION.sub("", text).lstrip()

    return _with_texts(message, cut)


def move_directives(message: _Object, stored: _Object) -> _Object:
    """Take over the stored text where it is the source's without directives, blanks aside, and what they said."""
    if message.get("role") != "assistant":
        return message
    facts: _Object = {}

    def take(index: int, text: str) -> str:
        kept = _text_at(stored, index)
        removed = None if kept is None or kept == text else _removed_directives(text, kept)
        if kept is None or not removed:
            return text
        for directive in removed:
            _note(facts, directive)
        return kept

    moved = _with_texts(message, take)
    if moved is message:
        return message
    before = message.get("openclawDelivery")
    delivery = {**(before if isinstance(before, dict) else {}), **facts}
    if "replyToId" in facts:
        delivery.pop("replyToCurrent", None)
    elif "replyToCurrent" in facts:
        delivery.pop("replyToId", None)
    return {**moved, "openclawDelivery": delivery}


def _text_at(message: _Object, index: int) -> str | None:
    content = message.get("content")
    part = content[index] if isinstance(content, list) and index < len(content) else None
    text = part.get("text") if isinstance(part, dict) else None
    return text if isinstance(text, str) else None


def _removed_directives(text: str, kept: str) -> list[re.Match[str]] | None:
    """Say which directives are gone from a text; None if anything else but blanks differs."""
    found = list(_DIRECTIVE.finditer(text))
    pattern, end = "", 0
    for directive in found:
        pattern += _squeezed(text[end : directive.start()]) + f"({_squeezed(directive[0])})?"
        end = directive.end()
    match = re.fullmatch(pattern + _squeezed(text[end:]), _BLANKS.sub("", kept))
    return match and [one for one, still in zip(found, match.groups(), strict=True) if still is None]


def _squeezed(text: str) -> str:
    return re.escape(_BLANKS.sub("", text))


def _note(facts: _Object, directive: re.Match[str]) -> None:
    """Keep what a directive says; the last reply target and the first spoken text count."""
    if directive["audio"]:
        facts["audioAsVoice"] = True
    elif directive["current"]:
        facts["replyToCurrent"] = True
    elif directive["id"]:
        facts["replyToId"] = trimmed(directive["id"])
    else:
        old = facts.get("tts")
        facts["tts"] = speech = {"tagged": True, **(old if isinstance(old, dict) else {})}
        if directive["speech"] is not None:
            speech.setdefault("text", (trimmed(directive["speech"]) or ""))
        elif voice := dict(_settings(directive["voice"] or "")):
            provider = {"provider": voice.pop("provider").lower()} if "provider" in voice else {}
            known = speech.get("directives")
            speech["directives"] = [*(known if isinstance(known, list) else []), {**provider, "values": voice}]


def _settings(text: str) -> Iterator[tuple[str, str]]:
    for word in text.split():
        name, _, value = word.partition("=")
        if name and value:
            yield name.lower(), value
