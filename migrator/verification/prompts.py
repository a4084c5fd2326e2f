"""Whether the prompts that a release moved out of its entries are in their files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from migrator.filesystem import open_regular_file
from migrator.model.inventory import Database, Inventory, Shape
from migrator.model.words import Finding, Name
from migrator.openclaw.text.json_text import parse_strict
from migrator.sqlite.snapshot import open_snapshot

_LONGEST = 512 * 1024
"""Bytes; OpenClaw keeps longer prompts in the entry itself."""


def lost_prompts(inventory: Inventory) -> Iterator[Finding]:
    """A finding for each upgraded database whose entries refer to prompts that are in no file, with their number."""
    for database in inventory.databases:
        if database.shape is not Shape.NODES:
            continue
        found: dict[object, bool] = {}
        lost = [one for one in _references(database) if not found.setdefault(one, _is_there(database.path, one))]
        if lost:
            yield Finding("prompt.lost", Name("database", database.path), (("count", len(lost)),))


def _references(database: Database) -> Iterator[object]:
    """The digest in each entry that refers to a prompt."""
    with open_snapshot(database.path) as connection:
        query = "SELECT entry_json FROM session_nodes WHERE CAST(entry_json AS TEXT) LIKE '%\"promptRef\"%'"
        with closing(connection.execute(query)) as rows:
            for (text,) in rows:
                try:
                    entry = parse_strict(text.decode() if isinstance(text, bytes) else str(text))
                except ValueError:
                    continue
                snapshot = entry.get("skillsSnapshot") if isinstance(entry, dict) else None
                reference = snapshot.get("promptRef") if isinstance(snapshot, dict) else None
                if isinstance(reference, dict):
                    yield str(reference.get("hash"))


def _is_there(database: str, digest: object) -> bool:
    """Whether a file beside the store, or where a store of the database would be, holds that prompt."""
    own = Path(database).parent
    place = Path("skills-prompts", "sha256", str(digest)[:2], f"{digest}.txt")
    for folder in (own.parent / "sessions", own):
        try:
            with open_regular_file(folder / place, follow=False) as stream:
                content = stream.read(_LONGEST + 1)
        except (OSError, ValueError):
            continue
        if sha256(content).hexdigest() == digest:
            return True
    return False
