"""What a gateway shows of a conversation, held against the transcript of the original.

``chat.history`` is made for a screen. Facts, from ``src/gateway/chat-display-projection`` of OpenClaw 2026.9.6 and
``session-utils`` of 2026.8.2: the gateway shows the active branch; it gives each message an ``__openclaw`` with the id
of its event; it withholds what was not meant to be read (heartbeats, silent replies, reports between agents, mirrors
of deliveries, internal context), leaves the ``details`` of tool results out, cuts long texts, and takes the envelope of
a channel and the lines with the id of its message (``src/shared/chat-envelope``) from what a user said. So what is
compared is the id, the role and the text of each message, in their order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from migrator.filesystem import open_regular_file
from migrator.model.inventory import Transcript
from migrator.openclaw.changes.event_transforms import normal_event
from migrator.openclaw.text.active_branch import active_branch, read_link
from migrator.openclaw.text.json_text import parse_strict
from migrator.openclaw.text.transcript import TranscriptReader
from migrator.scanning.transcripts import storable_lines

_CUT = "\n...(truncated)..."
_TOO_LARGE = "[chat.history omitted: message too large]"
_SILENT = ("NO_REPLY", "HEARTBEAT_OK", "ANNOUNCE_SKIP", "REPLY_SKIP")
_MIRRORS = ("delivery-mirror", "gateway-injected")
_WAKE = re.compile(
    r"\[OpenClaw (?:heartbeat poll|exec completion|cron wake|session event)\]|HEARTBEAT\.md|heartbeat monitor scratch"
    r"|\ARun the following periodic tasks"
)
_NOT_A_PERSON = ("inter_session", "internal_system")
_COMMENTARY = "commentary"
_MESSAGE_ID = re.compile(r"^[ \t]*\[message_id:[^\]\n]+\][ \t]*(?:\r?\n|\Z)", re.IGNORECASE | re.MULTILINE)
_MARK = "<<<{}_OPENCLAW_INTERNAL_CONTEXT>>>"
_INTERNAL = re.compile(f"{_MARK.format('BEGIN')}.*?{_MARK.format('END')}|{_MARK.format('(?:BEGIN|END)')}", re.DOTALL)
_SPOKEN = ("user", "assistant")


@dataclass(frozen=True, slots=True)
class Message:
    """One message: the id of its event, None where nothing gave it one, who said it, and the text.

    ``may_be_withheld`` says that a gateway need not show it.
    """

    event_id: str | None
    role: str
    text: str
    may_be_withheld: bool = False


def in_transcript(transcript: Transcript) -> tuple[Message, ...]:
    """The messages of the active branch of a transcript, as an import stores them."""
    with open_regular_file(transcript.path) as stream:
        texts = [text for _, text in storable_lines(TranscriptReader(stream))]
    branch = active_branch(read_link(text) for text in texts)
    events = (normal_event(parse_strict(texts[index].decode()), transcript.header_id or "") for index in branch)
    return tuple(_stored(event for event in events if isinstance(event, dict) and event.get("type") == "message"))


def _stored(events: Iterable[Mapping[str, object]]) -> Iterator[Message]:
    last = None
    for event in events:
        members = event.get("message")
        members = members if isinstance(members, dict) else {}
        message = _message(members, event.get("id"))
        # What was delivered to a channel is written a second time, and shown once.
        if members.get("model") in _MIRRORS and last is not None and last.text == message.text:
            message = replace(message, may_be_withheld=True)
        last = message
        yield message


def shown(history: Iterable[Mapping[str, object]]) -> tuple[Message, ...]:
    """The messages that a gateway gives."""
    return tuple(_shown(row) for row in history)


def _shown(row: Mapping[str, object]) -> Message:
    added = row.get("__openclaw")
    normal = normal_event(parse_strict(json.dumps({"type": "message", "message": row})), "")
    members = normal.get("message") if isinstance(normal, dict) else None
    return _message(members if isinstance(members, dict) else row, added.get("id") if isinstance(added, dict) else None)


def _message(members: Mapping[str, object], event_id: object) -> Message:
    text = _INTERNAL.sub("", "\n".join(_texts(members.get("content", members.get("text")))))
    role = str(members.get("role"))
    return Message(event_id if isinstance(event_id, str) else None, role, text, _may_be_withheld(members, role, text))


def _texts(content: object) -> Iterator[str]:
    """The words in the content of a message: a string, or the blocks that have a text; a tool call has its name."""
    if isinstance(content, str):
        yield content
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict) and block.get("type") not in ("thinking", "reasoning", "redacted_thinking"):
            yield from (block[name] for name in ("text", "name") if isinstance(block.get(name), str))


def _may_be_withheld(members: Mapping[str, object], role: str, text: str) -> bool:
    said = text.strip()
    return (
        role not in (*_SPOKEN, "toolResult")
        or (role in _SPOKEN and not said and _has_only_text(members.get("content")))
        or (role == "assistant" and (said in _SILENT or _is_commentary(members)))
        or (role == "user" and (_WAKE.search(said) is not None or _is_from_a_program(members)))
        or members.get("display") is False
    )


def _has_only_text(content: object) -> bool:
    blocks = content if isinstance(content, list) else []
    return all(isinstance(block, dict) and block.get("type") == "text" for block in blocks)


def _is_from_a_program(members: Mapping[str, object]) -> bool:
    """Whether another session or OpenClaw itself wrote what stands there as a user's words."""
    provenance = members.get("provenance")
    return isinstance(provenance, dict) and provenance.get("kind") in _NOT_A_PERSON


def _is_commentary(members: Mapping[str, object]) -> bool:
    """Whether a model said it about its work, between the calls of its tools."""
    content = members.get("content")
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    return members.get("phase") == _COMMENTARY or any(_COMMENTARY in str(one.get("textSignature")) for one in blocks)


def agree(stored: Sequence[Message], given: Sequence[Message]) -> bool:
    """Whether a gateway shows what is stored: every message that it may not withhold, in order, and no other."""
    rest = iter(stored)
    for message in given:
        for expected in rest:
            if _is_shown_as(expected, message):
                break
            if not expected.may_be_withheld:
                return False
        else:
            return False
    return all(expected.may_be_withheld for expected in rest)


def _is_shown_as(stored: Message, given: Message) -> bool:
    ids = {message.event_id for message in (stored, given)} - {None}
    if stored.role != given.role or len(ids) > 1:
        return False
    text, whole = (_MESSAGE_ID.sub("", one.text) if one.role == "user" else one.text for one in (given, stored))
    text, whole = text.strip(), whole.strip()
    if text == _TOO_LARGE:
        return True
    if given.text.endswith(_CUT):
        return given.text.removesuffix(_CUT).strip() in whole
    return text == whole or (given.role == "user" and bool(text) and whole.endswith(text))
