"""Scan: from a state directory to an inventory. Reads only, and finds every agent directory by its name on disk."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from migrator.filesystem import is_absent, size_at
from migrator.model.errors import NothingFoundError, UsageError
from migrator.model.inventory import Agent, Database, Inventory, Shape, Store, StoreKind, Transcript
from migrator.model.progress import Progress, silent
from migrator.model.request import Selection, Surroundings
from migrator.model.verification import Verdict
from migrator.model.words import Name
from migrator.openclaw.changes.judge import judge
from migrator.openclaw.places.config import Config, load_config, store_paths
from migrator.openclaw.places.locks import live_writers
from migrator.openclaw.places.paths import AGENT_DATABASE, normalize_agent_id, resolve_state_dir, store_database
from migrator.openclaw.places.session_files import FileKind
from migrator.parallel import ALONE, Workers
from migrator.runs.quarantine import quarantined_spans
from migrator.runs.run import RUNS
from migrator.scanning.databases import stored_text
from migrator.scanning.directories import (
    STORE_NAME,
    Findings,
    add_name_findings,
    agent_directories,
    agent_path,
    session_files,
    store_path,
)
from migrator.scanning.joins import joins_of
from migrator.scanning.originals import Original, archived, imported
from migrator.scanning.readers import Candidate, read_databases, read_stores, read_transcripts
from migrator.scanning.sources import reread
from migrator.scanning.transcript_places import transcript_places
from migrator.sqlite.snapshot import open_snapshot


def scan(
    selection: Selection,
    surroundings: Surroundings,
    now_ms: int,
    progress: Progress = silent,
    earlier: Inventory | None = None,
    workers: Workers = ALONE,
) -> Inventory:
    """Find everything that the selection covers, and let the workers read it.

    A source that has the same bytes as in an ``earlier`` inventory is read, but not decoded again.
    Raises NothingFoundError without a state directory, and UsageError for an agent that does not exist.
    """
    env, home, cwd = surroundings.env, surroundings.home, surroundings.cwd
    state, origin = resolve_state_dir(selection.state_dir, env, home, cwd)
    if not os.path.isdir(state):
        raise NothingFoundError("There is no state directory {subject}; name it with --state-dir.", Name("path", state))
    config = load_config(state, selection.config, env, home, cwd)
    findings = Findings(list(config.findings))
    directories = sorted(agent_directories(state, selection.follow, findings))
    add_name_findings(directories, findings)
    _check_agents_exist(selection, directories)
    agents = _agents(selection, state, cwd, directories, findings)
    originals: list[tuple[str | None, Original]] = [
        (agent.directory, one) for agent in agents for one in imported(agent.path, findings)
    ]
    named = {os.path.dirname(os.path.normpath(os.path.join(cwd, path))) for path in selection.stores}
    originals += [
        (_directory_of(one, state), one)
        for one in archived(
            state, findings, named | {os.path.dirname(p) for p in _configured(config, directories, surroundings)}
        )
        if not named or os.path.dirname(one.stood_at or "") in named
    ]
    candidates = _candidates(selection, surroundings, state, config, directories, originals)
    progress.start("reading", _bytes_to_read(candidates, agents))
    stores = read_stores(state, selection.follow, candidates, earlier, findings, progress, workers)
    places = transcript_places(state, selection.follow, agents, stores, originals, findings)
    transcripts = read_transcripts(places, earlier, findings, progress, workers)
    stood_at = {candidate.path: candidate.stood_at for candidate in candidates}
    pairs = tuple(
        (store.path, _database_path(store, stood_at[store.path], state, config, directories)) for store in stores
    )
    owners = _database_owners(selection, state, directories, pairs, transcripts)
    stores_of = _by_database(stores, dict(pairs))
    databases = read_databases(owners, stores_of, state, selection.follow, findings, workers)
    findings.made += live_writers(state, config.path, env, surroundings.tmp, now_ms)
    inventory = Inventory(
        state_dir=state,
        state_dir_source=origin,
        config_path=config.path,
        configured_agents=config.agent_ids,
        main_key=config.main_key,
        scope=config.scope,
        agents=agents,
        stores=stores,
        transcripts=transcripts,
        databases=databases,
        pairs=pairs,
        respelled=frozenset(_respelled(stores_of, databases)),
        quarantined=quarantined_spans(Path(state, RUNS)),
        names=frozenset(config.strings),
        findings=tuple(findings.made),
    )
    return replace(inventory, joins=tuple(joins_of(inventory)))


def _owner(database: str) -> str | None:
    """The directory name of the agent that a database path belongs to, None for one of PR 91322's names."""
    return Path(database).parent.parent.name if os.path.basename(database) == AGENT_DATABASE else None


def _check_agents_exist(selection: Selection, directories: list[str]) -> None:
    for name in selection.agents:
        if name not in directories:
            raise UsageError(
                "There is no agent directory {subject}; give its name on disk, exactly.", Name("agent", name)
            )


def _candidates(
    selection: Selection,
    surroundings: Surroundings,
    state: str,
    config: Config,
    directories: list[str],
    originals: list[tuple[str | None, Original]],
) -> list[Candidate]:
    """Every place where the selection may have a store, agent directories first."""
    wanted = [name for name in directories if not selection.agents or name in selection.agents]
    explicit = [os.path.join(surroundings.cwd, path) for path in selection.stores]
    found = [Candidate(store_path(state, name), StoreKind.AGENT, name) for name in wanted]
    if not selection.agents:
        configured = _configured(config, directories, surroundings)
        found += [Candidate(path, StoreKind.CONFIGURED, None) for path in configured]
        found.append(Candidate(os.path.join(state, "sessions", STORE_NAME), StoreKind.ROOT, None))
    found += [
        Candidate(one.path, one.kind, directory, one.stood_at or store_path(state, directory))
        for directory, one in originals
        if one.file in (FileKind.STORE, FileKind.IMPORTED_STORE) and (directory in wanted or not selection.agents)
    ]
    own = {store_path(state, name): name for name in directories}
    chosen = [Candidate(path, StoreKind.EXPLICIT, own.get(path)) for path in map(os.path.normpath, explicit)]
    if not chosen:
        return found
    paths = {candidate.path for candidate in chosen}
    set_aside = [one for one in found if one.kind is StoreKind.ARCHIVED and one.stood_at in paths]
    return chosen + set_aside if not selection.agents else found + chosen


def _configured(config: Config, directories: list[str], surroundings: Surroundings) -> Iterable[str]:
    """The stores that the configuration names."""
    ids = [*config.agent_ids, *(normalize_agent_id(name) for name in directories)]
    return store_paths(config, ids, surroundings.env, surroundings.home, surroundings.cwd)


def _bytes_to_read(candidates: list[Candidate], agents: tuple[Agent, ...]) -> int:
    """About how many bytes a scan reads."""
    stores = {candidate.path for candidate in candidates}
    files = (file for agent in agents for file in agent.files if file.kind == FileKind.TRANSCRIPT.value)
    return sum(map(size_at, stores)) + sum(file.size for file in files)


def _directory_of(original: Original, state: str) -> str | None:
    """The agent directory in which an original stood, if it stood in one."""
    directory = store_database(os.path.join(os.path.dirname(original.stood_at or ""), STORE_NAME))[1]
    return directory if directory is not None and os.path.isdir(agent_path(state, directory)) else None


def _database_path(store: Store, stood_at: str | None, state: str, config: Config, directories: list[str]) -> str:
    """The database that a store belongs to: in its own agent directory, or named as PR 91322 names it.

    The store from before agents existed belongs to the default agent, if that has a directory: there OpenClaw puts
    it too (2026.7.1, ``infra/state-migrations.ts``).
    """
    if store.kind is StoreKind.ROOT:
        owners = [name for name in directories if normalize_agent_id(name) == config.default_agent]
        if owners:
            owner = config.default_agent if config.default_agent in owners else owners[0]
            return store_database(store_path(state, owner))[0]
    return store_database(stood_at or store.path)[0]


def _database_owners(
    selection: Selection,
    state: str,
    directories: list[str],
    pairs: tuple[tuple[str, str], ...],
    transcripts: tuple[Transcript, ...],
) -> dict[str, str | None]:
    """The databases of all stores, and those of agent directories that have no store (any more), and whose they are."""
    owners = {database: _owner(database) for _, database in pairs}
    if not selection.stores or selection.agents:
        with_transcripts = {one.agent for one in transcripts}
        for name in directories:
            if selection.agents and name not in selection.agents:
                continue
            path = store_database(store_path(state, name))[0]
            if name in with_transcripts or not is_absent(path):
                owners.setdefault(path, name)
    return owners


def _by_database(stores: tuple[Store, ...], database_of: Mapping[str, str]) -> dict[str, list[Store]]:
    found: dict[str, list[Store]] = defaultdict(list)
    for store in stores:
        found[database_of[store.path]].append(store)
    return found


def _respelled(stores_of: Mapping[str, list[Store]], databases: tuple[Database, ...]) -> Iterator[tuple[str, bytes]]:
    """Rows that hold an entry in another spelling, such as the compact one of PR 91322: they are no other entry."""
    for database in databases:
        if database.shape is not Shape.V1:
            continue
        rows = {row.key: row for shape in (database.typed_rows, database.cache_rows) for row in shape}
        candidates = [
            (store, entry, row)
            for store in stores_of.get(database.path, ())
            for entry in store.entries
            if (row := rows.get(entry.key)) and row.sha256 != entry.sha256 and row.updated_at == entry.updated_at
        ]
        if not candidates:
            continue
        with open_snapshot(database.path) as connection:
            for store, entry, row in candidates:
                stored = stored_text(connection, entry.key, database.shape) or b""
                if entry.problem is None and judge(reread(store, entry), stored)[0] is Verdict.EQUAL:
                    yield database.path, row.sha256


def _agents(
    selection: Selection, state: str, cwd: str, directories: list[str], findings: Findings
) -> tuple[Agent, ...]:
    named = {store_database(os.path.normpath(os.path.join(cwd, path)))[1] for path in selection.stores}
    return tuple(
        Agent(
            name,
            agent_path(state, name),
            normalize_agent_id(name),
            tuple(session_files(state, name, selection.follow, findings)),
        )
        for name in directories
        if name in selection.agents or name in named or not (selection.agents or selection.stores)
    )
