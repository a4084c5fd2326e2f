"""The verdict on each entry that the sources of one database claim."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from migrator.model.inventory import RECOVERED, Database, Entry, Row, StoreKind
from migrator.model.verification import Difference, EntryVerdict, Level, Verdict
from migrator.model.words import Name, Number
from migrator.openclaw.changes.judge import explain, judge
from migrator.openclaw.places.session_key import canonical_key
from migrator.openclaw.text.entry import REPLACE_KEY_SURROGATES, without_archived_mark
from migrator.openclaw.text.entry_head import RawEntry
from migrator.planning.folding import recovered_keys
from migrator.verification.holdings import Claims, Holdings

EXPLAINED_AT_MOST = 50
"""How many changed entries are explained with paths; the comparison behind it costs 5 ms for a 4 KB entry."""

CANONICAL_KEY = "canonical-key"
ARCHIVED = "archived"


def newest_entries(claims: Iterable[Claims]) -> dict[str, Entry]:
    """The entry that counts for each key: the newest one, of equally new ones the first.

    That of a copy counts only among copies, and for the same session.
    """
    newest: dict[str, Entry] = {}
    live: set[str] = set()
    for claim in sorted(claims, key=_is_copy):
        for entry in claim.entries:
            if entry.problem is None:
                best = newest.setdefault(entry.key, entry)
                is_foreign = _is_copy(claim) and entry.key in live and best.session_id != entry.session_id
                if _time(entry) > _time(best) and not is_foreign:
                    newest[entry.key] = entry
        if not _is_copy(claim):
            live.update(entry.key for entry in claim.entries)
    return newest


def _is_copy(claims: Claims) -> bool:
    return claims.store is not None and claims.store.kind is StoreKind.COPY


def _time(dated: Entry | Row) -> Number:
    return dated.updated_at or 0


class EntryJudge:
    """Gives exactly one verdict on each entry of one database."""

    def __init__(self, database: Database, holdings: Holdings, level: Level) -> None:
        self.database = database
        self.holdings = holdings
        self.level = level
        self.rows = holdings.rows[database.path]

    def verdict(self, claims: Claims, entry: Entry, newest: bool) -> EntryVerdict | None:
        """The verdict; None for the one that needs no words, ``same``."""
        row = self.rows.get(entry.key)
        if entry.problem is not None:
            return EntryVerdict(Name("session", entry.key), Verdict.QUARANTINED)
        if row is not None and row.sha256 == entry.sha256 and not entry.transforms:
            return None
        is_anothers = _is_copy(claims) and row is not None and row.session_id not in (None, entry.session_id)
        if not newest or is_anothers:
            return self._displaced(claims, entry)
        if row is not None and not self._is_taken(row, entry):
            replaced = (REPLACE_KEY_SURROGATES,) if REPLACE_KEY_SURROGATES in entry.transforms else ()
            return self._compared(claims, entry, row, replaced)
        return self._elsewhere(claims, entry)

    def _compared(self, claims: Claims, entry: Entry, row: Row, names: tuple[str, ...]) -> EntryVerdict | None:
        """The verdict on an entry whose bytes are not those of its row."""
        if row.sha256 == entry.sha256 and self.level is Level.KNOWN:  # its own transforms are all that was done to it
            done = tuple(name for name in entry.transforms if name not in names)
            return EntryVerdict(Name("session", entry.key), Verdict.TRANSFORMED, (*names, *done))
        raw, stored = self.holdings.source(claims, entry), self.holdings.text(self.database.path, row.key)
        found, transforms = judge(raw, stored, self.level)
        differences: tuple[Difference, ...] = ()
        if found is Verdict.CHANGED:
            found = Verdict.KEPT if _time(row) > _time(entry) else Verdict.CHANGED
            differences = self._explained(raw, stored)
        elif names:
            found = Verdict.TRANSFORMED
        if found is Verdict.SAME:
            return None
        return EntryVerdict(Name("session", entry.key), found, (*names, *transforms), differences)

    def _explained(self, raw: RawEntry, stored: bytes) -> tuple[Difference, ...]:
        """Where an entry differs, for the first few of them."""
        self.holdings.explained += 1
        return explain(raw, stored) if self.holdings.explained <= EXPLAINED_AT_MOST else ()

    def _displaced(self, claims: Claims, entry: Entry) -> EntryVerdict:
        """The verdict on an entry that another source has a newer one for: the same session, or one that must be kept.

        A release's own import keeps no such session; then only its history can be looked for.
        """
        session = Name("session", entry.key)
        for key in recovered_keys(self.database.agent_id, entry.session_id or "", entry.key):
            row = self.rows.get(key)
            if row is not None and row.session_id == entry.session_id:
                moved = self._moved(claims, entry, self.database.path, row)
                found = Verdict.TRANSFORMED if moved.verdict is Verdict.MOVED else moved.verdict
                return replace(moved, verdict=found)
        is_lost = _is_copy(claims) and entry.session_id not in self.holdings.by_session
        return EntryVerdict(session, Verdict.MISSING if is_lost else Verdict.KEPT)

    def _elsewhere(self, claims: Claims, entry: Entry) -> EntryVerdict | None:
        """The verdict on an entry whose key is not in its own database: renamed, moved, merged, or missing."""
        session, inventory = Name("session", entry.key), self.holdings.inventory
        canonical = canonical_key(entry.key, self.database.agent_id, inventory.main_key, inventory.scope)
        renamed = self.rows.get(canonical)
        if renamed is not None and renamed.session_id == entry.session_id and self.level is Level.KNOWN:
            return self._compared(claims, entry, renamed, (CANONICAL_KEY,))
        elsewhere = self.holdings.by_session.get(entry.session_id or "", [])
        for path, row in sorted(elsewhere, key=lambda place: place[1].key not in (entry.key, canonical)):
            is_own = row.key in (entry.key, canonical)
            if self.holdings.is_claimed(path, row, claims) or (not is_own and self.holdings.is_named(row)):
                continue  # that row stands for another source
            return self._moved(claims, entry, path, row)
        if renamed is not None:
            places = (Name("database", self.database.path), Name("session", canonical))
            return EntryVerdict(session, Verdict.MERGED, places=places)
        deleted = self.holdings.deleted.get((self.database.path, entry.session_id or ""), set())
        if not deleted.isdisjoint((entry.key, canonical)):
            return EntryVerdict(session, Verdict.DELETED)
        return EntryVerdict(session, Verdict.QUARANTINED if self._is_set_aside(entry) else Verdict.MISSING)

    def _moved(self, claims: Claims, entry: Entry, path: str, row: Row) -> EntryVerdict:
        """The verdict on an entry that is in another place: moved, unless it lost something on the way there.

        A session that goes on in its new place may differ; one under a recovered key is archived, and does not.
        """
        session, places = Name("session", entry.key), (Name("database", path), Name("session", row.key))
        if self.level is not Level.KNOWN:
            return EntryVerdict(session, Verdict.MOVED, places=places)
        recovered = RECOVERED in row.key
        raw, stored = self.holdings.source(claims, entry), self.holdings.text(path, row.key)
        found, transforms = judge(raw, stored, self.level)
        if found is Verdict.CHANGED and recovered:
            found, transforms = judge(raw, without_archived_mark(stored), self.level)
            transforms = (*transforms, ARCHIVED)
        if found is Verdict.CHANGED and (recovered or _time(row) <= _time(entry)):
            return EntryVerdict(session, Verdict.CHANGED, (), self._explained(raw, stored), places)
        return EntryVerdict(session, Verdict.MOVED, () if found is Verdict.CHANGED else transforms, places=places)

    def _is_taken(self, row: Row, entry: Entry) -> bool:
        """Whether an upgrade gave the key of an entry to another session of the sources: no new one began there."""
        others = self.database.is_upgraded and row.session_id != entry.session_id
        return others and row.session_id in self.holdings.source_sessions

    def _is_set_aside(self, entry: Entry) -> bool:
        """Whether it is one that no release can use, and the cache row that keeps it is still there, read by none."""
        return entry.session_id is None and any(
            row.key == entry.key and row.sha256 == entry.sha256 for row in self.database.cache_rows
        )
