"""What happens to one key in one database: the newer one wins, and on a tie the row that is there stays. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import chain

from msgspec import structs

from migrator.model.inventory import Row
from migrator.model.plan import Action, Candidate, Decision
from migrator.model.words import Number
from migrator.planning.merging import time_of


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
