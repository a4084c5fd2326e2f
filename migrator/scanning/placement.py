"""Which database each entry of a store goes into: the one that OpenClaw opens for its agent. Reads only."""

from __future__ import annotations

import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from migrator.model.errors import BusyError
from migrator.model.inventory import Entry, Store
from migrator.model.request import Surroundings
from migrator.openclaw.places.config import Config, store_paths
from migrator.openclaw.places.paths import agent_database, normalize_agent_id, store_database
from migrator.openclaw.places.session_databases import Neighbours, plain_name, session_database
from migrator.openclaw.places.session_key import parse_session_key
from migrator.scanning.directories import STORE_NAME, Findings, agent_path, store_path
from migrator.sqlite import shapes
from migrator.sqlite.rows import DamagedTableError
from migrator.sqlite.snapshot import open_snapshot

_REGISTRY = os.path.join("state", "openclaw.sqlite")
_REFUSALS = (BusyError, OSError, sqlite3.Error, DamagedTableError)


class Placement:
    """Where the sessions of one installation belong. ``directories`` are the names of its agent directories."""

    def __init__(
        self,
        state: str,
        config: Config,
        directories: Sequence[str],
        surroundings: Surroundings,
        findings: Findings,
    ) -> None:
        self._state = state
        self._config = config
        self._directories = directories
        self._surroundings = surroundings
        self._findings = findings
        self._near: dict[tuple[str, str], Neighbours] = {}
        self.root_store = os.path.join(state, "sessions", STORE_NAME)

    @cached_property
    def configured(self) -> dict[str, str | None]:
        """The stores that the configuration names, each with the id of its agent; None for one that all share."""
        is_template = "{agentId}" in (self._config.store_template or "")
        found: dict[str, str | None] = {}
        for agent_id in [*self._config.agent_ids, *map(normalize_agent_id, self._directories)]:
            found.setdefault(self._store_of(agent_id), agent_id if is_template else None)
        found.pop("", None)
        return found

    def home(self, agent: str) -> str:
        """The database in which OpenClaw looks for the sessions of an agent, given by its directory or its id."""
        store = self._store_of(normalize_agent_id(agent))
        is_usual = store == store_path(self._state, normalize_agent_id(agent))
        return self._database("" if is_usual else store, agent)

    def directory_of(self, agent_id: str) -> str:
        """The directory of an agent as it is on disk; its id, if it has none yet."""
        if agent_id in self._directories:
            return agent_id
        return next((name for name in self._directories if normalize_agent_id(name) == agent_id), agent_id)

    def agent_of(self, path: str) -> str | None:
        """The agent directory that a store is of by its place or by the configuration, if it is of one alone."""
        if path == self.root_store:
            return self.directory_of(self._config.default_agent)
        agent_id = self.configured.get(path)
        return store_database(path)[1] or (self.directory_of(agent_id) if agent_id else None)

    def agent_beside(self, folder: str) -> str | None:
        """The agent directory that what lies beside a store is of, if no entry claims it; None where no store is."""
        for path in (self.root_store, *self.configured):
            if os.path.dirname(path) == folder:
                return self.agent_of(path) or self.directory_of(self._config.store_owner)
        return store_database(os.path.join(folder, STORE_NAME))[1]

    def parts(self, store: Store, stood_at: str | None) -> Iterator[Store]:
        """A store by the databases that its entries go into: whole, unless the configuration gives it to several.

        Where neither place nor configuration say whose it is, that is the agent that it was told to be of.
        """
        path = stood_at or store.path
        inside, directory = store_database(path)
        if directory is None and path in self.configured:
            yield from self._split(store, path)
        elif directory is None and path == self.root_store:
            agent = self.directory_of(self._config.default_agent)
            yield replace(store, agent=agent, database=agent_database(agent_path(self._state, agent)))
        elif directory is None and store.agent is not None:
            yield replace(store, database=self.home(store.agent))
        else:
            yield replace(store, database=inside)

    def _split(self, store: Store, path: str) -> Iterator[Store]:
        """The parts of a store that the configuration names; what cannot be read of it goes with the first."""
        agent_id = self.configured[path]
        own = agent_id or self._config.store_owner
        entries: dict[str, list[Entry]] = {own: []}
        for entry in store.entries:
            named = parse_session_key(entry.key).agent
            owner = normalize_agent_id(named) if named is not None else own
            is_placed = agent_id is None or self._store_of(owner) in self.configured
            entries.setdefault(owner if is_placed else own, []).append(entry)
        if not entries[own] and not store.damage and len(entries) > 1:
            del entries[own]
        for number, (owner, found) in enumerate(entries.items()):
            yield replace(
                store,
                agent=self.directory_of(owner),
                entries=tuple(found),
                damage=store.damage if number == 0 else (),
                database=self.home(owner),
                parts=len(entries),
            )

    def _store_of(self, agent_id: str) -> str:
        """Where the configuration puts the store of an agent; empty if it says nothing of stores."""
        around = self._surroundings
        return next(iter(store_paths(self._config, [agent_id], around.env, around.home, around.cwd)), "")

    def _database(self, store: str, agent: str) -> str:
        if not store:
            return agent_database(agent_path(self._state, agent))
        inside, directory = store_database(store)
        return inside if directory is not None else session_database(store, normalize_agent_id(agent), self.near(store))

    def near(self, store: str) -> Neighbours:
        """The databases beside a store whose names begin as its own does, and whose they are."""
        folder, stem = os.path.dirname(store), plain_name(store).removesuffix("sqlite")
        if (folder, stem) not in self._near:
            registered: dict[str, set[str]] = defaultdict(set)
            for path, agent_id in self._registered:
                if os.path.realpath(os.path.dirname(path)) == os.path.realpath(folder):
                    registered[os.path.basename(path)].add(agent_id)
            names = self._findings.names_in(folder)
            present = [name for name in names if name.startswith(stem) and name.endswith(".sqlite")]
            self._near[folder, stem] = Neighbours(
                {name: frozenset(ids) for name, ids in registered.items()},
                {name: _owner(os.path.join(folder, name)) for name in present},
            )
        return self._near[folder, stem]

    @cached_property
    def _registered(self) -> list[tuple[str, str]]:
        """The databases that OpenClaw has noted, with the ids of their agents; nothing if that cannot be read."""
        path = os.path.join(self._state, _REGISTRY)
        if not os.path.isfile(path):
            return []
        try:
            with open_snapshot(path) as connection:
                rows = connection.execute("SELECT path, agent_id FROM agent_databases").fetchall()
        except _REFUSALS:
            return []
        return [
            (os.path.join(self._state, path), normalize_agent_id(agent_id))
            for path, agent_id in rows
            if isinstance(path, str) and isinstance(agent_id, str)
        ]


def _owner(path: str) -> str | None:
    """The agent that a database says it is of; None if it says nothing, or cannot be read."""
    try:
        with open_snapshot(path) as connection:
            role, agent_id = shapes.owner(connection)
    except _REFUSALS:
        return None
    return normalize_agent_id(agent_id) if role == "agent" and agent_id else None
