"""What a proof may say: its events as classes, with what each field may hold.

An allow-list, because a list of what is secret always misses one. No field holds free text: counts, sizes, digests,
versions, labels, and words from closed sets are all that there is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Annotated, TypeVar, get_args

from msgspec import UNSET, Meta, Struct, UnsetType

from migrator.findings.checks import CHECKS, NOT_TESTED
from migrator.findings.table import RULES
from migrator.findings.upgrades import SAYINGS
from migrator.model.conclusions import OUTCOMES
from migrator.model.inventory import Shape
from migrator.model.plan import Action
from migrator.model.upgrade import MEMBERS, SESSION_ID, Part, Seen, Way
from migrator.model.verification import ACCEPTABLE, HistoryVerdict, Verdict
from migrator.openclaw.text.transcript import LineKind

_OTHER = "other"
"""Stands for a word outside its closed set: an unheard-of filesystem can carry the name of its owner."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


VERBS = _words("scan plan apply verify prove rollback export explain")
OPTIONS = _words(
    "--state-dir --config --agent --store --expect-agents --expect-sessions --format --output "
    "--proof --names --follow --level --accept --set-aside --evidence "
    "--from --bring-back --reassign --session --archived --report --wait --jobs legacy "
    "--yes --archive-sources --allow-empty --detailed-exitcode --against --quiet --all "
    "--old --new --install --smoke --without-openclaw --with migrator openclaw both "
    "text json junit github markdown html auto clear labels bytes known-transforms moved deleted"
)
OPENCLAW_WORDS = _words(
    "openclaw sessions doctor status gateway run call sessions.list chat.history --all-agents --allow-unconfigured "
    "--auth --bind --fix --json --limit --non-interactive --tailscale --version all loopback off password"
)
"""The words of the commands that a real OpenClaw is given; none of the others is recorded."""
_COUNTED = _words(
    "agents stores sessions transcripts rows_written sources_archived sessions_arrived sessions_expected "
    "events_arrived events_expected missing changed moved databases_to_write quarantined "
    "events findings listed messages"
)
"""What the commands of a proof of an upgrade count."""
SYSTEMS = _words("Linux Darwin Windows FreeBSD OpenBSD other")
MACHINES = _words("x86_64 AMD64 aarch64 arm64 ARM64 armv7l riscv64 i686 other")
FILESYSTEMS = _words(
    "ext2 ext3 ext4 xfs btrfs zfs f2fs bcachefs apfs hfs ntfs ntfs3 exfat vfat tmpfs ramfs overlay squashfs "
    "nfs nfs4 cifs smb3 smbfs 9p virtiofs fuse fuseblk fuse.sshfs ceph gfs2 ecryptfs other"
)


def known(word: str, words: Collection[str]) -> str:
    """Give a word that the host told us if it is in its closed set, and ``other`` if it is not."""
    return word if word in words else _OTHER


START = "0" * 64
"""What the first line has in the place of the hash of the line before it."""


_LABEL = r"[a-z][a-z-]{1,15}:[0-9a-f]{12}"
_VERSION = r"[0-9]{1,4}(?:\.[0-9]{1,4}){1,3}(?:[-.]?(?:a|b|rc|dev|post|alpha|beta)\.?[0-9]{0,4})?[+]?"


def _matches(pattern: str) -> Meta:
    return Meta(pattern=rf"\A(?:{pattern})\Z")


def _any_of(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


_LARGEST = (1 << 63) - 1
Count = Annotated[int, Meta(ge=0, le=_LARGEST)]
Integer = Annotated[int, Meta(ge=-_LARGEST, le=_LARGEST)]
Seconds = Annotated[float, Meta(ge=0, lt=1e9)]
Label = Annotated[str, _matches(_LABEL)]
Digest = Annotated[str, _matches("[0-9a-f]{64}")]
Version = Annotated[str, _matches(_VERSION)]
Time = Annotated[
    str,
    _matches(
        "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9][.][0-9]{3}Z"
    ),
]
Word = Annotated[str, _matches(f"{_any_of(VERBS | OPTIONS)}|{_LABEL}")]
StepWord = Annotated[str, _matches(f"{_any_of(VERBS | OPTIONS | OPENCLAW_WORDS | {'migrator'})}|{_LABEL}")]
Verb = Annotated[str, _matches(_any_of(VERBS))]
System = Annotated[str, _matches(_any_of(SYSTEMS))]
Machine = Annotated[str, _matches(_any_of(MACHINES))]
FilesystemKind = Annotated[str, _matches(_any_of(FILESYSTEMS))]
Counted = Annotated[str, _matches(_any_of(_COUNTED))]
Saying = Annotated[str, _matches(_any_of(SAYINGS))]
Member = Annotated[str, _matches(_any_of({*MEMBERS, SESSION_ID}))]
CheckName = Annotated[str, _matches(_any_of(CHECKS))]
Code = Annotated[str, _matches(_any_of(RULES))]
Gap = Annotated[str, _matches(_any_of(NOT_TESTED))]
VerdictWord = Annotated[str, _matches(_any_of(OUTCOMES))]
FactName = Annotated[str, _matches("[a-z]{1,20}(?:_[a-z]{1,20}){0,2}")]
Change = Annotated[str, _matches("[a-z][a-z0-9]*(?:-[a-z0-9]+){0,5}")]


def _tag_of(name: str) -> str:
    return "not-tested" if name == "NotTested" else name.lower()


class Event(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="event", tag=_tag_of):
    """One line of a log: its number from 0, the hash of the line before, and when it happened."""

    n: Count = 0
    prev: Digest = START
    at: Time = "1970-01-01T00:00:00.000Z"

    @property
    def line(self) -> int:
        """The number of its line, from 1."""
        return self.n + 1


class Begin(Event, frozen=True, kw_only=True):
    """First: what was called, by what, where. ``plan`` is the digest of the plan that was carried out.

    The ``manifest`` is that of all files of the state directory, before an upgrade was tried.
    """

    command: tuple[Count | Word, ...]
    filesystem: FilesystemKind
    machine: Machine
    manifest: Digest | UnsetType = UNSET
    openclaw: Version | UnsetType = UNSET
    openclaw_before: Version | UnsetType = UNSET
    os: System
    plan: Digest | UnsetType = UNSET
    python: Version
    sqlite: Version
    tool: Version
    verb: Verb

    @property
    def accepted(self) -> tuple[str, ...]:
        """The verdicts that the caller did not want to be counted as differences."""
        return tuple(word.value for word in ACCEPTABLE if word.value in self.command)


class Agent(Event, frozen=True, kw_only=True):
    """One agent directory that holds anything, with the numbers of its stores and databases in the log."""

    agent: Label
    databases: Count
    stores: Count


class Source(Event, frozen=True, kw_only=True):
    """One store, or one older database whose rows are judged by.

    ``entries`` counts its members, ``damaged`` the spans that belong to none, ``quarantined`` what of both cannot go
    into a database. Size and digests are null where the file could not be read.
    """

    agent: Label | None
    damaged: Count
    database: Label
    entries: Count
    quarantined: Count
    sha256_after: Digest | None
    sha256_before: Digest | None
    size: Count | None
    store: Label
    transforms: dict[Change, Count]
    verdicts: dict[Verdict, Count] | UnsetType = UNSET

    @property
    def is_unchanged(self) -> bool:
        """Whether it could be read, and is what it was before."""
        return self.sha256_before is not None and self.sha256_before == self.sha256_after


class Database(Event, frozen=True, kw_only=True):
    """One database. ``version`` is its agent schema; ``rows`` counts its sessions, ``events`` those of transcripts.

    ``extra_events`` counts what is in the database only, where it is judged.

    ``written`` says that the run of this log was to write to it.
    """

    actions: dict[Action, Count] | UnsetType = UNSET
    agent: Label | None
    content_digest: Digest | None
    database: Label
    events: Count
    extra_events: Count | UnsetType = UNSET
    rows: Count
    shape: Shape
    sources: Count
    transcripts: Count
    verdicts: dict[Verdict, Count] | UnsetType = UNSET
    version: Integer | None
    written: bool

    @property
    def is_judged(self) -> bool:
        """Whether somebody has looked into it, and compared it with its sources."""
        return isinstance(self.verdicts, dict)


class Transcript(Event, frozen=True, kw_only=True):
    """One transcript. Of its ``events``, ``present`` are in the database; ``lines`` has every line by kind."""

    database: Label
    events: Count
    lines: dict[LineKind, Count]
    present: Count
    transcript: Label
    verdict: HistoryVerdict


class Step(Event, frozen=True, kw_only=True):
    """One command of a proof of an upgrade, which ended at its time; of OpenClaw, if there is a release.

    ``part`` is what it was for, ``way`` the copy that it ran on; ``exit_code`` is null if it was ended. Files are those
    that it has created, changed and removed there.
    """

    changed: tuple[Label, ...]
    command: tuple[Count | StepWord, ...]
    counts: dict[Counted, Count]
    created: tuple[Label, ...]
    exit_code: Count | None
    part: Part
    release: Version | None
    removed: tuple[Label, ...]
    sayings: tuple[Saying, ...]
    seconds: Seconds
    way: Way | None


class Listed(Event, frozen=True, kw_only=True):
    """How one session of a configured agent shows in the list of the old release, of the new one and of its gateway."""

    after: Seen
    before: Seen
    differs: tuple[Member, ...]
    gateway: Seen
    session: Label
    session_id: Label
    tokens: Count | None
    way: Way


class Trial(Event, frozen=True, kw_only=True):
    """The outcome of one way of upgrading.

    ``isolated`` says that its processes were cut off from all networks, ``confined`` that they could write to nothing
    but the copy; ``links_left_out`` counts the links out of the state directory, which the copy lacks. ``after``,
    ``before`` and ``gateway`` count how its sessions show in each list.
    """

    after: dict[Seen, Count]
    before: dict[Seen, Count]
    confined: bool
    events: Count
    exit_code: Count
    failed: tuple[CheckName, ...]
    gateway: dict[Seen, Count]
    isolated: bool
    links_left_out: Count
    listed: Count
    present: Count
    sessions: Count
    steps: Count
    transcripts: dict[HistoryVerdict, Count]
    verdict: VerdictWord
    verdicts: dict[Verdict, Count]
    way: Way


class Finding(Event, frozen=True, kw_only=True):
    """One finding; ``more`` further ones of its code are counted only."""

    code: Code
    facts: dict[FactName, Integer | float]
    more: Count | UnsetType = UNSET
    others: tuple[Label, ...]
    subject: Label


class Check(Event, frozen=True, kw_only=True):
    """One property of a database, or of the whole, and whether it holds."""

    name: CheckName
    passed: bool
    subject: Label | UnsetType = UNSET


class NotTested(Event, frozen=True, kw_only=True):
    """Something that was not looked at."""

    code: Gap


class Totals(Event, frozen=True, kw_only=True):
    """The sums. ``sessions`` counts the entries of all stores, ``bytes`` what they hold, ``failed`` checks."""

    actions: dict[Action, Count] | UnsetType = UNSET
    agents: Count
    bytes: Count
    checks: Count
    databases: Count
    events: Count
    extra_events: Count
    failed: Count
    lines: dict[LineKind, Count]
    present: Count
    rows: Count
    sessions: Count
    stores: Count
    transcripts: dict[HistoryVerdict, Count] | UnsetType = UNSET
    transforms: dict[Change, Count]
    verdict: VerdictWord
    verdicts: dict[Verdict, Count] | UnsetType = UNSET
    written: Count


class End(Event, frozen=True, kw_only=True):
    """Last: how many events there are, this one too, and how many findings of each code."""

    events: Count
    exit_code: Count
    findings: dict[Code, Count]


AnyEvent = (
    Begin | Agent | Source | Database | Transcript | Step | Listed | Trial | Finding | Check | NotTested | Totals | End
)

EVENTS: dict[str, type[Event]] = {_tag_of(kind.__name__): kind for kind in get_args(AnyEvent)}
"""Every event by its name."""

_Value = TypeVar("_Value")


def given(value: _Value | UnsetType, default: _Value) -> _Value:
    """The value of a field, or what stands for it where the event does not have it."""
    return default if isinstance(value, UnsetType) else value
