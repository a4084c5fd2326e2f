"""Run folders: what one execution leaves behind, inside the state directory.

``<state>/migrator-runs/<run id>/`` holds the journal, the backups, the quarantine, archived sources, the label key
and the proof. Everything in it is private to its owner.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from migrator.filesystem import fsync_directory, inherit_owner, make_private_directory

RUNS = "migrator-runs"
JOURNAL = "journal.jsonl"
_INDEX = "index.jsonl"


class Run:
    """The folder of one execution, open for writing."""

    def __init__(self, state_dir: Path, started: datetime) -> None:
        self.id = f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        self.state_dir = state_dir
        self.folder = state_dir / RUNS / self.id
        make_private_directory(self.folder.parent)
        make_private_directory(self.folder)
        self._journal = os.open(self.folder / JOURNAL, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fsync_directory(self.folder)

    def note(self, step: str, **facts: str | int) -> None:
        """Write a step into the journal, durably, before or after it is taken."""
        self._append(self._journal, {"step": step, **facts})

    def quarantine(self, source: str, span: str, offset: int, raw: bytes, reason: str, key: str | None = None) -> None:
        """Keep the raw bytes of what cannot be migrated, with a line that says where they came from and why."""
        folder = self.folder / "quarantine"
        make_private_directory(folder)
        index = os.open(folder / _INDEX, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            number = os.fstat(index).st_size
            name = f"{number:08d}.raw"
            _write_private(folder / name, raw)
            self._append(
                index,
                {
                    "file": name,
                    "source": source,
                    "span": span,
                    "offset": offset,
                    "length": len(raw),
                    "reason": reason,
                    "key": key,
                },
            )
        finally:
            os.close(index)
        fsync_directory(folder)

    def subfolder(self, name: str) -> Path:
        """A private directory inside the run, made on first use."""
        folder = self.folder / name
        make_private_directory(folder)
        return folder

    def close(self) -> None:
        """Give the journal's handle back, and everything to the owner of the state directory."""
        os.close(self._journal)
        for path in (self.folder.parent, *self.folder.parent.glob(".lock"), self.folder, *self.folder.rglob("*")):
            inherit_owner(path, self.state_dir)

    @staticmethod
    def _append(handle: int, record: Mapping[str, str | int | None]) -> None:
        os.write(handle, json.dumps(record).encode() + b"\n")
        os.fsync(handle)


def _write_private(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def quarantined_spans(state_dir: Path) -> frozenset[str]:
    """What the runs of a state directory have preserved already, as ``planner.span_id`` names it."""
    found = set()
    for index in sorted((state_dir / RUNS).glob(f"*/quarantine/{_INDEX}")):
        try:
            lines = index.read_bytes().splitlines()
        except OSError:
            continue
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and isinstance(record.get("span"), str):
                found.add(record["span"])
    return frozenset(found)
