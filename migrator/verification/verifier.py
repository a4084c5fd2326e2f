"""Verify: read the sources and the databases again, and give every entry, history and row exactly one verdict.

Knows nothing of what an executor did, so it can judge a database that somebody else wrote, or whose writer was killed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from migrator.digests import content_digest
from migrator.meanwhile import meanwhile
from migrator.model import Database, Inventory, Name, Shape
from migrator.sqlite.shapes import integrity_of
from migrator.sqlite.snapshot import open_snapshot
from migrator.verdicts import (
    DatabaseVerification,
    EntryVerdict,
    HistoryVerification,
    Level,
    SourceVerification,
    Verdict,
    Verification,
)
from migrator.verification.checks import database_checks, state_checks
from migrator.verification.entry_verdicts import EntryJudge, newest_entries
from migrator.verification.history_verifier import verify_copies, verify_histories
from migrator.verification.holdings import Claims, Holdings, claims_of
from migrator.verification.places import with_lost_databases


def verify(inventory: Inventory, against: Inventory | None = None, level: Level = Level.KNOWN) -> Verification:
    """Judge the databases of a fresh inventory by its own sources, or by all that another one holds."""
    origin = against or inventory
    inventory = with_lost_databases(inventory, origin)
    with ExitStack() as opened:
        holdings = Holdings(inventory, origin, tuple(claims_of(inventory, against)), opened)
        claims: dict[str, list[Claims]] = defaultdict(list)
        for one in holdings.claims:
            claims[one.target].append(one)
        histories = verify_histories(holdings, level)
        return Verification(
            state_dir=inventory.state_dir,
            databases=tuple(
                _verify_database(database, claims[database.path], tuple(histories[database.path]), holdings, level)
                for database in inventory.databases
            ),
            checks=tuple(state_checks(inventory)),
            findings=(*inventory.findings, *verify_copies(holdings, level)),
        )


def _verify_database(
    database: Database,
    claims: list[Claims],
    histories: tuple[HistoryVerification, ...],
    holdings: Holdings,
    level: Level,
) -> DatabaseVerification:
    newest = newest_entries(claims)
    sources = []
    with ExitStack() as stack:
        connection = None
        problems: Callable[[], tuple[tuple[str, int], ...]] = tuple
        if database.shape in (Shape.V1, Shape.ENTRIES, Shape.NODES):
            connection = stack.enter_context(open_snapshot(database.path))
            integrity, size = partial(integrity_of, database.path), sum(one.size for _, one in database.files)
            problems = stack.enter_context(meanwhile(integrity, size))
        judge = EntryJudge(database, connection, holdings, level)
        for one in claims:
            verdicts = []
            for entry in one.entries:
                found = judge.verdict(one, entry, newest.get(entry.key) is entry)
                if found is not None:
                    verdicts.append(found)
            sources.append(_source(one, verdicts))
        checks = tuple(database_checks(database, connection, newest.keys(), problems, holdings.event_columns))
    rows = holdings.rows[database.path]
    return DatabaseVerification(
        database=database,
        sources=tuple(sources),
        histories=histories,
        extra=tuple(
            Name("session", key)
            for key, row in rows.items()
            if key not in newest and (row.session_id is None or row.session_id not in holdings.source_sessions)
        ),
        rows=len(rows),
        content_digest=content_digest(
            ((row.key, row.sha256) for row in database.cache_rows),
            ((row.key, row.sha256) for row in database.typed_rows),
            holdings.histories[database.path],
        ),
        checks=checks,
    )


def _source(claims: Claims, verdicts: list[EntryVerdict]) -> SourceVerification:
    """Count the verdicts on one source, its damaged spans as quarantined; all that have no words are ``same``."""
    counts = Counter(one.verdict for one in verdicts)
    if len(claims.entries) > len(verdicts):
        counts[Verdict.SAME] = len(claims.entries) - len(verdicts)
    counts[Verdict.QUARANTINED] += len(claims.store.damage) if claims.store else 0
    return SourceVerification(claims.place, claims.agent, tuple(sorted(counts.items())), tuple(verdicts))
