"""Verify: read the sources and the databases again, and give every entry, history and row exactly one verdict.

Knows nothing of what an executor did, so it can judge a database that somebody else wrote, or whose writer was killed.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain

from migrator.checks import database_checks, state_checks
from migrator.copies import findings_on_copies
from migrator.databases import history_texts, row_source, stored_text
from migrator.digests import content_digest
from migrator.histories import Comparison, Siblings, compare_content, is_contained, verdict
from migrator.judge import explain, judge
from migrator.model import (
    HASH_BYTES,
    Database,
    Entry,
    Finding,
    Inventory,
    Name,
    Number,
    Row,
    Shape,
    Store,
    Transcript,
)
from migrator.openclaw.entry import REPLACE_KEY_SURROGATES
from migrator.openclaw.paths import agent_database
from migrator.openclaw.session_key import canonical_key
from migrator.openclaw.store import RawEntry
from migrator.places import same_place, with_lost_databases
from migrator.sources import reread
from migrator.sqlite.snapshot import open_snapshot
from migrator.transcripts import additions, events_of, in_order, owners
from migrator.verdicts import (
    DatabaseVerification,
    Difference,
    EntryVerdict,
    HistoryVerification,
    Level,
    SourceVerification,
    Verdict,
    Verification,
)

EXPLAINED_AT_MOST = 50
"""How many changed entries are explained with paths; the comparison behind it costs 5 ms for a 4 KB entry."""

CANONICAL_KEY = "canonical-key"


@dataclass(frozen=True, slots=True)
class _Source:
    """One entry that must be in the database ``target``: a member of a store, or a row of an older database."""

    target: str
    place: Name
    entry: Entry
    store: Store | None
    rows_of: Database | None

    def read(self) -> RawEntry:
        """The entry as it was written."""
        if self.store is not None:
            return reread(self.store, self.entry)
        assert self.rows_of is not None  # noqa: S101 - one of the two is always there
        return row_source(self.rows_of, self.entry.key)


@dataclass(slots=True)
class _Result:
    """All that the databases of an installation hold, by database and by session id."""

    inventory: Inventory
    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    by_session: dict[str, list[tuple[str, Row]]] = field(default_factory=lambda: defaultdict(list))
    histories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    archives: dict[str, dict[str, bytes]] = field(default_factory=dict)
    source_sessions: frozenset[str] = frozenset()
    claimed: set[tuple[str, str]] = field(default_factory=set)
    explained: int = 0

    def __post_init__(self) -> None:
        for database in self.inventory.databases:
            rows = {row.key: row for row in (*database.typed_rows, *_counting_cache_rows(database))}
            self.rows[database.path] = rows
            for row in rows.values():
                if row.session_id is not None:
                    self.by_session[row.session_id].append((database.path, row))
            self.histories[database.path] = {one.session_id: one.hashes for one in database.transcripts}
            archives = self.archives.setdefault(database.path, {})
            for one in database.archives:
                archives[one.session_id] = archives.get(one.session_id, b"") + one.hashes


def verify(inventory: Inventory, against: Inventory | None = None, level: Level = Level.KNOWN) -> Verification:
    """Judge the databases of a fresh inventory by its own sources, or by all that another one holds."""
    origin = against or inventory
    inventory = with_lost_databases(inventory, origin)
    claimed = {entry.session_id for store in origin.stores for entry in store.entries}
    claimed |= {one for transcript in origin.transcripts for one in (transcript.header_id, transcript.named_id)}
    result = _Result(inventory, source_sessions=frozenset(one for one in claimed if one is not None))
    sources: dict[str, list[_Source]] = defaultdict(list)
    for source in _sources(inventory, against):
        sources[source.target].append(source)
        if source.entry.problem is None:
            result.claimed.add((source.target, source.entry.key))
    stores: dict[str, list[Store]] = defaultdict(list)
    for path, target in origin.pairs:
        stores[same_place(target, origin, inventory)] += [one for one in origin.stores if one.path == path]
    histories = _verify_histories(result, origin, level)
    return Verification(
        state_dir=inventory.state_dir,
        databases=tuple(
            _verify_database(
                database, stores[database.path], sources[database.path], tuple(histories[database.path]), result, level
            )
            for database in inventory.databases
        ),
        checks=tuple(state_checks(inventory)),
        findings=(*inventory.findings, *_on_copies(result, origin, level)),
    )


def _on_copies(result: _Result, origin: Inventory, level: Level) -> Iterator[Finding]:
    known = {key for rows in result.rows.values() for key in rows} | set(result.by_session) | result.source_sessions
    known |= {entry.key for store in origin.stores for entry in store.entries}
    for agent in origin.agents:
        target = same_place(agent_database(agent.path), origin, result.inventory)

        def missing(transcript: Transcript, target: str = target) -> int:
            ids = [one for one in (transcript.header_id, transcript.named_id) if one is not None] or [""]
            found = _verify_history(result, transcript, ids, target, level)
            return found.events - found.present

        yield from findings_on_copies(agent, known, missing)


def _counting_cache_rows(database: Database) -> tuple[Row, ...]:
    """The cache rows count in schema 1 only: no later release reads them."""
    return database.cache_rows if database.shape is Shape.V1 else ()


def _sources(inventory: Inventory, against: Inventory | None) -> Iterator[_Source]:
    """Every entry that must be somewhere: of the stores, and of another installation also what its databases hold."""
    origin = against or inventory
    target_of = {store: same_place(path, origin, inventory) for store, path in origin.pairs}
    for store in origin.stores:
        target = target_of[store.path]
        for entry in store.entries:
            yield _Source(target, Name("store", store.path), entry, store, None)
    for database in against.databases if against and against.state_dir != inventory.state_dir else ():
        target = same_place(database.path, origin, inventory)
        for row in {row.key: row for row in (*database.typed_rows, *_counting_cache_rows(database))}.values():
            entry = Entry(-1, row.key, 0, 0, row.sha256, row.updated_at, row.session_id)
            yield _Source(target, Name("database", database.path), entry, None, database)


def _verify_database(
    database: Database,
    stores: list[Store],
    sources: list[_Source],
    histories: tuple[HistoryVerification, ...],
    result: _Result,
    level: Level,
) -> DatabaseVerification:
    newest = _newest(sources)
    verdicts: dict[Name, list[EntryVerdict]] = defaultdict(list)
    counts: dict[Name, Counter[Verdict]] = defaultdict(Counter)
    agents = {source.place: source.store.agent if source.store else None for source in sources}
    with ExitStack() as stack:
        connection = None
        if database.shape in (Shape.V1, Shape.ENTRIES, Shape.NODES):
            connection = stack.enter_context(open_snapshot(database.path))
        judge_one = _Judge(database, connection, result, level)
        for source in sources:
            found = judge_one.verdict(source, newest.get(source.entry.key) is source)
            counts[source.place][found.verdict] += 1
            if found.verdict is not Verdict.SAME:
                verdicts[source.place].append(found)
        keys = {source.entry.key for source in sources if source.entry.problem is None}
        checks = tuple(database_checks(database, connection, keys))
    for store in stores:
        place = Name("store", store.path)
        agents[place] = store.agent
        counts[place][Verdict.QUARANTINED] += len(store.damage)
    rows = result.rows[database.path]
    return DatabaseVerification(
        database=database,
        sources=tuple(
            SourceVerification(place, agents[place], tuple(sorted(counts[place].items())), tuple(verdicts[place]))
            for place in counts
        ),
        histories=histories,
        extra=tuple(
            Name("session", key)
            for key, row in rows.items()
            if key not in newest and (row.session_id is None or row.session_id not in result.source_sessions)
        ),
        rows=len(rows),
        content_digest=content_digest(
            {row.key: row.sha256 for row in database.cache_rows},
            {row.key: row.sha256 for row in database.typed_rows},
            result.histories[database.path],
        ),
        checks=checks,
    )


def _newest(sources: Iterable[_Source]) -> dict[str, _Source]:
    """The source that counts for each key: the newest one, of equally new ones the first."""
    newest: dict[str, _Source] = {}
    for source in sources:
        best = newest.get(source.entry.key)
        if source.entry.problem is None and (best is None or _time(source.entry) > _time(best.entry)):
            newest[source.entry.key] = source
    return newest


def _time(dated: Entry | Row) -> Number:
    return dated.updated_at or 0


class _Judge:
    """Gives the verdict on each source entry of one database."""

    def __init__(
        self, database: Database, connection: sqlite3.Connection | None, result: _Result, level: Level
    ) -> None:
        self.database = database
        self.connection = connection
        self.result = result
        self.level = level
        self.rows = result.rows[database.path]

    def verdict(self, source: _Source, newest: bool) -> EntryVerdict:
        """Exactly one verdict, whatever the entry is."""
        entry, session = source.entry, Name("session", source.entry.key)
        if entry.problem is not None:
            return EntryVerdict(session, Verdict.QUARANTINED)
        row = self.rows.get(entry.key)
        if row is not None and row.sha256 == entry.sha256 and not entry.transforms:
            return EntryVerdict(session, Verdict.SAME)
        if not newest:
            return EntryVerdict(session, Verdict.KEPT)
        if row is not None:
            replaced = (REPLACE_KEY_SURROGATES,) if REPLACE_KEY_SURROGATES in entry.transforms else ()
            return self._compared(source, row, replaced)
        return self._elsewhere(source)

    def _compared(self, source: _Source, row: Row, names: tuple[str, ...]) -> EntryVerdict:
        """The verdict on an entry whose bytes are not those of its row."""
        session = Name("session", source.entry.key)
        stored = stored_text(self.connection, row.key, self.database.shape) if self.connection else None
        raw = source.read()
        found, transforms = judge(raw, stored or b"", self.level)
        differences: tuple[Difference, ...] = ()
        if found is Verdict.CHANGED:
            if _time(row) > _time(source.entry):
                found = Verdict.KEPT
            if self.result.explained < EXPLAINED_AT_MOST:
                self.result.explained += 1
                differences = explain(raw, stored or b"")
        elif names:
            found = Verdict.TRANSFORMED
        return EntryVerdict(session, found, (*names, *transforms), differences)

    def _elsewhere(self, source: _Source) -> EntryVerdict:
        """The verdict on an entry whose key is not in its own database: renamed, moved, merged, or missing."""
        entry, session = source.entry, Name("session", source.entry.key)
        inventory = self.result.inventory
        canonical = canonical_key(entry.key, self.database.agent_id, inventory.main_key, inventory.scope)
        renamed = self.rows.get(canonical)
        if renamed is not None and renamed.session_id == entry.session_id and self.level is Level.KNOWN:
            return self._compared(source, renamed, (CANONICAL_KEY,))
        elsewhere = self.result.by_session.get(entry.session_id or "", [])
        for path, row in sorted(elsewhere, key=lambda place: place[1].key not in (entry.key, canonical)):
            if (path, row.key) in self.result.claimed:
                continue  # that row stands for another source
            places = (Name("database", path), Name("session", row.key))
            return EntryVerdict(session, Verdict.MOVED, places=places)
        if renamed is not None:
            places = (Name("database", self.database.path), Name("session", canonical))
            return EntryVerdict(session, Verdict.MERGED, places=places)
        return EntryVerdict(session, Verdict.MISSING)


def _verify_histories(result: _Result, origin: Inventory, level: Level) -> dict[str, list[HistoryVerification]]:
    """The verdict on every transcript of the sources, by the database where its session belongs."""
    claimed = owners(
        origin.stores,
        origin.transcripts,
        origin.state_dir,
        frozenset(agent.directory for agent in origin.agents),
    )
    database_of = dict(origin.pairs)
    by_agent = {agent.directory: agent_database(agent.path) for agent in origin.agents}
    by_agent |= {store.agent or "": database_of[store.path] for store in origin.stores}
    groups: dict[tuple[str, str], list[tuple[Transcript, list[str]]]] = defaultdict(list)
    for transcript in origin.transcripts:
        index, session_id = claimed.get(transcript.path, (-1, None))
        own = database_of[origin.stores[index].path] if session_id else by_agent.get(transcript.agent or "", "")
        ids = [one for one in (session_id, transcript.header_id, transcript.named_id) if one is not None]
        ids.append(f"orphan-{transcript.identity.sha256[:16]}")
        groups[same_place(own, origin, result.inventory), ids[0]].append((transcript, ids))
    made: dict[str, list[HistoryVerification]] = defaultdict(list)
    for (target, session_id), members in groups.items():
        siblings = _siblings(session_id, [transcript for transcript, _ in members])
        for transcript, ids in members:
            one = _verify_history(result, transcript, ids, target, level, siblings.get(transcript.path))
            made[target].append(one)
    return made


def _siblings(session_id: str, files: list[Transcript]) -> dict[str, Siblings]:
    """What the files of one session share, by path; nothing where there is only one."""
    if len(files) < 2:
        return {}
    ordered = in_order(session_id, files)
    events = {file.path: frozenset(events_of(file.hashes)) for file in ordered}
    return {
        file.path: Siblings(mask, frozenset().union(*(events[path] for path in events if path != file.path)))
        for file, mask in zip(ordered, additions(ordered), strict=True)
    }


def _verify_history(
    result: _Result,
    transcript: Transcript,
    ids: list[str],
    target: str,
    level: Level,
    siblings: Siblings | None = None,
) -> HistoryVerification:
    """Look for a history under each id that its file may stand for: in its own database, in others, in archives."""
    databases = sorted(result.histories, key=lambda path: path != target)
    live = ((path, one, False) for path in databases for one in ids if one in result.histories[path])
    archived = ((path, one, True) for path in databases for one in ids if one in result.archives[path])
    path, session_id, is_archived = next(chain(live, archived), (target, ids[0], False))
    found = result.archives if is_archived else result.histories
    stored = found.get(path, {}).get(session_id, b"")
    events = len(transcript.hashes) // HASH_BYTES
    moved = events > 0 and (path != target or is_archived)  # what is empty has nowhere to go
    if is_contained(transcript.hashes, stored, siblings):
        comparison = Comparison(present=events, in_order=True, stored_only=0)
    elif level is Level.BYTES or not stored:
        comparison = Comparison(present=0, in_order=True, stored_only=len(stored) // HASH_BYTES)
    else:
        with open_snapshot(path) as connection:
            texts = history_texts(connection, path, session_id, is_archived)
            comparison = compare_content(transcript, session_id, texts, level is Level.KNOWN, siblings)
    return HistoryVerification(
        transcript=Name("transcript", transcript.path),
        session=Name("session-id", session_id),
        verdict=verdict(transcript, comparison, moved),
        events=events,
        present=comparison.present,
        counts=transcript.counts,
        transforms=comparison.transforms,
        first_missing_line=comparison.first_missing_line,
        places=(Name("archive" if is_archived else "database", path),) if moved else (),
    )
