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
    sources: dict[str, FileIdentity | None] = {}
    parts = Counter(store.path for planned in plan.databases for store in planned.stores)
    for planned in plan.databases:
        stores = (store for store in planned.stores if store.kind is not StoreKind.COPY)
        sources |= {store.path: store.identity for store in stores if parts[store.path] == store.parts}
        files = (file for history in planned.histories for file in history.transcripts if file.kind != GIVEN)
        sources |= {file.path: file.identity for file in files}
    folder = run.subfolder("archive")
    moved: list[str] = []
    here = run.folder.stat().st_dev
    named = {os.path.dirname(s.path) for p in plan.databases for s in p.stores if s.kind is StoreKind.EXPLICIT}
    movable = [
        path
        for path in sources
        if not os.path.islink(path)
        and os.stat(path).st_dev == here
        and (is_inside(path, plan.state_dir) or os.path.dirname(path) in named)
    ]
    for path in movable:
        require_same(Name("store", path), sources[path], digest_now(path))
    for parent in sorted({os.path.dirname(path) for path in movable}):
        run.remember(Path(parent))
    for number, path in enumerate(movable):
        place = folder / f"{number:06d}"
        make_private_directory(place)
        final = place / os.path.basename(path)
        identity = sources[path]
        run.note(
            "archive",
            source=run.where(path),
            archive=f"{place.name}/{final.name}",
            sha256=identity.sha256 if identity else "",
        )
        os.rename(path, final)
        fsync_directory(place)
        moved.append(str(final))
    for parent in sorted({os.path.dirname(path) for path in movable}):
        fsync_directory(Path(parent))
    return tuple(moved)
