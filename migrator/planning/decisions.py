"""What happens to one key in one database, of several stores or of a store and a row: the newer one wins. Pure.

On a tie the row that is there stays, and the entry of the earlier store.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from msgspec import structs

from migrator.model.inventory import Database, Entry, Row, Store, StoreKind
from migrator.model.plan import Action, Candidate, Decision
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


def decide(
    candidate: Candidate,
    typed_key: str,
    typed_sha256: bytes,
    cache: Row | None,
    typed_rows: Mapping[str, Row],
    respelled: Collection[bytes],
) -> Decision:
    """The merge rule against the rows that are there: strictly newer wins, a tie keeps the row.

    A row in ``respelled`` is the same entry in another spelling, and stays as it is.
    """
    entry, typed = candidate.entry, typed_rows.get(typed_key)
    present = [row for row in (cache, typed) if row is not None]
    existing = max(present, key=lambda row: time_of(row.updated_at), default=None)
    if existing is None:
        return _written(candidate, Action.INSERT, typed_key, typed_sha256, cache, typed)
    if existing.sha256 in respelled:
        return _kept(candidate, existing, Action.SAME, cache, typed_rows)
    if existing.sha256 in (entry.sha256, typed_sha256):
        return _written(candidate, Action.SAME, typed_key, typed_sha256, cache, typed)
    if time_of(entry.updated_at) > time_of(existing.updated_at):
        return _written(candidate, Action.UPDATE, typed_key, typed_sha256, cache, typed)
    return _kept(candidate, existing, Action.KEEP, cache, typed_rows)


def _written(
    candidate: Candidate, action: Action, typed_key: str, typed_sha256: bytes, cache: Row | None, typed: Row | None
) -> Decision:
    """The entry counts: it is written in each shape that has something else."""
    entry = candidate.entry
    return _or_complete(
        Decision(
            key=entry.key,
            action=action,
            source=candidate,
            sha256=entry.sha256,
            session_id=entry.session_id,
            updated_at=entry.updated_at,
            write_cache=cache is None or cache.sha256 != entry.sha256,
            write_typed=entry.session_id is not None and (typed is None or typed.sha256 != typed_sha256),
            owns_session=False,
            typed_key=typed_key,
            typed_sha256=typed_sha256,
        )
    )


def _kept(candidate: Candidate, row: Row, action: Action, cache: Row | None, typed_rows: Mapping[str, Row]) -> Decision:
    """The row that is there counts: it is copied into the shape that lacks it."""
    entry, typed = candidate.entry, typed_rows.get(candidate.entry.key)
    return _or_complete(
        Decision(
            key=entry.key,
            action=action,
            source=None,
            sha256=row.sha256,
            session_id=row.session_id,
            updated_at=row.updated_at,
            write_cache=cache is None or cache.sha256 != row.sha256,
            write_typed=row.session_id is not None and (typed is None or typed.sha256 != row.sha256),
            owns_session=False,
            typed_key=entry.key,
            typed_sha256=row.sha256,
            tie=action is Action.KEEP and time_of(entry.updated_at) == time_of(row.updated_at),
        )
    )


def _or_complete(decided: Decision) -> Decision:
    """A row that is the same, but not in both shapes, is to be completed."""
    if decided.action is Action.SAME and decided.writes:
        return structs.replace(decided, action=Action.COMPLETE)
    return decided


def assign_owners(decisions: list[Decision], typed: Mapping[str, Row]) -> list[Decision]:
    """Let the newest key own the ``sessions`` row of each session id; on a tie the first key in order."""
    decided = [d for d in decisions if d.write_typed or d.typed_key in typed]
    overruled = {d.typed_key for d in decided if d.typed_key in typed}
    owners: dict[str, Decision | Row] = {}
    claims: Iterator[Decision | Row] = chain((row for row in typed.values() if row.key not in overruled), decided)
    for claim in claims:
        if claim.session_id is not None and claim is not (best := owners.setdefault(claim.session_id, claim)):
            owners[claim.session_id] = min(best, claim, key=_newest_first)
    for index, d in enumerate(decisions):
        if d.session_id is not None and owners.get(d.session_id) is d:
            decisions[index] = structs.replace(d, owns_session=True)
            del owners[d.session_id]  # and with it the decision that was replaced
    return decisions


def _newest_first(claim: Decision | Row) -> tuple[Number, str]:
    return -(claim.updated_at or 0), claim.typed_key if isinstance(claim, Decision) else claim.key
