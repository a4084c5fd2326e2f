"""Export: from the databases of an installation back to files, in a new directory that appears as a whole or not."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from dataclasses import replace
from pathlib import Path

from migrator.commands.judging import QUARANTINED
from migrator.commands.request import Request, outside, take_inventory
from migrator.exporting.export_tree import STORE_NAME, Wish, make_folders, write_database, write_record
from migrator.filesystem import fsync_directory, remove_stale_scratch, scratch_directory
from migrator.model.errors import NothingFoundError, RefusedError, UsageError
from migrator.model.exported import Exported, ExportedStore, Layout
from migrator.model.inventory import Database, Inventory
from migrator.model.report import ExportReport
from migrator.model.words import Finding, Name
from migrator.openclaw.places.paths import AGENT_DATABASE
from migrator.openclaw.text.store import StoreReader
from migrator.sqlite.snapshot import open_snapshot

ONLY_IN_SQLITE = "only-in-sqlite.json"

_MODE = 0o700


def export(request: Request, folder: str, wish: Wish) -> ExportReport:
    """Write every session of the databases that are selected into a new directory.

    Raises UsageError for a directory with something in it, or one inside the state directory, NothingFoundError if
    there is no such session, and RefusedError if a database cannot be read to its end, or the files cannot be written.
    """
    inventory = take_inventory(request)
    final = Path(request.surroundings.cwd, folder)
    outside(inventory.state_dir, str(final))
    if final.is_symlink() or (final.exists() and (not final.is_dir() or any(final.iterdir()))):
        raise UsageError("{subject} is there already; name a new directory.", Name("path", str(final)))
    if not final.parent.is_dir():
        raise UsageError("There is no directory in which {subject} could be made.", Name("path", str(final)))
    remove_stale_scratch(str(final.parent))  # of an export that was killed
    try:
        with scratch_directory(str(final.parent)) as scratch:
            temporary = Path(scratch, "export")
            temporary.mkdir(mode=_MODE)
            exported = _write(inventory, temporary, wish)
            if not exported.stores:
                raise NothingFoundError(
                    "No database of {subject} has such a session; check the key or id after --session.",
                    Name("path", inventory.state_dir),
                )
            _read_back(temporary, exported, wish)
            _publish(temporary, final)
    except OSError:
        raise RefusedError(
            "{subject} could not be written; see whether there is space, and who may write there.",
            Name("path", str(final)),
        ) from None
    code = QUARANTINED if exported.findings else 0
    written = replace(exported, folder=str(final))
    return ExportReport(word="exported", exit_code=code, inventory=inventory, exported=written)


def _write(inventory: Inventory, folder: Path, wish: Wish) -> Exported:
    stores: list[ExportedStore] = []
    records: dict[str, object] = {}
    counts: Counter[str] = Counter()
    findings: list[Finding] = []
    for database in inventory.databases:
        if not database.shape.holds_sessions:
            continue
        place = _place(database)
        target = make_folders(folder, Path(place))
        try:
            with open_snapshot(database.path) as connection:
                store, extras, made = write_database(connection, database, target, place, wish)
        except sqlite3.Error:
            raise RefusedError(
                "{subject} cannot be read to its end; restore it from a backup, or export the others with --agent.",
                Name("database", database.path),
            ) from None
        findings += made
        counts += extras.counts
        if store.sessions or store.transcripts or store.archives:
            stores.append(store)
            if record := extras.record():
                records[place] = record
        else:
            _remove_empty(target, folder)
    if records:
        write_record(folder / ONLY_IN_SQLITE, records)
    return Exported(str(folder), tuple(stores), tuple(sorted(counts.items())), tuple(findings))


def _place(database: Database) -> str:
    """Where a store goes: to the directory of its agent, as it is on disk, else to one named after the database."""
    path = Path(database.path)
    if path.name == AGENT_DATABASE and path.parent.parent.parent.name == "agents":
        return os.path.join("agents", path.parent.parent.name, "sessions")
    return os.path.join("stores", path.stem)


def _remove_empty(target: Path, folder: Path) -> None:
    while target != folder and not any(target.iterdir()):
        target.rmdir()
        target = target.parent


def _read_back(folder: Path, exported: Exported, wish: Wish) -> None:
    """Count what is in the new files. Raises RefusedError if it is not what was written."""
    for store in exported.stores if wish.layout is Layout.LEGACY else ():
        place = folder / store.place
        entries = 0
        if store.sessions:
            with (place / STORE_NAME).open("rb") as stream:
                reader = StoreReader(stream)
                entries = sum(entry.problem is None for entry in reader)
                entries = entries if reader.strict else -1
        lines = sum(_lines(path) for path in place.iterdir() if path.is_file() and path.name != STORE_NAME)
        if (entries, lines) != (store.sessions, store.events + store.headers):
            raise RefusedError(
                "What was written for {subject} does not read back; nothing was kept. See to the disk, and try again.",
                Name("database", store.database),
            )


def _lines(path: Path) -> int:
    with path.open("rb") as stream:
        return sum(1 for _ in stream)


def _publish(temporary: Path, final: Path) -> None:
    """Let the finished tree appear under its name, durably."""
    for folder, _, _ in os.walk(temporary):
        fsync_directory(Path(folder))
    if final.exists():
        final.rmdir()  # it is empty
    temporary.rename(final)
    fsync_directory(final.parent)
