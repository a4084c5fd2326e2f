"""The way back: an entry of SQLite in the form that the last releases with ``sessions.json`` wrote (2026.7.1).

Each step undoes one of :mod:`~migrator.openclaw.changes.entry_transforms`. It is taken only where that transform,
applied to what the step gives, leads back to exactly the entry that was there: what cannot be undone stays as it is.
Older
releases keep members that they do not know, so nothing is lost by that.
"""

from __future__ import annotations

from collections.abc import Callable

from migrator.openclaw.changes.delivery_state import unfold_delivery
from migrator.openclaw.changes.entry_transforms import IMPORT_TRANSFORMS, Entry, without
from migrator.openclaw.text.js_values import strictly_equal

FOLDED = ("delivery", "pendingFinalDelivery", "fallbackNotice", "memoryFlush")
"""Members in which releases with SQLite keep what older ones keep in several."""


def unfold_entry(entry: Entry) -> tuple[Entry, tuple[str, ...]]:
    """Give the legacy form, and the names of the members that no legacy release understands."""
    for name, undo in _INVERSES.items():
        undone = undo(entry)
        if undone is not entry and strictly_equal(_FORWARD[name](undone, entry), entry):
            entry = undone
    return entry, tuple(name for name in FOLDED if isinstance(entry.get(name), dict))


def _unfold_pending_delivery(entry: Entry) -> Entry:
    pending = entry.get("pendingFinalDelivery")
    if not isinstance(pending, dict):
        return entry
    parts = {"Text": "text", "CreatedAt": "createdAt", "Context": "context", "IntentId": "intentId"}
    spread = {f"pendingFinalDelivery{part}": pending[name] for part, name in parts.items() if name in pending}
    return {**without(entry, "pendingFinalDelivery"), "pendingFinalDelivery": True, **spread}


def _unfold_fallback_notice(entry: Entry) -> Entry:
    notice = entry.get("fallbackNotice")
    if not isinstance(notice, dict):
        return entry
    parts = {"SelectedModel": "selectedModel", "ActiveModel": "activeModel", "Reason": "reason"}
    spread = {f"fallbackNotice{part}": notice[name] for part, name in parts.items() if name in notice}
    return {**without(entry, "fallbackNotice"), **spread}


def _unfold_memory_flush(entry: Entry) -> Entry:
    flush = entry.get("memoryFlush")
    if not isinstance(flush, dict):
        return entry
    parts = {"CompactionCount": "compactionCount", "FailureCount": "failureCount"}
    spread = {f"memoryFlush{part}": flush[name] for part, name in parts.items() if name in flush}
    return {**without(entry, "memoryFlush"), **spread}


_INVERSES: dict[str, Callable[[Entry], Entry]] = {
    "memory-flush-folded": _unfold_memory_flush,
    "fallback-notice-folded": _unfold_fallback_notice,
    "pending-delivery-folded": _unfold_pending_delivery,
    "delivery-folded": unfold_delivery,
}
"""By the name of the transform that each one undoes, last transform first."""

_FORWARD = {step.name: step.apply for step in IMPORT_TRANSFORMS if step.name in _INVERSES}
