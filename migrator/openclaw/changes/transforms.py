"""Which known changes of OpenClaw turn what a legacy file says into what a database holds.

Every change is a named step: :data:`ENTRY_TRANSFORMS` for the entries of a store, :data:`EVENT_TRANSFORMS` for the
events of a transcript. What no choice of steps turns into exactly what is stored is not explained.

The way back gives an entry the form that the last releases with ``sessions.json`` wrote (2026.7.1). A step of it is
taken only where the transform that it undoes leads back to exactly the entry that was there: what cannot be undone
stays as it is. Older releases keep members that they do not know, so nothing is lost by that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from migrator.openclaw.changes.delivery_state import unfold_delivery
from migrator.openclaw.changes.entry_repairs import REPAIR_TRANSFORMS
from migrator.openclaw.changes.entry_transforms import IMPORT_TRANSFORMS, Entry, without
from migrator.openclaw.changes.event_transforms import EVENT_TRANSFORMS, Context
from migrator.openclaw.changes.node_entry import OWN_TRANSFORMS
from migrator.openclaw.changes.store_rewrites import REWRITE_TRANSFORMS
from migrator.openclaw.text.js_values import Json, strictly_equal

ENTRY_TRANSFORMS = OWN_TRANSFORMS + IMPORT_TRANSFORMS + REWRITE_TRANSFORMS + REPAIR_TRANSFORMS
"""Ours, the import of a release, a store that was rewritten before it, then what ``doctor --fix`` repairs."""

LOSSES = frozenset(step.name for step in ENTRY_TRANSFORMS if step.lossy) | frozenset(
    step.name for step in EVENT_TRANSFORMS if step.lossy
)
"""The changes by which a release throws away what somebody had put there: no difference, and no harmless one either."""

_Object = dict[str, Json]
_Beside = TypeVar("_Beside", contravariant=True)

_ABSENT = object()


class _Step(Protocol[_Beside]):
    """A change of an entry, which may look at what is stored, or of an event, which may look at its context."""

    @property
    def name(self) -> str: ...

    @property
    def touches(self) -> tuple[str, ...]: ...

    @property
    def apply(self) -> Callable[[_Object, _Beside], _Object]: ...


def explain_entry(source: _Object, stored: _Object) -> tuple[str, ...] | None:
    """Name the steps that turn an entry into exactly what is stored; () if it is that, None if none do."""
    return _explain(source, _differing(source, stored), stored, stored, ENTRY_TRANSFORMS)


def explain_event(source: _Object, stored: _Object, session_id: str, version: int = 1) -> tuple[str, ...] | None:
    """Name the steps that turn an event into exactly what is stored; () if it is that, None if none do.

    ``version`` is what the header of its file says; files of version 1, and those without a header, go through most.
    """
    context = Context(session_id, version, stored)
    return _explain(source, _differing(source, stored), stored, context, EVENT_TRANSFORMS)


def _explain(
    current: _Object, differing: frozenset[str], stored: _Object, beside: _Beside, steps: Sequence[_Step[_Beside]]
) -> tuple[str, ...] | None:
    """Take a step if it brings the value closer, leave it if it leads away, and try both if it does neither.

    The last kind is rare (a field renamed on its way into another), so this is no search to speak of. A step that
    touches only members that are as stored leads away from them, or does nothing; none is needed where all are.
    """
    for index, step in enumerate(steps):
        if not differing:
            return ()
        if not _can_help(step, current, differing, beside):
            continue
        changed = step.apply(current, beside)
        if changed is current:
            continue
        left = _still_differing(current, changed, stored, differing)
        if len(left) > len(differing):
            continue
        rest = _explain(changed, left, stored, beside, steps[index + 1 :])
        if rest is not None:
            return (step.name, *rest)
        if len(left) < len(differing):
            return None
    return None if differing else ()


def _can_help(step: _Step[_Beside], current: _Object, differing: frozenset[str], beside: _Beside) -> bool:
    """Whether a step may change one of the members that are not as stored."""
    if step.touches:
        return not differing.isdisjoint(step.touches)
    part = {name: current[name] for name in differing if name in current}
    return step.apply(part, beside) is not part


def _differing(value: _Object, stored: _Object) -> frozenset[str]:
    return frozenset(name for name in {**value, **stored} if not _is_stored(value, stored, name))


def _still_differing(before: _Object, after: _Object, stored: _Object, differing: frozenset[str]) -> frozenset[str]:
    """What differs after a step: only what it has touched is compared again."""
    touched = [n for n in {**before, **after} if before.get(n, _ABSENT) is not after.get(n, _ABSENT)]
    return differing.difference(touched).union(n for n in touched if not _is_stored(after, stored, n))


def _is_stored(value: _Object, stored: _Object, name: str) -> bool:
    one, other = value.get(name, _ABSENT), stored.get(name, _ABSENT)
    return one is other or strictly_equal(one, other)


_FOLDED = ("delivery", "pendingFinalDelivery", "fallbackNotice", "memoryFlush")
"""Members in which releases with SQLite keep what older ones keep in several."""


def unfold_entry(entry: Entry) -> tuple[Entry, tuple[str, ...]]:
    """Give the legacy form, and the names of the members that no legacy release understands."""
    for name, undo in _INVERSES.items():
        undone = undo(entry)
        if undone is not entry and strictly_equal(_FORWARD[name](undone, entry), entry):
            entry = undone
    return entry, tuple(name for name in _FOLDED if isinstance(entry.get(name), dict))


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
