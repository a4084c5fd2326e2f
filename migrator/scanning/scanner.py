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
from migrator.model.near import near
from migrator.model.progress import Progress, silent
from migrator.model.request import Selection, Surroundings
from migrator.model.verification import Verdict
from migrator.model.words import Finding, Name
from migrator.openclaw.changes.judge import judge
from migrator.openclaw.places.config import load_config
from migrator.openclaw.places.locks import live_writers
from migrator.openclaw.places.paths import (
    agent_database,
    normalize_agent_id,
    resolve_state_dir,
)
from migrator.openclaw.places.session_databases import is_opened
from migrator.openclaw.places.session_files import FileKind
from migrator.parallel import ALONE, Workers
from migrator.runs.quarantine import quarantined_spans
from migrator.runs.run import RUNS
from migrator.scanning.directories import (
    Findings,
    add_name_findings,
    agent_directories,
    agent_path,
    session_files,
    store_path,
)
from migrator.scanning.elsewhere import findings_elsewhere
from migrator.scanning.joining import joins_of
from migrator.scanning.originals import Original, archived, imported
from migrator.scanning.placement import Placement
from migrator.scanning.readers import Candidate, read_databases, read_stores, read_transcripts
from migrator.scanning.session_reader import stored_text
from migrator.scanning.sources import reread
from migrator.scanning.transcript_places import lost_histories, transcript_places
from migrator.scanning.transcripts import header_mismatches
from migrator.scanning.transcripts import owners as owners_of
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
    _check_agents_exist(selection, (*directories, *config.agent_ids))
    placement = Placement(state, config, directories, surroundings, findings)
    named = [os.path.normpath(os.path.join(cwd, path)) for path in selection.stores]
    agents = _agents(selection, state, named, placement, directories, findings)
    originals = _originals(state, agents, named, placement, findings)
    candidates = _candidates(selection, named, placement, state, directories, originals)
    progress.start("reading", _bytes_to_read(candidates, agents))
    files = read_stores(state, selection.follow, candidates, earlier, findings, progress, workers)
    stores = tuple(_placed(files, candidates, placement, selection))
    places = transcript_places(state, selection.follow, agents, stores, originals, findings)
    transcripts = read_transcripts(places, earlier, findings, progress, workers)
    if named and not selection.agents:
        transcripts = _of_stores(named, placement, stores, transcripts, state, directories)
    owners = _database_owners(selection, agents, stores, transcripts)
    stores_of = _by_database(stores)
    databases = read_databases(owners, stores_of, state, selection.follow, findings, workers)
    _add_placement_findings(stores, databases, findings)
    findings.made = list(_renamed_agents(findings.made, databases, directories))
    findings.made += header_mismatches(stores, transcripts, state, directories)
    findings.made += lost_histories(stores, transcripts, databases, agents)
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
        respelled=frozenset(_respelled(stores_of, databases)),
        quarantined=quarantined_spans(Path(state, RUNS)),
        names=frozenset(config.strings),
        findings=tuple(findings.made),
    )
    findings.made += findings_elsewhere(inventory, not (selection.agents or named))
    return replace(inventory, joins=tuple(joins_of(inventory)), findings=tuple(findings.made))


def _placed(
    files: Iterable[Store], candidates: Iterable[Candidate], placement: Placement, selection: Selection
) -> Iterator[Store]:
    """Each store as one part for each database that its sessions go to, of the agents that are wanted."""
    stood_at = {candidate.path: candidate.stood_at for candidate in candidates}
    for store in files:
        for part in placement.parts(store, stood_at[store.path]):
            if not selection.agents or part.agent in selection.agents:
                yield part


def _renamed_agents(
    findings: Iterable[Finding], databases: Iterable[Database], directories: Iterable[str]
) -> Iterator[Finding]:
    """The findings; a database with the sessions of an owner that no directory is named after is of a renamed agent."""
    there = set(map(normalize_agent_id, directories))
    renamed = {
        one.path: one.owner
        for one in databases
        if one.owner is not None
        and normalize_agent_id(one.owner) not in there
        and any(row.key.startswith(f"agent:{one.owner}:") for row in one.typed_rows)
    }
    for finding in findings:
        owner = renamed.get(finding.subject.text)
        if finding.code == "database.wrong-owner" and owner is not None:
            yield Finding("database.agent-renamed", finding.subject, (), (Name("agent", owner),))
        else:
            yield finding


def _check_agents_exist(selection: Selection, known: tuple[str, ...]) -> None:
    for name in selection.agents:
        if name not in known:
            others = tuple(Name("agent", one) for one in near(name, known))
            hint = " Near it: {others}." if others else ""
            sentence = f"There is no agent directory {{subject}}; give its name on disk, exactly.{hint}"
            raise UsageError(sentence, Name("agent", name), others)


def _originals(
    state: str, agents: tuple[Agent, ...], named: list[str], placement: Placement, findings: Findings
) -> list[tuple[str | None, Original]]:
    """What imports and earlier runs have set aside, each with the agent directory that it is of, if it is of one."""
    folders = {os.path.dirname(path) for path in named}
    outside = folders | {os.path.dirname(path) for path in placement.configured}
    found: list[tuple[str | None, Original]] = [
        (agent.directory, one) for agent in agents for one in imported(agent.path, findings)
    ]
    for one in archived(state, findings, outside):
        if not named or os.path.dirname(one.stood_at or "") in folders:
            found.append((_directory_of(one, placement), one))
    return found


def _candidates(
    selection: Selection,
    named: list[str],
    placement: Placement,
    state: str,
    directories: list[str],
    originals: list[tuple[str | None, Original]],
) -> list[Candidate]:
    """Every place where the selection may have a store, agent directories first.

    What a configured store has for other agents than those that are asked for is left out once it is read.
    """
    told = selection.only_agent
    wanted = filter(selection.wants, directories)
    found = [Candidate(store_path(state, name), StoreKind.AGENT, name) for name in wanted]
    if not (named and selection.agents):
        found += _configured(selection, placement)
    for directory, one in originals:
        if one.is_store and selection.wants(directory):
            found.append(_original_store(state, directory, one, told if one.stood_at in named else None))
    chosen = [Candidate(path, StoreKind.EXPLICIT, _agent_of(path, told, placement)) for path in named]
    if not chosen or selection.agents:
        return found + chosen
    return chosen + [one for one in found if one.kind is StoreKind.ARCHIVED and one.stood_at in named]


def _original_store(state: str, directory: str | None, original: Original, told: str | None) -> Candidate:
    """A store that was set aside; ``told`` is the agent to take where nothing else says whose it is."""
    stood_at = original.stood_at or store_path(state, directory)
    return Candidate(original.path, original.kind, directory or told, stood_at)


def _configured(selection: Selection, placement: Placement) -> Iterator[Candidate]:
    """The stores that the configuration names, and the one from before there were agents."""
    known = [(path, StoreKind.CONFIGURED) for path in placement.configured]
    for path, kind in (*known, (placement.root_store, StoreKind.ROOT)):
        agent = placement.agent_of(path)
        if selection.wants(agent):
            yield Candidate(path, kind, agent)


def _agent_of(path: str, told: str | None, placement: Placement) -> str | None:
    """The agent directory that a store which was named is of. Raises UsageError if it is another one than was said."""
    agent = placement.agent_of(path)
    return agent if agent is not None or path in placement.configured else told


def _bytes_to_read(candidates: list[Candidate], agents: tuple[Agent, ...]) -> int:
    """About how many bytes a scan reads."""
    stores = {candidate.path for candidate in candidates}
    files = (file for agent in agents for file in agent.files if file.kind == FileKind.TRANSCRIPT.value)
    return sum(map(size_at, stores)) + sum(file.size for file in files)


def _directory_of(original: Original, placement: Placement) -> str | None:
    """The agent directory that an original is of by where it stood; that of a shared store is of none."""
    stood_at = original.stood_at or ""
    if stood_at in placement.configured:
        return placement.agent_of(stood_at)
    return placement.agent_beside(os.path.dirname(stood_at))


def _of_stores(
    named: list[str],
    placement: Placement,
    stores: tuple[Store, ...],
    transcripts: tuple[Transcript, ...],
    state: str,
    directories: list[str],
) -> tuple[Transcript, ...]:
    """The transcripts that stores which were named claim, or that lie beside them.

    Others in the directory of an agent may be claimed by a store that was not named, and so was not read.
    """
    beside = {os.path.dirname(path) for path in named}
    if not any(path in placement.configured for path in named):
        return transcripts
    claimed = owners_of(stores, transcripts, state, frozenset(directories))
    return tuple(one for one in transcripts if one.path in claimed or os.path.dirname(one.path) in beside)


def _database_owners(
    selection: Selection, agents: tuple[Agent, ...], stores: tuple[Store, ...], transcripts: tuple[Transcript, ...]
) -> dict[str, str | None]:
    """The databases of all stores, and those of agents that have no store (any more), and whose they are."""
    owners = {store.database: store.agent for store in stores}
    if not selection.stores or selection.agents:
        with_transcripts = {one.agent for one in transcripts}
        for agent in agents:
            path = agent_database(agent.path)
            if not is_absent(path) or (agent.database == path and agent.directory in with_transcripts):
                owners.setdefault(path, agent.directory)
            if agent.database != path and (agent.directory in with_transcripts or not is_absent(agent.database)):
                owners.setdefault(agent.database, agent.directory)
    return owners


def _by_database(stores: tuple[Store, ...]) -> dict[str, list[Store]]:
    found: dict[str, list[Store]] = defaultdict(list)
    for store in stores:
        found[store.database].append(store)
    return found


def _add_placement_findings(stores: tuple[Store, ...], databases: tuple[Database, ...], findings: Findings) -> None:
    """What lies where no release looks for it, or would have to be put there."""
    for store in stores:
        if store.is_live and not is_opened(store.database):
            findings.add("store.no-agent", Name("store", store.path))
    for database in databases:
        if not is_opened(database.path) and (database.cache_rows or database.typed_rows):
            findings.add("database.never-opened", Name("database", database.path))


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
    selection: Selection,
    state: str,
    named: list[str],
    placement: Placement,
    directories: list[str],
    findings: Findings,
) -> tuple[Agent, ...]:
    """The agents that are asked for, or that stores which were named are of: a shared one may be of all."""
    chosen = {placement.agent_of(path) for path in named} | {*selection.agents}
    everybody = not (selection.agents or named) or any(
        path in placement.configured and placement.agent_of(path) is None for path in named
    )
    return tuple(
        Agent(
            name,
            agent_path(state, name),
            normalize_agent_id(name),
            tuple(session_files(state, name, selection.follow, findings)),
            placement.home(name),
        )
        for name in directories
        if everybody or name in chosen
    )
