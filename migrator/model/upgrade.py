"""What proving an upgrade finds out, as plain data: which commands ran, what they changed, what they showed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from migrator.model.verification import Check, Verification
from migrator.model.words import Name

MEMBERS = {
    "model": "model",
    "provider": "modelProvider",
    "tokens": "totalTokens",
    "input-tokens": "inputTokens",
    "output-tokens": "outputTokens",
    "label": "label",
}
"""What must show as the source has it, if the source has it: our word, and the member's name everywhere."""

SESSION_ID = "session-id"


class Way(str, Enum):
    """Who moves the sessions into SQLite."""

    MIGRATOR = "migrator"  # this program; the new release upgrades what it has written
    OPENCLAW = "openclaw"  # the new release alone


class Part(str, Enum):
    """The parts of a proof, in the order in which they are shown."""

    SCAN = "scan"
    BEFORE = "before"
    MIGRATE = "migrate"
    AFTER = "after"
    VERIFY = "verify"
    AGAIN = "again"


class Seen(str, Enum):
    """How a session, or a history, shows in a real release."""

    SAME = "same"  # with the same key, session id, model, tokens and label
    RENAMED = "renamed"  # the same under the canonical spelling of its key
    DIFFERS = "differs"
    HIDDEN = "hidden"  # no release lists it here, or it is archived
    MISSING = "missing"
    NOT_ASKED = "not-asked"


@dataclass(frozen=True, slots=True)
class FileChanges:
    """Paths of files relative to the state directory."""

    created: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """One command: of this program where ``release`` is None, else of that release of OpenClaw.

    ``exit_code`` is None if it did not end in time. ``sayings`` are what of its output is known, by the codes of
    ``migrator.findings.upgrades``, ``last_words`` the end of the output of a failed command, which may name anybody.
    """

    part: Part
    way: Way | None
    release: str | None
    command: tuple[Name | str | int, ...]
    exit_code: int | None
    seconds: float
    counts: tuple[tuple[str, int], ...] = ()
    files: FileChanges = FileChanges()
    sayings: tuple[str, ...] = ()
    last_words: str = ""
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class ListedSession:
    """How one session of a configured agent shows in the lists of the old release, the new one, and its gateway.

    ``differs`` are the members that are not as in the source, ``excused`` those among them that a named transform
    of the verification explains. ``tokens`` is what the new release says, None for nothing.
    """

    session: Name
    session_id: Name
    before: Seen
    after: Seen
    gateway: Seen
    differs: tuple[str, ...] = ()
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One way of upgrading one private copy. ``word`` and ``exit_code`` are its verdict.

    ``verification`` is None if nothing was migrated; ``checks`` are those that it does not make.
    """

    way: Way
    word: str
    exit_code: int
    records: tuple[Record, ...]
    verification: Verification | None
    sessions: tuple[ListedSession, ...] = ()
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Upgrade:
    """All that was found out; the first trial is the one that counts.

    ``manifest`` is the digest of all files of the original (see :class:`migrator.upgrades.private_copy.Tree`),
    ``untouched`` whether it was the same afterwards. ``isolated`` says that the processes were cut off from all
    networks, ``confined`` that they could write to nothing but the copies.
    """

    before: str | None
    after: str | None
    manifest: str
    untouched: bool
    isolated: bool
    confined: bool
    records: tuple[Record, ...]
    trials: tuple[Trial, ...]
    links_left_out: int = 0
