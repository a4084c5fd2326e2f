"""The quarantine of a run: the raw bytes of what cannot be migrated, and where they came from and why.

``quarantine/NNNNNN.raw`` holds the spans of one source one after the other; ``quarantine/index.jsonl`` has a line for
each span: ``file`` and ``at`` say where its bytes are kept, ``source``, ``offset`` and ``length`` where they stood, and
``reason`` is the code of the finding. A line is written only when its bytes are durable, so a kill leaves no line that
promises too much. Everything is private to its owner.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
from msgspec import Meta, Struct, structs

from migrator.filesystem import fsync_directory, make_private_directory, names_in, open_regular_file, write_all
from migrator.model.errors import ChangedError
from migrator.model.plan import Reject
from migrator.model.words import Finding, Name
from migrator.runs.run import leads_out

FOLDER = "quarantine"
SUPERSEDED = "entry.superseded"  # no damage: a store of the same database had a newer entry
INDEX = "index.jsonl"
_BLOCK = 1 << 20
_Count = Annotated[int, Meta(ge=0)]
_LINES = 1000  # written at a time: there may be very many


class KeptSpan(Struct, frozen=True):
    """A line of the index: one span, where its bytes are kept, where they stood, and why they are here."""

    file: str
    at: _Count
    source: str
    span: str
    offset: _Count
    length: _Count
    reason: str
    key: str | None


def preserve(run: Path, source: str, stream: BinaryIO, rejects: Sequence[Reject]) -> None:
    """Keep spans of one source, which is open for reading, in the quarantine of a run. Of any size in little memory.

    Raises ChangedError if the source has become too short, and OSError.
    """
    folder = run / FOLDER
    make_private_directory(folder)
    name = f"{len(os.listdir(folder)):06d}.raw"
    flags = os.O_CREAT | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_EXCL | flags, 0o600), "wb") as kept:
        for reject in rejects:
            _copy(stream, kept, reject)
        kept.flush()
        os.fsync(kept.fileno())
    index = os.open(folder / INDEX, os.O_WRONLY | os.O_APPEND | flags, 0o600)
    try:
        lines = _lines(name, source, rejects)
        while block := "".join(islice(lines, _LINES)):
            write_all(index, block.encode())
    finally:
        os.close(index)
    fsync_directory(folder)


def _lines(name: str, source: str, rejects: Sequence[Reject]) -> Iterator[str]:
    at = 0
    for reject in rejects:
        kept = KeptSpan(name, at, source, reject.span, reject.offset, reject.length, reject.code, reject.key)
        yield json.dumps(structs.asdict(kept)) + "\n"
        at += reject.length


def _copy(stream: BinaryIO, kept: BinaryIO, reject: Reject) -> None:
    stream.seek(reject.offset)
    left = reject.length
    while left:
        block = stream.read(min(left, _BLOCK))
        if not block:
            raise ChangedError("{subject} changed after it was planned; plan again.", Name("store", reject.path))
        kept.write(block)
        left -= len(block)


def quarantined_spans(runs: Path) -> frozenset[str]:
    """What is preserved in the folders of runs, as ``digests.span_id`` names it: spans whose bytes are all there."""
    return frozenset(span for index in _indexes(runs) for span, _reason in _kept(index))


def only_in_quarantine(runs: Path, seen: Collection[str]) -> Iterator[Finding]:
    """Runs that keep what is not among the damage that is ``seen`` in the sources now: it may be nowhere else."""
    told = set(seen)
    for index in _indexes(runs):
        spans = {span for span, reason in _kept(index) if reason != SUPERSEDED} - told
        told |= spans
        if spans:
            yield Finding("run.only-in-quarantine", Name("path", str(index.parent.parent)), (("count", len(spans)),))


def _indexes(runs: Path) -> list[Path]:
    """The indexes of all runs, some of which may not exist."""
    try:
        names = [] if leads_out(runs.parent) else names_in(runs)
    except OSError:
        return []  # which every scan says
    return [runs / name / FOLDER / INDEX for name in names]


def _kept(index: Path) -> Iterator[tuple[str, str]]:
    """The spans whose bytes are all there, with the reason for each."""
    try:
        sizes = {path.name: path.lstat().st_size for path in index.parent.iterdir()}
        with open_regular_file(str(index)) as lines:
            for line in lines:
                try:  # json reads names of files that are no Unicode, which msgspec would refuse
                    kept = msgspec.convert(json.loads(line), KeptSpan)
                except (ValueError, msgspec.ValidationError, RecursionError):
                    continue  # torn by a kill, or no line of ours
                if kept.at + kept.length <= sizes.get(kept.file, -1):  # else its bytes are gone
                    yield kept.span, kept.reason
    except OSError:
        return
