"""Forecast: what OpenClaw's own upgrade would do to this very installation, if nothing was done before. Pure.

Each finding names the thing, what would happen to it, and what prevents that. Seen with ``doctor --fix`` of 2026.8.2
and 2026.9.6; the defects are called here as in ``migrator/openclaw/README.md``. What forbids this program itself to
begin is the matter of :mod:`migrator.planning.preflight`.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from migrator.model.inventory import Entry, Inventory, Shape, Store, StoreKind, Transcript
from migrator.model.words import Finding, Name, Number
from migrator.openclaw.changes.hazards import LOSES_ENTRY
from migrator.openclaw.places.paths import normalize_agent_id, store_database
from migrator.openclaw.places.session_files import FileKind
from migrator.openclaw.places.session_key import canonical_key, parse_session_key
from migrator.openclaw.text.entry import REPLACE_KEY_SURROGATES
from migrator.openclaw.text.transcript import LineKind
from migrator.planning.folding import Session, groups
from migrator.scanning.sources import DUPLICATE_KEY

RELEASES = "2026.8.2 and 2026.9.6"
"""The releases whose upgrade was run and read."""

_LIVE = (StoreKind.AGENT, StoreKind.CONFIGURED, StoreKind.ROOT)
_GENERATED_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
"""The session ids that the importer recognizes within a longer file name (``generated-transcript-session-id``)."""


@dataclass(frozen=True, slots=True)
class _Upgrade:
    """What the upgrade would look at: the live stores, whose they are, and the keys that it would spell otherwise."""

    inventory: Inventory
    live: tuple[Store, ...]
    agent_ids: Mapping[str, str]
    renamed: Mapping[tuple[str, str], str]

    def canonical(self, store: Store, entry: Entry) -> str:
        """The key that the entry would get."""
        return self.renamed.get((store.path, entry.key), entry.key)

    def imported(self) -> Iterator[tuple[Store, Entry]]:
        """The entries that the upgrade would take, if nothing stopped it."""
        return ((store, entry) for store in self.live for entry in store.entries if _is_imported(entry))


def forecast(inventory: Inventory) -> tuple[Finding, ...]:
    """Everything that the upgrade would lose, stop at, hide or change; blocks first, since nothing comes after one."""
    upgrade = _upgrade(inventory)
    renaming = {path for path, _ in upgrade.renamed}
    read: list[Store] = []
    unread: list[Store] = []
    for store in upgrade.live:
        (read if _is_read(store, renaming) else unread).append(store)
    folded = tuple(_folded(upgrade))
    findings = [
        *(Finding("upgrade.blocks-store", _whose(store)) for store in unread),
        *_old_databases(inventory),
        *_hard_links(upgrade),
        *(finding for store in upgrade.live for entry in store.entries for finding in _on_entry(store, entry)),
        *_stale_entries(upgrade),
        *(_on_loser(winner, loser) for winner, loser in folded),
        *_histories(
            upgrade, read, {(one.database, one.key) for winner, one in folded if one.database == winner.database}
        ),
        *_distant_histories(upgrade),
        *_agents(upgrade),
        *(
            Finding("upgrade.hides-lost", finding.subject)
            for finding in inventory.findings
            if finding.code == "entry.lost-history"
        ),
        *_rewritten_stores(upgrade),
    ]
    order = ("blocks", "loses", "hides", "changes")
    return tuple(sorted(findings, key=lambda finding: order.index(effect(finding.code))))


def effect(code: str) -> str:
    """What a finding of a forecast is about: "blocks", "loses", "hides" or "changes"; "host" for its surroundings."""
    family, _, rest = code.partition(".")
    return rest.partition("-")[0] if family == "upgrade" else family


def _upgrade(inventory: Inventory) -> _Upgrade:
    live = tuple(store for store in inventory.stores if store.identity is not None and _is_live(store))
    owners = {store.database: normalize_agent_id(store.agent) for store in live}
    renamed: dict[tuple[str, str], str] = {}
    for store in live:
        for entry in store.entries:
            key = canonical_key(entry.key, owners[store.database], inventory.main_key, inventory.scope)
            if key != entry.key and entry.problem is None:
                renamed[store.path, entry.key] = key
    return _Upgrade(inventory, live, owners, renamed)


def _is_live(store: Store) -> bool:
    return store.kind in _LIVE or (store.kind is StoreKind.EXPLICIT and store.agent is not None)


def _is_imported(entry: Entry) -> bool:
    return entry.problem is None and LOSES_ENTRY not in entry.hazards


def _is_read(store: Store, renaming: set[str]) -> bool:
    """Whether the importer can read a store: strict JSON, or JSON5 that is rewritten first for its keys; in UTF-8."""
    return store.strict or (not store.damage and not store.codec and store.path in renaming)


def _whose(store: Store) -> Name:
    return Name("agent", store.agent) if store.agent is not None else Name("store", store.path)


def _old_databases(inventory: Inventory) -> Iterator[Finding]:
    """Databases that 2026.9.6 refuses once."""
    for database in inventory.databases:
        if database.shape is Shape.V1:
            yield Finding("upgrade.blocks-once", Name("database", database.path))


def _hard_links(upgrade: _Upgrade) -> Iterator[Finding]:
    for store in upgrade.live:
        if store.identity is not None and store.identity.links > 1:
            yield Finding("upgrade.blocks-hard-link", Name("store", store.path))
    for transcript in upgrade.inventory.transcripts:
        if transcript.kind == FileKind.TRANSCRIPT.value and transcript.identity.links > 1:
            yield Finding("upgrade.blocks-hard-link", Name("transcript", transcript.path))


def _on_entry(store: Store, entry: Entry) -> Iterator[Finding]:
    """What an entry does all by itself: skipped, or in the way of all."""
    codes = [*entry.hazards]
    if entry.problem == DUPLICATE_KEY:
        codes.append("upgrade.loses-duplicate")
    if REPLACE_KEY_SURROGATES in entry.transforms:
        codes.append("upgrade.blocks-key")
    for code in codes:
        yield Finding(code, Name("session", entry.key), (), (Name("store", store.path),))


def _stale_entries(upgrade: _Upgrade) -> Iterator[Finding]:
    """The stale store wins."""
    times: dict[tuple[str, str], Number] = {
        (database.path, row.key): row.updated_at or 0
        for database in upgrade.inventory.databases
        for row in database.typed_rows
    }
    for store, entry in upgrade.imported() if times else ():
        path = store.database
        stored = times.get((path, upgrade.canonical(store, entry)), times.get((path, entry.key), 0))
        if stored > (entry.updated_at or 0):
            yield Finding("upgrade.loses-newer", Name("session", entry.key), (), (Name("database", path),))


def _folded(upgrade: _Upgrade) -> Iterator[tuple[Session, Session]]:
    """Twins folded and duplicate keys: each session that keeps its key, with one that would have got the same."""
    seen: set[str] = set()
    contested: set[str] = set()
    for store, entry in upgrade.imported():
        key = upgrade.canonical(store, entry)
        (contested if key in seen else seen).add(key)
    canonical: dict[Session, str] = {}
    for store, entry in upgrade.imported() if contested else ():
        if (key := upgrade.canonical(store, entry)) in contested:
            path, agent_id = store.database, upgrade.agent_ids[store.database]
            session_id, updated_at = entry.session_id or "", entry.updated_at or 0
            canonical[Session(path, agent_id, store.agent, entry.key, session_id, updated_at)] = key
    for winner, losers in groups(canonical):
        yield from ((winner, loser) for loser in losers)


def _on_loser(winner: Session, loser: Session) -> Finding:
    code = "upgrade.loses-alias" if loser.database == winner.database else "upgrade.loses-twin"
    return Finding(code, Name("session", loser.key), (), (Name("session", winner.key),))


def _histories(upgrade: _Upgrade, read: list[Store], dropped: set[tuple[str, str]]) -> Iterator[Finding]:
    """What the importer leaves of the transcripts beside the stores that it reads.

    What belongs to no entry, or to one of ``dropped`` (database and key), is given to a new session by 2026.9.6 only.
    """
    paths = {transcript.path for transcript in upgrade.inventory.transcripts}
    if not paths:
        return
    pointers, lasting = _claims(upgrade, read, dropped, paths | {os.path.basename(path) for path in paths})
    for transcript in upgrade.inventory.transcripts:
        folder, file = os.path.split(transcript.path)
        name, events = Name("transcript", transcript.path), transcript.event_count
        if transcript.kind != FileKind.TRANSCRIPT.value or folder not in pointers or not events:
            continue
        own = {file, transcript.path}
        is_named = own & pointers[folder] or own & lasting[folder]
        if not is_named and not _is_recovered(transcript, pointers[folder], paths):
            yield Finding("upgrade.loses-transcript", name, (("count", events),))
            continue
        if transcript.stranded:
            yield Finding("upgrade.loses-history", name, (("count", transcript.stranded),))
        if not own & lasting[folder]:
            yield Finding("upgrade.loses-unclaimed", name, (("count", events),))


def _claims(
    upgrade: _Upgrade, read: list[Store], dropped: set[tuple[str, str]], known: set[str]
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Which of the ``known`` names and paths entries point to, by folder; and which those that are not dropped do."""
    pointers: dict[str, set[str]] = defaultdict(set)
    lasting: dict[str, set[str]] = defaultdict(set)
    for store in read:
        folder = os.path.dirname(store.path)
        entries = [entry for entry in store.entries if entry.problem is None and entry.session_id is not None]
        pointers[folder].update(known.intersection(chain.from_iterable(map(_pointers, entries))))
        kept = [entry for entry in entries if (store.database, entry.key) not in dropped]
        lasting[folder].update(known.intersection(chain.from_iterable(map(_pointers, kept))))
        for entry in kept:
            # The importer looks for the file where the agent of the key has its own (2026.8.2 and 2026.9.6).
            if (agent := parse_session_key(entry.key).agent) not in (None, upgrade.agent_ids[store.database]):
                there = os.path.join(upgrade.inventory.state_dir, "agents", str(agent), "sessions")
                lasting[there].update(known.intersection(_pointers(entry)))
    return pointers, lasting


def _distant_histories(upgrade: _Upgrade) -> Iterator[Finding]:
    """Histories of a configured store that lie in the directories of agents: the importer looks beside the store only.

    2026.9.6 gives them to archived sessions of their own, 2026.8.2 leaves them where they are.
    """
    files = {os.path.basename(one.path): os.path.dirname(one.path) for one in upgrade.inventory.transcripts}
    for store in upgrade.live if files else ():
        folder = os.path.dirname(store.path)
        entries = [entry for entry in store.entries if entry.problem is None and entry.session_id is not None]
        pointers = set(chain.from_iterable(map(_pointers, entries)))
        count = sum(files.get(name, folder) != folder for name in pointers)
        if count and store_database(store.path)[1] is None:
            yield Finding("upgrade.hides-histories", _whose(store), (("count", count),))


def _pointers(entry: Entry) -> tuple[str, ...]:
    """The names and paths that an entry may have its transcript under."""
    pointed = entry.session_file or ""
    return f"{entry.session_id}.jsonl", pointed, re.split(r"[\\/]", pointed)[-1]


def _is_recovered(transcript: Transcript, pointers: set[str], paths: set[str]) -> bool:
    """Whether the importer gives a file that no entry points to a session (``doctor-session-sqlite-readers``).

    It does if header and file name agree, there is a message in it, and no file of that session is imported already.
    """
    named = transcript.named_id or ""
    folder, name = os.path.split(transcript.path)
    own = f"{named}.jsonl"
    if name != own and not _GENERATED_ID.fullmatch(named):
        return False
    taken = own in pointers and os.path.join(folder, own) in paths
    return transcript.header_id == named and dict(transcript.counts).get(LineKind.MESSAGE.value, 0) > 0 and not taken


def _agents(upgrade: _Upgrade) -> Iterator[Finding]:
    """Directories under another name than their id, and agents that no release lists."""
    inventory = upgrade.inventory
    filled = {store.agent for store in upgrade.live if store.entries}
    filled |= {database.directory for database in inventory.databases if database.typed_rows}
    for agent in inventory.agents:
        if agent.directory in filled and agent.directory != agent.normalized_id:
            yield Finding("upgrade.changes-directory", Name("agent", agent.directory))
        if agent.directory in filled and agent.normalized_id not in inventory.configured_agents:
            yield Finding("upgrade.hides-agent", Name("agent", agent.directory))


def _rewritten_stores(upgrade: _Upgrade) -> Iterator[Finding]:
    """Stores rewritten in place, nothing listed before, and the changes that every entry goes through."""
    shapes = {database.path: database.shape for database in upgrade.inventory.databases}
    renamed = Counter(path for path, _ in upgrade.renamed)
    for store in upgrade.live:
        name, count = _whose(store), sum(map(_is_imported, store.entries))
        if not count:
            continue
        if shapes.get(store.database) in (None, Shape.MISSING, Shape.EMPTY):
            yield Finding("upgrade.hides-sessions", name, (("count", count),))
        yield Finding("upgrade.changes-entries", name, (("count", count),))
        if renamed[store.path]:
            yield Finding("upgrade.changes-store", name, (("count", renamed[store.path]),))
