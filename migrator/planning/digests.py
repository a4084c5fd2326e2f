"""Digests and names made of content: what a plan is bound to, and what a database holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from migrator.model.inventory import Database, FileIdentity, Inventory, Store, Transcript
from migrator.model.plan import DatabasePlan

Digests = Mapping[str, bytes] | Iterable[tuple[str, bytes]]
"""A digest for each key; as pairs it need not be kept for more than one shape at a time."""


def content_digest(cache: Digests, typed: Digests, histories: Digests) -> str:
    """The digest of all that a database holds of sessions: per shape the keys in order, each with its text's digest."""
    total = hashlib.sha256()
    for shape, rows in ((b"cache", cache), (b"typed", typed), (b"history", histories)):
        for key, digest in sorted(rows.items() if isinstance(rows, Mapping) else rows):
            encoded = key.encode("utf-8", "surrogateescape")
            total.update(b"%b %d %d %b%b" % (shape, len(encoded), len(digest), encoded, digest))
    return total.hexdigest()


def held(database: Database) -> tuple[dict[str, bytes], dict[str, bytes], dict[str, bytes]]:
    """What a database holds, as :func:`content_digest` takes it: cache rows, typed rows, live histories."""
    return (
        {row.key: row.sha256 for row in database.cache_rows},
        {row.key: row.sha256 for row in database.typed_rows},
        {stored.session_id: stored.hashes for stored in database.transcripts if not stored.archive},
    )


def plan_digest(plans: Iterable[DatabasePlan]) -> str:
    """The digest of everything that a plan depends on and leads to: inputs, decisions, expected content."""
    total = hashlib.sha256()
    for planned in plans:
        total.update(b"[" + ascii(planned.database.path).encode())
        for part in _parts(planned):
            total.update(b", " + ascii(part).encode())
        total.update(b"]")
    return total.hexdigest()


def _parts(planned: DatabasePlan) -> Iterator[object]:
    yield from (planned.database.shape.value, planned.expected_digest)
    yield from ((suffix, identity.sha256) for suffix, identity in planned.database.files)
    yield from ((store.path, store.identity and store.identity.sha256) for store in planned.stores)
    for d in planned.decisions:
        yield d.key, d.action.value, d.sha256.hex(), d.write_cache, d.write_typed, d.typed_key
    yield from planned.relieved
    yield from ((reject.span, reject.code) for reject in planned.rejects)
    yield from ((history.session_id, history.key, history.present, history.runs) for history in planned.histories)
    yield from (file.digest for history in planned.histories for file in history.files)
    yield from _repair_parts(planned)


def _repair_parts(planned: DatabasePlan) -> Iterator[object]:
    for row in planned.repair.rows if planned.repair else ():
        yield row.key, row.session_id, row.replaces, row.relieves, row.source.place.text, row.source.entry.sha256.hex()
    for history in planned.repair.histories if planned.repair else ():
        yield history.session_id, history.key, history.entry, history.runs
        yield from ((one.digest, one.first_line) for one in history.files)


def span_id(identity: FileIdentity | None, offset: int, length: int) -> str:
    """What identifies a preserved span: the digest of its file and its place in it."""
    return f"{identity.sha256 if identity else ''}:{offset}:{length}"


def unpreserved(inventory: Inventory) -> bool:
    """Whether something unreadable in any source has not been preserved by a run yet."""
    return not damaged_spans(inventory) <= inventory.quarantined


def damaged_spans(inventory: Inventory) -> set[str]:
    """Everything unreadable in the sources, as :func:`span_id` names it."""
    sources: list[Store | Transcript] = [*inventory.stores, *inventory.transcripts]
    spans = {span_id(source.identity, span.offset, span.length) for source in sources for span in source.damage}
    spans |= {
        span_id(store.identity, entry.offset, entry.length)
        for store in inventory.stores
        for entry in store.entries
        if entry.problem is not None
    }
    return spans
