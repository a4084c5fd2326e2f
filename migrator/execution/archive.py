"""Archive: move what was migrated and verified out of OpenClaw's way, whole, and say of the rest why it stays."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from migrator.filesystem import fsync_directory, make_private_directory
from migrator.model.errors import BusyError, ChangedError
from migrator.model.inventory import GIVEN, FileIdentity, StoreKind
from migrator.model.outcome import Archiving
from migrator.model.plan import Plan
from migrator.model.words import Finding, Name
from migrator.runs.moving import carry
from migrator.runs.run import Run
from migrator.scanning.directories import is_inside
from migrator.scanning.sources import digest_now, require_same


def archive_sources(plan: Plan, run: Run) -> Archiving:
    """Move the sources of a verified plan into the run, by rename where they are on its filesystem.

    A store of which other parts were not asked for, a link, what lies outside the state directory and was not named by
    the user, and what the system refuses to move, stay where they are: each has a finding that says why. The
    configuration of a copy may name the stores of the original. What was named with ``--from`` stays anyway.

    Raises ChangedError if a source is not what was migrated; nothing was moved then.
    """
    sources = _sources(plan)
    staying = dict(_staying(plan, sources))
    to_move = {path: identity for path, identity in sources.items() if path not in staying}
    for path, identity in to_move.items():
        require_same(Name("store", path), identity, digest_now(path))
    parents = sorted({Path(path).parent for path in to_move})
    for parent in parents:
        run.remember(parent)
    folder = run.subfolder("archive")
    moved = [
        _move(path, identity, folder / f"{number:06d}", run) for number, (path, identity) in enumerate(to_move.items())
    ]
    for parent in parents:
        fsync_directory(parent)
    return Archiving(
        moved=tuple(one for one in moved if isinstance(one, str)),
        staying=(*staying.values(), *(one for one in moved if isinstance(one, Finding))),
    )


def _sources(plan: Plan) -> dict[str, FileIdentity | None]:
    """The stores that went into databases, and the transcripts; not what was named for this run only."""
    stores = (store for planned in plan.databases for store in planned.stores)
    sources = {store.path: store.identity for store in stores if store.kind is not StoreKind.COPY}
    histories = (history for planned in plan.databases for history in planned.histories)
    for file in (file for history in histories for file in history.transcripts):
        if file.kind != GIVEN:
            sources[file.path] = file.identity
    return sources


def _staying(plan: Plan, sources: dict[str, FileIdentity | None]) -> Iterator[tuple[str, Finding]]:
    """The sources that must not be moved, and why."""
    stores = [store for planned in plan.databases for store in planned.stores]
    whole, parts = {store.path: store.parts for store in stores}, Counter(store.path for store in stores)
    folders = {os.path.dirname(store.path) for store in stores if store.kind is StoreKind.EXPLICIT}
    for path in sources:
        if path in whole and parts[path] != whole[path]:
            yield path, Finding("archive.shared", Name("store", path))
        elif os.path.islink(path):
            yield path, Finding("archive.link", Name("path", path))
        elif not is_inside(path, plan.state_dir) and os.path.dirname(path) not in folders:
            yield path, Finding("archive.outside", Name("path", path))


def _move(path: str, identity: FileIdentity | None, place: Path, run: Run) -> str | Finding:
    """Move a file into a new folder of the run, which is noted first; give its new path, or why it stays."""
    make_private_directory(place)
    final = place / os.path.basename(path)
    archive, sha256 = f"{place.name}/{final.name}", identity.sha256 if identity else ""
    run.note("archive", source=run.where(path), archive=archive, sha256=sha256)
    try:
        carry(Path(path), final, sha256, os.rename)
    except (OSError, ChangedError, BusyError) as error:
        if os.path.lexists(final):
            raise  # it was moved, and is not known to be durable
        run.note("stays", archive=archive)
        with suppress(OSError):
            place.rmdir()
        if isinstance(error, OSError):
            return Finding("archive.refused", Name("path", path), (("errno", error.errno or 0),))
        return Finding("archive.changing", Name("path", path))
    return str(final)
