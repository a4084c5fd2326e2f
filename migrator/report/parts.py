"""What a report is made of, as frozen classes: every format renders these, and the JSON schema is made from them.

A string of the installation is a :class:`Name` in all of them, so that no format can print it without a namer. A store
may have 200,000 damaged entries: long lists are made only while somebody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal, TypeVar, overload

from msgspec import Meta, Struct, field

from migrator.model.counted import counted
from migrator.model.inventory import Shape, StoreKind
from migrator.model.plan import Action
from migrator.model.report import Filesystem, Undone
from migrator.model.words import Name, Number, Severity
from migrator.model.writes import Origin

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


Namer = Callable[[Name], str]
"""What turns a name into its label, or into its text."""

Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="A SHA-256 digest.")]
Code = Annotated[str, Meta(pattern=r"^[a-z]+\.[a-z0-9-]+$", description="A finding code, as the README explains it.")]
Counts = dict[str, Count]
Actions = Annotated[Counts, Meta(extra_json_schema={"propertyNames": {"enum": [action.value for action in Action]}})]
CommandLine = Sequence[Name | str | int]
"""The words of a command; names among them are still names."""
Pair = tuple[Count, Count]
"""How many have arrived, and how many there were."""

State = Literal["unreadable", "unknown", "damaged", "partial", "legacy", "unclaimed", "migrated", "empty"]
Effect = Annotated[str, Meta(extra_json_schema={"enum": ["blocks", "loses", "hides", "changes", "host"]})]

STATES: dict[State, str] = {
    "unreadable": "The store or the database cannot be read.",
    "unknown": "The database has tables that this version does not know.",
    "damaged": "A part of the store cannot be read; all the rest was.",
    "partial": "Some sessions of the store are not in the database.",
    "legacy": "All sessions are in the store, and nothing is migrated yet.",
    "unclaimed": "There are transcripts, but no sessions that they belong to.",
    "migrated": "The database has a row for every session of the store, or there is no store any more."
    " Verify compares what rows and histories say; here nothing did.",
    "empty": "There is no session.",
}
"""The states of a row of a scan, the one that most needs a look first."""


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a report."""


class Sentence(Part, frozen=True):
    """A sentence of ours whose placeholders stand for names and numbers; the JSON format has the filled sentence."""

    template: str
    subject: Name | None
    others: Sequence[Name] = ()
    facts: Mapping[str, Number] = {}

    def told(self, namer: Namer) -> str:
        """The sentence with everything in place."""
        if self.subject is None:
            return self.template
        others = ", ".join(map(namer, self.others))
        return self.template.format(subject=namer(self.subject), others=others, **counted(self.facts))


class FindingRow(Part, frozen=True, kw_only=True):
    """Something worth knowing, and what to do about it."""

    code: Code
    severity: Severity
    subject: Name
    others: Sequence[Name]
    facts: dict[str, Number]
    sentence: Sentence
    remedy: str


class ForeseenRow(FindingRow, frozen=True, kw_only=True):
    """What OpenClaw's own upgrade would do."""

    effect: Effect


class AgentRow(Part, frozen=True, kw_only=True):
    """One store or database, by agent directory, with its state in one word."""

    agent: Name | None
    agent_id: Name | None
    store: Name | None
    store_kind: StoreKind | None
    store_bytes: Count | None
    entries: Count
    problems: Count
    transcripts: Count
    database: Name | None
    database_bytes: Count | None
    shape: Shape | None
    schema: Count | None
    rows: Count
    sessions: Count
    state: State

    @property
    def whose(self) -> Name:
        """The agent directory, else the store or database that lies elsewhere."""
        return next(name for name in (self.agent, self.store, self.database) if name is not None)


class OfDatabase(Part, frozen=True, kw_only=True):
    """What is said of one database."""

    agent: Name | None
    database: Name

    @property
    def whose(self) -> Name:
        """The agent directory, else the database that lies elsewhere."""
        return self.agent or self.database


class RejectRow(Part, frozen=True, kw_only=True):
    """Bytes that can be in no database; they are kept in quarantine."""

    source: Name
    session: Name | None
    code: Code
    offset: Count
    length: Count
    preserved: bool


class RepairRow(Part, frozen=True, kw_only=True):
    """One session that comes back, or whose history is completed, and where that is from."""

    session: Name
    origin: Origin = field(name="from")
    places: Sequence[Name]
    replaces_older: bool
    archived: bool
    events: Count | None


class PlannedDatabase(OfDatabase, frozen=True, kw_only=True):
    """What would be done to one database; ``actions`` counts sessions by what would become of them."""

    stores: Sequence[Name]
    create: bool
    pending: bool
    actions: Actions
    quarantine: Sequence[RejectRow]
    histories: Count
    repairs: Sequence[RepairRow]
    events: Count
    new_events: Count
    expected_rows: Count
    expected_digest: Digest
    peak_bytes: Count


class PlanPart(Part, frozen=True, kw_only=True):
    """What would be done."""

    digest: Digest
    databases: Sequence[PlannedDatabase]


class WrittenDatabase(OfDatabase, frozen=True, kw_only=True):
    """What was done to one database, or the finding that kept it as it was."""

    created: bool
    rows_written: Count
    failure: Code | None
    checkpointed: bool


class RunPart(Part, frozen=True, kw_only=True):
    """One run, with its folder, and how many sources were moved there, or left although they were to be moved.

    ``take_back`` is the command that takes it back.
    """

    id: str
    folder: Name
    databases: Sequence[WrittenDatabase]
    archived_sources: Count
    sources_left: Count
    take_back: CommandLine | None = None


class KnownRunRow(Part, frozen=True, kw_only=True):
    """A run that there is, and what taking it back would do; ``obstacles`` are the findings that it would stop at."""

    id: str
    folder: Name
    began: str | None
    state: str
    takes_back: Undone | None
    obstacles: Sequence[Code]


class PlaceRow(Part, frozen=True, kw_only=True):
    """One place where something of the subject was found."""

    kind: str
    where: Name
    session: Name | None
    session_id: Name | None
    sha256: Digest | None
    updated: str | None
    count: Count | None
    present: Count | None
    verdict: str | None
    why: Sequence[str]
    elsewhere: Sequence[Name]


class EventRow(Part, frozen=True, kw_only=True):
    """One thing that happened to the subject."""

    time: str | None
    what: str
    where: Name


class ExplanationPart(Part, frozen=True, kw_only=True):
    """Everything that is known about one session, file or directory."""

    subjects: Sequence[Name]
    places: Sequence[PlaceRow]
    history: Sequence[EventRow]
    advice: Sequence[str]


class ExportedDatabase(Part, frozen=True, kw_only=True):
    """What was written for one database."""

    database: Name
    place: Name
    sessions: Count
    transcripts: Count
    archives: Count
    events: Count


class ExportPart(Part, frozen=True, kw_only=True):
    """The tree that was written."""

    folder: Name
    databases: Sequence[ExportedDatabase]
    only_in_sqlite: Counts


class ForecastPart(Part, frozen=True, kw_only=True):
    """What OpenClaw's own upgrade would do, and where."""

    releases: str
    filesystems: Sequence[Filesystem]
    forecast: Sequence[ForeseenRow]


class Lazy(Sequence[_Made]):
    """What a function makes of each item. Nothing that it has made is kept."""

    def __init__(self, make: Callable[[_Item], _Made], items: Sequence[_Item]) -> None:
        self._items = items
        self._at: Callable[[int], _Made] = lambda index: make(items[index])
        self._slice: Callable[[slice], Lazy[_Made]] = lambda part: Lazy(make, items[part])

    @overload
    def __getitem__(self, index: int) -> _Made: ...

    @overload
    def __getitem__(self, index: slice) -> Lazy[_Made]: ...

    def __getitem__(self, index: int | slice) -> _Made | Lazy[_Made]:
        """One member, freshly made, or some of them to be made."""
        return self._slice(index) if isinstance(index, slice) else self._at(index)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._items)
