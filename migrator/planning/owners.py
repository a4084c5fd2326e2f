"""Which key owns the row of a session id that several keys stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from msgspec import structs

from migrator.model.inventory import Row
from migrator.model.plan import Decision
from migrator.model.words import Number


def assign_owners(decisions: list[Decision], typed: Mapping[str, Row]) -> list[Decision]:
    """Let the newest key own the ``sessions`` row of each session id; on a tie the first key in order."""
    decided = [d for d in decisions if d.write_typed or d.typed_key in typed]
    overruled = {d.typed_key for d in decided if d.typed_key in typed}
    owners: dict[str, Decision | Row] = {}
    claims: Iterator[Decision | Row] = chain((row for row in typed.values() if row.key not in overruled), decided)
    for one in claims:
        if one.session_id is not None and one is not (best := owners.setdefault(one.session_id, one)):
            owners[one.session_id] = min(best, one, key=_claim)
    for index, d in enumerate(decisions):
        if d.session_id is not None and owners.get(d.session_id) is d:
            decisions[index] = structs.replace(d, owns_session=True)
            del owners[d.session_id]  # and with it the decision that was replaced
    return decisions


def _claim(one: Decision | Row) -> tuple[Number, str]:
    return -(one.updated_at or 0), one.typed_key if isinstance(one, Decision) else one.key
