"""Which sessions OpenClaw's own upgrade would fold into others, and the key under which each of those survives it.

``doctor --fix`` gives every row the canonical spelling of its key and moves a directory such as ``Retired Agent`` into
its normalized twin. Where two rows then have one key, one of them is dropped (spec: SQLite targets 2.4, B6, B11). The
rows of a loser therefore get the kind of key that OpenClaw itself gives to history without an owner, which it keeps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from migrator.model import Finding, Inventory, Name, Number
from migrator.openclaw.paths import normalize_agent_id
from migrator.openclaw.session_key import database_key, parse_session_key, resolvable


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is to be in ``database``, which belongs to ``directory`` (None: to none)."""

    database: str
    agent_id: str
    directory: str | None
    key: str
    session_id: str
    updated_at: Number


def recovered_key(agent_id: str, session_id: str) -> str:
    """The key of a session whose own key is taken, or is none (2026.9.6, the import of unreferenced history)."""
    return f"agent:{agent_id}:recovered:{session_id.lower()}"


def fold(sessions: Iterable[Session], inventory: Inventory) -> tuple[dict[tuple[str, str], str], list[Finding]]:
    """The key under which each folded session survives, by database and own key, with a finding for each.

    Of sessions that the upgrade takes for one, the newest keeps its key; of equally new ones that of the canonical
    directory, then the one whose key is spelled canonically. A key that no release can resolve is never kept.
    """
    survivors: dict[tuple[str, str], str] = {}
    findings: list[Finding] = []
    groups: dict[tuple[str, str], list[Session]] = defaultdict(list)
    for session in sessions:
        if not resolvable(session.key):
            survivors[session.database, session.key] = recovered_key(session.agent_id, session.session_id)
            findings.append(Finding("entry.unresolvable-key", Name("session", session.key)))
            continue
        canonical = _canonical(session, inventory)
        owner = parse_session_key(canonical).agent
        groups[normalize_agent_id(owner) if owner else session.agent_id, canonical].append(session)
    for (owner, canonical), members in groups.items():
        winner = max(members, key=lambda one: (one.updated_at, one.directory == owner, one.key == canonical))
        taken = {winner.session_id}
        for loser in members:
            if loser.session_id in taken:
                continue
            taken.add(loser.session_id)
            survivors[loser.database, loser.key] = recovered_key(loser.agent_id, loser.session_id)
            findings.append(Finding("entry.folded", Name("session", loser.key), (), (Name("session", winner.key),)))
    return survivors, findings


def _canonical(session: Session, inventory: Inventory) -> str:
    return database_key(
        session.key,
        session.agent_id,
        inventory.main_key,
        inventory.scope,
        main_is_configured="main" in inventory.configured_agents,
    )
