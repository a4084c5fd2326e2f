"""Read transcript files into plain data, decide whose history each is, and read their storable lines again."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import compress
from typing import NamedTuple

from migrator.filesystem import open_regular_file
from migrator.model.inventory import GIVEN, DamagedSpan, Entry, FileIdentity, Inventory, Store, StoreKind, Transcript
from migrator.model.progress import Advance, silent
from migrator.model.words import HASH_BYTES, Finding, Name
from migrator.openclaw.places.session_files import Whereabouts, transcript_session_id
from migrator.openclaw.places.session_key import parse_session_key
from migrator.openclaw.text.entry import usable_row_id, usable_session_id
from migrator.openclaw.text.json_text import parse_strict
from migrator.openclaw.text.line_pieces import UTF8_REPLACED
from migrator.openclaw.text.transcript import DAMAGE, Line, LineKind, TranscriptReader
from migrator.scanning.sources import changed, file_identity, has_bytes
from migrator.sqlite.events import EventColumns, event_hash


def read_transcript(
    path: str, agent: str | None, kind: str, advance: Advance = silent, earlier: Transcript | None = None
) -> tuple[Transcript | None, tuple[Finding, ...]]:
    """Read a transcript to its end; None and a finding where it cannot be read, or changes meanwhile.

    If it has the bytes that an ``earlier`` reading has found, it is read all the same, but not decoded again.
    """
    name = Name("transcript", path)
    tally = _Tally()
    try:
        with open_regular_file(path) as stream:
            before = os.fstat(stream.fileno())
            if earlier is not None and has_bytes(stream, earlier.identity):
                after = os.fstat(stream.fileno())
                if changed(before, after):
                    return None, (Finding("transcript.changing", name),)
                transcript = as_now(earlier, agent, kind, file_identity(after, earlier.identity.sha256))
                return transcript, tuple(_findings(transcript))
            reader = TranscriptReader(stream)
            for line in reader:
                advance(line.length)
                tally.take(line)
            after = os.fstat(stream.fileno())
    except OSError as error:
        if error.errno == errno.EINVAL:
            return None, (Finding("transcript.not-a-file", name),)
        return None, (Finding("transcript.unreadable", name, (("errno", error.errno or 0),)),)
    if changed(before, after):
        return None, (Finding("transcript.changing", name),)
    header_id, named_id = _ids(path, reader.header.event_id if reader.header else None)
    transcript = Transcript(
        path=path,
        agent=agent,
        kind=kind,
        identity=file_identity(after, reader.sha256),
        header_id=header_id,
        named_id=header_id if named_id == header_id else named_id,
        last_ms=tally.last_ms,
        counts=_shared(tuple((kind.value, count) for kind, count in reader.counts.items() if count)),
        damage=tuple(tally.damage),
        hashes=bytes(tally.hashes),
        stranded=len(tally.hashes) // HASH_BYTES if reader.is_utf16 else tally.stranded,
        replaced=tally.replaced,
        columns=tally.columns.digest(),
        parent_id=_parent(reader.header.raw) if reader.header else None,
        is_utf16=reader.is_utf16,
    )
    return transcript, tuple(_findings(transcript))


def _ids(path: str, header: str | None) -> tuple[str | None, str | None]:
    """The session ids that a header and a file name claim.

    Where both say the very same, that is the id, even one with a colon that OpenClaw gives no file of its own.
    """
    name = os.path.basename(path)
    if header is not None and name == f"{header}.jsonl" and usable_row_id(header) == header:
        return header, header
    return usable_session_id(header), transcript_session_id(name)[0]


def _parent(header: bytes) -> str | None:
    """The session of the file that a header names as the one that it goes on from."""
    if b'"parentSession"' not in header:
        return None
    try:
        value = parse_strict(header.decode())
    except ValueError:
        return None
    parent = value.get("parentSession") if isinstance(value, dict) else None
    return transcript_session_id(re.split(r"[\\/]", parent)[-1])[0] if isinstance(parent, str) else None


def as_now(earlier: Transcript, agent: str | None, kind: str, identity: FileIdentity) -> Transcript:
    """A transcript that was read before, with what its file is now; the same object, if that is the same."""
    if (agent, kind, identity) == (earlier.agent, earlier.kind, earlier.identity):
        return earlier
    return replace(earlier, agent=agent, kind=kind, identity=identity)


@lru_cache
def _shared(counts: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    """The same counts as one object, because thousands of transcripts have the same."""
    return counts


class _Tally:
    """Adds up what the lines of a transcript say."""

    def __init__(self) -> None:
        self.damage: list[DamagedSpan] = []
        self.hashes = bytearray()
        self.columns = EventColumns()
        self.last_ms = self.replaced = 0
        self._events = self._number = self._before_line = 0
        self._before_damage: int | None = None
        self._refused = False

    def take(self, line: Line) -> None:
        """Take the next line, or the next piece of one."""
        if line.number != self._number:
            self._number, self._before_line = line.number, self._events
        elif self._before_damage is None:
            self._before_damage = self._before_line  # what has two records on one line is no JSON to OpenClaw
        if line.text is not None:
            time_ms = line.timestamp_ms or 0
            self._events += 1
            self.hashes += event_hash(line.text)
            self.columns.add(line.event_id, line.event_type, line.parent_id, time_ms)
            if time_ms > self.last_ms:
                self.last_ms = time_ms
            if line.transforms:
                self.replaced += UTF8_REPLACED in line.transforms
        elif line.kind in DAMAGE:
            self.damage.append(DamagedSpan(line.offset, line.length, DAMAGE[line.kind], line.number))
            if self._before_damage is None:
                self._before_damage = self._before_line
            self._refused = self._refused or (line.kind is not LineKind.TORN_TAIL and not _is_utf8(line.raw))

    @property
    def stranded(self) -> int:
        """The events that OpenClaw's importer leaves behind (2026.8.2 and 2026.9.6, run on damaged files).

        It stops at the first line that is no JSON, and takes nothing at all of a file with a byte that is no UTF-8,
        unless that is in a last line without its end.
        """
        if self._refused or self.replaced:
            return self._events
        return 0 if self._before_damage is None else self._events - self._before_damage


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def storable_lines(reader: TranscriptReader) -> Iterator[tuple[Line, bytes]]:
    """The lines of a transcript that a database can hold, with the text that it holds for them."""
    for line in reader:
        if line.text is not None:
            yield line, line.text


def _findings(transcript: Transcript) -> Iterator[Finding]:
    name = Name("transcript", transcript.path)
    for span in transcript.damage:
        yield Finding(span.problem, name, (("line", span.line), ("offset", span.offset), ("length", span.length)))
    duplicates = dict(transcript.counts).get(LineKind.DUPLICATE.value, 0)
    for code, count in (("transcript.duplicate-line", duplicates), ("transcript.invalid-utf8", transcript.replaced)):
        if count:
            yield Finding(code, name, (("count", count),))
    if transcript.is_utf16:
        yield Finding("transcript.utf-16", name)
    if transcript.hashes and not dict(transcript.counts).get(LineKind.HEADER.value):
        yield Finding("transcript.no-header", name)


def header_mismatches(
    stores: tuple[Store, ...], transcripts: Sequence[Transcript], state_dir: str, directories: Iterable[str]
) -> Iterator[Finding]:
    """The files that have another header than their name says, but for those whose session is that of the header."""
    odd = [one for one in transcripts if one.header_id is not None and one.named_id not in (None, one.header_id)]
    claimed = owners(stores, transcripts, state_dir, frozenset(directories)) if odd else {}
    for one in odd:
        owner = claimed.get(one.path)
        if owner is None or owner.session_id != one.header_id:
            yield Finding(
                "transcript.header-mismatch",
                Name("transcript", one.path),
                (),
                (Name("session-id", str(one.header_id)),),
            )


class _Claim(NamedTuple):
    """Why a session may own a file; the lowest rank is the best reason."""

    rank: int
    session_id: str
    store_index: int
    is_other: bool


class Owner(NamedTuple):
    """The session that a file belongs to: the index of its store, its id, and whether the file is the one it names."""

    store_index: int
    session_id: str
    is_named: bool


def owners(
    stores: tuple[Store, ...],
    transcripts: Iterable[Transcript],
    state_dir: str,
    agent_directories: frozenset[str],
) -> dict[str, Owner]:
    """The owner of each transcript that a session claims, by path.

    A file belongs to the session that an entry names for it, unless its own name and header both name another one
    that exists; then to the session in its name; then to the one in its header. For that it lies where OpenClaw looks
    for it, unless it was named by hand. Files without a claim are absent.
    """
    files = _by_place(transcripts)
    if not files.by_path:
        return {}
    claims: dict[str, list[_Claim]] = {}
    whereabouts = Whereabouts(state_dir)
    for index, store in enumerate(stores):
        for entry in store.entries:
            if entry.problem is not None or entry.session_id is None:
                continue
            named, places = _named_by(entry, store, files, whereabouts, agent_directories)
            near = [t for place in places for t in files.by_folder.get((place, entry.session_id), [])]
            near += files.given.get((store.agent, entry.session_id), [])
            for transcript in [*([named] if named else []), *near]:
                rank = _rank(transcript, entry.session_id, transcript is named)
                claims.setdefault(transcript.path, []).append(
                    _Claim(rank, entry.session_id, index, transcript is not named)
                )
    best = {path: min(made) for path, made in claims.items()}
    return {path: Owner(claim.store_index, claim.session_id, not claim.is_other) for path, claim in best.items()}


class _Files(NamedTuple):
    """Transcripts by path, by file name, and by folder and each session id that they claim.

    ``given`` are those that were named by hand, by agent directory and session id.
    """

    by_path: dict[str, Transcript]
    by_name: dict[str, list[Transcript]]
    by_folder: dict[tuple[str, str], list[Transcript]]
    given: dict[tuple[str | None, str], list[Transcript]]


def _by_place(transcripts: Iterable[Transcript]) -> _Files:
    files = _Files({transcript.path: transcript for transcript in transcripts}, {}, {}, {})
    for transcript in files.by_path.values():
        for session_id in {transcript.named_id, transcript.header_id} - {None}:
            files.by_folder.setdefault((os.path.dirname(transcript.path), str(session_id)), []).append(transcript)
            if transcript.kind == GIVEN:
                files.given.setdefault((transcript.agent, str(session_id)), []).append(transcript)
        files.by_name.setdefault(os.path.basename(transcript.path), []).append(transcript)
    return files


def _named_by(
    entry: Entry, store: Store, files: _Files, whereabouts: Whereabouts, agent_directories: frozenset[str]
) -> tuple[Transcript | None, Sequence[str]]:
    """The transcript that an entry names, and the folders in which others of its session may lie."""
    folder, session_id = os.path.dirname(store.path), str(entry.session_id)
    pointed = re.split(r"[\\/]", entry.session_file)[-1] if entry.session_file else ""
    own = f"{session_id}.jsonl"
    if pointed not in files.by_name and own not in files.by_name:
        return None, (folder,)  # as most entries of a large installation, which have no file any more
    agent = parse_session_key(entry.key).agent
    owner = agent if agent in agent_directories else store.agent
    candidates, places = whereabouts.entry(entry.session_file, session_id, folder, owner)
    named = next((files.by_path[path] for path in candidates if path in files.by_path), None)
    if named is None and candidates:
        # Somebody has moved it to a folder of his own below that of the store.
        moved = (one for name in (pointed, own) for one in files.by_name.get(name, ()))
        named = next((one for one in moved if one.path.startswith(folder + os.sep)), None)
    return named, places


def home_databases(inventory: Inventory) -> dict[str, str]:
    """Where the history of a session without an entry goes, by agent directory; by "" for those of no agent.

    That is beside the sessions of the agent's own store, else where OpenClaw looks for the sessions of the agent.
    """
    found: dict[str, str] = {}
    for store in sorted(inventory.stores, key=lambda one: one.kind is not StoreKind.AGENT):
        found.setdefault(store.agent or "", store.database)
    homes = {agent.directory: agent.database for agent in inventory.agents}
    return {**found, **{name: path for name, path in homes.items() if name not in found}}


def _rank(transcript: Transcript, session_id: str, referenced: bool) -> int:
    agrees = session_id in (transcript.named_id, transcript.header_id)
    if referenced and (agrees or (transcript.named_id is None and transcript.header_id is None)):
        return 0
    if transcript.named_id == session_id:
        return 1
    return 2 if transcript.header_id == session_id else 3


def added(hashes: bytes, mask: bytes) -> bytes:
    """Those of the event hashes of a file that its mask from :func:`additions` marks."""
    return b"".join(compress(events_of(hashes), mask))


def events_of(hashes: bytes) -> Iterator[bytes]:
    """The hashes one by one."""
    return (hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES))
