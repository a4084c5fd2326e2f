"""The plan as a file: what is to be looked at again, and the digest that the new plan must have.

A plan file names directories in clear and is written with mode 0600: it is for ``apply``, not for sharing. Session
keys and values are never in it: they are read again, and must lead to the same digest.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from migrator import __version__
from migrator.filesystem import open_regular_file
from migrator.model.errors import UsageError
from migrator.model.plan import DatabasePlan, Plan
from migrator.model.request import RepairWish, Selection
from migrator.model.words import Name

FORMAT = "openclaw-session-migrator/plan"
VERSION = 1


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What a plan file binds ``apply`` to."""

    selection: Selection
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
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError("{subject} is not a readable plan file; make one with plan --output.", name) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UsageError("{subject} is not a plan file; make one with plan --output.", name)
    if document.get("version") != VERSION:
        raise UsageError("{subject} is a plan of another version of this program; plan again.", name)
    selection, digest = document.get("selection"), document.get("digest")
    if not isinstance(selection, dict) or not isinstance(digest, str):
        raise UsageError("{subject} is a damaged plan file; plan again.", name)
    return SavedPlan(_selection(selection, name), digest)


def _selection(stored: dict[str, object], name: Name) -> Selection:
    def check(value: object) -> str:
        if not isinstance(value, str) or not _is_argument(value):
            raise UsageError("{subject} is a damaged plan file; plan again.", name)
        return value

    def text(field: str) -> str | None:
        value = stored.get(field)
        return None if value is None else check(value)

    def texts(field: str) -> tuple[str, ...]:
        value = stored.get(field, [])
        if not isinstance(value, list):
            raise UsageError("{subject} is a damaged plan file; plan again.", name)
        return tuple(map(check, value))

    return Selection(
        state_dir=text("state_dir"),
        config=text("config"),
        agents=texts("agents"),
        stores=texts("stores"),
        follow=stored.get("follow") is True,
        repair=_wish(stored.get("repair"), name),
    )


def _is_argument(text: str) -> bool:
    """Whether a text could have been given on a command line."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _wish(stored: object, name: Name) -> RepairWish:
    wish = stored if isinstance(stored, dict) else {}
    backup, bring_back, reassign = (wish.get(field) for field in ("backup", "bring_back", "reassign"))
    named = [one for one in bring_back if isinstance(one, str)] if isinstance(bring_back, list) else []
    if not isinstance(backup, str | None) or not isinstance(reassign, bool) or named != bring_back:
        raise UsageError("{subject} is a damaged plan file; plan again.", name)
    return RepairWish(backup, tuple(named), reassign)
