"""What a run has done, as its journal tells it: plain data for whoever comes after it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from migrator.model.errors import UsageError
from migrator.model.inventory import FileIdentity
from migrator.model.words import Name
from migrator.runs.backups import Files
from migrator.runs.run import JOURNAL, is_half_built, read_journal, run_folders
from migrator.sqlite.content import Tables


@dataclass(frozen=True, slots=True)
class CreatedDatabase:
    """A database that was not there before. ``tables`` is what was published, None if it did not come to that."""

    path: Path
    temporary: Path
    tables: Tables | None = None


@dataclass(frozen=True, slots=True)
class ChangedDatabase:
    """A database that was there before, and its backup. ``after`` is None if nothing came to be committed.

    ``is_settled`` says that all of it came to be in the one file.
    """

    path: Path
    backup: Path
    files: Files
    before: Tables
    after: Tables | None = None
    is_settled: bool = False


@dataclass(frozen=True, slots=True)
class ArchivedSource:
    """A source that was moved out of its place."""

    source: Path
    archive: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class DirectoryBefore:
    """Mode and time of a directory before the first change in it."""

    path: Path
    mode: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run: ``number`` counts the runs before it, ``steps`` are the last facts of each kind of step."""

    folder: Path
    number: int
    created: tuple[CreatedDatabase, ...]
    changed: tuple[ChangedDatabase, ...]
    archived: tuple[ArchivedSource, ...]
    made: tuple[Path, ...]
    directories: tuple[DirectoryBefore, ...]
    steps: Mapping[str, Mapping[str, object]]

    @property
    def state_dir(self) -> Path:
        """The state directory that the run is in."""
        return self.folder.parent.parent

    @property
    def places(self) -> tuple[Path, ...]:
        """Every path that taking the run back may write to."""
        return (
            *(one.path for one in self.created),
            *(one.temporary for one in self.created),
            *(one.path for one in self.changed),
            *(one.source for one in self.archived),
            *self.made,
            *(one.path for one in self.directories),
        )


def read_record(folder: Path) -> RunRecord:
    """Read the journal of a run. Raises UsageError if there is none, or if it does not make sense."""
    try:
        steps = list(read_journal(folder))
        return _record(folder, steps)
    except FileNotFoundError:
        raise UsageError("There is no run {subject}; name the folder of one.", Name("path", str(folder))) from None
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        raise UsageError(
            "The journal of the run {subject} can not be read, or is damaged.", Name("path", str(folder / JOURNAL))
        ) from None


def all_records(state_dir: Path) -> tuple[RunRecord, ...]:
    """The runs of a state directory in their order; those whose journals make no sense are left out."""
    found = []
    for folder in run_folders(state_dir):
        with suppress(UsageError):
            found.append(read_record(folder))
    return tuple(sorted(found, key=lambda record: record.number))


def _record(folder: Path, steps: list[dict[str, object]]) -> RunRecord:
    state = folder.parent.parent

    def place(step: Mapping[str, object], field: str) -> Path:
        value = step[field]
        if not isinstance(value, str) or "\0" in value:
            raise ValueError("no path")
        return Path(os.path.normpath(state / value))

    def found(name: str) -> list[dict[str, object]]:
        return [step for step in steps if step.get("step") == name]

    published = {place(step, "database"): _tables(step) for step in found("publish")}
    committed = {place(step, "database"): _tables(step) for step in found("commit")}
    settled = {place(step, "database") for step in found("committed") if step["checkpointed"]}
    begin, *_ = found("begin")
    return RunRecord(
        folder=folder,
        number=_whole(begin["number"]),
        created=tuple(
            _created(place(step, "database"), place(step, "temporary"), published.get(place(step, "database")))
            for step in found("build")
        ),
        changed=tuple(
            ChangedDatabase(
                place(step, "database"),
                folder / "backups" / _name(step["folder"]),
                _files(step["files"]),
                _tables(step),
                committed.get(place(step, "database")),
                place(step, "database") in settled,
            )
            for step in found("backup")
        ),
        archived=tuple(
            ArchivedSource(
                place(step, "source"),
                folder / "archive" / Path(*map(_name, str(step["archive"]).split("/"))),
                str(step["sha256"]),
            )
            for step in found("archive")
        ),
        made=tuple(place(step, "path") for step in found("make-directory")),
        directories=tuple(
            DirectoryBefore(place(step, "path"), _whole(step["mode"]), _whole(step["mtime_ns"]))
            for step in found("directory")
        ),
        steps={str(step.get("step")): step for step in steps},
    )


def _created(path: Path, temporary: Path, tables: Tables | None) -> CreatedDatabase:
    if temporary.parent != path.parent or not is_half_built(temporary.name, path.name):
        raise ValueError("no file of ours, and it would be removed")
    return CreatedDatabase(path, temporary, tables)


def _name(value: object) -> str:
    if not isinstance(value, str) or value in ("", ".", "..") or os.sep in value or "\0" in value:
        raise ValueError("no name of a file")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError("no whole number")
    return value


def _tables(step: Mapping[str, object]) -> Tables:
    tables = step["tables"]
    if not isinstance(tables, dict):
        raise TypeError("no tables")
    return {name: (_whole(rows), str(digest)) for name, (rows, digest) in tables.items()}


def _files(value: object) -> Files:
    if not isinstance(value, dict) or "" not in value:
        raise TypeError("no files")
    return tuple((suffix, FileIdentity(**facts)) for suffix, facts in value.items())
