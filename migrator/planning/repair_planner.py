"""Plan repairs: what verify calls missing or cut short, and where it can be taken from. Pure.

Nothing that is in a database is ever replaced by anything that is not strictly newer, and what was deleted on purpose
stays deleted unless it is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from migrator.model.inventory import Database, Entry, Inventory, Row, Run, StoredTranscript
from migrator.model.plan import Judged
from migrator.model.request import RepairWish
from migrator.model.verification import EntryVerdict, HistoryVerdict, HistoryVerification, Verdict
from migrator.model.words import Finding, Name
from migrator.model.writes import HistoryWrite, Origin, Repair, RowSource, RowWrite, SourceFile
from migrator.openclaw.places.session_key import database_key
from migrator.openclaw.text.entry import is_made_up, recovered_entry
from migrator.planning.folding import RecoveredKeys, Session, fold
from migrator.planning.origins import Additions, Offer, deleted_sessions, file_origin, row_source, sources_in_order
from migrator.scanning.joining import runs_of

_ALWAYS = float("inf")  # the time of a row that is there already: it keeps its key, whatever comes


def plan_repairs(
    inventory: Inventory, judged: tuple[Judged, ...], wish: RepairWish
) -> tuple[dict[str, Repair], list[Finding]]:
    """What to add to each database of schema 2 and later, by its path."""
    additions = {one.path: Additions(one) for one in inventory.databases if one.is_upgraded}
    planner = _Planner(inventory, additions, wish)
    for sources in judged:
        for verified in sources.verification.databases:
            if verified.database.path in additions:
                for source in verified.sources:
                    for verdict in source.verdicts:
                        planner.offer_entry(sources, verified.database.path, source.source, verdict)
        planner.offer_histories(sources)
    planner.offer_displaced()
    for database in inventory.databases:
        planner.offer_stranded(database)
        planner.offer_archives(database)
    repairs = {path: planner.repair(one) for path, one in additions.items()}
    return {path: repair for path, repair in repairs.items() if repair.rows or repair.histories}, planner.findings


class _Planner:
    def __init__(self, inventory: Inventory, additions: Mapping[str, Additions], wish: RepairWish) -> None:
        self.inventory = inventory
        self.additions = additions
        self.wish = wish
        self.findings: list[Finding] = []
        self.rows = {(one.path, row.key): row for one in inventory.databases for row in one.typed_rows}
        self.made_up = {(path, row.session_id): key for (path, key), row in self.rows.items() if is_made_up(row)}
        self.sessions = {row.session_id for one in inventory.databases for row in one.typed_rows}
        self.deleted = {one.path: frozenset(deleted_sessions(inventory, one)) for one in inventory.databases}
        self.keys: dict[tuple[str, str], str] | None = None
        self.recovered = RecoveredKeys(lambda: {place: row.session_id for place, row in self.rows.items()})
        self.stay_deleted: set[str] = set()
        archives = (stored for one in inventory.databases for stored in one.archives)
        self.named = {*wish.bring_back, *(one.session_id for one in archives if one.key in wish.bring_back)}
        self.own: set[str] = set()
        self.orders: dict[tuple[str, ...], tuple[Run, ...]] = {}
        self.respelled: list[tuple[str, RowSource, str]] = []

    # entries

    def offer_entry(self, sources: Judged, path: str, place: Name, verdict: EntryVerdict) -> None:
        """Take an entry into account that a source has, if the database lacks it or has an older one."""
        source = row_source(sources, place, verdict.session.text)
        if source is None:
            return
        is_twin = verdict.verdict in (Verdict.CHANGED, Verdict.MOVED) and self._twin(path, source.entry)
        if verdict.verdict in (Verdict.MISSING, Verdict.MERGED, Verdict.DELETED) or is_twin:
            self._offer(path, source)
        elif verdict.verdict is Verdict.CHANGED:
            self._offer_changed(path, source, verdict)
        elif verdict.verdict is Verdict.MOVED:
            self._offer_moved(path, source, verdict)
        elif verdict.verdict is Verdict.KEPT and source.store is not None and source.store.is_live:
            self._offer_loser(path, source)

    def _twin(self, path: str, entry: Entry) -> str:
        """The key that was made up for the history of an entry that was lost and has come back; empty if none was."""
        is_there = (path, self._canonical(path, entry.key)) in self.rows
        return "" if is_there else self.made_up.get((path, entry.session_id), "")

    def _offer_loser(self, path: str, source: RowSource) -> None:
        """Offer a session of a live store whose key another session has, if no database knows it: it is archived."""
        session_id, database = source.entry.session_id, self.additions[path].database
        known = self.sessions | {one.session_id for one in (*database.transcripts, *database.archives)}
        if session_id is not None and session_id not in known and session_id not in self.deleted[path]:
            self.additions[path].rows.setdefault((self._canonical(path, source.entry.key), session_id), source)

    def _offer_changed(self, path: str, source: RowSource, verdict: EntryVerdict) -> None:
        row = self.rows.get((path, self._canonical(path, source.entry.key)))
        if row is not None and _time(source.entry) > _time(row):
            self._offer(path, source)
            self.additions[path].replaced.add(row.key)
        elif row is not None and _time(source.entry) == _time(row):
            self.findings.append(Finding("entry.kept-tie", verdict.session, (), (Name("database", path),)))

    def _offer_moved(self, path: str, source: RowSource, verdict: EntryVerdict) -> None:
        if [one.text for one in verdict.places if one.kind == "database"] == [path]:
            self.respelled += [(path, source, one.text) for one in verdict.places]
        elif self.wish.reassign:
            self._offer(path, source)
        else:
            self.findings.append(Finding("repair.moved", verdict.session, (), verdict.places))

    def offer_displaced(self) -> None:
        """Offer the sessions again that are there under another key, whose row is about to be overwritten."""
        for path, source, key in self.respelled:
            if key in self.additions[path].replaced:
                self._offer(path, source)

    def offer_stranded(self, database: Database) -> None:
        """Cache rows in a database past schema 1 are read by no release; they are a source like any other."""
        stranded = [row for row in database.cache_rows if database.path in self.additions]
        for row in stranded:
            entry = Entry(-1, row.key, 0, 0, row.sha256, row.updated_at, row.session_id)
            known = (database.path, self._canonical(database.path, row.key)) in self.rows
            if not known and row.session_id not in self.sessions:
                place = Name("database", database.path)
                self._offer(database.path, RowSource(Origin.STRANDED, place, entry, rows_of=database))
        if stranded:
            count = (("count", len(stranded)),)
            self.findings.append(Finding("database.stranded-rows", Name("database", database.path), count))

    def _offer(self, path: str, source: RowSource) -> None:
        entry = source.entry
        if entry.session_id in self.deleted[path] and not self._named(entry.key, entry.session_id):
            self._leave_deleted(Name("session", entry.key))
            return
        rows, key = self.additions[path].rows, self._canonical(path, entry.key)
        best = rows.get((key, ""))
        is_newer = best is None or _time(entry) > _time(best.entry)
        if best is not None and best.entry.session_id != entry.session_id:
            # Another conversation under another spelling of the key: the newer one has the key, the other is archived.
            loser = best if is_newer else source
            rows[key, str(loser.entry.session_id)] = loser
        if is_newer:
            rows[key, ""] = source

    def _named(self, *names: str | None) -> bool:
        return any(name in self.named for name in names)

    def _leave_deleted(self, name: Name) -> None:
        if name.text not in self.stay_deleted:
            self.stay_deleted.add(name.text)
            self.findings.append(Finding("repair.deleted", name))

    def _canonical(self, path: str, key: str) -> str:
        agent_id = self.additions[path].database.agent_id
        configured = "main" in self.inventory.configured_agents
        return database_key(key, agent_id, self.inventory.main_key, self.inventory.scope, main_is_configured=configured)

    # histories

    def offer_histories(self, sources: Judged) -> None:
        """Take every transcript into account, by the database where its session is or belongs."""
        self.own |= {join.files[0] for join in sources.inventory.joins}
        self.orders |= {join.files: join.runs for join in sources.inventory.joins if not join.apart}
        files = {one.path: SourceFile(one) for one in sources.inventory.transcripts}
        for database in sources.inventory.databases if sources.inventory is not self.inventory else ():
            files |= {
                f"{database.path}#{one.session_id}": SourceFile(None, (database.path, one))
                for one in database.transcripts
            }
        groups: dict[tuple[str, str], list[tuple[HistoryVerification, SourceFile]]] = defaultdict(list)
        for verified in sources.verification.databases:
            for history in verified.histories:
                file = replace(files[history.transcript.text], first_line=max(history.first_missing_line, 1))
                groups[verified.database.path, history.session.text].append((history, file))
        for (path, session_id), members in groups.items():
            if path in self.additions and members:
                origin = sources.origin or file_origin(members[0][1].transcript)
                self.additions[path].histories[session_id].append(Offer(origin, members))

    def offer_archives(self, database: Database) -> None:
        """What a database has kept of deleted and reset sessions is a source for those that are named."""
        live = {one.session_id for one in database.transcripts}
        longest = {one.session_id: one for one in sorted(database.archives, key=lambda one: len(one.hashes))}
        for one in longest.values() if database.path in self.additions else ():
            if one.hashes and one.session_id not in live and self._named(one.session_id):
                names = Name("database", database.path), Name("session-id", one.session_id)
                absent = HistoryVerification(*names, HistoryVerdict.ABSENT, one.event_count, 0, ())
                file = SourceFile(None, (database.path, one))
                self.additions[database.path].histories[one.session_id].append(Offer(Origin.DELETED, [(absent, file)]))

    # the repair of one database

    def repair(self, additions: Additions) -> Repair:
        """What to add to one database, and under which keys."""
        rows = tuple(self._row_writes(additions))
        by_session = {row.session_id: row.key for row in rows if not row.replaces}
        return Repair(rows, tuple(self._history_writes(additions, by_session)))

    def _row_writes(self, additions: Additions) -> Iterator[RowWrite]:
        path, held = additions.database.path, _held(additions)
        relieved: set[str | None] = set()
        for (key, apart), source in additions.rows.items():
            session_id, row = source.entry.session_id, self.rows.get((path, key))
            replaces = self._replaces(additions, key, apart, source)
            relieves = "" if apart or session_id in relieved else self._twin(path, source.entry)
            if not (replaces or relieves) and session_id in held:
                continue  # it is there under another key
            relieved |= {session_id} if relieves else set()
            if not apart and (row is None or replaces):
                survivor = self._survivors().get((path, key)) if row is None else None
            elif session_id is None:
                continue  # there is nothing that it could be kept apart by
            else:
                survivor = self.recovered.give(path, additions.database.agent_id, session_id, source.entry.key)
            given = survivor or key
            yield RowWrite(given, session_id, _time(source.entry), source, replaces, survivor is not None, relieves)

    def _replaces(self, additions: Additions, key: str, apart: str, source: RowSource) -> bool:
        """Whether a row takes the place of an older one."""
        row = self.rows.get((additions.database.path, key))
        is_older = row is not None and _time(row) < _time(source.entry)
        return is_older and not apart and key in additions.replaced

    def _survivors(self) -> dict[tuple[str, str], str]:
        """Keys for sessions that OpenClaw's next upgrade would fold into one that is there already."""
        if self.keys is None:
            sessions = [*self._present(), *self._offered()]
            self.keys, _ = fold(sessions, self.inventory, self.recovered)
        return self.keys

    def _present(self) -> Iterator[Session]:
        for database in self.inventory.databases:
            directory = database.directory
            for row in database.typed_rows:
                if row.session_id is not None:
                    yield Session(database.path, database.agent_id, directory, row.key, row.session_id, _ALWAYS)

    def _offered(self) -> Iterator[Session]:
        for path, additions in self.additions.items():
            for (key, apart), source in additions.rows.items():
                session_id = source.entry.session_id
                if session_id is not None and not apart and (path, key) not in self.rows:
                    directory, time = additions.database.directory, _time(source.entry)
                    yield Session(path, additions.database.agent_id, directory, key, session_id, time)

    def _history_writes(self, additions: Additions, new: Mapping[str | None, str]) -> Iterator[HistoryWrite]:
        keys = {row.session_id: row.key for row in additions.database.typed_rows} | dict(new)
        stored = {one.session_id: one for one in additions.database.transcripts}
        for session_id, offers in additions.histories.items():
            is_new = session_id in new and session_id not in stored
            repairs = [
                repair
                for offer in offers
                if (repair := self._history(additions.database, session_id, offer, is_new, keys)) is not None
            ]
            if repairs:
                best = max(repairs, key=lambda one: one.events)
                made_up = (additions.database.path, additions.database.agent_id, session_id, session_id)
                yield best if best.key else replace(best, key=self.recovered.give(*made_up))

    def _history(
        self, database: Database, session_id: str, offer: Offer, is_new: bool, keys: Mapping[str | None, str]
    ) -> HistoryWrite | None:
        """How to complete one history from one offer, without a key if it needs one; None if it can or need not be."""
        lacking = self._lacking(database, session_id, offer, is_new, session_id in keys)
        if not lacking:
            return None
        files = [replace(file, first_line=1) if is_new else file for _, file in lacking]
        taken = sources_in_order(session_id, files, self.own)
        repair = HistoryWrite(
            session_id,
            keys.get(session_id, ""),
            taken,
            present=sum(one.event_count for one in database.transcripts if one.session_id == session_id),
            events=sum(verified.events - (0 if is_new else verified.present) for verified, _ in lacking),
            runs=self.orders.get(tuple(file.name.text for file in taken)) or runs_of(taken),
            entry=None,
            updated_at=0,
            origin=offer.origin,
        )
        return repair if session_id in keys else _with_entry(repair)

    def _lacking(
        self, database: Database, session_id: str, offer: Offer, is_new: bool, is_known: bool
    ) -> list[tuple[HistoryVerification, SourceFile]]:
        """The files of an offer that are to be added to; none where the history has to stay as it is, which is said.

        ``is_known`` says that the session has a row, or gets one.
        """
        if offer.diverges and not is_new:
            self._leave_history("transcript.diverges", session_id, database)
            return []
        lacking = offer.members if is_new else offer.lacking
        if not lacking or not (is_known or self._may_come_back(session_id, database)):
            return []
        stored = [history for history in database.transcripts if history.session_id == session_id]
        own = sources_in_order(session_id, [file for _, file in offer.members], self.own)[0].name
        if any(history.archive for history in stored) or (not is_new and _is_apart(lacking, stored, own)):
            self._leave_history("repair.history-apart", session_id, database)
            return []
        return lacking

    def _may_come_back(self, session_id: str, database: Database) -> bool:
        """Whether a session that a database has no row of is to get one for its history."""
        if session_id in self.sessions:
            return False  # it lives in another database
        if session_id in self.deleted[database.path] and not self._named(session_id):
            self._leave_deleted(Name("session-id", session_id))
            return False
        return True

    def _leave_history(self, code: str, session_id: str, database: Database) -> None:
        self.findings.append(Finding(code, Name("session-id", session_id), (), (Name("database", database.path),)))


def _with_entry(repair: HistoryWrite) -> HistoryWrite:
    """The repair of a history that no session has: it gets an archived one."""
    last_ms = max(file.last_ms for file in repair.files)
    entry = recovered_entry(repair.session_id, last_ms, archived=True)
    return replace(repair, entry=entry, updated_at=last_ms)


def _is_apart(lacking: list[tuple[HistoryVerification, SourceFile]], stored: list[StoredTranscript], own: Name) -> bool:
    """Whether what lacks of a history that is there in part does not go on from its end, or is of other files only."""
    is_partly_there = any(verified.present for verified, _ in lacking)
    is_cut = len(lacking) > 1 or not lacking[0][0].missing_is_tail
    return (is_partly_there and is_cut) or (bool(stored) and all(file.name != own for _, file in lacking))


def _time(dated: Entry | Row) -> float:
    return dated.updated_at or 0


def _held(additions: Additions) -> set[str | None]:
    """The ids of the sessions that a database has, once rows that are to be replaced are."""
    kept = {row.session_id for row in additions.database.typed_rows if row.key not in additions.replaced}
    return kept | {additions.rows[key, ""].entry.session_id for key in additions.replaced}
