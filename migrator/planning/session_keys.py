"""The key under which each history is kept, and what is said of one that no entry has. Pure."""

from __future__ import annotations

from migrator.model.inventory import Database, Inventory, Transcript
from migrator.model.words import Finding, Name
from migrator.openclaw.places.session_key import canonical_key
from migrator.planning.folding import RecoveredKeys
from migrator.scanning.sources import ONLY_SESSION_ID


class SessionKeys:
    """The key under which each history is kept, and what its owner has to do with it."""

    def __init__(self, inventory: Inventory, recovered: RecoveredKeys) -> None:
        self.inventory = inventory
        self.recovered = recovered
        self.named: dict[tuple[str, str | None], str] = {}
        self.lone: dict[tuple[str, str | None], str] = {}  # of strings that are session ids
        self.relatives: dict[tuple[str, str], str] = {}
        self.taken: set[tuple[str, str]] = set()
        for store in inventory.stores:
            path = store.database
            for entry in store.entries:
                if entry.problem is None:
                    self.named[path, entry.session_id] = entry.key
                    self.relatives |= {(path, one): entry.key for one in entry.family}
                    self.taken.add((path, entry.key))
                elif entry.problem == ONLY_SESSION_ID:
                    self.lone[path, entry.session_id] = entry.key
        self.rows = {(one.path, row.key): row for one in inventory.databases for row in one.typed_rows}
        self.parents = {one.header_id: one.parent_id for one in inventory.transcripts if one.parent_id is not None}

    def of_entry(self, path: str, session_id: str) -> str | None:
        """The key of the entry that has a session of a database."""
        return self.named.get((path, session_id))

    def made_up(self, database: Database, session_id: str) -> str:
        """The key for a session that no entry has: the one that stands beside its id, or a recovered one."""
        lone = self.lone.get((database.path, session_id))
        if lone is not None and self._is_free(database, lone, session_id):
            return lone
        return self.recovered.give(database.path, database.agent_id, session_id, session_id)

    def told(self, path: str, session_id: str, transcript: Transcript) -> Finding:
        """What is said of a file whose history no entry has."""
        name = Name("transcript", transcript.path)
        if self.lone.get((path, session_id)) is not None:
            return Finding("transcript.kept-with-key", name, (), (Name("session", self.lone[path, session_id]),))
        seen: set[str | None] = set()
        one: str | None = session_id
        while one is not None and one not in seen:
            seen.add(one)
            owner = self.relatives.get((path, one)) or self.named.get((path, one))
            if owner is not None:
                return Finding("transcript.relative", name, (), (Name("session", owner),))
            one = self.parents.get(one)
        return Finding("transcript.recovered", name)

    def _is_free(self, database: Database, key: str, session_id: str) -> bool:
        """Whether a history may go under a key: nobody else has it, and no upgrade spells it otherwise."""
        row = self.rows.get((database.path, key))
        canonical = canonical_key(key, database.agent_id, self.inventory.main_key, self.inventory.scope)
        has_it = row is not None and row.session_id != session_id
        return canonical == key and (database.path, key) not in self.taken and not has_it
