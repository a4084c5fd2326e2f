"""Several stores of one database: which entry of a key counts, and what becomes of the others. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from migrator.model.inventory import Database, Entry, Row, Store, StoreKind
from migrator.model.plan import Candidate
from migrator.model.words import Number


class Merged(NamedTuple):
    """The entries of several stores: one for each key, and those that lost against it.

    What is ``displaced`` is another session than the one that has the key now, and has a history of its own; what is
    ``superseded`` is an older state of a session that is kept.
    """

    winners: dict[str, Candidate]
    displaced: list[Candidate]
    superseded: list[Candidate]


def merge(stores: Sequence[Store], present: Mapping[str, Row]) -> Merged:
    """One candidate per key over all stores of a database: strictly newer wins, a tie keeps the earlier store's.

    A copy never takes a key from another session that a live store has, or a row that is ``present``.
    """
    winners: dict[str, Candidate] = {}
    losers: list[Candidate] = []
    for index, store in enumerate(stores):
        for entry in store.entries:
            if entry.problem is not None:
                continue
            candidate, best = Candidate(index, entry), winners.get(entry.key)
            if best is None:
                winners[entry.key] = candidate
            elif entry.sha256 != best.entry.sha256:
                newer = time_of(entry.updated_at) > time_of(best.entry.updated_at)
                newer = newer and (
                    store.kind is not StoreKind.COPY or _may_replace(entry, stores[best.store], best.entry)
                )
                winners[entry.key], loser = (candidate, best) if newer else (best, candidate)
                losers.append(loser)
    for key, winner in list(winners.items()) if present else ():
        row = present.get(key)
        is_copy = stores[winner.store].kind is StoreKind.COPY
        if is_copy and row is not None and row.session_id not in (None, winner.entry.session_id):
            losers.append(winners.pop(key))
    return _told_apart(winners, losers)


def _told_apart(winners: dict[str, Candidate], losers: list[Candidate]) -> Merged:
    """Of several losers of one session the newest is the one that is displaced, unless a winner has the session."""
    displaced: list[Candidate] = []
    superseded: list[Candidate] = []
    kept = {one.entry.session_id for one in winners.values()} | {None} if losers else set()
    for loser in sorted(losers, key=lambda one: -time_of(one.entry.updated_at)):
        (superseded if loser.entry.session_id in kept else displaced).append(loser)
        kept.add(loser.entry.session_id)
    return Merged(winners, displaced, superseded)


def _may_replace(entry: Entry, store: Store, other: Entry) -> bool:
    """Whether an entry of a copy may take the key of an entry of another store: of the same session, or of a copy."""
    return store.kind is StoreKind.COPY or other.session_id == entry.session_id


def rows_by_key(database: Database | None) -> dict[str, Row]:
    """The row that a database has for each key, in whatever shape."""
    return {row.key: row for row in (*database.typed_rows, *database.cache_rows)} if database is not None else {}


def time_of(updated_at: Number | None) -> Number:
    """An entry without a usable time is the oldest of all (2026.7.1, ``infra/state-migrations.ts``)."""
    return 0 if updated_at is None else updated_at
