"""Originals that were set aside: by OpenClaw's own import, and by earlier runs of this program."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from migrator.model.inventory import StoreKind
from migrator.model.words import Name
from migrator.openclaw.places.session_files import FileKind, classify
from migrator.runs.run import RUNS, leads_out
from migrator.runs.steps import JOURNAL, Archive, read_journal
from migrator.scanning.directories import Findings, is_inside

IMPORT_ARCHIVE = "session-sqlite-import-archive"


@dataclass(frozen=True, slots=True)
class Original:
    """A file that was set aside. ``stood_at`` is where it was before, as far as that is known."""

    path: str
    kind: StoreKind
    file: FileKind
    stood_at: str | None = None

    @property
    def is_store(self) -> bool:
        """Whether it is a store, and no transcript."""
        return self.file in (FileKind.STORE, FileKind.IMPORTED_STORE)


def imported(folder: str, findings: Findings) -> Iterator[Original]:
    """The originals that OpenClaw keeps in the import archive of ``folder``, an agent directory, newest first."""
    archive = os.path.join(folder, IMPORT_ARCHIVE)
    status = findings.status_of(archive)
    if status is None or not stat.S_ISDIR(status.st_mode):
        return
    for name in reversed(findings.names_in(archive)):
        kind = classify(f"{IMPORT_ARCHIVE}/{name}")
        path = os.path.join(archive, name)
        if kind in (FileKind.IMPORTED_STORE, FileKind.IMPORTED_TRANSCRIPT) and findings.is_file(path):
            yield Original(path, StoreKind.IMPORTED, kind)


def archived(state_dir: str, findings: Findings, named: Collection[str] = ()) -> Iterator[Original]:
    """The sources that earlier runs have moved into their folders, newest run first, as their journals say.

    ``named`` are the directories outside the state directory that somebody has named: what stood in others is no
    business of ours, whatever a journal says.
    """
    runs = Path(state_dir, RUNS)
    try:
        is_outside = leads_out(Path(state_dir))
    except OSError as error:
        findings.add_unreadable(str(runs), error)
        return
    if is_outside:
        findings.add("runs.link-outside", Name("path", str(runs)))
        return
    for name in reversed(findings.names_in(str(runs))):
        journal = runs / name / JOURNAL
        if findings.status_of(str(journal)) is None:
            continue
        for step in _archive_steps(journal, findings):
            stood_at = step.source
            path = journal.parent / "archive" / step.archive
            if not is_inside(os.path.join(state_dir, stood_at), state_dir) and os.path.dirname(stood_at) not in named:
                continue
            if findings.is_file(str(path)) and is_inside(str(path), str(journal.parent)):
                is_store = not stood_at.endswith(".jsonl")
                file = FileKind.STORE if is_store else FileKind.TRANSCRIPT
                yield Original(str(path), StoreKind.ARCHIVED, file, os.path.join(state_dir, stood_at))


def _archive_steps(journal: Path, findings: Findings) -> list[Archive]:
    try:
        return [step for step in read_journal(journal.parent) if isinstance(step, Archive)]
    except FileNotFoundError:
        return []
    except OSError as error:
        if error.errno != errno.EINVAL:  # no regular file, and so no journal
            findings.add_unreadable(str(journal), error)
        return []
