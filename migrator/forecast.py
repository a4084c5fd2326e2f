"""Forecast: what OpenClaw's own upgrade would do to this very installation, if nothing was done before. Pure.

Each finding names the thing, what would happen to it, and what prevents that. Seen with ``doctor --fix`` of 2026.8.2
and 2026.9.6 (spec: SQLite targets, section 3, whose B-numbers stand here). What forbids this program itself to begin
is the matter of :mod:`migrator.preflight`.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from migrator.folding import Session, groups
from migrator.model import HASH_BYTES, Entry, Finding, Inventory, Name, Number, Shape, Store, StoreKind, Transcript
from migrator.openclaw.entry import REPLACE_KEY_SURROGATES
from migrator.openclaw.hazards import LOSES_ENTRY
from migrator.openclaw.paths import normalize_agent_id
from migrator.openclaw.session_files import FileKind
from migrator.openclaw.session_key import canonical_key
from migrator.openclaw.transcript import LineKind
from migrator.sources import DUPLICATE_KEY

RELEASES = "2026.8.2 to 2026.9.6"
"""The releases whose upgrade was run and read."""

_LIVE = (StoreKind.AGENT, StoreKind.CONFIGURED, StoreKind.ROOT)
_GENERATED_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
"""The session ids that the importer recognizes within a longer file name (``generated-transcript-session-id``)."""


@dataclass(frozen=True, slots=True)
class _Keyed:
    """An entry that the upgrade would look at, with the key that it would give it."""

    store: Store
    entry: Entry
    canonical: str

    @property
    def name(self) -> Name:
        return Name("session", self.entry.key)

    @property
    def renamed(self) -> bool:
        return self.canonical != self.entry.key


def forecast(inventory: Inventory) -> tuple[Finding, ...]:
    """Everything that the upgrade would lose, stop at, hide or change; blocks first, since nothing comes after one."""
    live = [store for store in inventory.stores if store.identity is not None and _is_live(store)]
    keyed = [_keyed(inventory, store, entry) for store in live for entry in store.entries]
    renaming = {one.store.path for one in keyed if one.renamed and one.entry.problem is None}
    refused = {store.path for store in live if not _is_read(store, renaming)}
    findings = [
        *_refused_stores(live, refused),
        *_old_databases(inventory),
        *_hard_links(inventory, live),
        *(finding for one in keyed for finding in _on_entry(one)),
        *_stale_entries(inventory, keyed),
        *_folded(inventory, keyed),
        *_histories(inventory, [store for store in live if store.path not in refused]),
        *_agents(inventory, live),
        *_rewritten_stores(inventory, live, keyed),
    ]
    order = ("blocks", "loses", "hides", "changes")
    return tuple(sorted(findings, key=lambda finding: order.index(effect(finding.code))))


def effect(code: str) -> str:
    """What a finding of a forecast is about: "blocks", "loses", "hides" or "changes"; "host" for its surroundings."""
    family, _, rest = code.partition(".")
    return rest.partition("-")[0] if family == "upgrade" else family


def _is_live(store: Store) -> bool:
    return store.kind in _LIVE or (store.kind is StoreKind.EXPLICIT and store.agent is not None)


def _keyed(inventory: Inventory, store: Store, entry: Entry) -> _Keyed:
    agent = _agent_id(inventory, store)
    return _Keyed(store, entry, canonical_key(entry.key, agent, inventory.main_key, inventory.scope))


def _agent_id(inventory: Inventory, store: Store) -> str:
    """The agent that a store belongs to for OpenClaw."""
    if store.agent is not None:
        return normalize_agent_id(store.agent)
    database = dict(inventory.pairs)[store.path]
    return next((one.agent_id for one in inventory.databases if one.path == database), "main")


def _is_read(store: Store, renaming: set[str]) -> bool:
    """Whether the importer can read a store (B17): strict JSON, or JSON5 that is rewritten first for its keys (B4)."""
    return store.strict or (not store.damage and store.path in renaming)


def _refused_stores(live: list[Store], refused: set[str]) -> Iterator[Finding]:
    for store in live:
        if store.path in refused:
            yield Finding("upgrade.blocks-store", _whose(store))


def _whose(store: Store) -> Name:
    return Name("agent", store.agent) if store.agent is not None else Name("store", store.path)


def _old_databases(inventory: Inventory) -> Iterator[Finding]:
    """B3."""
    for database in inventory.databases:
        if database.shape is Shape.V1:
            yield Finding("upgrade.blocks-once", Name("database", database.path))


def _hard_links(inventory: Inventory, live: list[Store]) -> Iterator[Finding]:
    for store in live:
        if store.identity is not None and store.identity.links > 1:
            yield Finding("upgrade.blocks-hard-link", Name("store", store.path))
    for transcript in inventory.transcripts:
        if transcript.kind == FileKind.TRANSCRIPT.value and transcript.identity.links > 1:
            yield Finding("upgrade.blocks-hard-link", Name("transcript", transcript.path))


def _on_entry(one: _Keyed) -> Iterator[Finding]:
    """B9 to B15: what an entry does all by itself."""
    place = (Name("store", one.store.path),)
    for code in one.entry.hazards:
        yield Finding(code, one.name, (), place)
    if one.entry.problem == DUPLICATE_KEY:
        yield Finding("upgrade.loses-duplicate", one.name, (), place)
    if REPLACE_KEY_SURROGATES in one.entry.transforms:
        yield Finding("upgrade.blocks-key", one.name, (), place)


def _is_imported(entry: Entry) -> bool:
    return entry.problem is None and LOSES_ENTRY not in entry.hazards


def _stale_entries(inventory: Inventory, keyed: list[_Keyed]) -> Iterator[Finding]:
    """B1."""
    times: dict[tuple[str, str], Number] = {
        (database.path, row.key): row.updated_at or 0 for database in inventory.databases for row in database.typed_rows
    }
    database_of = dict(inventory.pairs)
    for one in keyed:
        path = database_of[one.store.path]
        stored = times.get((path, one.canonical), times.get((path, one.entry.key), 0))
        if _is_imported(one.entry) and stored > (one.entry.updated_at or 0):
            yield Finding("upgrade.loses-newer", one.name, (), (Name("database", path),))


def _folded(inventory: Inventory, keyed: list[_Keyed]) -> Iterator[Finding]:
    """B6 and B11: entries that would get the key of a newer one, in the same store or in that of a twin directory."""
    database_of = dict(inventory.pairs)
    canonical: dict[Session, str] = {}
    for one in keyed:
        if _is_imported(one.entry):
            agent, path = _agent_id(inventory, one.store), database_of[one.store.path]
            session_id, updated_at = one.entry.session_id or "", one.entry.updated_at or 0
            session = Session(path, agent, one.store.agent, one.entry.key, session_id, updated_at)
            canonical[session] = one.canonical
    for winner, losers in groups(canonical):
        for loser in losers:
            code = "upgrade.loses-alias" if loser.database == winner.database else "upgrade.loses-twin"
            yield Finding(code, Name("session", loser.key), (), (Name("session", winner.key),))


def _histories(inventory: Inventory, read: list[Store]) -> Iterator[Finding]:
    """B2 and B8: what the importer leaves of the transcripts beside the stores that it reads."""
    referenced: dict[str, set[str]] = defaultdict(set)
    for store in read:
        folder = os.path.dirname(store.path)
        for entry in store.entries:
            if entry.problem is None and entry.session_id is not None:
                named = entry.session_file or ""
                referenced[folder] |= {f"{entry.session_id}.jsonl", re.split(r"[\\/]", named)[-1], named}
        referenced[folder].add("")
    for transcript in inventory.transcripts:
        folder = os.path.dirname(transcript.path)
        if transcript.kind != FileKind.TRANSCRIPT.value or folder not in referenced:
            continue
        name, events = Name("transcript", transcript.path), len(transcript.hashes) // HASH_BYTES
        if {os.path.basename(transcript.path), transcript.path} & referenced[folder] or _is_recovered(
            transcript, referenced[folder], inventory
        ):
            if transcript.stranded:
                yield Finding("upgrade.loses-history", name, (("count", transcript.stranded),))
        elif events:
            yield Finding("upgrade.loses-transcript", name, (("count", events),))


def _is_recovered(transcript: Transcript, referenced: set[str], inventory: Inventory) -> bool:
    """Whether the importer gives a file that no entry points to a session (``doctor-session-sqlite-readers``).

    It does if header and file name agree, there is a message in it, and no file of that session is imported already.
    """
    named = transcript.named_id or ""
    own = f"{named}.jsonl"
    if Path(transcript.path).name != own and not _GENERATED_ID.fullmatch(named):
        return False
    primary = os.path.join(os.path.dirname(transcript.path), own)
    taken = own in referenced and any(one.path == primary for one in inventory.transcripts)
    return transcript.header_id == named and dict(transcript.counts).get(LineKind.MESSAGE.value, 0) > 0 and not taken


def _agents(inventory: Inventory, live: list[Store]) -> Iterator[Finding]:
    """B6 and B7: directories under another name than their id, and agents that no release lists."""
    filled = {store.agent for store in live if store.entries}
    filled |= {Path(database.path).parent.parent.name for database in inventory.databases if database.typed_rows}
    for agent in inventory.agents:
        if agent.directory in filled and agent.directory != agent.normalized_id:
            yield Finding("upgrade.changes-directory", Name("agent", agent.directory))
        if agent.directory in filled and agent.normalized_id not in inventory.configured_agents:
            yield Finding("upgrade.hides-agent", Name("agent", agent.directory))


def _rewritten_stores(inventory: Inventory, live: list[Store], keyed: list[_Keyed]) -> Iterator[Finding]:
    """B4, B5 and the changes of 2.3 that every entry goes through."""
    shapes = {database.path: database.shape for database in inventory.databases}
    database_of = dict(inventory.pairs)
    renamed: dict[str, int] = defaultdict(int)
    for one in keyed:
        renamed[one.store.path] += one.renamed and one.entry.problem is None
    for store in live:
        name, count = _whose(store), sum(map(_is_imported, store.entries))
        if not count:
            continue
        if shapes.get(database_of[store.path]) in (None, Shape.MISSING, Shape.EMPTY):
            yield Finding("upgrade.hides-sessions", name, (("count", count),))
        yield Finding("upgrade.changes-entries", name, (("count", count),))
        if renamed[store.path]:
            yield Finding("upgrade.changes-store", name, (("count", renamed[store.path]),))
