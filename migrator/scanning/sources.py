"""Read one legacy store into plain data, and read single spans of it again."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO

from msgspec import structs

from migrator.filesystem import open_regular_file
from migrator.model.errors import BusyError, ChangedError
from migrator.model.inventory import DamagedSpan, Entry, FileIdentity, Store, StoreKind
from migrator.model.progress import Advance, silent
from migrator.model.words import Finding, Name
from migrator.openclaw.changes.hazards import hazards
from migrator.openclaw.text.entry import lone_session_id, prepare, storable_key
from migrator.openclaw.text.entry_head import RawEntry
from migrator.openclaw.text.store import StoreReader, read_member
from migrator.openclaw.text.utf16 import as_utf8, codec_of, spans
from migrator.sqlite.snapshot import identify

DUPLICATE_KEY = "entry.duplicate-key"
ONLY_SESSION_ID = "entry.only-session-id"

_BLOCK = 1 << 18


def open_source(path: str, name: Name) -> BinaryIO:
    """Open a source that was there when it was planned on.

    Raises ChangedError if it is not any more.
    """
    try:
        return open_regular_file(path)
    except OSError:
        raise ChangedError("{subject} is not there any more, or no file; plan again.", name) from None


def digest_now(path: str) -> str:
    """The digest of a file as it is now; empty if it cannot be read."""
    try:
        return identify(path).sha256
    except (OSError, BusyError):
        return ""


def read_store(
    path: str,
    real_path: str,
    kind: StoreKind,
    agent: str | None,
    advance: Advance = silent,
    earlier: Store | None = None,
) -> tuple[Store, tuple[Finding, ...]]:
    """Read a store to its end. One that cannot be read, or changes meanwhile, has a finding and no identity.

    If it has the bytes that an ``earlier`` reading has found, it is read all the same, but not decoded again.
    """
    name = Name("store", path)
    store = Store(path, real_path, kind, agent, identity=None, strict=False, entries=())
    try:
        with open_regular_file(real_path) as stream:
            before = os.fstat(stream.fileno())
            if earlier is not None and earlier.identity is not None and has_bytes(stream, earlier.identity):
                read, sha256_of_all = earlier, earlier.identity.sha256
            else:
                stream.seek(0)
                read, sha256_of_all = _read(store, stream, advance)
            after = os.fstat(stream.fileno())
    except OSError as error:
        if error.errno == errno.EINVAL:
            return store, (Finding("store.not-a-file", name),)
        return store, (Finding("store.unreadable", name, (("errno", error.errno or 0),)),)
    if changed(before, after):
        return store, (Finding("store.changing", name),)
    identity = file_identity(after, sha256_of_all)
    read = replace(read, path=path, real_path=real_path, kind=kind, agent=agent, identity=identity)
    return read, tuple(_findings(read))


def _read(store: Store, stream: BinaryIO, advance: Advance) -> tuple[Store, str]:
    """A store with all that is in its file, and the digest of that."""
    codec = codec_of(stream.read(4))
    stream.seek(0)
    if codec:
        return _read_utf16(store, stream.read(), codec, advance)
    reader = StoreReader(stream)
    entries = list(_entries(reader, advance))
    read = replace(store, strict=reader.strict, entries=_mark_duplicates(entries), damage=tuple(reader.damage))
    return read, reader.sha256


def _read_utf16(store: Store, data: bytes, codec: str, advance: Advance) -> tuple[Store, str]:
    """The same of a file in UTF-16, in memory: nobody but an editor has ever written one. Places are those in the file.

    Half a letter at its end, where it was cut, belongs to the damage before it.
    """
    text = as_utf8(data[2 : len(data) - len(data) % 2], codec)
    reader = StoreReader(BytesIO(text))
    read_entries = list(_entries(reader, advance))
    entries = [
        structs.replace(entry, offset=offset, length=length)
        for entry, (offset, length) in zip(read_entries, spans(text, codec, read_entries), strict=True)
    ]
    damage = [
        replace(span, offset=offset, length=length)
        for span, (offset, length) in zip(reader.damage, spans(text, codec, reader.damage), strict=True)
    ]
    if len(data) % 2 and damage:
        damage[-1] = replace(damage[-1], length=damage[-1].length + 1)
    elif len(data) % 2:
        damage = [DamagedSpan(len(data) - 1, 1, "store.trailing-text")]
    read = replace(store, entries=_mark_duplicates(entries), damage=tuple(damage), codec=codec)
    return read, sha256(data).hexdigest()


def _entries(reader: StoreReader, advance: Advance) -> Iterator[Entry]:
    for raw in reader:
        advance(len(raw.raw))
        yield _entry(raw)


def has_bytes(stream: BinaryIO, identity: FileIdentity) -> bool:
    """Whether a file has the very bytes that it, or another one, had before; leaves the stream at its beginning."""
    digest = sha256()
    while block := stream.read(_BLOCK):
        digest.update(block)
    stream.seek(0)
    return digest.hexdigest() == identity.sha256


def reread(store: Store, entry: Entry) -> RawEntry:
    """Read one member of a store again.

    Raises ChangedError if there is something else at its place now.
    """
    found = read_member(as_utf8(read_span(store.real_path, entry.offset, entry.length), store.codec))
    if found is None:
        raise ChangedError("{subject} changed while it was being read; try again.", Name("store", store.path))
    return found


def archived_digest(store: Store, entry: Entry) -> bytes:
    """The digest of an entry's text marked as archived, which is read again for it. Raises ChangedError."""
    prepared = prepare(reread(store, entry))
    if prepared is None or sha256(prepared.stored).digest() != entry.sha256:
        raise ChangedError("{subject} changed while it was being read; try again.", Name("store", store.path))
    return sha256(prepared.archived_text).digest()


def raw_entries(store: Store) -> Iterator[tuple[Entry, bytes]]:
    """Every entry of a store with its raw bytes in UTF-8, taken from the places where it was found.

    Raises ChangedError if the file is not the same any more: at its end only, so nothing may be kept before that.
    """
    name = Name("store", store.path)
    with open_source(store.real_path, name) as stream:
        digest, at = sha256(), 0
        for entry in store.entries:
            digest.update(stream.read(entry.offset - at))
            raw = stream.read(entry.length)
            digest.update(raw)
            at = entry.offset + entry.length
            yield entry, as_utf8(raw, store.codec)
        while block := stream.read(_BLOCK):
            digest.update(block)
    require_same(name, store.identity, digest.hexdigest())


def read_span(path: str, offset: int, length: int) -> bytes:
    """The raw bytes of a span of a source. Raises ChangedError if the source is not there any more."""
    with open_source(path, Name("path", path)) as stream:
        stream.seek(offset)
        return stream.read(length)


def changed(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether a file was written to between two looks at it."""
    return (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)


def require_same(name: Name, planned: FileIdentity | None, sha256: str) -> None:
    """Refuse a source that is not, byte for byte, the one that was planned on."""
    if planned is None or sha256 != planned.sha256:
        raise ChangedError("{subject} changed after it was planned; plan again.", name)


def file_identity(status: os.stat_result, sha256: str) -> FileIdentity:
    """What a file was when its digest was taken."""
    return FileIdentity(
        size=status.st_size,
        sha256=sha256,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        mtime_ns=status.st_mtime_ns,
        links=status.st_nlink,
    )


def _entry(raw: RawEntry) -> Entry:
    prepared = prepare(raw)
    if prepared is None:
        key, length = storable_key(raw.key), len(raw.raw)
        found = hazards(raw, None)
        only = lone_session_id(raw.raw) if raw.problem == "entry.not-object" else None
        problem = raw.problem if only is None else ONLY_SESSION_ID
        return Entry(raw.index, key, raw.offset, length, b"", None, only, problem=problem, hazards=found)
    return Entry(
        index=raw.index,
        key=prepared.key,
        offset=raw.offset,
        length=len(raw.raw),
        sha256=sha256(prepared.stored).digest(),
        updated_at=prepared.updated_at,
        session_id=prepared.session_id,
        session_file=prepared.session_file,
        transforms=prepared.transforms,
        hazards=hazards(raw, prepared),
        started_at=prepared.started_at,
        status=prepared.status,
        is_used=prepared.is_used,
        family=prepared.family,
    )


def _mark_duplicates(entries: list[Entry]) -> tuple[Entry, ...]:
    """OpenClaw reads the last of several members with one key (every release); the earlier ones are set aside."""
    last = {entry.key: entry.index for entry in entries if entry.problem is None}
    superseded = (entry.problem is None and last[entry.key] != entry.index for entry in entries)
    return tuple(
        structs.replace(entry, problem=DUPLICATE_KEY) if is_superseded else entry
        for entry, is_superseded in zip(entries, superseded, strict=True)
    )


def _findings(store: Store) -> Iterator[Finding]:
    name = Name("store", store.path)
    for span in store.damage:
        yield Finding(span.problem, name, (("offset", span.offset), ("length", span.length)))
    for entry in store.entries:
        session = Name("session", entry.key)
        if entry.problem is not None:
            yield Finding(entry.problem, session, (("offset", entry.offset), ("length", entry.length)), (name,))
            continue
        if entry.session_id is None:
            yield Finding("entry.no-session-id", session, (("offset", entry.offset),), (name,))
        if entry.updated_at is None:
            yield Finding("entry.no-updated-at", session, (("offset", entry.offset),), (name,))
    if store.codec:
        yield Finding("store.utf-16", name)
    elif not store.strict and not store.damage:
        yield Finding("store.json5", name)
