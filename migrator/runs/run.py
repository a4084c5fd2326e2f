"""Run folders: what one execution leaves behind, inside the state directory.

``<state>/migrator-runs/<run id>/`` holds the journal, the backups, the quarantine, archived sources, the label key
and the proof. Everything in it is private to its owner. The journal has a line for every step, written before the step
is taken, so that whoever comes later can tell what was done and take it back. Its paths are relative to the state
directory, which may be moved or copied.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from migrator import __version__
from migrator.filesystem import (
    exclusive_lock,
    fsync_directory,
    inherit_owner,
    make_private_directory,
    names_in,
    read_regular_file,
    status_of,
    write_all,
)
from migrator.model.errors import RefusedError
from migrator.model.words import Name
from migrator.runs.steps import JOURNAL, Begin, read_journal

RUNS = "migrator-runs"
_LOCK = ".lock"
_ID = "[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}"


class Run:
    """The folder of one execution, open for writing: a new one, or ``existing`` to add to its journal."""

    def __init__(self, state_dir: Path, started: datetime, existing: Path | None = None) -> None:
        self.id = existing.name if existing else f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        self.state_dir = state_dir
        self.folder = existing or state_dir / RUNS / self.id
        self.written: set[str] = set()  # the databases that it has published or changed
        self._remembered: set[Path] = set()
        if existing is None:
            make_private_directory(self.folder.parent)
            make_private_directory(self.folder)
        self._journal = os.open(self.folder / JOURNAL, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        if existing is not None and not read_regular_file(existing / JOURNAL).endswith(b"\n"):
            write_all(self._journal, b"\n")  # the last line was torn by a kill
        fsync_directory(self.folder)

    def note(self, step: str, **facts: object) -> None:
        """Write a step into the journal, durably, before or after it is taken."""
        self._append(self._journal, {"step": step, **facts})

    def where(self, path: str | Path) -> str:
        """A path as the journal has it."""
        return "." if path == self.state_dir else str(path).removeprefix(str(self.state_dir) + os.sep)

    def remember(self, directory: Path, status: os.stat_result | None = None) -> None:
        """Note mode and time of a directory, once, before the first change in it."""
        if directory not in self._remembered:
            self._remembered.add(directory)
            found = status or directory.stat()
            facts = {"mode": stat.S_IMODE(found.st_mode), "mtime_ns": found.st_mtime_ns}
            self.note("directory", path=self.where(directory), **facts)

    def subfolder(self, name: str) -> Path:
        """A private directory inside the run, made on first use."""
        folder = self.folder / name
        make_private_directory(folder)
        return folder

    def numbered(self, name: str) -> Path:
        """A new private directory ``name``/0000, 0001 ... inside the run."""
        parent = self.subfolder(name)
        folder = parent / f"{len(os.listdir(parent)):04d}"
        make_private_directory(folder)
        return folder

    def close(self) -> None:
        """Give the journal's handle back, and everything to the owner of the state directory."""
        os.close(self._journal)
        for path in (self.folder.parent, *self.folder.parent.glob(_LOCK), self.folder, *self.folder.rglob("*")):
            inherit_owner(path, self.state_dir)

    @staticmethod
    def _append(handle: int, record: Mapping[str, object]) -> None:
        write_all(handle, json.dumps(record).encode() + b"\n")


def leads_out(state_dir: Path) -> bool:
    """Whether the place for runs is a link out of the state directory: what is there is not of this one alone.

    Raises OSError where it cannot be looked at.
    """
    place = state_dir / RUNS
    status = status_of(place)
    if status is None or not stat.S_ISLNK(status.st_mode):
        return False
    return not Path(os.path.realpath(place)).is_relative_to(os.path.realpath(state_dir))


@contextmanager
def locked(state_dir: Path) -> Iterator[None]:
    """Keep all other runs away from a state directory. Raises BusyError, and RefusedError if runs are elsewhere."""
    if leads_out(state_dir):
        place = Name("path", str(state_dir / RUNS))
        raise RefusedError("{subject} is a link out of the state directory. Put a directory in its place.", place)
    make_private_directory(state_dir / RUNS)
    with exclusive_lock(state_dir / RUNS / _LOCK):
        yield


def require_no_run(state_dir: Path) -> None:
    """Raise BusyError while another run, or a rollback, is at work, before time is spent on reading what it changes.

    Changes nothing; what it cannot look at is found out by whoever locks.
    """
    lock = state_dir / RUNS / _LOCK
    try:
        if lock.is_file() and not leads_out(state_dir):
            with exclusive_lock(lock):
                return
    except OSError:
        return


@contextmanager
def started_run(state_dir: Path, started: datetime) -> Iterator[Run]:
    """Begin a run, as the only one on its state directory, and note what that changes. Raises BusyError."""
    changed = [path for path in (state_dir, state_dir / RUNS) if path.exists()]
    before = {path: path.stat() for path in changed}
    with locked(state_dir):
        number = 1 + max(map(_number, run_folders(state_dir)), default=0)
        run = Run(state_dir, started)
        try:
            run.note("begin", number=number, tool=__version__)
            for path, status in before.items():
                run.remember(path, status)
            yield run
        finally:
            run.close()


def note_proved(folder: Path) -> None:
    """Note in the journal of a run that its proof was written elsewhere. Raises OSError."""
    run = Run(folder.parent.parent, datetime.now(timezone.utc), folder)
    try:
        run.note("proved")
    finally:
        run.close()


def is_half_built(name: str, database: str) -> bool:
    """Whether a name is that of a file in which a run builds a database, or of a journal of such a file."""
    return re.fullmatch(rf"\.{re.escape(database)}\.{_ID}\.tmp(-journal|-wal|-shm)?", name) is not None


def remove_place_for_runs(state_dir: Path) -> None:
    """Remove the directory of all runs if it is empty; what others have put there stays."""
    place = state_dir / RUNS
    if os.listdir(place) in ([], [_LOCK]):
        place.joinpath(_LOCK).unlink(missing_ok=True)
        place.rmdir()


def run_folders(state_dir: Path) -> list[Path]:
    """The folders of all runs of a state directory, by name; what cannot be looked at has a finding of every scan."""
    try:
        names = [] if leads_out(state_dir) else names_in(state_dir / RUNS)
    except OSError:
        return []
    return [path for path in (state_dir / RUNS / name for name in names if name[0] != ".") if _is_folder(path)]


def _is_folder(path: Path) -> bool:
    try:
        status = status_of(path)
    except OSError:
        return False
    return status is not None and stat.S_ISDIR(status.st_mode)


def _number(folder: Path) -> int:
    """The place of a run in the order of all; clocks may jump."""
    try:
        return next((step.number for step in read_journal(folder) if isinstance(step, Begin)), 0)
    except OSError:
        return 0
