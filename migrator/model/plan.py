"""The plan: what is to be done to each database, as plain data like :mod:`migrator.model.inventory`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from msgspec import Struct

from migrator.model.inventory import Database, Entry, FileIdentity, Inventory, Shape, Store
from migrator.model.verification import Verification
from migrator.model.words import Finding, Number
from migrator.model.writes import HistoryWrite, Origin, Repair


class Action(str, Enum):
    """What is to happen to one session key in one database."""

    INSERT = "insert"  # the database lacks the key
    UPDATE = "update"  # the source is strictly newer
    COMPLETE = "complete"  # the database has the entry, but not in both shapes
    KEEP = "keep"  # the database differs and is newer, or as new
    SAME = "same"  # the database has it already, in both shapes


@dataclass(frozen=True, slots=True)
class Judged:
    """Sources, and what verify says of each. ``origin`` is None where each source is of a kind of its own."""

    origin: Origin | None
    inventory: Inventory
    verification: Verification


class Candidate(Struct, frozen=True, gc=False):
    """An entry that may become a row; ``store`` is the index of its store in the plan of the database."""

    store: int
    entry: Entry


class Decision(Struct, frozen=True, gc=False):
    """What happens to one key, and from where.

    ``source`` is None when the row of the database is the one that counts. ``typed_key`` and ``typed_sha256`` are
    those of the typed row (see ``migrator.planning.folding``). ``owns_session`` says that this key owns the
    ``sessions`` row of its session id. ``tie`` says that the row was kept because source and row claim the same
    time.
    """

    key: str
    action: Action
    source: Candidate | None
    sha256: bytes
    session_id: str | None
    updated_at: Number | None
    write_cache: bool
    write_typed: bool
    owns_session: bool
    typed_key: str
    typed_sha256: bytes
    tie: bool = False

    @property
    def writes(self) -> bool:
        """Whether there is a row to be written, in one shape or both."""
        return self.write_cache or self.write_typed

    @property
    def folded(self) -> bool:
        """Whether the typed row is an archived one under a key of its own, because the upgrade would drop it."""
        return self.typed_key != self.key


@dataclass(frozen=True, slots=True)
class Reject:
    """An entry, line or span of the file ``path`` that cannot go into the database. ``code`` is a finding code.

    ``span`` identifies it by content and place; ``preserved`` says that an earlier run has its bytes already.
    """

    path: str
    span: str
    offset: int
    length: int
    code: str
    key: str | None
    preserved: bool


@dataclass(frozen=True, slots=True)
class DatabasePlan:
    """What is to be done to one database: its sources, the decision per key, and what must be there afterwards.

    ``relieved`` are the keys that an earlier run has made up for sessions whose own entries have come back.
    """

    database: Database
    stores: tuple[Store, ...]
    decisions: tuple[Decision, ...]
    histories: tuple[HistoryWrite, ...]
    rejects: tuple[Reject, ...]
    expected_rows: int
    expected_digest: str
    peak_bytes: int
    repair: Repair | None = None
    relieved: tuple[str, ...] = ()

    @property
    def identities(self) -> dict[str, FileIdentity | None]:
        """What every file that is read was when it was planned on, by path."""
        stores, histories = list(self.stores), list(self.histories)
        if self.repair is not None:
            stores += [row.source.store for row in self.repair.rows if row.source.store is not None]
            histories += self.repair.histories
        identities: dict[str, FileIdentity | None] = {store.path: store.identity for store in stores}
        return identities | {file.path: file.identity for history in histories for file in history.transcripts}

    @property
    def longest(self) -> int:
        """The size in bytes of the longest entry of all sources."""
        return max((entry.length for store in self.stores for entry in store.entries), default=0)

    @property
    def pending(self) -> bool:
        """Whether there is anything to do: rows to write, or bytes to preserve."""
        return self.writes or not all(reject.preserved for reject in self.rejects)

    @property
    def writes(self) -> bool:
        """Whether the database itself would be written to."""
        rows = any(decision.writes for decision in self.decisions)
        histories = any(history.pending for history in self.histories)
        return rows or histories or self.repair is not None or bool(self.relieved) or self._is_unsigned

    @property
    def _is_unsigned(self) -> bool:
        """Whether the database has sessions, and an upgrade would refuse them: it does not name its owner exactly."""
        database = self.database
        return database.shape is Shape.V1 and database.owner != database.agent_id and bool(self.decisions)


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done to a state directory, bound to what was read. ``digest`` covers inputs and outcome."""

    state_dir: str
    databases: tuple[DatabasePlan, ...]
    findings: tuple[Finding, ...]
    digest: str
