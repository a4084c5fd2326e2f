"""Which history goes into which session: the part of planning that is about transcripts. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from migrator.model.inventory import Database, Inventory, Store, Transcript
from migrator.model.plan import HistoryPlan
from migrator.model.words import HASH_BYTES, Finding, Name
from migrator.openclaw.places.paths import agent_database
from migrator.openclaw.places.session_files import FileKind
from migrator.planning.folding import RecoveredKeys
from migrator.scanning.transcripts import in_order, merged_hashes, owners


def plan_histories(
    inventory: Inventory, stores_of: Mapping[str, list[Store]], recovered: RecoveredKeys
) -> tuple[dict[str, tuple[HistoryPlan, ...]], list[Finding]]:
    """Whose history each transcript is, by database; a history that no entry claims is kept under a recovered key."""
    if not inventory.transcripts:
        return {}, []
    directories = {agent.directory: agent for agent in inventory.agents}
    claimed = owners(inventory.stores, inventory.transcripts, inventory.state_dir, frozenset(directories))
    database_of = dict(inventory.pairs)
    databases = {database.path: database for database in inventory.databases}
    by_agent = {agent.directory: agent_database(agent.path) for agent in inventory.agents}
    by_agent |= {store.agent or "": path for path, stores in stores_of.items() for store in stores}
    keys = {
        (database_of[store.path], entry.session_id): entry.key
        for store in inventory.stores
        for entry in store.entries
        if entry.problem is None
    }
    # An entry in a store that cannot be read may claim a history, so none of its neighbours is known to be unclaimed.
    unread = {database_of[store.path] for store in inventory.stores if store.identity is None}
    sessions: dict[tuple[str, str], list[Transcript]] = {}
    findings = []
    for transcript in inventory.transcripts:
        if transcript.kind != FileKind.TRANSCRIPT.value:
            continue
        if transcript.path in claimed:
            index, session_id = claimed[transcript.path]
            path = database_of[inventory.stores[index].path]
        elif (transcript.hashes or transcript.damage) and (transcript.agent or "") in by_agent:
            path, session_id = by_agent[transcript.agent or ""], _orphan_id(transcript)
            if path in unread:
                continue
            findings.append(Finding("transcript.recovered", Name("transcript", transcript.path)))
        else:
            continue
        sessions.setdefault((path, session_id), []).append(transcript)
    planned: dict[str, list[HistoryPlan]] = {}
    for (path, session_id), files in sorted(sessions.items(), key=lambda item: item[0]):
        if path in databases:
            key = keys.get((path, session_id))
            unclaimed = key is None
            key = key or recovered.give(path, databases[path].agent_id, session_id, session_id)
            history, code = _plan_history(databases[path], session_id, key, unclaimed, in_order(session_id, files))
            planned.setdefault(path, []).append(history)
            if code is not None:
                findings.append(Finding(code, Name("session-id", session_id), (), (Name("database", path),)))
    return {path: tuple(made) for path, made in planned.items()}, findings


def _orphan_id(transcript: Transcript) -> str:
    """The session id for a history that no entry claims: what it says itself, else one made of its content."""
    return transcript.header_id or transcript.named_id or f"orphan-{transcript.identity.sha256[:16]}"


def _plan_history(
    database: Database, session_id: str, key: str, unclaimed: bool, files: tuple[Transcript, ...]
) -> tuple[HistoryPlan, str | None]:
    """Append what the database lacks; where the two histories part, or it has more, leave it and say so."""
    wanted = merged_hashes(files)
    stored = next((t.hashes for t in database.transcripts if t.session_id == session_id), b"")
    code = None
    if not wanted.startswith(stored):
        code = "transcript.database-has-more" if stored.startswith(wanted) else "transcript.diverges"
        wanted = stored
    last_ms = max(file.last_ms for file in files)
    entry = None
    if unclaimed:
        entry = json.dumps(
            {"sessionId": session_id, "updatedAt": last_ms, "archivedAt": last_ms}, separators=(",", ":")
        )
    present = len(stored) // HASH_BYTES
    return HistoryPlan(session_id, key, files, present, wanted, entry, last_ms), code
