"""What goes into quarantine: everything that was read and cannot become a row. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from migrator.model.inventory import Store, Transcript
from migrator.model.plan import Candidate, Reject
from migrator.planning.digests import span_id
from migrator.runs.quarantine import SUPERSEDED


def rejects_of(
    stores: tuple[Store, ...],
    files: tuple[Transcript, ...],
    superseded: Iterable[Candidate],
    quarantined: frozenset[str],
) -> tuple[Reject, ...]:
    """Everything that was read and will be in no row: damaged spans, problem entries, what is ``superseded``."""

    def reject(source: Store | Transcript, offset: int, length: int, code: str, key: str | None) -> Reject:
        span = span_id(source.identity, offset, length)
        return Reject(source.path, span, offset, length, code, key, span in quarantined)

    made = []
    sources: list[Store | Transcript] = [*stores, *files]
    for source in sources:
        made += [reject(source, span.offset, span.length, span.problem, None) for span in source.damage]
    for store in stores:
        made += [
            reject(store, entry.offset, entry.length, entry.problem, entry.key)
            for entry in store.entries
            if entry.problem is not None
        ]
    for index, entry in ((one.store, one.entry) for one in superseded):
        made.append(reject(stores[index], entry.offset, entry.length, SUPERSEDED, entry.key))
    return tuple(made)
