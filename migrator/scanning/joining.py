"""Which files are one history, whose, and in which order: by what files say of themselves, and entries of them.

Of several files of one session its own decides what OpenClaw shows. Its events keep their order, and its last event
stays the last one. What only other files have goes before that: behind its parent, or, where that would change what is
shown, in front of everything but the header. A file with which neither is possible stays out.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, islice
from typing import Protocol, TypeVar

from migrator.filesystem import open_regular_file
from migrator.model.inventory import GIVEN, Inventory, Join, Run, Transcript
from migrator.model.words import HASH_BYTES
from migrator.openclaw.places.session_files import FileKind
from migrator.openclaw.text.active_branch import Link, active_branch, read_link
from migrator.openclaw.text.transcript import TranscriptReader
from migrator.scanning.transcripts import added, events_of, home_databases, owners, storable_lines

_T = TypeVar("_T")

_Event = tuple[int, int]
"""An event as the number of its file, and its number in that."""

_LIVE = (FileKind.TRANSCRIPT.value, GIVEN)

_Place = tuple[str, str]
"""The database and the id of a session."""


class HasEvents(Protocol):
    """Anything that has the hashes of its events."""

    @property
    def hashes(self) -> bytes:
        """The hashes in file order."""
        ...


def in_order(session_id: str, files: Iterable[Transcript], named: Collection[str] = ()) -> tuple[Transcript, ...]:
    """Several files of one session: its own one first, then by name.

    Its own is the one that an entry names (``named`` are paths), else ``<session id>.jsonl``, else the newest.
    """
    by_path = sorted(files, key=lambda file: file.path)

    def foreignness(file: Transcript) -> tuple[bool, bool, bool, bool, int]:
        is_copy = file.named_id != session_id
        is_other = os.path.basename(file.path) != f"{session_id}.jsonl"
        return file.kind != FileKind.TRANSCRIPT.value, file.path not in named, is_other, is_copy, -file.last_ms

    own = min(by_path, key=foreignness, default=None)
    return tuple(sorted(by_path, key=lambda file: file is not own))


def additions(files: Sequence[HasEvents]) -> tuple[bytes, ...]:
    """For each file of a session one byte per event: 1 where the file adds it, 0 where an earlier file has it.

    The history has an event as often as the one file that has it most often: what files share is taken once.
    """
    if len(files) == 1:
        return (b"\1" * (len(files[0].hashes) // HASH_BYTES),)
    earlier: Counter[bytes] = Counter()
    made = []
    for file in files:
        found: Counter[bytes] = Counter()
        mask = bytearray()
        for event in events_of(file.hashes):
            found[event] += 1
            mask.append(found[event] > earlier[event])
        made.append(bytes(mask))
        earlier |= found
    return tuple(made)


def runs_of(files: Sequence[HasEvents]) -> tuple[Run, ...]:
    """The order of the events of a session over its files, its own one first, by their hashes alone.

    What only other files have stands behind the event that is before it in its file.
    """
    masks = additions(files)
    return _packed(_placed(files, masks, [()] * len(files)))


def order_of(
    files: Sequence[HasEvents], links: Callable[[int], Sequence[Link]]
) -> tuple[tuple[Run, ...], tuple[int, ...], bool]:
    """The order of the events of a session over its files, its own one first.

    And the numbers of the files that are not in it, because with them something else would be shown, and whether others
    are shown in front of the own one. ``links`` reads how the events of a file refer to each other.
    """
    if not any(1 in mask for mask in additions(files)[1:]):
        return runs_of(files[:1]), (), False
    read = [links(number) for number in range(len(files))]
    chosen, found = [0], _ordered(files, read)
    if found is not None:
        return _packed(found[0]), (), found[1]
    order, in_view = list(_runs_events(runs_of(files[:1]))), False
    for number in range(1, len(files)):
        found = _ordered([files[one] for one in (*chosen, number)], [read[one] for one in (*chosen, number)])
        if found is not None:
            chosen.append(number)
            order, in_view = [(chosen[file], index) for file, index in found[0]], found[1]
    return _packed(order), tuple(number for number in range(len(files)) if number not in chosen), in_view


def _ordered(files: Sequence[HasEvents], links: Sequence[Sequence[Link]]) -> tuple[list[_Event], bool] | None:
    """The order of all events of these files that shows the own one, and nothing but perhaps others in front of it."""
    masks, own = additions(files), [(0, index) for index in active_branch(links[0])]
    order = _placed(files, masks, links)
    if _shown(order, links) == own:
        return order, False
    order = _in_front(masks, has_header=bool(links[0]) and links[0][0].type == "session")
    shown = _shown(order, links)
    return (order, len(shown) > len(own)) if shown[len(shown) - len(own) :] == own else None


def merged_hashes(files: Sequence[HasEvents], runs: Iterable[Run] | None = None) -> bytes:
    """The history of a session over its files, in the order of ``runs``, or file by file."""
    if runs is None:
        return b"".join(added(file.hashes, mask) for file, mask in zip(files, additions(files), strict=True))
    return b"".join(files[run.file].hashes[run.start * HASH_BYTES : run.stop * HASH_BYTES] for run in runs)


def without(files: Sequence[HasEvents], runs: Iterable[Run], stored: bytes) -> tuple[Run, ...]:
    """What of an order is not among the stored events, each as often as it is there."""
    left = Counter(events_of(stored))
    rest = []
    for run in runs:
        for index in range(run.start, run.stop):
            event = files[run.file].hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES]
            if left[event] > 0:
                left[event] -= 1
            else:
                rest.append((run.file, index))
    return _packed(rest)


def interleaved(files: Sequence[Generator[_T, None, None]], runs: Iterable[Run]) -> Iterator[_T]:
    """What readers of files give, in the order of ``runs``; each is read to its end."""
    at = [0] * len(files)
    for run in runs:
        yield from islice(files[run.file], run.start - at[run.file], run.stop - at[run.file])
        at[run.file] = run.stop
    for file in files:
        deque(file, maxlen=0)


def _placed(files: Sequence[HasEvents], masks: Sequence[bytes], links: Sequence[Sequence[Link]]) -> list[_Event]:
    """Each event behind its parent, or behind the one before it in its file, but before the last one of the own file.

    The events of a file keep their order.
    """
    own = len(masks[0])
    last = max(own - 2, 0)
    gaps: dict[int, list[_Event]] = defaultdict(list)
    gap_of_event: dict[tuple[bytes, int], int] = {}
    gap_of_id: dict[str, int] = {}
    for number, (file, mask) in enumerate(zip(files, masks, strict=True)):
        before = least = 0
        found: Counter[bytes] = Counter()
        for index, event in enumerate(events_of(file.hashes)):
            found[event] += 1
            link = links[number][index] if links[number] else None
            if number == 0:
                gap = index
            elif mask[index]:
                parent = gap_of_id.get(link.parentId) if link and isinstance(link.parentId, str) else None
                gap = least = min(max(before if parent is None else parent, least), last)
                gaps[gap].append((number, index))
            else:
                gap = gap_of_event[event, found[event]]
            before = gap
            gap_of_event.setdefault((event, found[event]), gap)
            if link is not None and link.event_id is not None:
                gap_of_id.setdefault(link.event_id, gap)
    return [one for index in range(own or 1) for one in [*([(0, index)] if own else []), *gaps[index]]]


def _in_front(masks: Sequence[bytes], has_header: bool) -> list[_Event]:
    """What other files add, file by file, behind the header of the own file and before all else."""
    own = [(0, index) for index in range(len(masks[0]))]
    others = [
        (number, index) for number, mask in enumerate(masks[1:], start=1) for index in compress(range(len(mask)), mask)
    ]
    return [*own[:has_header], *others, *own[has_header:]]


def _shown(order: Sequence[_Event], links: Sequence[Sequence[Link]]) -> list[_Event]:
    """The events of the active branch of an order."""
    return [order[index] for index in active_branch(links[file][index] for file, index in order)]


def _runs_events(runs: Iterable[Run]) -> Iterator[_Event]:
    return ((run.file, index) for run in runs for index in range(run.start, run.stop))


def _packed(order: Iterable[_Event]) -> tuple[Run, ...]:
    """An order of single events as runs of events that follow each other in their file."""
    runs: list[Run] = []
    for file, index in order:
        if runs and runs[-1].file == file and runs[-1].stop == index:
            runs[-1] = Run(file, runs[-1].start, index + 1)
        else:
            runs.append(Run(file, index, index + 1))
    return tuple(runs)


@dataclass(frozen=True, slots=True)
class LiveHistories:
    """The live transcripts of each session, its own one first, and those among them that no entry claims."""

    files: Mapping[_Place, tuple[Transcript, ...]]
    unclaimed: tuple[Transcript, ...]


def live_histories(inventory: Inventory) -> LiveHistories:
    """Whose history each live transcript is.

    One that no entry claims belongs to its agent, and stands by itself, unless that has an entry that cannot be read:
    it may claim a history, so none of its neighbours is known to be unclaimed.
    """
    if not inventory.transcripts:
        return LiveHistories({}, ())
    directories = frozenset(agent.directory for agent in inventory.agents)
    claimed = owners(inventory.stores, inventory.transcripts, inventory.state_dir, directories)
    homes = home_databases(inventory)
    unread = {store.database for store in inventory.stores if store.identity is None}
    files: dict[_Place, list[Transcript]] = defaultdict(list)
    unclaimed = []
    for transcript in inventory.transcripts:
        if transcript.kind not in _LIVE:
            continue
        owner, home = claimed.get(transcript.path), homes.get(transcript.agent or "")
        if owner is not None:
            files[inventory.stores[owner.store_index].database, owner.session_id].append(transcript)
        elif (transcript.hashes or transcript.damage) and home not in (None, *unread):
            files[str(home), _orphan_id(transcript)].append(transcript)
            unclaimed.append(transcript)
    named = {path for path, owner in claimed.items() if owner.is_named}
    ordered = {place: in_order(place[1], files[place], named) for place in sorted(files)}
    return LiveHistories(ordered, tuple(unclaimed))


def _orphan_id(transcript: Transcript) -> str:
    """The session id for a history that no entry claims: what it says itself, else one made of its content."""
    return transcript.header_id or transcript.named_id or content_id(transcript)


def content_id(transcript: Transcript) -> str:
    """A session id for a history that can have none of those that it names."""
    return f"orphan-{transcript.identity.sha256[:16]}"


def joins_of(inventory: Inventory) -> Iterator[Join]:
    """The histories that have several files, with the order of their events. Reads such files again."""
    if not _may_share(inventory):
        return
    for files in live_histories(inventory).files.values():
        if len(files) > 1:
            yield _join_of(files)


def _join_of(files: tuple[Transcript, ...]) -> Join:
    """The order of the events of several files; by their hashes alone where one cannot be read again as it was."""
    paths = tuple(file.path for file in files)
    try:
        runs, apart, in_view = order_of(files, lambda number: _links(files[number]))
    except (OSError, _ChangedError):
        return Join(paths, runs_of(files), (), in_view=False)
    return Join(paths, runs, apart, in_view)


class _ChangedError(Exception):
    """A file has other events than it had."""


def _links(file: Transcript) -> list[Link]:
    with open_regular_file(file.path) as stream:
        links = [read_link(text) for _, text in storable_lines(TranscriptReader(stream))]
    if len(links) != file.event_count:
        raise _ChangedError
    return links


def _may_share(inventory: Inventory) -> bool:
    """Whether two live transcripts may be of one session: most installations have one file for each."""
    seen: set[str] = set()
    for transcript in inventory.transcripts:
        if transcript.kind in _LIVE:
            if transcript.named_id != transcript.header_id or transcript.named_id is None:
                return True
            if transcript.named_id in seen:
                return True
            seen.add(transcript.named_id)
    return False
