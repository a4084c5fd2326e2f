"""Archive: move what was migrated and verified out of OpenClaw's way, whole and by rename."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from migrator.filesystem import fsync_directory, make_private_directory
from migrator.model.inventory import GIVEN, FileIdentity, StoreKind
from migrator.model.plan import Plan
from migrator.model.words import Name
from migrator.runs.run import Run
from migrator.scanning.directories import is_inside
from migrator.scanning.sources import digest_now, require_same


def archive_sources(plan: Plan, run: Run) -> tuple[str, ...]:
    """Move the sources of a verified plan into the run by rename, and give their new paths.

    A store of which other parts were not asked for, a link, what lies on another filesystem than the run, and what
    lies outside the state directory and was not named by the user, stay where they are: the configuration of a copy
    may name the stores of the original. So does what was named with ``--from``.

    Raises ChangedError if a source is not what was migrated.
    """
    sources = _movable(plan, run)
    for path, identity in sources.items():
        require_same(Name("store", path), identity, digest_now(path))
    parents = sorted({Path(path).parent for path in sources})
    for parent in parents:
        run.remember(parent)
    folder = run.subfolder("archive")
    moved = tuple(
        _move(path, identity, folder / f"{number:06d}", run) for number, (path, identity) in enumerate(sources.items())
    )
    for parent in parents:
        fsync_directory(parent)
    return moved


def _movable(plan: Plan, run: Run) -> dict[str, FileIdentity | None]:
    """The sources that may be moved, with what they were when they were planned on."""
    stores = (store for planned in plan.databases for store in planned.stores)
    folders = {os.path.dirname(store.path) for store in stores if store.kind is StoreKind.EXPLICIT}
    device = run.folder.stat().st_dev
    return {path: one for path, one in _sources(plan).items() if _is_movable(path, plan.state_dir, folders, device)}


def _sources(plan: Plan) -> dict[str, FileIdentity | None]:
    """The stores that went into databases as a whole, and the transcripts; not what was named for this run only."""
    sources: dict[str, FileIdentity | None] = {}
    stores = [store for planned in plan.databases for store in planned.stores]
    parts = Counter(store.path for store in stores)
    for store in stores:
        if store.kind is not StoreKind.COPY and parts[store.path] == store.parts:
            sources[store.path] = store.identity
    histories = (history for planned in plan.databases for history in planned.histories)
    for file in (file for history in histories for file in history.transcripts):
        if file.kind != GIVEN:
            sources[file.path] = file.identity
    return sources


def _is_movable(path: str, state_dir: str, folders: set[str], device: int) -> bool:
    """Whether a file can be renamed into the run, and lies in the state directory or in a folder that was named."""
    if os.path.islink(path) or os.stat(path).st_dev != device:
        return False
    return is_inside(path, state_dir) or os.path.dirname(path) in folders


def _move(path: str, identity: FileIdentity | None, place: Path, run: Run) -> str:
    """Move a file into a new folder of the run, which is noted first; give its new path."""
    make_private_directory(place)
    final = place / os.path.basename(path)
    archive, sha256 = f"{place.name}/{final.name}", identity.sha256 if identity else ""
    run.note("archive", source=run.where(path), archive=archive, sha256=sha256)
    os.rename(path, final)
    fsync_directory(place)
    return str(final)
