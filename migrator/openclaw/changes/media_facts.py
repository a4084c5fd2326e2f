"""Attachments of a message: the list in ``__openclaw.media`` that releases in SQLite keep for parallel arrays.

Facts: ``canonicalizePersistedUserMessageMedia`` of ``src/media/media-facts.ts`` (2026.8.2; 2026.9.6 also knows
``origin``). The arrays were written by ``user-turn-transcript.ts`` up to 2026.7.1.
"""

from __future__ import annotations

from migrator.openclaw.text.js_values import Json, is_finite, is_truthy, trimmed

LEGACY_FIELDS = (
    "MediaPath",
    "MediaPaths",
    "MediaUrl",
    "MediaUrls",
    "MediaType",
    "MediaTypes",
    "MediaTranscribedIndexes",
    "MediaStaged",
    "MediaWorkspaceDir",
)

_Object = dict[str, Json]

_KINDS = ("image", "audio", "video", "document", "sticker", "unknown")
_LARGEST_SAFE = (1 << 53) - 1


def fold_media(message: _Object) -> _Object:
    """Give a message with its attachments as a list; the same object if it has none to fold.

    Types that may belong to one attachment or another leave the message as it is: OpenClaw's import stops there.
    """
    metadata = _object(message.get("__openclaw"))
    lists = [one for one in (metadata.get("media"), message.get("media")) if isinstance(one, list)]
    if not lists and message.keys().isdisjoint(("media", *LEGACY_FIELDS)):
        return message
    known = lists[0] if lists else []
    slots = max(len(_list(message, "MediaPaths")), len(_list(message, "MediaUrls")))
    if 0 < len(_list(message, "MediaTypes")) < slots:
        if not all(_is_settled(message, known, index) for index in range(slots)):
            return message
        message = {**message, "MediaType": None, "MediaTypes": []}
    folded = {name: value for name, value in message.items() if name not in (*LEGACY_FIELDS, "media")}
    count = max(slots, len(known), len(_list(message, "MediaTypes")), _has_single(message))
    if count or lists:
        metadata = {**metadata, "media": [_fact(message, known, index) for index in range(count)]}
    folded.pop("__openclaw", None)
    return {**folded, "__openclaw": metadata} if metadata else folded


def _has_single(message: _Object) -> bool:
    return any(is_truthy(message.get(name)) for name in ("MediaPath", "MediaUrl", "MediaType"))


def _is_settled(message: _Object, known: list[Json], index: int) -> bool:
    """Whether an attachment is known well enough that it needs none of too few types, or is not there."""
    if not trimmed(_at(_list(message, "MediaPaths"), index)) and not trimmed(_at(_list(message, "MediaUrls"), index)):
        return True
    fact = _object(_at(known, index))
    identity = trimmed(fact.get("path")) or trimmed(fact.get("url"))
    return bool(identity and (trimmed(fact.get("contentType")) or is_truthy(fact.get("kind"))))


def _fact(message: _Object, known: list[Json], index: int) -> _Object:
    """Describe one attachment: what its own object says first, then what the arrays say at its place."""
    fact = _object(_at(known, index))
    paths, urls = (_list(message, name) for name in ("MediaPaths", "MediaUrls"))
    legacy_path = _first(_at(paths, index), message.get("MediaPath") if index == 0 else None)
    legacy_url = _first(_at(urls, index), message.get("MediaUrl") if paths or index == 0 else None)
    content_type, kind = _type_and_kind(message, fact, index)
    described: _Object = {
        "path": trimmed(fact.get("path")) or trimmed(legacy_path),
        "url": trimmed(fact.get("url")) or trimmed(legacy_url),
        "contentType": content_type,
        "kind": kind,
        "fileName": trimmed(fact.get("fileName")),
        "origin": fact.get("origin") if fact.get("origin") in ("paste", "file") else None,
        "durationMs": _positive(fact.get("durationMs")),
        "width": _positive(fact.get("width")),
        "height": _positive(fact.get("height")),
        "transcribed": fact.get("transcribed") is True or _contains(_list(message, "MediaTranscribedIndexes"), index),
        "messageId": trimmed(fact.get("messageId")),
        "workspaceDir": trimmed(fact.get("workspaceDir")) or trimmed(message.get("MediaWorkspaceDir")),
        "staged": fact.get("staged") is True or _is_staged(message, paths, legacy_path),
        "hydrationSuppressed": fact.get("hydrationSuppressed") is True,
    }
    size = fact.get("sizeBytes")
    sized = {"sizeBytes": size} if is_finite(size) and size >= 0 else {}
    return {**{name: value for name, value in described.items() if is_truthy(value)}, **sized}


def _type_and_kind(message: _Object, fact: _Object, index: int) -> tuple[Json, Json]:
    """The media type of an attachment, and its kind; what older releases called a type may be a bare kind."""
    in_arrays, single = _at(_list(message, "MediaTypes"), index), message.get("MediaType") if index == 0 else None
    legacy_type, own_type = trimmed(in_arrays) or trimmed(single), trimmed(fact.get("contentType"))
    if own_type is None and "kind" not in fact and trimmed(_first(in_arrays, single)) in _KINDS:
        return None, legacy_type
    return own_type or legacy_type, fact.get("kind")


def _is_staged(message: _Object, paths: list[Json], legacy_path: Json) -> bool:
    has_path = bool(trimmed(message.get("MediaPath"))) or any(trimmed(path) for path in paths)
    return message.get("MediaStaged") is True and (not has_path or bool(trimmed(legacy_path)))


def _positive(value: Json) -> int | None:
    return value if isinstance(value, int) and value is not True and 0 < value <= _LARGEST_SAFE else None


def _contains(items: list[Json], index: int) -> bool:
    return any(isinstance(item, int) and not isinstance(item, bool) and item == index for item in items)


def _first(value: Json, default: Json) -> Json:
    return default if value is None else value


def _at(items: list[Json], index: int) -> Json:
    return items[index] if index < len(items) else None


def _list(message: _Object, name: str) -> list[Json]:
    value = message.get(name)
    return value if isinstance(value, list) else []


def _object(value: Json) -> _Object:
    return value if isinstance(value, dict) else {}
