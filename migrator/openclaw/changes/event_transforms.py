"""What OpenClaw does to the events of a transcript when it moves them into SQLite, one named step each.

Facts: ``src/commands/doctor-session-sqlite-readers.ts``, ``src/agents/sessions/session-manager-codec.ts``,
``src/config/sessions/session-entry-codec.ts`` and ``legacy-transcript-repair.ts`` of 2026.9.6. Which events are
left out (blank lines, repetitions, rewritten branches) is a matter of the whole transcript and none of these.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from migrator.openclaw.changes.media_facts import fold_media
from migrator.openclaw.changes.message_repairs import drop_reactions, mark_context_labels, move_directives
from migrator.openclaw.text.js_values import Json, is_finite, js_numbers, trimmed

Event = dict[str, Json]

CURRENT_VERSION = 3
"""The version of transcripts since 2026.1; older files, and those without a header, are converted on import."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a step may look at beside the event.

    ``version`` is what the header of the file says, 1 without a header. ``stored`` is the event in the database,
    None where there is none to look at.
    """

    session_id: str
    version: int = CURRENT_VERSION
    stored: Event | None = None


@dataclass(frozen=True, slots=True)
class EventTransform:
    """Something that a release legitimately does to an event; see :class:`~.entry_transforms.Transform`.

    ``repair`` says that ``doctor --fix`` does it later, to events that are in the database.
    """

    name: str
    releases: str
    apply: Callable[[Event, Context], Event]
    touches: tuple[str, ...] = ()
    lossy: bool = False
    repair: bool = False


def normal_event(event: Json, session_id: str, version: int = CURRENT_VERSION) -> Json:
    """Give an event as the import of 2026.9.6 stores it, so that whole transcripts can be compared by digest.

    ``version`` is what the header of its file says, 1 without a header. For version 1 the event lacks the ids
    that the import makes up; only a stored event tells them.
    """
    if not isinstance(event, dict):
        return js_numbers(event)
    context = Context(session_id, version)
    for step in EVENT_TRANSFORMS:
        if not step.repair:
            event = step.apply(event, context)
    return event


def _javascript_numbers(event: Event, _context: Context) -> Event:
    changed = js_numbers(event)
    return changed if isinstance(changed, dict) else event


def _canonical_header(event: Event, context: Context) -> Event:
    """Give a header the id of its session, and strings where strings belong."""
    if event.get("type") != "session":
        return event
    header: Event = {name: value for name, value in event.items() if name != "sessionId"}
    header["id"] = context.session_id
    for name in ("timestamp", "cwd"):
        header[name] = value if isinstance(value := event.get(name), str) else ""
    return event if header == event else header


def _raise_version(event: Event, _context: Context) -> Event:
    if event.get("type") != "session":
        return event
    version = event.get("version")
    if is_finite(version) and version >= CURRENT_VERSION:
        return event
    return {**event, "version": CURRENT_VERSION}


def _in_message(change: Callable[[Event], Event]) -> Callable[[Event, Context], Event]:
    """Make a step of something that is done to the message of an event of type ``message``."""

    def apply(event: Event, _context: Context) -> Event:
        message = event.get("message")
        if event.get("type") != "message" or not isinstance(message, dict):
            return event
        changed = change(message)
        return event if changed is message else {**event, "message": changed}

    return apply


def _in_both(change: Callable[[Event, Event], Event]) -> Callable[[Event, Context], Event]:
    """Make a step of something that is done to a message and that only the stored message tells."""

    def apply(event: Event, context: Context) -> Event:
        stored = context.stored.get("message") if context.stored else None
        if not isinstance(stored, dict):
            return event
        return _in_message(lambda message: change(message, stored))(event, context)

    return apply


_REPLAYS = ("anthropic-compaction", "openai-responses-compaction", "openai-responses-retained-compaction")


def _drop_replay_checkpoint(message: Event) -> Event:
    """Drop a checkpoint of the provider's own history, which no longer fits a content that is rewritten."""
    replay = message.get("providerReplay")
    if not _is_plain_answer(message) or not isinstance(replay, dict) or replay.get("type") not in _REPLAYS:
        return message
    return {name: value for name, value in message.items() if name != "providerReplay"}


def _wrap_text(message: Event) -> Event:
    if not _is_plain_answer(message):
        return message
    return {**message, "content": [{"type": "text", "text": message["content"]}]}


def _is_plain_answer(message: Event) -> bool:
    return message.get("role") in ("assistant", "toolResult") and isinstance(message.get("content"), str)


def _wrap_tool_result(message: Event) -> Event:
    if message.get("role") != "toolResult" or not isinstance(message.get("content"), dict):
        return message
    return {**message, "content": [message["content"]]}


def _fill_hook_type(event: Event, context: Context) -> Event:
    """Say that a message of no custom type came from a hook; in version 3 only if it is well formed."""
    message = event.get("message")
    if event.get("type") != "message" or not isinstance(message, dict) or message.get("role") != "custom":
        return event
    if "customType" in message or not _is_readable(message.get("content")):
        return event
    well_formed = (
        isinstance(event.get("id"), str)
        and event["id"] != ""
        and isinstance(event.get("parentId"), str | None)
        and isinstance(event.get("timestamp", ""), str)
    )
    if context.version >= CURRENT_VERSION and not well_formed:
        return event
    return {**event, "message": {**message, "customType": "hook"}}


def _rename_hook_message(event: Event, context: Context) -> Event:
    """Turn a hook message of version 1 or 2 into a custom one."""
    message = event.get("message")
    if context.version >= CURRENT_VERSION or event.get("type") != "message" or not isinstance(message, dict):
        return event
    if message.get("role") != "hookMessage" or not _is_readable(message.get("content")):
        return event
    return {**event, "message": {**message, "role": "custom", "customType": message.get("customType") or "hook"}}


def _is_readable(content: Json) -> bool:
    if isinstance(content, list):
        return all(isinstance(part, dict) and isinstance(part.get("type"), str) for part in content)
    return isinstance(content, str)


_MADE_UP_ID = re.compile(r"([0-9a-f]{16})-([0-9a-z]+)", re.ASCII)


def _take_made_up_ids(event: Event, context: Context) -> Event:
    """Take over the id and the linear parent of an event from a file of version 1.

    An id is made of a digest of path and session and of the place of the event, in base 36. What comes right
    behind a record of no known kind has another parent, and stays a difference.
    """
    stored = context.stored
    if stored is None or context.version >= 2 or event.get("type") == "session":
        return event
    made_up = _MADE_UP_ID.fullmatch(str(stored.get("id")))
    if made_up is None:
        return event
    prefix, place = made_up[1], int(made_up[2], 36)
    parent = stored.get("parentId")
    if _place(prefix, parent) != place - 1 and not (parent is None and place <= 1):
        return event
    taken: Event = {**event, "id": made_up[0], "parentId": parent}
    kept = event.get("firstKeptEntryIndex")
    if event.get("type") == "compaction" and is_finite(kept):
        del taken["firstKeptEntryIndex"]
        if _place(prefix, stored.get("firstKeptEntryId")) == kept < place:
            taken["firstKeptEntryId"] = stored["firstKeptEntryId"]
        elif kept < place:
            return event
    return taken


def _place(prefix: str, event_id: Json) -> int | None:
    """Give the place that a made-up id of this transcript names; None for any other value."""
    match = _MADE_UP_ID.fullmatch(event_id) if isinstance(event_id, str) else None
    return int(match[2], 36) if match is not None and match[1] == prefix else None


def _rename_codex_provider(message: Event) -> Event:
    if (trimmed(message.get("provider")) or "").lower() in ("codex", "openai-codex"):
        message = {**message, "provider": "openai"}
    if message.get("api") == "openai-codex-responses":
        message = {**message, "api": "openai-chatgpt-responses"}
    return message


_NEW, _BOTH = "2026.9.6", "2026.8.2 and 2026.9.6"
_FIX = "doctor --fix"
_MESSAGE = ("message",)

EVENT_TRANSFORMS: tuple[EventTransform, ...] = (
    EventTransform("javascript-numbers", _BOTH, _javascript_numbers),
    EventTransform("replay-checkpoint-dropped", _BOTH, _in_message(_drop_replay_checkpoint), _MESSAGE, lossy=True),
    EventTransform("text-content-wrapped", _BOTH, _in_message(_wrap_text), _MESSAGE),
    EventTransform("tool-result-wrapped", _BOTH, _in_message(_wrap_tool_result), _MESSAGE),
    EventTransform("header-canonical", _BOTH, _canonical_header, ("id", "timestamp", "cwd", "sessionId")),
    EventTransform("hook-type-filled", _BOTH, _fill_hook_type, _MESSAGE),
    EventTransform("version-raised", _BOTH, _raise_version, ("version",)),
    EventTransform(
        "ids-made-up", _BOTH, _take_made_up_ids, ("id", "parentId", "firstKeptEntryIndex", "firstKeptEntryId")
    ),
    EventTransform("hook-message-renamed", _BOTH, _rename_hook_message, _MESSAGE),
    EventTransform("codex-provider-renamed", _BOTH, _in_message(_rename_codex_provider), _MESSAGE),
    EventTransform("media-folded", _BOTH, _in_message(fold_media), _MESSAGE),
    EventTransform(
        "context-labels-marked", f"{_BOTH}, {_FIX}", _in_message(mark_context_labels), _MESSAGE, repair=True
    ),
    EventTransform("reactions-dropped", f"{_NEW}, {_FIX}", _in_both(drop_reactions), _MESSAGE, lossy=True, repair=True),
    EventTransform("directives-moved", f"{_NEW}, {_FIX}", _in_both(move_directives), _MESSAGE, repair=True),
)
"""In the order in which a release applies them."""
