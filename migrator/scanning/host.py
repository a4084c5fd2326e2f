"""The host that an upgrade would run on: filesystems, owners, modes, other state directories, pending plugins.

Reads names and attributes of files, and one small table of the shared database; opens nothing else.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from migrator.filesystem import filesystem_type, free_bytes, is_read_only, status_of
from migrator.model.errors import BusyError
from migrator.model.inventory import FileIdentity, Inventory
from migrator.model.report import Filesystem
from migrator.model.words import Finding, Name
from migrator.openclaw.places.paths import OLDER_STATE_NAMES, STATE_NAME, is_folder
from migrator.openclaw.places.session_files import FileKind
from migrator.scanning.directories import is_inside
from migrator.sqlite.rows import columns
from migrator.sqlite.snapshot import open_snapshot

UPGRADE_GROWTH = 4
"""Bytes that the upgrade needs per byte of legacy files: 2.8 were measured for 10,000 sessions, the rest is margin."""

_SHARED = ("9p", "afpfs", "ceph", "cifs", "fuse.", "glusterfs", "lustre", "nfs", "prl_fs", "smb", "vboxsf", "virtiofs")
"""How the kinds of filesystems begin on which several machines, or a machine and its host, share files."""

_PENDING_PLUGIN = "deferred-plugin-migration:"
"""How the rows of plugins begin that still have to migrate (2026.9.6, ``infra/deferred-plugin-migrations``)."""


@dataclass(frozen=True, slots=True)
class Host:
    """What was found around an installation."""

    filesystems: tuple[Filesystem, ...]
    findings: tuple[Finding, ...]


def look_at_host(inventory: Inventory) -> Host:
    """Look at the surroundings of an installation that was scanned."""
    filesystems = tuple(_filesystems(inventory))
    findings = (
        *(finding for one in filesystems for finding in _on_filesystem(one)),
        *_on_owners(inventory),
        *_on_directories(inventory),
        *_on_state_directory(inventory.state_dir),
        *_on_temporary_files(inventory.state_dir),
        *(Finding("host.pending-plugin", Name("plugin", one)) for one in pending_plugins(inventory.state_dir)),
    )
    return Host(filesystems, findings)


def pending_plugins(state_dir: str) -> tuple[str, ...]:
    """The ids of plugins whose own migration is not finished; none where the shared database cannot be read."""
    sql = "SELECT CAST(id AS BLOB) FROM migration_runs WHERE status = 'pending' ORDER BY id"
    try:
        with open_snapshot(os.path.join(state_dir, "state", "openclaw.sqlite")) as connection:
            rows = connection.execute(sql).fetchall() if columns(connection, "migration_runs") else []
    except (OSError, sqlite3.Error, BusyError):
        return ()
    ids = [bytes(row[0]).decode("utf-8", "replace") for row in rows]
    return tuple(one.removeprefix(_PENDING_PLUGIN) for one in ids if one.startswith(_PENDING_PLUGIN))


def _legacy_files(inventory: Inventory) -> Iterator[tuple[str | None, str, FileIdentity]]:
    """Each live store and transcript: its agent directory, path and identity."""
    for store in inventory.stores:
        if store.identity is not None and not store.is_set_aside:
            yield store.agent, store.path, store.identity
    for transcript in inventory.transcripts:
        if transcript.kind == FileKind.TRANSCRIPT.value:
            yield transcript.agent, transcript.path, transcript.identity


def _filesystems(inventory: Inventory) -> Iterator[Filesystem]:
    """That of the state directory first, then those of agent directories and stores elsewhere."""
    places: dict[int, str] = {os.stat(inventory.state_dir).st_dev: inventory.state_dir}
    needed: Counter[int] = Counter()
    for _, path, identity in _legacy_files(inventory):
        folder = os.path.dirname(path)
        status = _status(folder)
        if status is None:
            continue
        device = status.st_dev
        places.setdefault(device, folder)
        needed[device] += UPGRADE_GROWTH * identity.size
    for device, place in places.items():
        where = Path(place)
        yield Filesystem(
            place=Name("path", place),
            kind=filesystem_type(where),
            read_only=is_read_only(where),
            free=free_bytes(where),
            needed=needed[device],
        )


def _status(path: str) -> os.stat_result | None:
    """The status of what is there, links followed; what cannot be looked at has a finding of the scan."""
    try:
        return status_of(path, follow=True)
    except OSError:
        return None


def _on_filesystem(one: Filesystem) -> Iterator[Finding]:
    if one.kind.startswith(_SHARED):
        yield Finding("host.network", one.place)
    if one.read_only:
        yield Finding("host.read-only", one.place)
    elif one.needed > one.free:
        yield Finding("host.space", one.place, (("needed", one.needed), ("free", one.free)))


def _on_owners(inventory: Inventory) -> Iterator[Finding]:
    """Files of other users, and files that other users can read, by agent directory. POSIX only."""
    if os.name != "posix":  # pragma: no cover - Windows
        return
    owner = os.stat(inventory.state_dir).st_uid
    if owner != os.geteuid():
        yield Finding("host.other-user", Name("path", inventory.state_dir))
    foreign: Counter[Name] = Counter()
    readable: Counter[Name] = Counter()
    for agent, path, identity in _legacy_files(inventory):
        name = Name("path", os.path.dirname(path)) if agent is None else Name("agent", agent)
        foreign[name] += identity.uid != owner
        readable[name] += bool(identity.mode & (stat.S_IRGRP | stat.S_IROTH))
    for code, counted in (("host.other-owner", foreign), ("host.readable-by-others", readable)):
        for name, count in counted.items():
            if count:
                yield Finding(code, name, (("count", count),))


def _on_directories(inventory: Inventory) -> Iterator[Finding]:
    """Directories that their owner cannot put a file into."""
    folders = [os.path.join(agent.path, "sessions") for agent in inventory.agents]
    for folder in (inventory.state_dir, *(agent.path for agent in inventory.agents), *folders):
        status = _status(folder)
        if (
            os.name == "posix"
            and status is not None
            and stat.S_ISDIR(status.st_mode)
            and status.st_mode & 0o300 != 0o300
        ):
            yield Finding("host.not-writable", Name("path", folder))


def _on_state_directory(state_dir: str) -> Iterator[Finding]:
    """A state directory that is a link, or one of several that some release takes for its own."""
    name = Name("path", state_dir)
    if os.path.islink(state_dir):
        yield Finding("host.linked-state", name)
    names = (STATE_NAME, *OLDER_STATE_NAMES)
    if os.path.basename(state_dir) not in names:
        return
    real = os.path.realpath(state_dir)
    siblings = [os.path.join(os.path.dirname(state_dir), one) for one in names]
    others = {
        os.path.realpath(path): Name("path", path) for path in siblings if is_folder(os.path.join(path, "agents"))
    }
    others.pop(real, None)
    if others:
        yield Finding("host.split-state", name, (), tuple(others.values()))


def _on_temporary_files(state_dir: str) -> Iterator[Finding]:
    """Copies of databases that are in use are read among the temporary files, and should leave no trace here."""
    folder = os.path.realpath(tempfile.gettempdir())
    if is_inside(folder, os.path.realpath(state_dir)):
        yield Finding("host.temporary-inside", Name("path", folder))
