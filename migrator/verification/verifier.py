"""Verify: read the sources and the databases again, and give every entry, history and row exactly one verdict.

Knows nothing of what an executor did, so it can judge a database that somebody else wrote, or whose writer was killed.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from migrator.model.inventory import RECOVERED, Database, Entry, Inventory, Shape
from migrator.model.progress import Progress, silent
from migrator.model.verification import (
    UNREAD,
    Check,
    DatabaseVerification,
    EntryVerdict,
    Level,
    SourceVerification,
    Verdict,
    Verification,
)
from migrator.model.words import Finding, Name
from migrator.openclaw.places.prompts import prompt_digest, read_prompt
from migrator.openclaw.places.session_key import canonical_key
from migrator.parallel import ALONE, Workers
from migrator.planning.digests import content_digest
from migrator.scanning.directories import agent_path
from migrator.scanning.session_reader import OpenDatabases
from migrator.sqlite.shapes import integrity_of
from migrator.sqlite.snapshot import open_snapshot
from migrator.verification.checks import database_checks, state_checks
from migrator.verification.entry_verdicts import CANONICAL_KEY, EntryJudge, newest_entries
from migrator.verification.history_verifier import JudgedHistories, verify_copies, verify_histories
from migrator.verification.holdings import Claims, Holdings, claims_of, with_lost_databases


def verify(
    inventory: Inventory,
    against: Inventory | None = None,
    level: Level = Level.KNOWN,
    workers: Workers = ALONE,
    progress: Progress = silent,
    *,
    examining: bool = True,
) -> Verification:
    """Judge the databases of a fresh inventory by its own sources, or by all that another one holds.

    The workers examine them. Without ``examining`` only the sources get their verdicts: no database is checked.
    """
    origin = against or inventory
    inventory = with_lost_databases(inventory, origin)
    with closing(OpenDatabases()) as opened:
        holdings = Holdings(inventory, origin, tuple(claims_of(inventory, against)), opened)
        claims: dict[str, list[Claims]] = defaultdict(list)
        for one in holdings.claims:
            claims[one.target].append(one)
        newest = {database.path: newest_entries(claims[database.path]) for database in inventory.databases}
        size = sum(one.size for database in inventory.databases for _, one in database.files)
        progress.start("checking", size + sum(one.identity.size for one in origin.transcripts))
        with (
            _examining(inventory, newest, holdings, size, workers, progress)
            if examining
            else nullcontext([("", ())] * len(inventory.databases))
        ) as examined:
            histories = verify_histories(holdings, level, workers, progress)
            progress.enter(None)
            unread = _unread(inventory)
            judged = [
                replace(
                    _verify_database(one, claims[one.path], newest[one.path], histories, holdings, level),
                    is_unread=_is_unread(one, claims[one.path], inventory.state_dir, unread),
                )
                for one in inventory.databases
            ]
            accounted = _accounted(inventory, judged, newest)
            on_copies = tuple(verify_copies(holdings, level))
            return Verification(
                state_dir=inventory.state_dir,
                databases=tuple(
                    replace(one, content_digest=digest, checks=checks, extra=_extra(one, accounted, holdings))
                    for one, (digest, checks) in zip(judged, examined, strict=True)
                ),
                checks=tuple(state_checks(inventory)),
                findings=(
                    *_without(inventory.findings, on_copies),
                    *histories.findings,
                    *on_copies,
                    *_lost_prompts(inventory),
                ),
            )


def _examining(
    inventory: Inventory,
    newest: Mapping[str, Mapping[str, Entry]],
    holdings: Holdings,
    size: int,
    workers: Workers,
    progress: Progress,
) -> AbstractContextManager[Iterator[tuple[str, tuple[Check, ...]]]]:
    """A block beside which the workers examine the databases, of ``size`` bytes in all, one after the other."""
    databases = inventory.databases
    names = [Name("database", database.path) for database in databases]
    return workers.map(
        partial(_examine, databases, newest, holdings.event_columns, inventory.main_key, workers),
        range(len(databases)),
        names.__getitem__,
        count=len(databases),
        size=size,
        progress=progress,
        together=1,
        # In these each event is looked at again, which takes as long as to judge their entries.
        is_apart=any(database.shape is Shape.NODES for database in databases),
    )


def _unread(inventory: Inventory) -> frozenset[str]:
    """The paths of what could not be read; of an agent that could not be listed, the path of its directory."""
    state = inventory.state_dir
    names = (finding.subject for finding in inventory.findings if finding.code in UNREAD)
    return frozenset(agent_path(state, name.text) if name.kind == "agent" else name.text for name in names)


def _is_unread(database: Database, claims: list[Claims], state: str, unread: frozenset[str]) -> bool:
    """Whether a database, or a source of it, is among what could not be read."""
    own = {database.path, *(one.store.path for one in claims if one.store is not None)}
    folder = os.path.join(agent_path(state, database.directory), "") if database.directory is not None else None
    return not unread.isdisjoint(own) or (
        folder is not None and any(os.path.join(path, "").startswith(folder) for path in unread)
    )


def _without(findings: tuple[Finding, ...], better: tuple[Finding, ...]) -> Iterator[Finding]:
    """What a scan has found, but for what was now compared with the databases alone."""
    again = {(finding.code, finding.subject) for finding in better}
    return (finding for finding in findings if (finding.code, finding.subject) not in again)


def _examine(
    databases: Sequence[Database],
    newest: Mapping[str, Mapping[str, Entry]],
    event_columns: Mapping[bytes, bytes],
    main_key: str,
    workers: Workers,
    index: int,
    progress: Progress,
) -> tuple[str, tuple[Check, ...]]:
    """The digest of what one database holds of sessions, and its checks: none where nothing could be read."""
    database = databases[index]
    size = sum(one.size for _, one in database.files)
    progress.enter(database.directory)
    progress(size)
    digest = content_digest(
        ((row.key, row.sha256) for row in database.cache_rows),
        ((row.key, row.sha256) for row in database.typed_rows),
        {one.session_id: one.hashes for one in database.transcripts},
    )
    if not database.shape.holds_sessions:
        return digest, ()
    integrity = partial(integrity_of, database.path)
    with open_snapshot(database.path) as connection, workers.beside(integrity, size) as problems:
        keys = newest[database.path].keys()
        return digest, tuple(database_checks(database, connection, keys, problems, event_columns, main_key))


def _verify_database(
    database: Database,
    claims: list[Claims],
    newest: Mapping[str, Entry],
    histories: JudgedHistories,
    holdings: Holdings,
    level: Level,
) -> DatabaseVerification:
    """All but the digest, the checks, and what is extra."""
    sources = []
    judge = EntryJudge(database, holdings, level)
    for one in claims:
        verdicts = []
        for entry in one.entries:
            found = judge.verdict(one, entry, newest.get(entry.key) is entry)
            if found is not None:
                verdicts.append(found)
        sources.append(_source(one, verdicts))
    return DatabaseVerification(
        database=database,
        sources=tuple(sources),
        histories=tuple(histories.verdicts[database.path]),
        extra=(),
        rows=len(holdings.rows[database.path]),
        content_digest="",
        checks=(),
        extra_events=histories.extra_events(database),
    )


def _accounted(
    inventory: Inventory, judged: Sequence[DatabaseVerification], newest: Mapping[str, Mapping[str, Entry]]
) -> frozenset[tuple[str, str]]:
    """The rows that stand for an entry of a source, by database and key: its own key, or where a verdict found it."""
    found = {(one.database.path, key) for one in judged for key in newest[one.database.path]}
    for one in judged:
        for verdict in (verdict for source in one.sources for verdict in source.verdicts):
            places = {place.kind: place.text for place in verdict.places}
            path, key = places.get("database", one.database.path), places.get("session", verdict.session.text)
            if CANONICAL_KEY in verdict.transforms:
                key = canonical_key(key, one.database.agent_id, inventory.main_key, inventory.scope)
            found.add((path, key))
    return frozenset(found)


def _extra(judged: DatabaseVerification, accounted: frozenset[tuple[str, str]], holdings: Holdings) -> tuple[Name, ...]:
    """The rows that stand for no entry: of a session that no source has, or that has its own row as well.

    A row for the history of a session without an entry is none.
    """
    path = judged.database.path
    rows = holdings.rows[path]
    own = {row.session_id for key, row in rows.items() if (path, key) in accounted}
    known = holdings.source_sessions
    return tuple(
        Name("session", key)
        for key, row in rows.items()
        if (path, key) not in accounted
        and (row.session_id not in known or (row.session_id in own and RECOVERED not in key))
    )


def _source(claims: Claims, verdicts: list[EntryVerdict]) -> SourceVerification:
    """Count the verdicts on one source, its damaged spans as quarantined; all that have no words are ``same``."""
    counts = Counter(one.verdict for one in verdicts)
    if len(claims.entries) > len(verdicts):
        counts[Verdict.SAME] = len(claims.entries) - len(verdicts)
    counts[Verdict.QUARANTINED] += len(claims.store.damage) if claims.store else 0
    return SourceVerification(claims.place, claims.agent, tuple(sorted(counts.items())), tuple(verdicts))


def _lost_prompts(inventory: Inventory) -> Iterator[Finding]:
    """A finding for each upgraded database whose entries refer to prompts that are in no file, with their number."""
    for database in inventory.databases:
        if database.shape is not Shape.NODES:
            continue
        digests = list(_prompt_digests(database))
        there = {digest for digest in {*digests} if _has_prompt(database.path, digest)}
        lost = [digest for digest in digests if digest not in there]
        if lost:
            yield Finding("prompt.lost", Name("database", database.path), (("count", len(lost)),))


def _prompt_digests(database: Database) -> Iterator[str]:
    """The digest in each entry that refers to a prompt."""
    with open_snapshot(database.path) as connection:
        query = "SELECT entry_json FROM session_nodes WHERE CAST(entry_json AS TEXT) LIKE '%\"promptRef\"%'"
        with closing(connection.execute(query)) as rows:
            for (text,) in rows:
                try:
                    digest = prompt_digest(text.decode() if isinstance(text, bytes) else str(text))
                except UnicodeDecodeError:
                    continue
                if digest is not None:
                    yield digest


def _has_prompt(database: str, digest: str) -> bool:
    """Whether a file beside the store, or where a store of the database would be, holds that prompt."""
    own = Path(database).parent
    return any(read_prompt(folder, digest) is not None for folder in (own.parent / "sessions", own))
