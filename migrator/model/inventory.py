"""The plain data that flows between the steps: scan, plan, execute, verify, prove.

Every class is a frozen dataclass; those with an object per session are frozen structs of msgspec, which are made
twenty times as fast and take less memory. Strings that were read from an installation (keys, names, paths, ids) are
carried as :class:`Name`, so that whoever prints them has to choose between the text and its label.
Times are milliseconds since the epoch, sizes are bytes, digests are SHA-256.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from msgspec import Struct

from migrator.model.words import HASH_BYTES, Finding, Number


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What a regular file was when it was read. Identity is the digest; the rest is evidence."""

    size: int
    sha256: str
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    links: int


class StoreKind(str, Enum):
    """Why a store is looked at."""

    AGENT = "agent"  # agents/<dir>/sessions/sessions.json
    CONFIGURED = "configured"  # named by session.store in the configuration
    ROOT = "root"  # <state>/sessions/sessions.json, from before agents existed
    EXPLICIT = "explicit"  # named with --store
    IMPORTED = "imported"  # the original that a newer OpenClaw set aside after its own import
    ARCHIVED = "archived"  # the original that a run of this program set aside
    COPY = "copy"  # an older one beside a live store: .bak, .tmp, .corrupt


RECOVERED = ":recovered:"
"""What stands between the agent and the session id in the key of a session that has no key of its own."""

LIVE = (StoreKind.AGENT, StoreKind.CONFIGURED, StoreKind.ROOT, StoreKind.EXPLICIT)
"""The stores that OpenClaw, or somebody who names them, takes for the present ones."""


class Entry(Struct, frozen=True, gc=False):
    """One member of a store, in file order.

    ``offset`` and ``length`` delimit the raw value in the file. ``sha256`` is the digest of the text that is to be
    stored, after ``transforms``. ``problem`` is the finding code that keeps the entry out of the database, or None.
    ``session_id`` is None where no release could use what the entry holds; the times are None unless finite, ``status``
    unless a column can repeat it. ``hazards`` are the codes of what OpenClaw's own upgrade would trip over.
    ``is_used`` says that it counts tokens or compactions, so that somebody must have talked in the session. ``family``
    are other sessions that it names as earlier or later parts of the same conversation.
    """

    index: int
    key: str
    offset: int
    length: int
    sha256: bytes
    updated_at: Number | None
    session_id: str | None
    session_file: str | None = None
    transforms: tuple[str, ...] = ()
    problem: str | None = None
    hazards: tuple[str, ...] = ()
    started_at: Number | None = None
    status: str | None = None
    is_used: bool = False
    family: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DamagedSpan:
    """Bytes of a store or transcript that cannot be read. ``problem`` is a finding code, ``line`` counts from 1."""

    offset: int
    length: int
    problem: str
    line: int = 0


GIVEN = "given"
"""The kind of a transcript that somebody has named, wherever it lies and whatever it is called."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """One transcript file, read to its end.

    ``counts`` has a number for every kind of line, ``damage`` the lines that cannot be stored. ``hashes`` has
    :data:`HASH_BYTES` for each line that can, in file order: with it two histories are compared without their texts.
    ``header_id`` and ``named_id`` are the session ids that the content and the file name claim. ``stranded`` are the
    storable events that OpenClaw's own importer would leave behind because of damage, and ``replaced`` the lines that
    are stored with replacement characters for what is no UTF-8. ``columns`` is the digest of what the columns of its
    events say (``sqlite/event_columns``). ``parent_id`` is the session that the header says it goes on from.
    """

    path: str
    agent: str | None
    kind: str
    identity: FileIdentity
    header_id: str | None
    named_id: str | None
    last_ms: int
    counts: tuple[tuple[str, int], ...]
    damage: tuple[DamagedSpan, ...]
    hashes: bytes
    stranded: int = 0
    replaced: int = 0
    columns: bytes = b""
    parent_id: str | None = None
    is_utf16: bool = False

    @property
    def event_count(self) -> int:
        """How many events it has that can be stored."""
        return len(self.hashes) // HASH_BYTES


class Run(NamedTuple):
    """Events that follow each other in a file: the number of the file, of the first one, and of the one behind them."""

    file: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Join:
    """Several transcripts that are one history: their paths, the session's own file first, and its order.

    ``apart`` are the numbers of files that are not in it, because OpenClaw would show something else then. ``in_view``
    says that it shows what others add in front of the own file.
    """

    files: tuple[str, ...]
    runs: tuple[Run, ...]
    apart: tuple[int, ...]
    in_view: bool


@dataclass(frozen=True, slots=True)
class StoredTranscript:
    """The history that a database holds for a session id; ``hashes`` as in :class:`Transcript`.

    ``archive`` says why it is not among the live events: ``cold``, ``deleted``, ``reset``; empty if it is. ``key`` is
    the session key that an archive has kept, ``archived_at`` (milliseconds) when it was made, as far as that is known.
    """

    session_id: str
    hashes: bytes
    archive: str = ""
    key: str | None = None
    archived_at: Number | None = None

    @property
    def event_count(self) -> int:
        """How many events it has."""
        return len(self.hashes) // HASH_BYTES


@dataclass(frozen=True, slots=True)
class Store:
    """One legacy ``sessions.json``, read to its end, or what of it goes into one database.

    ``identity`` is None where it could not be read at all. ``database`` is where its ``entries`` belong; a file that
    several agents share is as many of these as there are databases for it, ``parts`` in all. UTF-16 has a ``codec``.
    """

    path: str
    real_path: str
    kind: StoreKind
    agent: str | None
    identity: FileIdentity | None
    strict: bool
    entries: tuple[Entry, ...]
    damage: tuple[DamagedSpan, ...] = ()
    database: str = ""
    parts: int = 1
    codec: str = ""

    @property
    def is_live(self) -> bool:
        """Whether OpenClaw would read it where it lies."""
        return self.kind in LIVE

    @property
    def is_set_aside(self) -> bool:
        """Whether an import or an earlier run has migrated its entries before, and moved it out of the way."""
        return self.kind in (StoreKind.IMPORTED, StoreKind.ARCHIVED)


class Row(Struct, frozen=True, gc=False):
    """One session in one shape of a database: what its JSON text says, and the digest of that text."""

    key: str
    sha256: bytes
    updated_at: Number | None
    session_id: str | None
    started_at: Number | None = None
    status: str | None = None


NEWEST_SCHEMA = 23
"""The newest agent schema that is known, that of OpenClaw 2026.9.6."""


class Shape(str, Enum):
    """Which of the known table sets a database has (``migrator/openclaw/README.md``, "The shapes of databases")."""

    MISSING = "missing"  # no file
    EMPTY = "empty"  # a database at version 0 without tables
    V1 = "v1"  # agent schema 1: cache rows, perhaps with typed rows beside them
    ENTRIES = "entries"  # agent schema 4-13: session_entries
    NODES = "nodes"  # agent schema 14 and later: session_nodes; a newer one than all that we know, if it has these
    UNKNOWN = "unknown"  # none of these
    UNREADABLE = "unreadable"  # SQLite cannot read it

    @property
    def is_migrated(self) -> bool:
        """Whether a newer release has made or migrated such a database."""
        return self in (Shape.ENTRIES, Shape.NODES)

    @property
    def holds_sessions(self) -> bool:
        """Whether such a database has sessions in tables that we can read."""
        return self in (Shape.V1, Shape.ENTRIES, Shape.NODES)


@dataclass(frozen=True, slots=True)
class Database:
    """The SQLite file that holds the sessions of one agent. ``directory`` is that of the agent, None if there is none.

    ``files`` are the suffix and identity of each file of the set that exists ("", "-wal", "-journal").
    ``cache_rows`` are those of shape V1; ``typed_rows`` and ``transcripts`` those of the shape that it
    has, cold ones included; ``archives`` are histories of sessions that were deleted or reset.
    """

    path: str
    agent_id: str
    shape: Shape
    version: int | None
    owner: str | None
    files: tuple[tuple[str, FileIdentity], ...]
    cache_rows: tuple[Row, ...] = ()
    typed_rows: tuple[Row, ...] = ()
    transcripts: tuple[StoredTranscript, ...] = ()
    archives: tuple[StoredTranscript, ...] = ()
    directory: str | None = None

    @property
    def keys(self) -> set[str]:
        """The session keys of all of its rows, in one shape or the other."""
        return {row.key for rows in (self.cache_rows, self.typed_rows) for row in rows}

    @property
    def is_upgraded(self) -> bool:
        """Whether it has the shape that an OpenClaw newer than schema 1 has given it."""
        return self.shape.is_migrated

    @property
    def is_newer(self) -> bool:
        """Whether its schema is newer than all that we know: it may be read, and is never written."""
        return (self.version or 0) > NEWEST_SCHEMA


@dataclass(frozen=True, slots=True)
class SessionFile:
    """One file below a sessions directory, other than the store."""

    path: str
    kind: str
    size: int


@dataclass(frozen=True, slots=True)
class Agent:
    """One child of ``agents/``. ``directory`` is its name on disk and its identity; the id is only an attribute.

    ``database`` is where OpenClaw looks for the sessions of the agent: elsewhere, if ``session.store`` leads elsewhere.
    """

    directory: str
    path: str
    normalized_id: str
    files: tuple[SessionFile, ...] = ()
    database: str = ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that a scan found.

    ``respelled`` are rows, by database and digest, that are the same JSON as an entry of the same key and time, in
    another spelling. ``quarantined`` are the digests of the spans that earlier runs have preserved. ``names`` are
    strings that must never leave the process in clear, beside the names that the other fields carry (configuration
    values, for one). ``joins`` are the histories that have several transcripts.
    """

    state_dir: str
    state_dir_source: str
    config_path: str | None
    configured_agents: tuple[str, ...]
    main_key: str
    scope: str
    agents: tuple[Agent, ...]
    stores: tuple[Store, ...]
    transcripts: tuple[Transcript, ...]
    databases: tuple[Database, ...]
    respelled: frozenset[tuple[str, bytes]]
    quarantined: frozenset[str]
    names: frozenset[str]
    findings: tuple[Finding, ...]
    joins: tuple[Join, ...] = ()

    @property
    def histories(self) -> Iterator[StoredTranscript]:
        """Every history that a database holds, those of deleted and reset sessions too."""
        return (one for database in self.databases for one in (*database.transcripts, *database.archives))


def agents_with_anything(inventory: Inventory) -> set[str]:
    """The agent directories that hold anything."""
    agents = {store.agent for store in inventory.stores} | {a.directory for a in inventory.agents if a.files}
    agents |= {d.directory for d in inventory.databases if d.shape is not Shape.MISSING}
    return {agent.directory for agent in inventory.agents if agent.directory in agents}


def counts(inventory: Inventory) -> tuple[int, int]:
    """How many agent directories hold anything, and how many different sessions there are.

    Sessions are counted in the sources; only where there are none, in the databases.
    """
    keys: dict[str, set[str]] = defaultdict(set)
    for store in inventory.stores:
        keys[store.database].update(entry.key for entry in store.entries if entry.problem is None)
    if not any(keys.values()):
        for database in inventory.databases:
            keys[database.path].update(database.keys)
    return len(agents_with_anything(inventory)), sum(map(len, keys.values()))
