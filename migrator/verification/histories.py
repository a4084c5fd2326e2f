"""Is the history of a transcript in a database? Compared by hashes first, and by content only where those differ."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from itertools import pairwise

from migrator.filesystem import open_regular_file
from migrator.model.inventory import StoredTranscript, Transcript
from migrator.model.verification import HistoryVerdict
from migrator.model.words import HASH_BYTES, Name
from migrator.openclaw.text.transcript import Line, LineKind, TranscriptReader, read_line
from migrator.scanning.packed import unpacked
from migrator.scanning.session_reader import OpenDatabases
from migrator.scanning.transcripts import added, events_of, storable_lines
from migrator.verification.event_matching import Texts, match_events, side_by_side


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much of a file a stored history holds. ``transforms`` counts events by what explains them.

    ``missing_is_tail`` says that nothing of the file behind the first missing event is there, ``shown_alike`` that
    OpenClaw is known to show the same of both.
    """

    present: int
    in_order: bool
    stored_only: int
    transforms: tuple[tuple[str, int], ...] = ()
    first_missing_line: int = 0
    missing_is_tail: bool = True
    shown_alike: bool = False


@dataclass(frozen=True, slots=True)
class Overlap:
    """What the other files of a session have to do with one of them.

    ``mask`` has one byte per event of the file, 0 where an earlier file has it too: such an event is stored once, at
    the place where the earlier file has it. ``hashes`` are the events of all other files.
    """

    mask: bytes
    hashes: frozenset[bytes]


def is_contained(wanted: bytes, stored: bytes, overlap: Overlap | None = None) -> bool:
    """Whether all event hashes of a file occur in a stored history, those that it adds to it in the same order."""
    if stored.startswith(wanted):
        return True
    if overlap is not None:
        if Counter(events_of(wanted)) - Counter(events_of(stored)):
            return False
        wanted = added(wanted, overlap.mask)
    remaining = iter(array("Q", stored))
    return all(one in remaining for one in array("Q", wanted))


@dataclass(frozen=True, slots=True)
class HistorySource:
    """A history that must be in a database: that of a file, or that of another database.

    ``counts`` are its lines by kind, ``lines`` reads those that a database can hold.
    """

    name: Name
    hashes: bytes
    counts: tuple[tuple[str, int], ...]
    damaged: bool
    lines: Callable[[], Iterator[tuple[Line, bytes]]]
    overlap: Overlap | None = None

    @property
    def events(self) -> int:
        """How many events it has."""
        return len(self.hashes) // HASH_BYTES


def in_file(transcript: Transcript, overlap: Overlap | None = None) -> HistorySource:
    """The history in a transcript file."""

    def lines() -> Iterator[tuple[Line, bytes]]:
        with unpacked(transcript.path) as plain, open_regular_file(plain) as stream:
            yield from storable_lines(TranscriptReader(stream))

    name = Name("transcript", transcript.path)
    return HistorySource(name, transcript.hashes, transcript.counts, bool(transcript.damage), lines, overlap)


def in_rows(path: str, stored: StoredTranscript, opened: OpenDatabases | None = None) -> HistorySource:
    """The history that a database holds for a session; one of those that are ``opened``, or else opened each time."""

    def lines() -> Iterator[tuple[Line, bytes]]:
        with nullcontext(opened) if opened is not None else closing(OpenDatabases()) as databases:
            for seq, text in enumerate(databases.reader(path).events_of(stored)):
                yield read_line(text, seq + 1, 0, complete=True), text

    # A history without a file of its own goes by its session and its database.
    name = Name("transcript", f"{path}#{stored.session_id}")
    counts = ((LineKind.EVENT.value, stored.event_count),)
    return HistorySource(name, stored.hashes, counts, False, lines)


def compare_content(source: HistorySource, session_id: str, stored: Texts, by_release: bool) -> Comparison:
    """Compare the events of a history with those that a database holds, given by a function that reads their texts.

    ``by_release`` as :func:`match_events` takes it.
    """
    given = source.lines, stored, session_id, by_release
    matching = side_by_side(*given) or match_events(*given)
    overlap = source.overlap
    matches = matching.matches
    missing = matching.missing
    mask = overlap.mask if overlap is not None else b"\1" * len(matches)
    ordered = [match.place for match, counts in zip(matches, mask, strict=False) if match.place is not None and counts]
    others = overlap.hashes if overlap is not None else frozenset()
    return Comparison(
        present=len(matches) - len(missing),
        in_order=all(one < other for one, other in pairwise(ordered)),
        stored_only=sum(event not in others for event in matching.extra),
        transforms=tuple(sorted(Counter(name for match in matches for name in match.changes).items())),
        first_missing_line=missing[0].line if missing else 0,
        missing_is_tail=matching.missing_is_tail,
        shown_alike=matching.shown_alike,
    )


def verdict(source: HistorySource, comparison: Comparison, elsewhere: HistoryVerdict | None) -> HistoryVerdict:
    """The verdict on a history that a database has something of, or on an empty one.

    ``elsewhere`` is the one that it gets if all of it is there, and not where it belongs.
    """
    if comparison.present == 0 and source.events:
        return HistoryVerdict.ABSENT
    if comparison.present < source.events:
        is_beginning = comparison.in_order and not comparison.stored_only
        return HistoryVerdict.EXTENDS if is_beginning else HistoryVerdict.DIVERGES
    if not comparison.in_order:
        return HistoryVerdict.DIVERGES
    if elsewhere is not None:
        return elsewhere
    if source.damaged:
        return HistoryVerdict.DAMAGED
    return HistoryVerdict.TRANSFORMED if comparison.transforms else HistoryVerdict.CONTAINED
