"""Which history goes into which session: the part of planning that is about transcripts. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from migrator.model.inventory import GIVEN, RECOVERED, Database, Inventory, Join, Run, Transcript
from migrator.model.words import HASH_BYTES, Finding, Name
from migrator.model.writes import HistoryWrite, SourceFile
from migrator.openclaw.places.session_databases import is_opened
from migrator.openclaw.places.session_key import canonical_key
from migrator.openclaw.text.entry import recovered_entry
from migrator.planning.folding import RecoveredKeys
from migrator.scanning.joining import additions, content_id, live_histories, merged_hashes, runs_of, without
from migrator.scanning.sources import ONLY_SESSION_ID
from migrator.scanning.transcripts import events_of


def plan_histories(
    inventory: Inventory, recovered: RecoveredKeys
) -> tuple[dict[str, tuple[HistoryWrite, ...]], list[Finding]]:
    """Whose history each transcript is, by database; a history that no entry claims is kept under a recovered key."""
    live = live_histories(inventory)
    databases = {database.path: database for database in inventory.databases}
    keys = SessionKeys(inventory, recovered)
    unclaimed = {one.path for one in live.unclaimed}
    findings = [
        keys.told(path, session_id, file)
        for (path, session_id), files in live.files.items()
        for file in files
        if file.path in unclaimed and keys.of_entry(path, session_id) is None
    ]
    joins = {join.files: join for join in inventory.joins}
    planned: dict[str, list[HistoryWrite]] = {}
    for (path, session_id), files in live.files.items():
        if path in databases and is_opened(path):
            paths = tuple(file.path for file in files)
            join = joins.get(paths) or Join(paths, runs_of(files), (), in_view=False)
            planner = _Planner(databases[path], keys, findings)
            made = planner.plan(session_id, keys.of_entry(path, session_id), files, join)
            planned.setdefault(path, []).extend(made)
    return {path: tuple(made) for path, made in planned.items()}, findings


@dataclass(frozen=True, slots=True)
class _Planner:
    database: Database
    keys: SessionKeys
    findings: list[Finding] = field(default_factory=list)

    def plan(
        self, session_id: str, key: str | None, files: tuple[Transcript, ...], join: Join
    ) -> Iterator[HistoryWrite]:
        """Append what the database lacks; where that cannot be done, leave it and say so."""
        stored = self._stored(session_id)
        rest, code = lacking(files, join.runs, stored)
        foreign = self._foreign(files, stored) if code == "transcript.diverges" else set()
        if code is not None and len(foreign) < len(files):
            place = (Name("database", self.database.path),)
            self.findings.append(Finding(code, Name("session-id", session_id), (), place))
        late = {run.file for run in rest} if _comes_too_late(rest, stored) else set()
        apart = late | foreign | {number for number in join.apart if not _has_all(stored, files[number].hashes)}
        if self.database.is_upgraded:  # there a repair decides what can be added
            apart = set()
        elif late:
            rest = ()
        yield self._history(session_id, key, files, stored, rest)
        if foreign:
            self._say_foreign(session_id, files, foreign)
        elif apart or rest or stored == merged_hashes(files, join.runs):
            self._say(session_id, files, join, apart)
        yield from (self._alone(files[number]) for number in sorted(apart))

    def _say_foreign(self, session_id: str, files: tuple[Transcript, ...], foreign: set[int]) -> None:
        for file in (files[number] for number in foreign):
            self.findings.append(_told("transcript.kept-apart", file, file.event_count, session_id))

    def _alone(self, file: Transcript) -> HistoryWrite:
        """The history of a file that cannot join that of its session: a session of its own."""
        own_id = content_id(file)
        stored = self._stored(own_id)
        rest, _ = lacking((file,), runs_of((file,)), stored)
        return self._history(own_id, None, (file,), stored, rest)

    def _foreign(self, files: tuple[Transcript, ...], stored: bytes) -> set[int]:
        """The files that were named and that went another way than the database: they can be sessions of their own."""
        if self.database.is_upgraded:
            return set()
        given = ((number, file) for number, file in enumerate(files) if file.kind == GIVEN)
        return {number for number, file in given if not _has_all(stored, file.hashes)}

    def _say(self, session_id: str, files: tuple[Transcript, ...], join: Join, apart: set[int]) -> None:
        joined = "transcript.in-front" if join.in_view else "transcript.joined"
        for number, file in enumerate(files[1:], start=1):
            count = sum(run.stop - run.start for run in join.runs if run.file == number)
            count = additions((files[0], file))[1].count(1) if number in apart else count
            if count:
                code = "transcript.kept-apart" if number in apart else joined
                self.findings.append(_told(code, file, count, session_id))

    def _stored(self, session_id: str) -> bytes:
        return next((one.hashes for one in self.database.transcripts if one.session_id == session_id), b"")

    def _history(
        self,
        session_id: str,
        key: str | None,
        files: tuple[Transcript, ...],
        stored: bytes,
        rest: tuple[Run, ...],
    ) -> HistoryWrite:
        last_ms = max(file.last_ms for file in files)
        entry = None
        if key is None:
            key = self.keys.made_up(self.database, session_id)
            # Under its own key it is a session like any other.
            entry = recovered_entry(session_id, last_ms, archived=RECOVERED in key)
        hashes = stored + merged_hashes(files, rest)
        return HistoryWrite(
            session_id,
            key,
            tuple(SourceFile(file) for file in files),
            present=len(stored) // HASH_BYTES,
            events=(len(hashes) - len(stored)) // HASH_BYTES,
            runs=rest,
            entry=entry,
            updated_at=last_ms,
            hashes=hashes,
        )


def _told(code: str, file: Transcript, count: int, session_id: str) -> Finding:
    name, session = Name("transcript", file.path), Name("session-id", session_id)
    return Finding(code, name, (("count", count),), (session,))


def lacking(files: tuple[Transcript, ...], runs: tuple[Run, ...], stored: bytes) -> tuple[tuple[Run, ...], str | None]:
    """The events to append to what a database has of a history, and the finding where nothing can be appended.

    That is so where the own file is not what the database goes on from, or the database has more.
    """
    wanted = merged_hashes(files, runs)
    if wanted.startswith(stored):
        return without(files, runs, stored), None
    if stored.startswith(wanted):
        return (), "transcript.database-has-more"
    rest = without(files, runs, stored)
    others = Counter(events_of(stored)) - Counter(events_of(wanted))
    if len(files) == 1 or (others and rest) or not _goes_on(files[0].hashes, rest, stored):
        return (), "transcript.diverges"
    return rest, "transcript.database-has-more" if others else None


def _goes_on(own: bytes, rest: tuple[Run, ...], stored: bytes) -> bool:
    """Whether the database has the own file up to the events of it that are still to come."""
    events = list(events_of(own))
    coming = [index for run in rest if run.file == 0 for index in range(run.start, run.stop)]
    head = len(events) - len(coming)
    remaining = iter(events_of(stored))
    return coming == list(range(head, len(events))) and all(event in remaining for event in events[:head])


def _has_all(stored: bytes, events: bytes) -> bool:
    return not Counter(events_of(events)) - Counter(events_of(stored))


def _comes_too_late(rest: tuple[Run, ...], stored: bytes) -> bool:
    """Whether all that is to be appended is of other files: it would become what is shown."""
    return bool(rest and stored) and all(run.file for run in rest)


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
        for (path, key), row in self.rows.items():
            if RECOVERED not in key:  # the entry of an earlier run, whose store is gone
                self.named.setdefault((path, row.session_id), key)
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
