"""Which sessions OpenClaw's own upgrade would fold into others, and the key under which each of those survives it.

``doctor --fix`` gives every row the canonical spelling of its key and moves a directory such as ``Retired Agent`` into
its normalized twin. Where two rows then have one key, one of them is dropped (``migrator/openclaw/README.md``:
"twins folded", "duplicate key lost"). The rows of a loser therefore get the kind of key that OpenClaw itself gives to
history without an owner, which it keeps.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from hashlib import sha256

from msgspec import Struct

from migrator.model.inventory import RECOVERED, Database, Inventory, StoredTranscript
from migrator.model.words import Finding, Name, Number
from migrator.openclaw.places.paths import normalize_agent_id
from migrator.openclaw.places.session_key import database_key, parse_session_key, resolvable


class Session(Struct, frozen=True, gc=False):
    """A session that is to be in ``database``, which belongs to ``directory`` (None: to none)."""

    database: str
    agent_id: str
    directory: str | None
    key: str
    session_id: str
    updated_at: Number


def is_gateways(database: Database) -> bool:
    """Whether gateways open a database: none looks into a directory whose name is not its own normalized id."""
    return database.directory is None or normalize_agent_id(database.directory) == database.directory


def deleted_by_gateway(database: Database) -> Iterator[StoredTranscript]:
    """What was said in the sessions that a person or a gateway deleted, which keeps it in an archive.

    In a directory that no gateway opens only the upgrade deletes, when it folds twins; that is no wish of anybody.
    """
    return (one for one in database.archives if one.archive == "deleted" and is_gateways(database))


def recovered_keys(agent_id: str, session_id: str, apart: str) -> tuple[str, str]:
    """The key of a session whose own key is taken, or is none, and the one to use if that is taken as well.

    The first is what 2026.9.6 gives to history that nothing refers to. ``apart`` tells sessions with the same id, or
    with ids that differ in case only, from each other.
    """
    key = f"agent:{agent_id}{RECOVERED}{session_id.lower()}"
    return key, f"{key}-{sha256(apart.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


class RecoveredKeys:
    """Gives out recovered keys, no two alike in one database, and none that another session has there already.

    ``holders`` gives the session ids that the keys of databases and stores stand for, by database and key; few
    installations need a recovered key, so it is only then asked.
    """

    def __init__(self, holders: Callable[[], Mapping[tuple[str, str], str | None]]) -> None:
        self._holders = cache(holders)
        self._given: set[tuple[str, str]] = set()

    def give(self, database: str, agent_id: str, session_id: str, apart: str) -> str:
        """A key for a session; the same one at each run, as long as the same sessions are there."""
        first, second = recovered_keys(agent_id, session_id, apart)
        place = (database, first)
        if place in self._given or self._holders().get(place, session_id) != session_id:
            return second
        self._given.add(place)
        return first


def fold(
    sessions: Iterable[Session], inventory: Inventory, keys: RecoveredKeys
) -> tuple[dict[tuple[str, str], str], list[Finding]]:
    """The key under which each folded session survives, by database and own key, with a finding for each.

    Of sessions that the upgrade takes for one, the winner of its group keeps its key. A key that no release can resolve
    is never kept.
    """
    survivors: dict[tuple[str, str], str] = {}
    findings: list[Finding] = []
    ordered = sorted(sessions, key=lambda one: (one.database, one.key))
    places = array("q")  # hashes, because nearly every session has a place of its own
    for session in ordered:
        places.append(hash(_place(session, _canonical(session, inventory))))
        if not resolvable(session.key):
            survivors[session.database, session.key] = keys.give(
                session.database, session.agent_id, session.session_id, session.key
            )
            findings.append(Finding("entry.unresolvable-key", Name("session", session.key)))
    shared = {place for place, count in Counter(places).items() if count > 1}
    together = (one for one, place in zip(ordered, places, strict=True) if place in shared and resolvable(one.key))
    for winner, losers in groups({session: _canonical(session, inventory) for session in together}):
        taken = {winner.session_id}
        for loser in losers:
            if loser.session_id in taken:
                continue
            taken.add(loser.session_id)
            survivors[loser.database, loser.key] = keys.give(
                loser.database, loser.agent_id, loser.session_id, loser.key
            )
            findings.append(Finding("entry.folded", Name("session", loser.key), (), (Name("session", winner.key),)))
    return survivors, findings


def groups(canonical: Mapping[Session, str]) -> Iterator[tuple[Session, tuple[Session, ...]]]:
    """The sessions that get one key and go into one database, given with their canonical keys: the winner, the others.

    The newest wins; of equally new ones that of the canonical directory, then the one whose key is spelled canonically.
    """
    found: dict[tuple[str, str], list[Session]] = defaultdict(list)
    for session, key in canonical.items():
        found[_place(session, key)].append(session)
    for (owner, key), members in found.items():
        winner = max(members, key=lambda one: (one.updated_at, one.directory == owner, one.key == key))
        yield winner, tuple(one for one in members if one is not winner)


def _place(session: Session, canonical: str) -> tuple[str, str]:
    """The agent into whose database a session goes, and its key there."""
    owner = parse_session_key(canonical).agent
    return normalize_agent_id(owner) if owner else session.agent_id, canonical


def _canonical(session: Session, inventory: Inventory) -> str:
    return database_key(
        session.key,
        session.agent_id,
        inventory.main_key,
        inventory.scope,
        main_is_configured="main" in inventory.configured_agents,
    )
