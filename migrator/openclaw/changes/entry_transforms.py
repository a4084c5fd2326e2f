"""What OpenClaw does to an entry when it moves it from ``sessions.json`` into SQLite, one named step each.

Facts, where a step names none: ``src/config/sessions/store-entry-shape.ts`` of 2026.9.6, which does the same in
2026.8.2. Nothing here explains a field that no release drops: such a loss stays a difference.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from migrator.openclaw.changes.delivery_state import FOLDED_FIELDS, fold_delivery
from migrator.openclaw.places.paths import normalize_agent_id
from migrator.openclaw.text.entry import DROP_RESOLVED_SKILLS
from migrator.openclaw.text.js_values import Json, is_finite, is_truthy, js_number, js_numbers, trimmed

Entry = dict[str, Json]

_EARLIEST_CLOCK = 1_700_000_000_000  # ms: no release that imports is older


@dataclass(frozen=True, slots=True)
class Transform:
    """Something that a release legitimately does to an entry.

    ``apply`` takes the entry and what is stored for it, and gives the entry as that release would store it, or
    the same object where there is nothing to do. Most steps do not look at what is stored; one that does uses
    it only for what the source cannot tell, such as a clock. ``touches`` are the only members that it may change, add
    or drop; without them it changes every member by itself, whatever its name. ``lossy`` says that the release throws
    away what a user or a program had put there and nothing can rebuild.
    """

    name: str
    releases: str
    apply: Callable[[Entry, Entry], Entry]
    touches: tuple[str, ...] = ()
    lossy: bool = False


def without(entry: Entry, *names: str) -> Entry:
    """Give an entry without these members; the same object if it has none of them."""
    if not any(name in entry for name in names):
        return entry
    return {name: value for name, value in entry.items() if name not in names}


def _blind(change: Callable[[Entry], Entry]) -> Callable[[Entry, Entry], Entry]:
    """Make a step of a function that needs nothing but the source."""
    return lambda entry, _stored: change(entry)


def _dropping(*names: str) -> Callable[[Entry, Entry], Entry]:
    """Make a step that drops these members."""
    return lambda entry, _stored: without(entry, *names)


def _javascript_numbers(entry: Entry) -> Entry:
    changed = js_numbers(entry)
    return changed if isinstance(changed, dict) else entry


_NEW_NAMES = {"provider": "channel", "lastProvider": "lastChannel", "room": "groupChannel"}
_OLD_NAMES = (*_NEW_NAMES, *_NEW_NAMES.values())
"""With the new ones, which the renaming touches as well."""


def _rename_old_names(entry: Entry) -> Entry:
    """Take over the spellings of before 2026.2 (``src/config/sessions/store-migrations.ts``)."""
    for old, new in _NEW_NAMES.items():
        if isinstance(entry.get(old), str) and not isinstance(entry.get(new), str):
            entry = {**without(entry, old, new), new: entry[old]}
    return entry


def _fold_shadowed_names(entry: Entry) -> Entry:
    """Take an old spelling beside the new one for the new one, as a second pass over the store does.

    The first one has folded the new spelling away, so the second counts the old one if it says more, and drops it.
    """
    if not any(isinstance(entry.get(old), str) for old in ("provider", "lastProvider")):
        return entry
    return fold_delivery(_rename_old_names(entry))


def _trim_session_id(entry: Entry) -> Entry:
    session_id = trimmed(entry.get("sessionId"))
    return entry if session_id in (None, entry.get("sessionId")) else {**entry, "sessionId": session_id}


def _trim_model(entry: Entry) -> Entry:
    """Trim the model, and drop it with its provider if it is blank (``src/config/sessions/types.ts``)."""
    model, provider = trimmed(entry.get("model")), trimmed(entry.get("modelProvider"))
    if model is None:
        return without(entry, "model", "modelProvider")
    if provider is None:
        entry = without(entry, "modelProvider")
    elif provider != entry["modelProvider"]:
        entry = {**entry, "modelProvider": provider}
    return entry if model == entry["model"] else {**entry, "model": model}


def _zero_updated_at(entry: Entry) -> Entry:
    """Write 0 for a time that is none: when ``doctor --fix`` has to rewrite the store before it imports it.

    Also where there is none at all, when it carries a row of agent schema 1 forward.
    """
    return entry if _is_time(entry.get("updatedAt")) else {**entry, "updatedAt": 0}


def _fold_creator(entry: Entry) -> Entry:
    """Name the creator in ``createdActor``, and where it is known from (``openclaw-agent-db-schema-helpers``)."""
    actor, created_by = entry.get("createdActor"), entry.get("createdBy")
    if actor is None and isinstance(created_by, dict):
        actor = {**created_by, "type": "human", "source": "unknown"}
    if not isinstance(actor, dict) or actor.get("type") != "human":
        return entry
    source = actor.get("source")
    if source not in ("profile", "channel", "unknown"):
        by_way = {"operator": "profile", "run": "profile", "channel": "channel"}
        source = by_way.get(str(entry.get("createdVia")), "unknown")
    if actor is entry.get("createdActor") and source == actor.get("source") and not is_truthy(created_by):
        return entry
    return {**without(entry, "createdBy"), "createdActor": {**actor, "source": source}}


_PENDING = tuple(f"pendingFinalDelivery{part}" for part in ("Text", "CreatedAt", "Context", "IntentId"))


def _fold_pending_delivery(entry: Entry) -> Entry:
    """Put a reply that is still to be delivered into one object, with the time 0 for one that is none."""
    current = entry.get("pendingFinalDelivery")
    folded = without(entry, *_PENDING)
    if isinstance(current, dict):
        return folded
    folded = without(folded, "pendingFinalDelivery")
    text = trimmed(entry.get("pendingFinalDeliveryText"))
    if text is None and current is not True:
        return folded
    created = entry.get("pendingFinalDeliveryCreatedAt", entry.get("updatedAt", 0))
    pending: Entry = {"kind": "transport-only"} if text is None else {"kind": "replayable", "text": text}
    pending["createdAt"] = created if _is_time(created) else 0
    if isinstance(entry.get("pendingFinalDeliveryContext"), dict):
        pending["context"] = entry["pendingFinalDeliveryContext"]
    intent = trimmed(entry.get("pendingFinalDeliveryIntentId"))
    return {**folded, "pendingFinalDelivery": {**pending, **({"intentId": intent} if intent else {})}}


_FALLBACK = tuple(f"fallbackNotice{part}" for part in ("SelectedModel", "ActiveModel", "Reason"))


def _fold_fallback_notice(entry: Entry) -> Entry:
    selected, active, reason = (trimmed(entry.get(name)) for name in _FALLBACK)
    if selected is None or active is None or isinstance(entry.get("fallbackNotice"), dict):
        return entry
    notice: Entry = {"kind": "active", "selectedModel": selected, "activeModel": active}
    return {**without(entry, *_FALLBACK), "fallbackNotice": {**notice, **({"reason": reason} if reason else {})}}


_FLUSHES = ("memoryFlushCompactionCount", "memoryFlushFailureCount")


def _fold_memory_flush(entry: Entry) -> Entry:
    folded = without(entry, *_FLUSHES)
    count = _count(entry.get("memoryFlushCompactionCount"))
    failures = _count(entry.get("memoryFlushFailureCount"))
    if isinstance(entry.get("memoryFlush"), dict) or (count is None and not failures):
        return folded
    counted: Entry = {} if count is None else {"compactionCount": count}
    if failures:
        return {**folded, "memoryFlush": {"kind": "failed", **counted, "failureCount": failures}}
    return {**folded, "memoryFlush": {"kind": "succeeded", **counted}}


def _count(value: Json) -> Json:
    """Round down a finite number that is not negative; None for all else."""
    return js_number(math.floor(value)) if is_finite(value) and value >= 0 else None


def _is_time(value: Json) -> bool:
    return is_finite(value) and value >= 0


_GLYPHS = ("braces", "book", "monitor", "bot", "kanban", "coins")
_COLORS = ("red", "blue", "green", "yellow", "purple", "orange", "pink", "cyan")


def _tidy_appearance(entry: Entry) -> Entry:
    """Trim the icon and write the colour in lower case (``src/session-agent-status.ts`` of the gateway)."""
    icon, color = trimmed(entry.get("icon")), trimmed(entry.get("color"))
    if icon and icon != entry["icon"]:
        entry = {**entry, "icon": icon}
    lower = color.lower() if color else None
    return {**entry, "color": lower} if lower in _COLORS and lower != entry["color"] else entry


def _drop_appearance(entry: Entry) -> Entry:
    """Drop a colour without a name and an icon that is surely none. An emoji or a picture may be one."""
    icon, color = entry.get("icon"), entry.get("color")
    if icon not in _GLYPHS and not (isinstance(icon, str) and _may_be_icon(icon)):
        entry = without(entry, "icon")
    return entry if color in _COLORS else without(entry, "color")


def _may_be_icon(text: str) -> bool:
    if trimmed(text) is None:
        return False
    return text.lower().startswith(("<", "data:")) or not any(c.isascii() and c.isalpha() for c in text)


def _drop_archive_note(entry: Entry) -> Entry:
    """Drop who archived a session that is not archived, and a reason that has no name."""
    if "archivedAt" not in entry:
        return without(entry, "archivedBy", "archiveReason")
    reasons = ("manual", "active-session-cap", "age-retention", "stale-dashboard", "restart-recovery")
    return entry if entry.get("archiveReason") in reasons else without(entry, "archiveReason")


def _archive_what_is_idle(entry: Entry, stored: Entry) -> Entry:
    """Note when and why a gateway archived the session, as it does by itself with what is idle or one too many."""
    reason, time = stored.get("archiveReason"), stored.get("archivedAt")
    by_itself = reason in ("active-session-cap", "age-retention", "stale-dashboard")
    if "archivedAt" in entry or not by_itself or not isinstance(time, int) or time < _EARLIEST_CLOCK:
        return entry
    return {**entry, "archivedAt": time, "archiveReason": reason}


def _drop_resolved_skills(entry: Entry) -> Entry:
    snapshot = entry.get("skillsSnapshot")
    if not isinstance(snapshot, dict) or "resolvedSkills" not in snapshot:
        return entry
    return {**entry, "skillsSnapshot": without(snapshot, "resolvedSkills")}


def _updated_at_from_start(entry: Entry) -> Entry:
    """Fill in the time (``src/config/sessions/session-accessor.sqlite-session-row.ts``)."""
    if is_finite(entry.get("updatedAt")) or not is_finite(entry.get("sessionStartedAt")):
        return entry
    return {**entry, "updatedAt": entry["sessionStartedAt"]}


def _updated_at_import_time(entry: Entry, stored: Entry) -> Entry:
    """Fill in the time of the import, which only the database knows."""
    clock = stored.get("updatedAt")
    if is_finite(entry.get("updatedAt")) or not isinstance(clock, int) or clock < _EARLIEST_CLOCK:
        return entry
    return {**entry, "updatedAt": clock}


_MARKER = re.compile(
    r"sqlite:(?P<agent>[a-z0-9_-]+):(?P<session>.+?):(?P<store>(?:/|[A-Za-z]:[\\/]).+\.sqlite)", re.DOTALL
)
_IN_AGENT = re.compile(r"[\\/]agents[\\/]([^\\/]+)[\\/]agent[\\/][^\\/]+")


def _mark_transcript_path(entry: Entry, stored: Entry) -> Entry:
    """Name agent, session and database in the place of a file (2026.7.2-beta.1, ``sqlite:..``)."""
    marker, session_id = stored.get("sessionFile"), entry.get("sessionId")
    match = _MARKER.fullmatch(marker) if isinstance(marker, str) else None
    if match is None or match["session"] != session_id or entry.get("sessionFile") == marker:
        return entry
    place = _IN_AGENT.search(match["store"])
    if place is not None and normalize_agent_id(place[1]) != match["agent"]:
        return entry
    return {**without(entry, "transcriptPath"), "sessionFile": marker}


IMPORTS = "2026.8.2 and 2026.9.6"
"""The releases whose import was read and run; what 2026.7.2 (betas only) did was not seen."""

_FIXES = f"{IMPORTS}, doctor --fix when it rewrites the store first"
_DETAILS = ("memoryFlushAt", "memoryFlushContextHash", "memoryFlushLastFailedAt", "memoryFlushLastFailureError")
_ATTEMPTS = tuple(f"pendingFinalDelivery{part}" for part in ("LastAttemptAt", "AttemptCount", "LastError"))
_PATHS = ("sessionFile", "transcriptPath")
_PROJECTIONS = ("owner", "participants", "participantCount")

IMPORT_TRANSFORMS: tuple[Transform, ...] = (
    Transform("javascript-numbers", IMPORTS, _blind(_javascript_numbers)),
    Transform("old-names-renamed", _FIXES, _blind(_rename_old_names), _OLD_NAMES),
    Transform("room-dropped", _FIXES, _dropping("room"), ("room",), lossy=True),
    Transform("session-id-trimmed", _FIXES, _blind(_trim_session_id), ("sessionId",)),
    Transform("model-trimmed", _FIXES, _blind(_trim_model), ("model", "modelProvider")),
    Transform("updated-at-zeroed", _FIXES, _blind(_zero_updated_at), ("updatedAt",)),
    Transform("delivery-folded", IMPORTS, _blind(fold_delivery), FOLDED_FIELDS),
    Transform(
        "shadowed-names-dropped", _FIXES, _blind(_fold_shadowed_names), (*_OLD_NAMES, *FOLDED_FIELDS), lossy=True
    ),
    Transform("creator-folded", IMPORTS, _blind(_fold_creator), ("createdBy", "createdActor")),
    Transform("updated-at-from-start", IMPORTS, _blind(_updated_at_from_start), ("updatedAt",)),
    Transform("updated-at-import-time", IMPORTS, _updated_at_import_time, ("updatedAt",)),
    Transform("transcript-path-marked", "2026.7.2-beta.1", _mark_transcript_path, _PATHS),
    Transform("transcript-path-dropped", IMPORTS, _dropping(*_PATHS), _PATHS),
    Transform("collaboration-dropped", IMPORTS, _dropping(*_PROJECTIONS), _PROJECTIONS, lossy=True),
    Transform("pending-delivery-folded", IMPORTS, _blind(_fold_pending_delivery), ("pendingFinalDelivery", *_PENDING)),
    Transform("delivery-attempts-dropped", IMPORTS, _dropping(*_ATTEMPTS), _ATTEMPTS, lossy=True),
    Transform("fallback-notice-folded", IMPORTS, _blind(_fold_fallback_notice), ("fallbackNotice", *_FALLBACK)),
    Transform("fallback-notice-lost", IMPORTS, _dropping(*_FALLBACK), _FALLBACK, lossy=True),
    Transform("memory-flush-folded", IMPORTS, _blind(_fold_memory_flush), ("memoryFlush", *_FLUSHES)),
    Transform("memory-flush-details-dropped", IMPORTS, _dropping(*_DETAILS), _DETAILS, lossy=True),
    Transform("appearance-tidied", IMPORTS, _blind(_tidy_appearance), ("icon", "color")),
    Transform("appearance-dropped", IMPORTS, _blind(_drop_appearance), ("icon", "color"), lossy=True),
    Transform(
        "archive-note-dropped", "2026.9.6", _blind(_drop_archive_note), ("archivedBy", "archiveReason"), lossy=True
    ),
    Transform("archived-when-idle", "2026.9.6, its gateway", _archive_what_is_idle, ("archivedAt", "archiveReason")),
    # 2026.5.28 and later, config/sessions/store-load.ts: a transient field, rebuilt by the next turn.
    Transform(DROP_RESOLVED_SKILLS, "every release", _blind(_drop_resolved_skills), ("skillsSnapshot",)),
)
"""In the order in which a release applies them."""
