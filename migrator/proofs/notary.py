"""The notary: gives names their labels, sees that none leaves in clear, and writes the proof of a report."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from migrator.filesystem import open_regular_file
from migrator.model.report import ApplyReport, ProveReport, Report, origin_of
from migrator.model.words import Name
from migrator.privacy.guard import LeakGuard
from migrator.privacy.labels import Labels, load_or_create_key, new_key
from migrator.proofs import bundle, evidence
from migrator.runs.run import note_proved

_BLOCK = 1 << 20


class Notary:
    """Knows the strings of an installation, and the key of their labels.

    ``key`` is one that the user has given for labels that last, None without one.
    """

    def __init__(self, names: Iterable[Name]) -> None:
        self.guard = LeakGuard()
        self.key: bytes | None = None
        self.has_lasting_labels = False
        self.labels = Labels(new_key())
        self.add_names(names)

    def add_names(self, names: Iterable[Name]) -> None:
        """Learn strings of an installation, none of which may leave in clear."""
        for name in names:
            self.guard.add_name(name.text)

    def take_key(self, key: bytes | None) -> None:
        """Label by a key that the user has given, if it is one."""
        self.key = key
        if key is not None:
            self._label_by(key)

    def label_for(self, folder: Path) -> None:
        """Label by the key of a folder, which is made if it has none."""
        self._label_by(load_or_create_key(folder, self.key))

    def _label_by(self, key: bytes) -> None:
        self.labels, self.has_lasting_labels = Labels(key), key == self.key

    def write_proof(
        self,
        report: Report,
        folder: Path,
        command: Sequence[Name | str | int],
        clock: Callable[[], datetime],
        started: datetime,
    ) -> None:
        """Write the proof of a report into a folder. Raises LeakError, OSError, ValueError and TypeError."""
        log = evidence.record(report, command, self.labels.of, clock, started)
        self.guard.add_computed(log.computed())
        is_bundle = isinstance(report, ProveReport)
        files = bundle.render(log.lines()) if is_bundle else bundle.render_log(log.lines())
        self.check("\n".join(data.decode() for data in files.values()), report)
        if is_bundle:
            bundle.write(folder, files)
        else:
            bundle.write_log(folder, report.verb, files)
        if isinstance(report, ApplyReport) and report.run is not None and folder != Path(report.run):
            note_proved(Path(report.run))

    def check(self, body: str, report: Report) -> None:
        """Raise LeakError if a name that was read, or a part of a source, is in a text about a report."""
        self.check_names(body)
        self.guard.check_sources(body, _source_bytes(report))

    def check_names(self, body: str) -> None:
        """Raise LeakError if a name that was read is in a text."""
        self.guard.add_computed(self.labels.issued)
        self.guard.check_names(body)


def _source_bytes(report: Report) -> Iterator[bytes]:
    """The bytes of all sources, where they are now."""
    stores = (*report.inventory.stores, *origin_of(report).stores)
    paths = dict.fromkeys(store.real_path for store in stores if store.identity is not None)
    archived = report.archiving.moved if isinstance(report, ApplyReport) else ()
    for path in (*paths, *archived):
        if not os.path.exists(path):
            continue
        with open_regular_file(path) as stream:
            while block := stream.read(_BLOCK):
                yield block
        yield b"\n"
