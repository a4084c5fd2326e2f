"""The search for the steps of a change leaves out those that cannot help, and finds what trying all would find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.openclaw.changes.entry_transforms import Transform
from migrator.openclaw.changes.event_transforms import EVENT_TRANSFORMS, Context, EventTransform
from migrator.openclaw.changes.transforms import ENTRY_TRANSFORMS, explain_entry, explain_event
from migrator.openclaw.text.js_values import strictly_equal
from tests.changes.test_event_transforms import CASES as EVENT_CASES
from tests.changes.test_transforms import FIELDS, VALUES, edited
from tests.real_results import Real, load

_Object = dict[str, Any]
_Steps = Sequence[tuple[str, Callable[[_Object], _Object]]]

EDITS = st.booleans()

laws = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Real:
    """What real releases made of real files."""
    return load(tmp_path_factory.mktemp("real"))


def try_every_step(current: _Object, stored: _Object, steps: _Steps) -> tuple[str, ...] | None:
    """The search itself: take a step if it brings the value closer, leave it if it leads away, else try both."""
    if strictly_equal(current, stored):
        return ()
    for index, (name, step) in enumerate(steps):
        changed = step(current)
        if changed is current or (gain := alike(changed, stored) - alike(current, stored)) < 0:
            continue
        rest = try_every_step(changed, stored, steps[index + 1 :])
        if rest is not None:
            return (name, *rest)
        if gain > 0:
            return None
    return None


def alike(value: _Object, stored: _Object) -> int:
    """How many members are as stored, less those that are not."""
    names = {**value, **stored}
    same = [name in value and name in stored and strictly_equal(value[name], stored[name]) for name in names]
    return -same.count(False)


def entry_by_every_step(source: _Object, stored: _Object) -> tuple[str, ...] | None:
    return try_every_step(
        source, stored, [(step.name, partial(with_beside, step, stored)) for step in ENTRY_TRANSFORMS]
    )


def event_by_every_step(source: _Object, stored: _Object, version: int) -> tuple[str, ...] | None:
    context = Context("s", version, stored)
    return try_every_step(
        source, stored, [(step.name, partial(with_beside, step, context)) for step in EVENT_TRANSFORMS]
    )


def with_beside(step: Any, beside: object, value: _Object) -> _Object:  # noqa: ANN401 - a step of either kind
    changed: _Object = step.apply(value, beside)
    return changed


_NAMES = sorted({*FIELDS, *(name for step in ENTRY_TRANSFORMS for name in step.touches), "label", "added"})
_INNER = st.recursive(
    VALUES,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["kind", "channel", "to", "prompt", "resolvedSkills", "type"]), inner, max_size=3
        )
    ),
    max_leaves=4,
)
_TAKEN = st.lists(st.sampled_from(ENTRY_TRANSFORMS), max_size=6, unique=True)
_ENTRIES: st.SearchStrategy[_Object] = st.dictionaries(st.sampled_from(_NAMES), _INNER, max_size=8)


@laws
@given(data=st.data(), entry=_ENTRIES)
def test_an_entry_is_explained_as_by_every_step(data: st.DataObject, entry: _Object) -> None:
    stored: _Object = entry
    hint = {**entry, **data.draw(_ENTRIES, label="hint")}
    for step in in_order(data.draw(_TAKEN, label="taken")):
        stored = step.apply(stored, hint)
    edit = data.draw(EDITS, label="edit")
    if stored and edit:
        stored = edited(stored, data)
    assert explain_entry(entry, stored) == entry_by_every_step(entry, stored)


def in_order(steps: list[Transform]) -> list[Transform]:
    return sorted(steps, key=ENTRY_TRANSFORMS.index)


@laws
@given(data=st.data())
def test_a_real_entry_is_explained_as_by_every_step(real: Real, data: st.DataObject) -> None:
    pair = data.draw(st.sampled_from(real.entries), label="pair")
    stored = edited(pair.stored, data) if data.draw(EDITS, label="edit") else pair.stored
    assert explain_entry(pair.source, stored) == entry_by_every_step(pair.source, stored)


@laws
@given(data=st.data())
def test_a_real_event_is_explained_as_by_every_step(real: Real, data: st.DataObject) -> None:
    pairs = [pair for pair in real.events if isinstance(pair.stored, dict) and isinstance(pair.source, dict)]
    pair = data.draw(st.sampled_from(pairs), label="pair")
    stored = edited(pair.stored, data) if data.draw(EDITS, label="edit") else pair.stored
    version = data.draw(st.integers(1, 3), label="version")
    assert explain_event(pair.source, stored, "s", version) == event_by_every_step(pair.source, stored, version)


@pytest.mark.parametrize("step", ENTRY_TRANSFORMS, ids=lambda step: step.name)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_step_of_an_entry_touches_what_it_says(step: Transform, data: st.DataObject) -> None:
    names = st.sampled_from(step.touches) | st.sampled_from(_NAMES) if step.touches else st.sampled_from(_NAMES)
    entries: st.SearchStrategy[_Object] = st.dictionaries(names, _INNER, max_size=8)
    entry, stored = data.draw(entries, label="entry"), data.draw(entries, label="stored")
    check_touched(step, entry, step.apply(deepcopy(entry), stored))


@pytest.mark.parametrize("step", EVENT_TRANSFORMS, ids=lambda step: step.name)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_step_of_an_event_touches_what_it_says(step: EventTransform, data: st.DataObject) -> None:
    _, source, stored = data.draw(st.sampled_from(EVENT_CASES), label="case")
    if isinstance(source, dict) and isinstance(stored, dict):
        event: _Object = edited(source, data)
        told: _Object = edited(stored, data)
        context = Context("s", data.draw(st.integers(1, 3), label="version"), told)
        check_touched(step, event, step.apply(deepcopy(event), context))


def check_touched(step: Transform | EventTransform, before: _Object, after: _Object) -> None:
    """A step that names no members changes each by itself; any other one only those that it names."""
    if step.touches:
        changed = [n for n in {**before, **after} if (n in before, before.get(n)) != (n in after, after.get(n))]
        assert {*changed} <= {*step.touches}
    else:
        alone = {name: step.apply({name: value}, before)[name] for name, value in before.items()}  # type: ignore[arg-type]
        assert strictly_equal(after, alone)
