"""What ``verify --against`` can not explain in what a real release made of an invented state. Names are shown."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from migrator.commands import Request
from migrator.commands.request import take_inventory
from migrator.model.inventory import Inventory
from migrator.model.request import Selection, Surroundings
from migrator.model.verification import EntryVerdict, HistoryVerdict, HistoryVerification, Verdict, Verification
from migrator.verification.verifier import verify

_FINE = (Verdict.SAME, Verdict.EQUAL, Verdict.TRANSFORMED)
_FINE_HISTORIES = (HistoryVerdict.CONTAINED, HistoryVerdict.TRANSFORMED)
_RECOVERED = re.compile(r"agent:[^:]+:heartbeat-recovered-\S+")


@dataclass(frozen=True)
class Judged:
    """How much was judged, a line for everything that nothing explains, and one for every loss that has a name."""

    sessions: int
    events: int
    same: int
    changed: int
    unexplained: tuple[str, ...]
    losses: tuple[str, ...]


def judged(before: Path, after: Path, is_refused: bool) -> Judged:
    """Judge what a release made of a state by the state as it was.

    ``is_refused`` is whether the release lists nothing of it: then, and only then, some row must not be visible.
    """
    now, origin = inventory(after), inventory(before)
    verification = verify(now, origin)
    lines = [*_entries(verification), *_histories(verification)]
    hidden = "rows-visible" in verification.failed_checks
    lines += [f"check {name}" for name in verification.failed_checks if name != "rows-visible"]
    if hidden != is_refused:
        lines.append(f"rows {'not ' * hidden}visible, and the release {'refuses' if is_refused else 'lists'} them")
    elif hidden:
        lines.append("lost: the release refuses all sessions until doctor --fix has run")
    return Judged(
        sessions=sum(len(store.entries) for store in origin.stores),
        events=sum(one.events for database in verification.databases for one in database.histories),
        same=verification.count(Verdict.SAME) + verification.count(Verdict.EQUAL),
        changed=verification.count(Verdict.TRANSFORMED),
        unexplained=tuple(line for line in lines if not line.startswith("lost: ")),
        losses=tuple(line for line in lines if line.startswith("lost: ")),
    )


def inventory(state: Path) -> Inventory:
    """What is in a state directory."""
    return take_inventory(request(state))


def request(state: Path) -> Request:
    """A request that is about a state directory."""
    around = Surroundings({}, str(Path.home()), os.getcwd(), tempfile.gettempdir())
    return Request(Selection(state_dir=str(state)), around)


def _entries(verification: Verification) -> Iterator[str]:
    for database in verification.databases:
        for source in database.sources:
            for one in source.verdicts:
                if one.verdict not in _FINE:
                    yield _entry(one)
        yield from (f"extra {key.text}" for key in database.extra)


def _entry(one: EntryVerdict) -> str:
    if one.verdict is Verdict.MOVED and any(_RECOVERED.fullmatch(place.text) for place in one.places):
        return f"lost: {one.session.text} moved to heartbeat-recovered"
    steps = (
        f"{one_.kind} " + "/".join(str(getattr(step, "text", step)) for step in one_.path) for one_ in one.differences
    )
    places = ", ".join(place.text for place in one.places)
    return f"{one.verdict.value} {one.session.text}: {'; '.join(steps)} {places}"


def _histories(verification: Verification) -> Iterator[str]:
    for database in verification.databases:
        for one in database.histories:
            if one.verdict is HistoryVerdict.ABSENT and not _is_anywhere(verification, Path(one.transcript.text)):
                yield f"lost: {one.transcript.text} with {one.events} events"
            elif one.verdict not in _FINE_HISTORIES:
                yield _history(one, database.database.path)


def _history(one: HistoryVerification, database: str) -> str:
    line = _line(Path(one.transcript.text), one.first_missing_line)
    stored = _stored(database, one.session.text, line)
    where = f"{one.present}/{one.events} events, first missing line {one.first_missing_line}"
    return f"{one.verdict.value} {one.transcript.text}: {where}\n    {line[:1500]}\n    {stored[:1500]}"


def _is_anywhere(verification: Verification, transcript: Path) -> bool:
    """Whether any database holds an event of a transcript, whatever its session and however it is packed."""
    ids = [json.loads(line).get("id") for line in transcript.read_text(encoding="utf-8").split("\n")[1:] if line]
    stored = b"".join(
        Path(one.database.path).read_bytes() for one in verification.databases if os.path.exists(one.database.path)
    )
    return any(str(one).encode() in stored for one in ids)


def _line(transcript: Path, number: int) -> str:
    lines = transcript.read_text(encoding="utf-8").split("\n") if number and transcript.is_file() else []
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _stored(database: str, session_id: str, line: str) -> str:
    """What a database holds for the event of a line, found by its id."""
    event = json.loads(line) if line else {}
    if not isinstance(event, dict) or not os.path.exists(database):
        return ""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        query = "SELECT event_json FROM transcript_events WHERE session_id = ?"
        for (text,) in connection.execute(query, (session_id,)):
            found = json.loads(text) if isinstance(text, str) else {}
            if isinstance(found, dict) and found.get("id") == event.get("id"):
                return str(text)
    return ""
