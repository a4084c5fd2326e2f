"""Which known changes of OpenClaw turn what a legacy file says into what a database holds.

Every change is a named step: :data:`ENTRY_TRANSFORMS` for the entries of a store, :data:`EVENT_TRANSFORMS` for
the events of a transcript. What no choice of steps turns into exactly what is stored is not explained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from migrator.openclaw.changes.entry_repairs import REPAIR_TRANSFORMS
from migrator.openclaw.changes.entry_transforms import IMPORT_TRANSFORMS, Transform
from migrator.openclaw.changes.event_transforms import EVENT_TRANSFORMS, Context, EventTransform, normal_event
from migrator.openclaw.changes.node_entry import OWN_TRANSFORMS
from migrator.openclaw.changes.store_rewrites import REWRITE_TRANSFORMS
from migrator.openclaw.text.js_values import Json, canonical, strictly_equal

__all__ = [
    "ENTRY_TRANSFORMS",
    "EVENT_TRANSFORMS",
    "LOSSES",
    "EventTransform",
    "Transform",
    "canonical",
    "explain_entry",
    "explain_event",
    "normal_event",
]

ENTRY_TRANSFORMS = OWN_TRANSFORMS + IMPORT_TRANSFORMS + REWRITE_TRANSFORMS + REPAIR_TRANSFORMS
"""Ours, the import of a release, a store that was rewritten before it, then what ``doctor --fix`` repairs."""

LOSSES = frozenset(step.name for step in ENTRY_TRANSFORMS if step.lossy) | frozenset(
    step.name for step in EVENT_TRANSFORMS if step.lossy
)
"""The changes by which a release throws away what somebody had put there: no difference, and no harmless one either."""

_Object = dict[str, Json]
_Step = tuple[str, Callable[[_Object], _Object]]

_ABSENT = object()


def explain_entry(source: _Object, stored: _Object) -> tuple[str, ...] | None:
    """Name the steps that turn an entry into exactly what is stored; () if it is that, None if none do."""
    steps = [(step.name, partial(_with_stored, step, stored)) for step in ENTRY_TRANSFORMS]
    return () if strictly_equal(source, stored) else _explain(source, stored, steps)


def explain_event(source: _Object, stored: _Object, session_id: str, version: int = 1) -> tuple[str, ...] | None:
    """Name the steps that turn an event into exactly what is stored; () if it is that, None if none do.

    ``version`` is what the header of its file says; files of version 1, and those without a header, go through most.
    """
    context = Context(session_id, version, stored)
    steps = [(step.name, partial(_in_context, step, context)) for step in EVENT_TRANSFORMS]
    return () if strictly_equal(source, stored) else _explain(source, stored, steps)


def _with_stored(step: Transform, stored: _Object, entry: _Object) -> _Object:
    return step.apply(entry, stored)


def _in_context(step: EventTransform, context: Context, event: _Object) -> _Object:
    return step.apply(event, context)


def _explain(current: _Object, stored: _Object, steps: Sequence[_Step]) -> tuple[str, ...] | None:
    """Take a step if it brings the value closer, leave it if it leads away, and try both if it does neither.

    The last kind is rare (a field renamed on its way into another), so this is no search to speak of.
    """
    for index, (name, step) in enumerate(steps):
        changed = step(current)
        if changed is current or (gain := _gain(current, changed, stored)) < 0:
            continue
        rest = _explain(changed, stored, steps[index + 1 :])
        if rest is not None:
            return (name, *rest)
        if gain > 0:
            return None
    return () if strictly_equal(current, stored) else None


def _gain(before: _Object, after: _Object, stored: _Object) -> int:
    """Count how many more members are as stored after a step than before."""
    touched = [n for n in {**before, **after} if before.get(n, _ABSENT) is not after.get(n, _ABSENT)]
    return sum(_is_stored(after, stored, n) - _is_stored(before, stored, n) for n in touched)


def _is_stored(value: _Object, stored: _Object, name: str) -> bool:
    return strictly_equal(value.get(name, _ABSENT), stored.get(name, _ABSENT))
