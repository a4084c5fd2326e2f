"""What a run has done, as its journal tells it: plain data for whoever comes after it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from migrator.model.errors import UsageError
from migrator.model.words import Name
from migrator.runs.backups import Files
from migrator.runs.run import is_half_built, run_folders
from migrator.runs.steps import (
    JOURNAL,
    AnyStep,
    Archive,
    Backup,
    Begin,
    Build,
    Commit,
    Committed,
    Directory,
    MakeDirectory,
    Publish,
    Stays,
    Step,
    read_journal,
)
from migrator.sqlite.content import Tables

_Kind = TypeVar("_Kind", bound=Step)


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
    steps: Mapping[str, AnyStep]

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
    damaged = UsageError(
        "The journal of the run {subject} cannot be read, or is damaged.", Name("path", str(folder / JOURNAL))
    )
    try:
        read = list(read_journal(folder))
    except FileNotFoundError:
        raise UsageError("There is no run {subject}; name the folder of one.", Name("path", str(folder))) from None
    except OSError:
        raise damaged from None
    steps = [step for step in read if step is not None]
    record = _record(folder, steps) if len(steps) == len(read) else None
    if record is None:
        raise damaged
    return record


def all_records(state_dir: Path) -> tuple[RunRecord, ...]:
    """The runs of a state directory in their order; those whose journals make no sense are left out."""
    found = []
    for folder in run_folders(state_dir):
        with suppress(UsageError):
            found.append(read_record(folder))
    return tuple(sorted(found, key=lambda record: record.number))


def _record(folder: Path, steps: Sequence[AnyStep]) -> RunRecord | None:
    """What the steps come to; None where they have no beginning, or would have a file removed that is none of ours."""
    state = folder.parent.parent

    def place(path: str) -> Path:
        return Path(os.path.normpath(state / path))

    def found(kind: type[_Kind]) -> list[_Kind]:
        return [step for step in steps if isinstance(step, kind)]

    def archived() -> Iterator[ArchivedSource]:
        staying = {step.archive for step in found(Stays)}
        for step in found(Archive):
            if step.archive not in staying:
                yield ArchivedSource(place(step.source), folder / "archive" / step.archive, step.sha256)

    published = {place(step.database): step.tables for step in found(Publish)}
    committed = {place(step.database): step.tables for step in found(Commit)}
    settled = {place(step.database) for step in found(Committed) if step.checkpointed}
    created = tuple(
        CreatedDatabase(place(step.database), place(step.temporary), published.get(place(step.database)))
        for step in found(Build)
    )
    if not found(Begin) or not all(map(_is_ours, created)):
        return None
    return RunRecord(
        folder=folder,
        number=found(Begin)[0].number,
        created=created,
        changed=tuple(
            ChangedDatabase(
                place(step.database),
                folder / "backups" / step.folder,
                tuple((suffix, file.identity) for suffix, file in step.files.items()),
                step.tables,
                committed.get(place(step.database)),
                place(step.database) in settled,
            )
            for step in found(Backup)
        ),
        archived=tuple(archived()),
        made=tuple(place(step.path) for step in found(MakeDirectory)),
        directories=tuple(DirectoryBefore(place(step.path), step.mode, step.mtime_ns) for step in found(Directory)),
        steps={step.name: step for step in steps},
    )


def _is_ours(created: CreatedDatabase) -> bool:
    """Whether the temporary file is one that a run has made: taking the run back removes it."""
    path, temporary = created.path, created.temporary
    return temporary.parent == path.parent and is_half_built(temporary.name, path.name)
