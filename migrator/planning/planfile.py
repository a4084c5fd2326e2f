"""The plan as a file: what is to be looked at again, and the digest that the new plan must have.

A plan file names directories in clear and is written with mode 0600: it is for ``apply``, not for sharing. Session
keys and values are never in it: they are read again, and must lead to the same digest.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, structs

from migrator import __version__
from migrator.filesystem import open_regular_file
from migrator.model.errors import UsageError
from migrator.model.plan import DatabasePlan, Plan
from migrator.model.request import RepairWish, Selection
from migrator.model.words import Name

FORMAT: Literal["openclaw-session-migrator/plan"] = "openclaw-session-migrator/plan"
VERSION = 1


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What a plan file binds ``apply`` to."""

    selection: Selection
    digest: str


class _Label(Struct, frozen=True):
    """What says that a document is a plan, and of which version."""

    format: Literal["openclaw-session-migrator/plan"]
    version: int | None = None


class _SavedWish(Struct, frozen=True, forbid_unknown_fields=True):
    backup: str | None
    bring_back: tuple[str, ...]
    reassign: bool


class _SavedSelection(Struct, frozen=True, forbid_unknown_fields=True):
    state_dir: str | None
    config: str | None
    agents: tuple[str, ...]
    stores: tuple[str, ...]
    follow: bool
    repair: _SavedWish


class _Saved(Struct, frozen=True):
    """What ``apply`` needs of the document; the rest is for people."""

    selection: _SavedSelection
    digest: str


def to_json(plan: Plan, selection: Selection) -> bytes:
    """The plan as a JSON document; ``selection`` is stored with absolute paths so that any directory can apply it."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "tool": __version__,
        "selection": asdict(selection),
        "digest": plan.digest,
        "databases": [_database(planned) for planned in plan.databases],
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def _database(planned: DatabasePlan) -> dict[str, object]:
    return {
        "path": planned.database.path,
        "shape": planned.database.shape.value,
        "files": {suffix: identity.sha256 for suffix, identity in planned.database.files},
        "stores": [
            {"path": store.path, "sha256": store.identity.sha256, "size": store.identity.size}
            for store in planned.stores
            if store.identity is not None
        ],
        "actions": dict(Counter(decision.action.value for decision in planned.decisions)),
        "quarantine": dict(Counter(reject.code for reject in planned.rejects)),
        "expected": {"rows": planned.expected_rows, "content_digest": planned.expected_digest},
        "peak_bytes": planned.peak_bytes,
    }


def read(path: Path) -> SavedPlan:
    """Read a plan file. Raises UsageError like :func:`parse`, and for what is no readable, regular file."""
    name = Name("path", str(path))
    try:
        with open_regular_file(path) as stream:
            data = stream.read()
    except (OSError, ValueError):
        raise UsageError("{subject} is not a readable plan file; make one with plan --output.", name) from None
    return parse(data, name)


def parse(data: bytes, name: Name) -> SavedPlan:
    """Read the content of a plan file.

    Raises UsageError if it is not one, or was made by another version of the format.
    """
    try:
        document = json.loads(data)  # names of files may be no Unicode, which msgspec would refuse
        label = msgspec.convert(document, _Label)
    except (ValueError, RecursionError):
        raise UsageError("{subject} is not a readable plan file; make one with plan --output.", name) from None
    except msgspec.ValidationError:
        raise UsageError("{subject} is not a plan file; make one with plan --output.", name) from None
    if label.version != VERSION:
        raise UsageError("{subject} is a plan of another version of this program; plan again.", name)
    try:
        saved = msgspec.convert(document, _Saved)
    except msgspec.ValidationError:
        raise UsageError("{subject} is a damaged plan file; plan again.", name) from None
    wish = RepairWish(**structs.asdict(saved.selection.repair))
    stored = {field: value for field, value in structs.asdict(saved.selection).items() if field != "repair"}
    selection = Selection(**stored, repair=wish)
    if not all(map(_is_argument, _texts(selection))):
        raise UsageError("{subject} is a damaged plan file; plan again.", name)
    return SavedPlan(selection, saved.digest)


def _texts(selection: Selection) -> Iterator[str]:
    wish = selection.repair
    single = (selection.state_dir, selection.config, wish.backup)
    yield from (text for text in single if text is not None)
    yield from (*selection.agents, *selection.stores, *wish.bring_back)


def _is_argument(text: str) -> bool:
    """Whether a text could have been given on a command line."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False
