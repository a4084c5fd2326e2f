"""What a real release should list, and how that compares with what it does list: sessions, and one history."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from migrator.model.inventory import RECOVERED, Inventory, Shape, Store, Transcript
from migrator.model.plan import DatabasePlan, Plan
from migrator.model.upgrade import MEMBERS, SESSION_ID, Seen
from migrator.model.words import Number
from migrator.openclaw.places.paths import agent_database
from migrator.openclaw.places.session_key import canonical_key
from migrator.openclaw.text.store import read_member
from migrator.openclaw.text.transcript import LineKind
from migrator.scanning.session_reader import stored_text
from migrator.scanning.sources import raw_entries
from migrator.sqlite.snapshot import open_snapshot

EXCUSES = dict.fromkeys(
    ("runtime-model-cleared", "model-trimmed", "model-route-renamed"), frozenset({"model", "provider"})
)
"""What a named transform may change about how a session shows."""

_CRON_RUN = re.compile(r"agent:[^:]+:cron:[^:]+:run:[^:]+")
_UNOWNED = ("global", "unknown")
_DAY = 24 * 60 * 60 * 1000
_TIDIED = {
    re.compile(r"agent:[^:]+:explicit:model-run-[0-9a-f-]{36}"): _DAY,
    re.compile(r"agent:[^:]+:dashboard:.+"): 7 * _DAY,
    re.compile(r"agent:[^:]+:(?:(?:subagent|acp|acp-bridge|cron|hook|node|explicit):.+|(?:.+:)?heartbeat(?::.+)?)"): 30
    * _DAY,
}
"""The keys of sessions that are of no person, and how many milliseconds of idleness gateways leave them."""
_KINDS = ("main", "subagent", "acp", "cron", "direct", "dm", "group", "channel", "thread", "topic")
_FEW = 6
_MOST_MESSAGES = 200

Row = Mapping[str, object]
"""One session as a release lists it."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A session of a configured agent. ``members`` are those of :data:`MEMBERS` that its entry has.

    ``archived`` says that an upgrade would fold it into another one, so that it is kept as an archived one, ``tidied``
    that a gateway archives or deletes it by itself, because it is of no person and has been idle for long
    (``config/sessions/store-maintenance``, 2026.9.6).
    """

    key: str
    canonical: str
    session_id: str
    archived: bool
    tidied: bool
    members: Mapping[str, object]


def expected(inventory: Inventory, plan: Plan, now: int) -> Iterator[Expected]:
    """Every session that a release must list: those of configured agents, in directories that OpenClaw looks into.

    Left out are entries without a usable session id, which no release can list. ``now`` is the time in milliseconds.
    """
    for planned in plan.databases:
        database = planned.database
        in_directory = agent_database(os.path.join(inventory.state_dir, "agents", database.directory or ""))
        is_read = database.path != in_directory or database.directory == database.agent_id
        if database.agent_id not in inventory.configured_agents or not is_read:
            continue
        folded = {decision.key for decision in planned.decisions if decision.folded or RECOVERED in decision.key}
        for key, (session_id, members, time) in _sessions(planned).items():
            renamed = canonical_key(key, database.agent_id, inventory.main_key, inventory.scope)
            yield Expected(key, renamed, session_id, key in folded, _is_tidied(renamed, time, now), members)


def _is_tidied(key: str, time: Number | None, now: int) -> bool:
    """Whether gateways may have tidied a session away; of what has no time they do not know whether it is idle."""
    return time is not None and any(
        time < now - idle and pattern.fullmatch(key) is not None for pattern, idle in _TIDIED.items()
    )


def _sessions(planned: DatabasePlan) -> dict[str, tuple[str, dict[str, object], Number | None]]:
    """The id, the members and the time of every session that a database has or is to have, by key."""
    read = {index: _entries(store) for index, store in enumerate(planned.stores)}
    found: dict[str, tuple[str, dict[str, object], Number | None]] = {}
    from_rows = {row.key: row for row in planned.database.typed_rows if row.session_id is not None}
    for decision in planned.decisions:
        if decision.source is not None and decision.session_id is not None:
            source = decision.source
            members = read[source.store].get(source.entry.index, {})
            found[decision.key] = (decision.session_id, members, source.entry.updated_at)
            from_rows.pop(decision.key, None)
    if from_rows and planned.database.shape not in (Shape.MISSING, Shape.UNREADABLE):
        with open_snapshot(planned.database.path) as connection:
            for key, row in from_rows.items():
                text = stored_text(connection, key, planned.database.shape) or b""
                found[key] = (str(row.session_id), _members(text.decode("utf-8", "replace")), row.updated_at)
    return found


def _entries(store: Store) -> dict[int, dict[str, object]]:
    """The members of each entry of a store that show in lists, by its index."""
    read = ((entry.index, read_member(raw)) for entry, raw in raw_entries(store))
    return {index: _members(member.text) for index, member in read if member is not None and member.text is not None}


def _members(text: str) -> dict[str, object]:
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {word: entry[name] for word, name in MEMBERS.items() if name in entry} if isinstance(entry, dict) else {}


def compare(wanted: Expected, rows: Mapping[str, Row]) -> tuple[Seen, tuple[str, ...]]:
    """How a session shows in a list by key, and in what it is not as expected."""
    row = rows.get(wanted.key)
    found = Seen.SAME
    if row is None:
        row, found = rows.get(wanted.canonical), Seen.RENAMED
    if row is None or (found is Seen.RENAMED and row.get("sessionId") != wanted.session_id):
        return (Seen.HIDDEN if wanted.archived else Seen.MISSING), ()
    differs = [word for word, value in wanted.members.items() if not _same(value, row.get(MEMBERS[word]))]
    if row.get("sessionId") != wanted.session_id:
        differs.insert(0, SESSION_ID)
    return (Seen.DIFFERS if differs else found), tuple(differs)


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def by_key(rows: Iterable[Row]) -> dict[str, Row]:
    """Listed sessions by their keys."""
    return {str(row.get("key")): row for row in rows}


def is_there(wanted: Expected, rows: Mapping[str, Row]) -> Seen:
    """How a session shows in a list whose rows leave members out, such as those of old releases and of gateways."""
    seen, differs = compare(wanted, rows)
    return Seen.SAME if seen is Seen.DIFFERS and SESSION_ID not in differs else seen


def in_gateway(wanted: Expected, rows: Mapping[str, Row], unowned: bool) -> Seen:
    """How a session shows in the list of a gateway, which shows no single runs of cron jobs (any release).

    What it has tidied away by itself may be missing as well. ``unowned`` says whether it was asked for the sessions
    ``global`` and ``unknown``, too.
    """
    seen = is_there(wanted, rows)
    is_hidden = wanted.tidied or _CRON_RUN.fullmatch(wanted.canonical) or (wanted.key in _UNOWNED and not unowned)
    return Seen.HIDDEN if seen is Seen.MISSING and is_hidden else seen


def excused(differs: Collection[str], transforms: Iterable[str]) -> bool:
    """Whether named transforms explain all that is not as expected."""
    return set(differs) <= {word for name in transforms for word in EXCUSES.get(name, ())}


def candidates(inventory: Inventory, sessions: Iterable[Expected]) -> list[tuple[Expected, Transcript]]:
    """The sessions whose history the gateway is asked for: all where there are few, else the longest of each kind.

    They have a transcript without damage and of a moderate length, which is theirs alone.
    """
    by_id = {one.session_id: one for one in sessions if not (one.archived or one.tidied)}
    fit = [
        (by_id[transcript.header_id], transcript)
        for transcript in inventory.transcripts
        if transcript.header_id in by_id
        and transcript.header_id == transcript.named_id
        and not transcript.damage
        and 0 < dict(transcript.counts).get(LineKind.MESSAGE.value, 0) <= _MOST_MESSAGES
    ]
    fit.sort(key=lambda pair: (-dict(pair[1].counts)[LineKind.MESSAGE.value], pair[0].key))
    if len(fit) <= _FEW:
        return fit
    return list({_kind(wanted.canonical): (wanted, transcript) for wanted, transcript in reversed(fit)}.values())


def _kind(key: str) -> tuple[str, ...]:
    """What sort of conversation a key names: the words in it that many keys share."""
    return tuple(word for word in key.split(":")[2:] if word in _KINDS)
