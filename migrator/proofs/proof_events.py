"""What a proof may say: its events, their fields, and what each field may hold.

An allow-list, because a list of what is secret always misses one (spec: field failures, section 3). No field
holds free text: counts, sizes, digests, versions, labels, and words from closed sets are all that there is.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence

from migrator.findings.checks import CHECKS
from migrator.findings.sayings import SAYINGS
from migrator.findings.table import RULES
from migrator.model.conclusions import OUTCOMES
from migrator.model.inventory import Shape
from migrator.model.plan import Action
from migrator.model.upgrade import MEMBERS, SESSION_ID, Part, Seen, Way
from migrator.model.verification import HistoryVerdict, Verdict
from migrator.openclaw.text.transcript import LineKind

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""A JSON value."""

Validator = Callable[[Json], bool]
"""Whether a value may stand in a field."""

OTHER = "other"
"""Stands for a word outside its closed set: an unheard-of filesystem can carry the name of its owner."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


VERBS = _words("scan plan apply verify prove rollback export explain")
OPTIONS = _words(
    "--state-dir --config --agent --store --expect-agents --expect-sessions --format --output "
    "--proof --names --follow --level --accept --set-aside --evidence "
    "--from --bring-back --reassign --session --archived --report --wait --jobs legacy "
    "--yes --archive-sources --allow-empty --detailed-exitcode --against --quiet "
    "--openclaw-before --openclaw-after --with migrator openclaw both "
    "text json jsonl junit github markdown html auto clear labels bytes known-transforms moved"
)
OPENCLAW_WORDS = _words(
    "openclaw sessions doctor status gateway run call sessions.list chat.history --all-agents --allow-unconfigured "
    "--auth --bind --fix --json --limit --non-interactive --tailscale all loopback off password"
)
"""The words of the commands that a real OpenClaw is given; none of the others is recorded."""
COUNTED = _words(
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

NOT_TESTED = {
    "confinement": "That no process wrote to anything but its copy: this system cannot forbid it.",
    "file-modes": "Owners and modes: this platform has none that could be compared.",
    "gateway": "The lists of a running gateway.",
    "gateway-history": "The history that a gateway gives: no session has one that could be compared.",
    "links-outside": "What links lead to that point out of the state directory.",
    "network": "That no process reached a network: this system cannot cut them off.",
    "openclaw-before": "What the old OpenClaw release lists.",
    "openclaw-reads": "Reading the result with a real OpenClaw release.",
    "power-loss": "A power cut on this machine.",
    "second-run": "A second run on the result.",
    "shape": "The content of databases in a shape that this version cannot read.",
    "transcripts": "The content of transcript files.",
}
"""Everything that a run may leave untested, by code."""


def _one_of(words: Collection[str]) -> Validator:
    return lambda value: isinstance(value, str) and value in words


def _matches(pattern: str) -> Validator:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _any_of(*validators: Validator) -> Validator:
    return lambda value: any(validator(value) for validator in validators)


def _list_of(validator: Validator) -> Validator:
    return lambda value: isinstance(value, list) and all(map(validator, value))


def _map_of(name: Validator, value: Validator) -> Validator:
    return lambda found: isinstance(found, dict) and all(name(key) and value(found[key]) for key in found)


def _none(value: Json) -> bool:
    return value is None


def _flag(value: Json) -> bool:
    return isinstance(value, bool)


def _number(value: Json) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) <= sys.float_info.max  # false for infinity and NaN too


def _count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _integer(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63


def _seconds(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e9


_label = _matches(r"[a-z][a-z-]{1,15}:[0-9a-f]{12}")
_digest = _matches(r"[0-9a-f]{64}")
_version = _matches(r"[0-9]{1,4}(\.[0-9]{1,4}){1,3}([-.]?(a|b|rc|dev|post|alpha|beta)\.?[0-9]{0,4})?[+]?")
_fact_name = _matches(r"[a-z]{1,20}(_[a-z]{1,20}){0,2}")
_verdicts = _map_of(_one_of({verdict.value for verdict in Verdict}), _count)
_histories = _map_of(_one_of({verdict.value for verdict in HistoryVerdict}), _count)
_lines = _map_of(_one_of({kind.value for kind in LineKind}), _count)
_way = _one_of({way.value for way in Way})
_words_of_ours = _any_of(_one_of(VERBS | OPTIONS), _label, _count)
_seen = _one_of({seen.value for seen in Seen})
_actions = _map_of(_one_of({action.value for action in Action}), _count)

EVENTS: dict[str, dict[str, Validator]] = {
    # First: what was called, by what, where. ``plan`` is the digest of the plan that was carried out.
    "begin": {
        "verb": _one_of(VERBS),
        "command": _list_of(_words_of_ours),
        "tool": _version,
        "python": _version,
        "sqlite": _version,
        "os": _one_of(SYSTEMS),
        "machine?": _one_of(MACHINES),
        "filesystem?": _one_of(FILESYSTEMS),
        "openclaw?": _version,
        "openclaw_before?": _version,
        "plan?": _digest,
        "manifest?": _digest,
    },
    # One store. ``entries`` counts its members, ``damaged`` the spans that belong to none, ``quarantined``
    # what of both cannot go into a database. Size and digests are null where the file could not be read.
    "source": {
        "store": _label,
        "agent": _any_of(_label, _none),
        "database": _label,
        "size": _any_of(_count, _none),
        "sha256_before": _any_of(_digest, _none),
        "sha256_after": _any_of(_digest, _none),
        "entries": _count,
        "damaged": _count,
        "quarantined": _count,
        "transforms?": _map_of(_matches(r"[a-z][a-z0-9]*(-[a-z0-9]+){0,5}"), _count),
        "verdicts?": _verdicts,
    },
    # One database. ``version`` is its agent schema, ``rows`` counts its sessions.
    "database": {
        "database": _label,
        "agent": _any_of(_label, _none),
        "shape": _one_of({shape.value for shape in Shape}),
        "version": _any_of(_integer, _none),
        "content_digest": _any_of(_digest, _none),
        "rows": _count,
        "verdicts?": _verdicts,
        "actions?": _actions,
    },
    # One transcript. Of its ``events``, ``present`` are in the database; ``lines`` has every line by kind.
    "transcript": {
        "transcript": _label,
        "database": _label,
        "verdict": _one_of({verdict.value for verdict in HistoryVerdict}),
        "events": _count,
        "present": _count,
        "lines": _lines,
    },
    # One command of a proof of an upgrade; of OpenClaw, if there is a release. ``part`` is what it was for, ``way``
    # the copy that it ran on; ``exit_code`` is null if it was ended. Files are those that it has created, changed and
    # removed there.
    "step": {
        "part": _one_of({part.value for part in Part}),
        "way": _any_of(_way, _none),
        "release": _any_of(_version, _none),
        "command": _list_of(_any_of(_one_of(OPENCLAW_WORDS | {"migrator"}), _words_of_ours)),
        "exit_code": _any_of(_count, _none),
        "seconds": _seconds,
        "counts": _map_of(_one_of(COUNTED), _count),
        "created": _list_of(_label),
        "changed": _list_of(_label),
        "removed": _list_of(_label),
        "sayings": _list_of(_one_of(SAYINGS)),
    },
    # How one session of a configured agent shows in the list of the old release, of the new one and of its gateway.
    "listed": {
        "way": _way,
        "session": _label,
        "session_id": _label,
        "before": _seen,
        "after": _seen,
        "gateway": _seen,
        "differs": _list_of(_one_of({*MEMBERS, SESSION_ID})),
        "tokens": _any_of(_count, _none),
    },
    # The outcome of one way of upgrading.
    "trial": {
        "way": _way,
        "verdict": _one_of(OUTCOMES),
        "exit_code": _count,
        "sessions": _count,
        "events": _count,
        "present": _count,
        "verdicts": _verdicts,
        "transcripts": _histories,
        "failed": _list_of(_one_of(CHECKS)),
    },
    # One finding; ``more`` further ones of its code are counted only.
    "finding": {
        "code": _one_of(RULES),
        "subject": _label,
        "facts": _map_of(_fact_name, _number),
        "others": _list_of(_label),
        "more?": _count,
    },
    "check": {"name": _one_of(CHECKS), "passed": _flag, "subject?": _label},
    "not-tested": {"code": _one_of(NOT_TESTED)},
    # ``sessions`` counts the entries of all stores.
    "totals": {
        "agents": _count,
        "stores": _count,
        "sessions": _count,
        "verdict": _one_of(OUTCOMES),
        "verdicts?": _verdicts,
        "actions?": _actions,
        "transcripts?": _histories,
    },
    # Last: how many events there are, this one too, and how many findings of each code. Memory is in bytes.
    "end": {
        "events": _count,
        "findings": _map_of(_one_of(RULES), _count),
        "exit_code": _count,
        "seconds?": _seconds,
        "peak_memory?": _count,
    },
}
"""Every event, with its fields and what they may hold. A question mark makes a field optional."""

_VALIDATORS = {
    event: {name.rstrip("?"): validator for name, validator in fields.items()} for event, fields in EVENTS.items()
}
_REQUIRED = {event: frozenset(name for name in fields if not name.endswith("?")) for event, fields in EVENTS.items()}


def known(word: str, words: Collection[str]) -> str:
    """Give a word that the host told us if it is in its closed set, and ``other`` if it is not."""
    return word if word in words else OTHER


def fault_in(event: str, facts: Mapping[str, Json]) -> str | None:
    """Say what is not allowed about an event, without repeating any of it; None if all of it is."""
    if event not in EVENTS:
        return "is no known event"
    validators, required = _VALIDATORS[event], _REQUIRED[event]
    if not facts.keys() <= validators.keys():
        return f"has a field that {event} does not have"
    if missing := required - facts.keys():
        return f"lacks the field {min(missing)}"
    for name, value in facts.items():
        if not validators[name](value):
            return f"has a value in the field {name} that is not allowed there"
    return None
