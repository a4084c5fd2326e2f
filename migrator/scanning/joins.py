"""Which transcripts are one history, and whose: from what files say of themselves and what entries say of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from migrator.filesystem import open_regular_file
from migrator.model.inventory import GIVEN, Inventory, Join, Transcript
from migrator.openclaw.places.session_files import FileKind
from migrator.openclaw.text.active_branch import Link, read_link
from migrator.openclaw.text.transcript import TranscriptReader
from migrator.scanning.joining import in_order, order_of, runs_of
from migrator.scanning.transcripts import home_databases, owners, storable_lines

_LIVE = (FileKind.TRANSCRIPT.value, GIVEN)

Place = tuple[str, str]
"""The database and the id of a session."""


@dataclass(frozen=True, slots=True)
class LiveHistories:
    """The live transcripts of each session, its own one first, and those among them that no entry claims."""

    files: Mapping[Place, tuple[Transcript, ...]]
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
    files: dict[Place, list[Transcript]] = defaultdict(list)
    unclaimed = []
    for transcript in inventory.transcripts:
        if transcript.kind not in _LIVE:
            continue
        owner, home = claimed.get(transcript.path), homes.get(transcript.agent or "")
        if owner is not None:
            files[inventory.stores[owner.store_index].database, owner.session_id].append(transcript)
        elif (transcript.hashes or transcript.damage) and home not in (None, *unread):
            files[str(home), orphan_id(transcript)].append(transcript)
            unclaimed.append(transcript)
    named = {path for path, owner in claimed.items() if owner.is_named}
    ordered = {place: in_order(place[1], files[place], named) for place in sorted(files)}
    return LiveHistories(ordered, tuple(unclaimed))


def orphan_id(transcript: Transcript) -> str:
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
            yield join_of(files)


def join_of(files: tuple[Transcript, ...]) -> Join:
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
