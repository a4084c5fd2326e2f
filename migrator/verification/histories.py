"""Is the history of a transcript in a database? Compared by hashes first, and by content only where those differ."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise

from migrator.filesystem import open_regular_file
from migrator.model.inventory import Shape, StoredTranscript, Transcript
from migrator.model.verification import HistoryVerdict
from migrator.model.words import HASH_BYTES, Name
from migrator.openclaw.changes.transforms import canonical, normal_event
from migrator.openclaw.text.json_text import parse_strict
from migrator.openclaw.text.transcript import Line, LineKind, TranscriptReader, read_line
from migrator.scanning.databases import archived_texts, history_texts
from migrator.scanning.packed import unpacked
from migrator.scanning.transcripts import added, events_of, storable_lines
from migrator.sqlite.event_rows import event_hash
from migrator.sqlite.snapshot import open_snapshot

_DROPPED = {LineKind.DUPLICATE: "duplicate-event-dropped", LineKind.NULL: "null-line-dropped"}
"""What OpenClaw's own import leaves out, and what that is called."""

SAME_JSON = "same-json"


def dropped_by_writer(shape: Shape) -> Set[LineKind]:
    """The kinds of lines that whoever writes this shape drops: only this program writes histories at schema 1."""
    return frozenset() if shape is Shape.V1 else _DROPPED.keys()


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much of a file a stored history holds. ``transforms`` counts events by what explains them.

    ``missing_is_tail`` says that nothing of the file behind the first missing event is there.
    """

    present: int
    in_order: bool
    stored_only: int
    transforms: tuple[tuple[str, int], ...] = ()
    first_missing_line: int = 0
    missing_is_tail: bool = True


@dataclass(frozen=True, slots=True)
class Siblings:
    """What the other files of a session have to do with one of them.

    ``mask`` has one byte per event of the file, 0 where an earlier file has it too: such an event is stored once, at
    the place where the earlier file has it. ``hashes`` are the events of all other files.
    """

    mask: bytes
    hashes: frozenset[bytes]


def is_contained(wanted: bytes, stored: bytes, siblings: Siblings | None = None) -> bool:
    """Whether all event hashes of a file occur in a stored history, those that it adds to it in the same order."""
    if stored.startswith(wanted):
        return True
    if siblings is not None:
        if Counter(events_of(wanted)) - Counter(events_of(stored)):
            return False
        wanted = added(wanted, siblings.mask)
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
    siblings: Siblings | None = None

    @property
    def events(self) -> int:
        """How many events it has."""
        return len(self.hashes) // HASH_BYTES


def in_file(transcript: Transcript, siblings: Siblings | None = None) -> HistorySource:
    """The history in a transcript file."""

    def lines() -> Iterator[tuple[Line, bytes]]:
        with unpacked(transcript.path) as plain, open_regular_file(plain) as stream:
            yield from storable_lines(TranscriptReader(stream))

    name = Name("transcript", transcript.path)
    return HistorySource(name, transcript.hashes, transcript.counts, bool(transcript.damage), lines, siblings)


def in_rows(path: str, stored: StoredTranscript) -> HistorySource:
    """The history that a database holds for a session."""

    def lines() -> Iterator[tuple[Line, bytes]]:
        with open_snapshot(path) as connection:
            in_archive = stored.archive not in ("", "cold")
            live = history_texts(connection, path, stored.session_id, archived=False)
            for seq, text in enumerate(archived_texts(connection, stored) if in_archive else live):
                yield read_line(text, seq + 1, 0, complete=True), text

    # A history without a file of its own goes by its session and its database.
    name = Name("transcript", f"{path}#{stored.session_id}")
    counts = ((LineKind.EVENT.value, len(stored.hashes) // HASH_BYTES),)
    return HistorySource(name, stored.hashes, counts, False, lines)


def compare_content(
    source: HistorySource, session_id: str, stored: Iterable[bytes], known_transforms: bool, may_lack: Set[LineKind]
) -> Comparison:
    """Compare the lines of a history with a stored history as JSON, and after what releases are known to do to it.

    ``stored`` are the texts of the stored events in order. ``may_lack`` are the kinds of lines that its writer drops.
    """
    positions: dict[bytes, deque[int]] = defaultdict(deque)
    hashes: list[bytes] = []
    for seq, stored_text in enumerate(stored):
        positions[_digest(_parsed(stored_text))].append(seq)
        hashes.append(event_hash(stored_text))
    matched: list[int] = []
    ordered: list[int] = []
    explained: Counter[str] = Counter()
    first_missing, tail = 0, True
    version = 1  # of the transcript format, until a header says otherwise
    siblings = source.siblings
    for index, (line, text) in enumerate(source.lines()):
        event = _parsed(text)
        if line.kind is LineKind.HEADER and isinstance(event, dict) and isinstance(event.get("version"), int):
            version = event["version"]
        after = ordered[-1] if ordered else -1
        position, how = _find(event, session_id, version, positions, after, known_transforms)
        if position is None and known_transforms and line.kind in may_lack:
            how = _DROPPED[line.kind]
        if how is None and position is not None and hashes[position] != event_hash(text):
            how = SAME_JSON
        if how is not None:
            explained[how] += 1
        if position is not None:
            tail = tail and not first_missing
            matched.append(position)
            if siblings is None or siblings.mask[index]:
                ordered.append(position)
        elif how is None:
            first_missing = first_missing or line.number
    dropped = sum(explained[name] for name in _DROPPED.values())
    others = siblings.hashes if siblings is not None else frozenset()
    foreign = set(range(len(hashes))).difference(matched)
    return Comparison(
        present=len(matched) + dropped,
        in_order=all(one < other for one, other in pairwise(ordered)),
        stored_only=sum(hashes[position] not in others for position in foreign),
        transforms=tuple(sorted(explained.items())),
        first_missing_line=first_missing,
        missing_is_tail=tail,
    )


def verdict(source: HistorySource, comparison: Comparison, moved: bool) -> HistoryVerdict:
    """The verdict on a history that a database has something of, or on an empty one."""
    if comparison.present == 0 and source.events:
        return HistoryVerdict.ABSENT
    if comparison.present < source.events:
        return HistoryVerdict.DIVERGES if comparison.stored_only else HistoryVerdict.EXTENDS
    if not comparison.in_order:
        return HistoryVerdict.DIVERGES
    if moved:
        return HistoryVerdict.MOVED
    if source.damaged:
        return HistoryVerdict.DAMAGED
    return HistoryVerdict.TRANSFORMED if comparison.transforms else HistoryVerdict.CONTAINED


def _parsed(text: bytes) -> object:
    """The event as JSON; text that is none stands for itself."""
    try:
        return parse_strict(text.decode())
    except ValueError:
        return text.decode("utf-8", "backslashreplace")


def _digest(value: object) -> bytes:
    return blake2b(canonical(value), digest_size=HASH_BYTES).digest()


def _find(
    event: object,
    session_id: str,
    version: int,
    positions: dict[bytes, deque[int]],
    after: int,
    known_transforms: bool,
) -> tuple[int | None, str | None]:
    """Take the next stored event that is this one, and say what it took to see that."""
    exact = _digest(event)
    if positions.get(exact):
        return _take(positions[exact], after), None
    if not known_transforms:
        return None, None
    if isinstance(event, dict):
        normal = _digest(normal_event(event, session_id, version))
        if positions.get(normal):
            return _take(positions[normal], after), "event-normalized"
    return None, None


def _take(positions: deque[int], after: int) -> int:
    """The first position behind ``after``; where there is none, the last: the order is lost anyway."""
    while len(positions) > 1 and positions[0] < after:
        positions.popleft()
    return positions.popleft()
