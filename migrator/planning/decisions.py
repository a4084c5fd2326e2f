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
    same = existing is not None and (existing.sha256 in (entry.sha256, typed_sha256) or existing.sha256 in respelled)
    newer = existing is None or time_of(entry.updated_at) > time_of(existing.updated_at)
    kept = existing if existing and (existing.sha256 in respelled or not (same or newer)) else None
    sha256 = kept.sha256 if kept else entry.sha256
    session_id = kept.session_id if kept else entry.session_id
    if kept:
        typed_key, typed_sha256 = entry.key, kept.sha256
        typed = typed_rows.get(typed_key)
    write_cache = cache is None or cache.sha256 != sha256
    write_typed = session_id is not None and (typed is None or typed.sha256 != typed_sha256)
    if existing is None:
        action = Action.INSERT
    elif same:
        action = Action.COMPLETE if write_cache or write_typed else Action.SAME
    else:
        action = Action.KEEP if kept else Action.UPDATE
    return Decision(
        key=entry.key,
        action=action,
        source=None if kept else candidate,
        sha256=sha256,
        session_id=session_id,
        updated_at=kept.updated_at if kept else entry.updated_at,
        write_cache=write_cache,
        write_typed=write_typed,
        owns_session=False,
        typed_key=typed_key,
        typed_sha256=typed_sha256,
        tie=kept is not None and not same and time_of(entry.updated_at) == time_of(kept.updated_at),
    )


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
