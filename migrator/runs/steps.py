"""The steps of a run, as its journal has them: one JSON object per line, told apart by ``step``."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, structs

from migrator.filesystem import read_regular_file
from migrator.model.inventory import FileIdentity

JOURNAL = "journal.jsonl"

_NAME = rf"(?!\.{{1,2}}(?:/|\Z))[^/{re.escape(os.sep)}\0]+"
_Place = Annotated[str, Meta(pattern=r"\A[^\0]*\Z")]
"""A path as seen from the state directory."""
_Name = Annotated[str, Meta(pattern=rf"\A{_NAME}\Z")]
_Names = Annotated[str, Meta(pattern=rf"\A{_NAME}(?:/{_NAME})*\Z")]
_Count = Annotated[int, Meta(ge=0)]
_Tables = dict[str, tuple[int, str]]


def _tag_of(name: str) -> str:
    return re.sub("(?<=[a-z])(?=[A-Z])", "-", name).lower()


class Step(Struct, frozen=True, tag_field="step", tag=_tag_of):
    """One line of a journal."""

    @property
    def name(self) -> str:
        """The word that the journal has for it."""
        return _tag_of(type(self).__name__)


class Begin(Step, frozen=True):
    """The run is the ``number``-th one, by this program of some version."""

    number: int
    tool: str = ""


class Directory(Step, frozen=True):
    """Mode and time of a directory before the first change in it."""

    path: _Place
    mode: int
    mtime_ns: int


class MakeDirectory(Step, frozen=True):
    """A directory is made."""

    path: _Place


class Build(Step, frozen=True):
    """A new database is built in a temporary file beside its place."""

    database: _Place
    temporary: _Place


class Publish(Step, frozen=True):
    """A new database with these rows is given its name."""

    database: _Place
    tables: _Tables


class Published(Step, frozen=True):
    """A new database has its name."""

    database: _Place


class StoredFile(Struct, frozen=True, forbid_unknown_fields=True):
    """What one file of a database was."""

    size: int
    sha256: str
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    links: int

    @property
    def identity(self) -> FileIdentity:
        """The same as the rest of the program has it."""
        return FileIdentity(**structs.asdict(self))


class Backup(Step, frozen=True):
    """A database is copied, file by file, before it is changed. It must have the file itself, whose suffix is empty."""

    database: _Place
    folder: _Name
    files: dict[str, StoredFile]
    tables: _Tables

    def __post_init__(self) -> None:
        """Refuse a backup without the database itself."""
        if "" not in self.files:
            raise ValueError("no file")


class Commit(Step, frozen=True):
    """A changed database, which has these rows then, is committed."""

    database: _Place
    tables: _Tables


class Committed(Step, frozen=True):
    """A changed database was committed; ``checkpointed`` says that all of it is in the one file."""

    database: _Place
    checkpointed: bool


class Archive(Step, frozen=True):
    """A source is moved into the folder of the run."""

    source: _Place
    archive: _Names
    sha256: str


class Stays(Step, frozen=True):
    """The source that was to be moved there could not be, and is at its place."""

    archive: _Names


class SetAside(Step, frozen=True):
    """What others have written is kept before it is overwritten."""

    path: _Place
    to: _Place


class Failed(Step, frozen=True):
    """One database was left as it was."""

    database: _Place
    exit_code: _Count


class Done(Step, frozen=True):
    """The command has come to its end."""

    exit_code: _Count


class Rollback(Step, frozen=True):
    """The run is taken back."""


class RolledBack(Step, frozen=True):
    """The run was taken back."""


class Tidied(Step, frozen=True):
    """What a killed run had left was removed."""


class Superseded(Step, frozen=True):
    """A later run has done the same again."""


class Proved(Step, frozen=True):
    """The proof of the run was written elsewhere."""


AnyStep = (
    Begin
    | Directory
    | MakeDirectory
    | Build
    | Publish
    | Published
    | Backup
    | Commit
    | Committed
    | Archive
    | Stays
    | SetAside
    | Failed
    | Done
    | Rollback
    | RolledBack
    | Tidied
    | Superseded
    | Proved
)


def read_journal(folder: Path) -> Iterator[AnyStep | None]:
    """The steps of a run, in order; None for one that makes no sense. What a kill has torn is left out.

    Raises OSError.
    """
    for line in read_regular_file(folder / JOURNAL).splitlines():
        try:
            found = json.loads(line)  # names of files may be no Unicode, which msgspec would refuse
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield _step(found)


def _step(found: dict[str, object]) -> AnyStep | None:
    try:
        step: AnyStep = msgspec.convert(found, AnyStep)
    except msgspec.ValidationError:
        return None
    return step
