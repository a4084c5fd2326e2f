"""Judge: is what a database holds for an entry what the source says? Pure functions over the two texts.

The layers, strictest first: the same bytes; the same JSON with types, number spelling and sign of zero told apart;
the same after named transforms. Plain ``==`` is no judge: to it ``1``, ``1.0`` and ``true`` are one.
"""

from __future__ import annotations

from migrator.model.verification import Difference, Level, Verdict
from migrator.model.words import Name
from migrator.openclaw.changes.transforms import explain_entry
from migrator.openclaw.text.entry_head import RawEntry
from migrator.openclaw.text.js_values import strictly_equal
from migrator.openclaw.text.json_text import parse_strict

_KINDS = {
    "dictionary_item_removed": "lost",
    "dictionary_item_added": "added",
    "iterable_item_removed": "lost",
    "iterable_item_added": "added",
    "values_changed": "differs",
    "type_changes": "of-another-type",
}
"""Our words for what DeepDiff finds in JSON."""


def judge(source: RawEntry, stored: bytes, level: Level = Level.KNOWN) -> tuple[Verdict, tuple[str, ...]]:
    """The verdict on one entry that is in the database, with the transforms that explain a difference.

    Gives SAME, EQUAL, TRANSFORMED or CHANGED. What is older or newer is not decided here.
    """
    if source.raw == stored:
        return Verdict.SAME, ()
    if level is Level.BYTES:
        return Verdict.CHANGED, ()
    try:
        ours, theirs = parse_strict(source.text or ""), parse_strict(stored.decode())
    except ValueError:
        return Verdict.CHANGED, ()
    if strictly_equal(ours, theirs) and not source.transforms:
        return Verdict.EQUAL, ()
    if level is Level.JSON or not isinstance(ours, dict) or not isinstance(theirs, dict):
        return Verdict.CHANGED, ()
    names = explain_entry(ours, theirs)
    if names is None:
        return Verdict.CHANGED, ()
    return Verdict.TRANSFORMED, (*source.transforms, *names)


def explain(source: RawEntry, stored: bytes) -> tuple[Difference, ...]:
    """Where two versions of an entry differ, as paths and kinds of change, never values."""
    try:
        ours, theirs = parse_strict(source.text or ""), parse_strict(stored.decode())
    except ValueError:
        return (Difference("no-json", ()),)
    from deepdiff import DeepDiff  # costs 90 ms, and is needed for differences only

    try:
        found = DeepDiff(ours, theirs, view="tree", verbose_level=1, ignore_private_variables=False)
    except RecursionError:
        return (Difference("too-deep", ()),)
    differences = [
        Difference(_KINDS[kind], tuple(_step(step) for step in change.path(output_format="list")))
        for kind, changes in found.items()
        for change in changes
    ]
    return tuple(differences) or (Difference("spelled-otherwise", ()),)


def _step(step: object) -> Name | int:
    return step if isinstance(step, int) else Name("field", str(step))
