"""Explain: everything that is known about one session, file or agent directory, in one place. Reads only."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from migrator.commands.judging import ELSEWHERE, JOURNAL_ALONE, STATE_INSIDE
from migrator.commands.plan import plan_for
from migrator.commands.request import Request, take_inventory
from migrator.model.errors import NothingFoundError
from migrator.model.explanation import Event, Explanation, Place
from migrator.model.inventory import Database, Entry, Inventory, Shape, Store, Transcript
from migrator.model.near import near, parts_of
from migrator.model.plan import Plan
from migrator.model.report import ExplainReport
from migrator.model.verification import UNREAD, HistoryVerdict, HistoryVerification, Verdict, Verification
from migrator.model.words import Finding, Name
from migrator.openclaw.places.session_files import transcript_session_id
from migrator.runs.run_record import all_records
from migrator.scanning.copies import copies
from migrator.scanning.elsewhere import only_here
from migrator.verification.verifier import verify

_STAMP = re.compile(r"\.imported-(\d{13})")
_GONE = re.compile(r"\.jsonl\.(deleted|reset)\.(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d)")
_TIME = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)T(\d\d)-?(\d\d)-?(\d\d)")
_GOOD = (Verdict.SAME.value, Verdict.EQUAL.value, Verdict.TRANSFORMED.value)
_LACKING = {one.value for one in (Verdict.MISSING, Verdict.DELETED, HistoryVerdict.ABSENT, HistoryVerdict.EXTENDS)}
_GOOD_HISTORIES = (HistoryVerdict.CONTAINED.value, HistoryVerdict.TRANSFORMED.value, HistoryVerdict.DAMAGED.value)

_ADVICE = (
    ("quarantined", {Verdict.QUARANTINED.value}),
    ("differs", {Verdict.CHANGED.value, Verdict.MERGED.value}),
    ("apart", {HistoryVerdict.DIVERGES.value}),
    ("newer", {Verdict.KEPT.value}),
)
"""The advice that follows from each verdict alone."""


UNSEEN = UNREAD | {
    JOURNAL_ALONE,
    "copy.damaged",
    "copy.database-unreadable",
    "copy.packed",
    "place.closed",
    "place.too-deep",
}
"""Findings on what nobody could read to its end, whatever it holds."""


def explain(request: Request, what: str) -> ExplainReport:
    """Say what is known about ``what``: a session key or a part of one, an id, a path, or an agent directory.

    Raises NothingFoundError if there is nothing of it anywhere.
    """
    inventory = take_inventory(request)
    verification = verify(inventory, workers=request.workers, progress=request.progress, examining=False)
    known = _Known(inventory, verification, plan_for(request, inventory, verified=verification))
    places = _places(what, known, os.path.realpath(os.path.join(request.surroundings.cwd, what)))
    if not places:
        raise _unknown(what, known)
    subjects = tuple(dict.fromkeys(name for place in places for name in (place.key, place.session_id) if name))
    names = {*subjects, *(place.where for place in places)}
    findings = tuple(one for one in verification.findings if one.code in UNREAD or _is_about(one, names))
    explanation = Explanation(subjects, places, tuple(known.events(places)), _advice(known, places, findings))
    told = replace(inventory, findings=findings)
    return ExplainReport(word="explained", exit_code=0, inventory=told, explained=explanation)


def _places(what: str, known: _Known, path: str) -> tuple[Place, ...]:
    """Where it is: the places of an agent directory, of a file, of a session, or of the only one with such a part."""
    places = tuple(known.about_agent(what) or known.about_file(path) or known.about_session(what))
    if not places and len(found := parts_of(what, known.keys)) == 1:
        return tuple(known.about_session(found[0]))
    return places


def _advice(known: _Known, places: tuple[Place, ...], findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """What to do. Nobody is told that all is well of what could not be read."""
    unseen = [one for one in findings if one.code in UNSEEN]
    where = {place.where for place in places}
    if any(_is_about(one, where) for one in unseen):
        return ("unread",)
    advice = tuple(known.advice(places, aside=any(one.code in ELSEWHERE for one in findings)))
    return ("partly",) if unseen and advice == ("fine",) else advice


def _unknown(what: str, known: _Known) -> NothingFoundError:
    directories = [agent.directory for agent in known.inventory.agents]
    found = near(what, (*directories, *known.keys))
    others = tuple(Name("agent" if one in directories else "session", one) for one in found)
    hint = " Near it: {others}." if others else ""
    sentence = f"Nothing is known about {{subject}}: no session, file or agent directory has this name.{hint}"
    return NothingFoundError(sentence, Name("session", what), others)


def _is_in_database(places: tuple[Place, ...]) -> bool:
    return any(place.where.kind == "database" for place in places)


def _is_about(finding: Finding, names: set[Name]) -> bool:
    texts = {name.text for name in names}
    inside = finding.subject.text + os.sep
    if finding.code == STATE_INSIDE and any(text.startswith(inside) for text in texts):
        return True
    return finding.subject.text in texts or any(name.text in texts for name in finding.others)


class _Known:
    """What was read and judged, to be looked up by session, path or directory."""

    def __init__(self, inventory: Inventory, verification: Verification, plan: Plan) -> None:
        self.inventory = inventory
        self.plan = plan
        copied, elsewhere = copies(inventory), only_here(inventory)
        self.stores = (*inventory.stores, *copied.stores)
        self.transcripts = (*inventory.transcripts, *copied.transcripts)
        paths = {store.path for store in self.stores} | {one.path for one in self.transcripts}
        self.stores += tuple(store for store in elsewhere.stores if store.path not in paths)
        self.transcripts += tuple(one for one in elsewhere.transcripts if one.path not in paths)
        self.databases = (*inventory.databases, *elsewhere.databases)
        self.entries = {
            (source.source.text, one.session.text): one
            for database in verification.databases
            for source in database.sources
            for one in source.verdicts
        }
        self.judged = {source.source.text for database in verification.databases for source in database.sources}
        self.histories: dict[str, HistoryVerification] = {
            one.transcript.text: one for database in verification.databases for one in database.histories
        }

    @property
    def keys(self) -> dict[str, None]:
        """Every session key, of sources and of databases."""
        stored = (row.key for database in self.databases for row in (*database.typed_rows, *database.cache_rows))
        return dict.fromkeys((*(entry.key for store in self.stores for entry in store.entries), *stored))

    # what a subject is

    def about_agent(self, directory: str) -> Iterator[Place] | None:
        """The stores, databases and files of an agent directory; None if there is none of this name."""
        agents = [agent for agent in self.inventory.agents if agent.directory == directory]
        return self._of_folder(agents[0].path) if agents else None

    def about_file(self, path: str) -> tuple[Place, ...] | None:
        """A store, transcript, database or other file, and the sessions in it; None if it is none of these."""
        for store in self.stores:
            if os.path.realpath(store.path) == path:
                return self._of_store(store), *self._of_sessions({entry.key for entry in store.entries[:1]}, set())
        for transcript in self.transcripts:
            if os.path.realpath(transcript.path) == path:
                ids = {one for one in (transcript.header_id, transcript.named_id) if one is not None}
                return tuple(dict.fromkeys((self._of_transcript(transcript), *self._of_sessions(set(), ids))))
        for database in self.databases:
            if os.path.realpath(database.path) == path:
                return (self._of_database(database),)
        return self._of_other_file(path) or None

    def _of_other_file(self, path: str) -> tuple[Place, ...]:
        """A file of an agent directory, or else one that the walk through the state directory has found."""
        files = (file for agent in self.inventory.agents for file in agent.files if os.path.realpath(file.path) == path)
        found = tuple(Place("file", Name("file", file.path), why=(file.kind,)) for file in files)
        told = [one for one in self.inventory.findings if one.subject.text == path]
        named = {one.subject: "elsewhere" for one in told if one.code in ELSEWHERE}
        named |= {one.subject: "unread" for one in told if one.code in UNSEEN}
        return found or tuple(Place("file", name, why=(why,)) for name, why in named.items())

    def about_session(self, what: str) -> Iterator[Place]:
        """Every place that has a session key or a session id; the ids of a key count, and the keys of an id."""
        keys, ids = {what}, {what}
        for store in self.stores:
            for entry in store.entries:
                if entry.key == what and entry.session_id is not None:
                    ids.add(entry.session_id)
                elif entry.session_id == what:
                    keys.add(entry.key)
        for database in self.databases:
            for row in (*database.typed_rows, *database.cache_rows):
                if row.key == what and row.session_id is not None:
                    ids.add(row.session_id)
                elif row.session_id == what:
                    keys.add(row.key)
        yield from self._of_sessions(keys, ids)

    # places

    def _of_folder(self, folder: str) -> Iterator[Place]:
        below = folder + os.sep
        yield from (self._of_store(store) for store in self.stores if store.path.startswith(below))
        yield from (self._of_database(one) for one in self.databases if one.path.startswith(below))
        yield from (self._of_transcript(one) for one in self.transcripts if one.path.startswith(below))

    def _of_store(self, store: Store) -> Place:
        digest = store.identity.sha256 if store.identity else None
        time = store.identity.mtime_ns // 10**6 if store.identity else None
        why = (store.kind.value,)
        return Place("store", Name("store", store.path), None, None, digest, time, len(store.entries), why=why)

    def _of_database(self, database: Database) -> Place:
        digest = dict(database.files)[""].sha256 if database.files else None
        count = len(database.keys)
        why = (database.shape.value,)
        return Place("database", Name("database", database.path), None, None, digest, None, count, why=why)

    def _of_transcript(self, one: Transcript) -> Place:
        judged = self.histories.get(one.path)
        named = one.named_id or one.header_id
        return Place(
            "transcript",
            Name("transcript", one.path),
            session_id=Name("session-id", named) if named is not None else None,
            digest=one.identity.sha256,
            time=one.last_ms or None,
            count=one.event_count,
            verdict=judged.verdict.value if judged is not None else None,
            why=tuple(name for name, _ in judged.transforms) if judged is not None else (),
            elsewhere=judged.places if judged is not None else (),
            present=judged.present if judged is not None else None,
        )

    def _of_sessions(self, keys: set[str], ids: set[str]) -> Iterator[Place]:
        for store in self.stores:
            for entry in store.entries:
                if entry.key in keys or entry.session_id in ids:
                    yield self._of_entry(store, entry)
        for one in self.transcripts:
            if {one.named_id, one.header_id} & ids:
                yield self._of_transcript(one)
        for database in self.databases:
            yield from self._in_database(database, keys, ids)
        for agent in self.inventory.agents:
            for file in agent.files:
                if "archive" in file.kind and transcript_session_id(Path(file.path).name)[0] in ids:
                    yield Place("file", Name("file", file.path), why=(file.kind,))

    def _of_entry(self, store: Store, entry: Entry) -> Place:
        judged = self.entries.get((store.path, entry.key))
        verdict = judged.verdict.value if judged is not None else None
        if verdict is None and store.path in self.judged and entry.problem is None:
            verdict = Verdict.SAME.value  # of these a verification keeps the number only
        return Place(
            "entry",
            Name("store", store.path),
            Name("session", entry.key),
            _id(entry.session_id),
            entry.sha256.hex() or None,
            entry.updated_at,
            verdict=verdict,
            why=judged.transforms if judged is not None else (),
            elsewhere=judged.places if judged is not None else (),
        )

    def _in_database(self, database: Database, keys: set[str], ids: set[str]) -> Iterator[Place]:
        name = Name("database", database.path)
        typed = "row" if database.shape is not Shape.V1 else "typed-row"
        for kind, rows in ((typed, database.typed_rows), ("cache-row", database.cache_rows)):
            for row in rows:
                if row.key in keys or row.session_id in ids:
                    key = Name("session", row.key)
                    yield Place(kind, name, key, _id(row.session_id), row.sha256.hex(), row.updated_at)
        for stored in (*database.transcripts, *database.archives):
            if stored.session_id in ids:
                count, digest = stored.event_count, sha256(stored.hashes).hexdigest()
                kind = "archive" if stored.archive else "history"
                why = (stored.archive,) if stored.archive else ()
                yield Place(kind, name, None, _id(stored.session_id), digest, None, count, why=why)

    # what happened, and what to do

    def events(self, places: tuple[Place, ...]) -> list[Event]:
        """What files, names and runs tell about the past of these places, in order."""
        found = set()
        for place in places:
            if gone := _GONE.search(os.path.basename(place.where.text)):
                found.add(Event(_time_of(gone[2]), gone[1], place.where))
            if place.time:
                found.add(Event(int(place.time), "updated", place.where))
            if stamp := _STAMP.search(os.path.basename(place.where.text)):
                found.add(Event(int(stamp[1]), "set-aside-by-import", place.where))
        databases = {place.where.text for place in places if place.where.kind == "database"}
        for record in all_records(Path(self.inventory.state_dir)):
            written = {str(one.path) for one in record.created} | {str(one.path) for one in record.changed}
            time = _time_of(record.folder.name)
            found |= {Event(time, "written-by-run", Name("database", path)) for path in databases & written if time}
        return sorted(found, key=lambda event: (event.time, event.what, event.where))

    def advice(self, places: tuple[Place, ...], *, aside: bool) -> Iterator[str]:
        """Codes of advice, the most urgent first; ``aside`` says that a part of it is where no release looks."""
        verdicts = {place.verdict for place in places} - {None}
        if self._is_repaired(places):
            yield "repair"
        elif verdicts & _LACKING:
            gone = {one.subject.text for one in self.plan.findings if one.code == "repair.deleted"}
            yield "migrate" if gone.isdisjoint(_keys(places) | _ids(places)) else "deleted"
        if Verdict.MOVED.value in verdicts and not _is_archived(places):
            yield "moved"
        yield from (code for code, words in _ADVICE if verdicts & words)
        if aside:
            yield "elsewhere"
        elif not verdicts and _is_in_database(places):
            yield "only-here"
        elif verdicts <= {*_GOOD, *_GOOD_HISTORIES}:
            yield "fine"

    def _is_repaired(self, places: tuple[Place, ...]) -> bool:
        """Whether the plan brings back one of these sessions, or something of its history."""
        repairs = [planned.repair for planned in self.plan.databases if planned.repair is not None]
        rows = {row.source.entry.key for repair in repairs for row in repair.rows}
        histories = {one.session_id for repair in repairs for one in repair.histories}
        return bool(rows & _keys(places) or histories & _ids(places))


def _keys(places: tuple[Place, ...]) -> set[str]:
    return {place.key.text for place in places if place.key is not None}


def _ids(places: tuple[Place, ...]) -> set[str]:
    return {place.session_id.text for place in places if place.session_id is not None}


def _is_archived(places: tuple[Place, ...]) -> bool:
    return any(name.kind == "archive" for place in places for name in place.elsewhere)


def _id(session_id: str | None) -> Name | None:
    return Name("session-id", session_id) if session_id is not None else None


def _time_of(name: str) -> int:
    """The time (milliseconds) with which the id of a run or such a name begins; 0 for one that tells no time."""
    from datetime import datetime, timezone

    match = _TIME.match(name)
    try:
        moment = datetime.strptime("".join(match.groups()) if match is not None else "", "%Y%m%d%H%M%S")
    except ValueError:
        return 0
    return int(moment.replace(tzinfo=timezone.utc).timestamp() * 1000)
