"""A verification for people: a table of the databases, then each verdict that is worth a look, with names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from migrator.findings.checks import CHECKS
from migrator.model.words import Name
from migrator.report.groups import MOST_NAMES, cut, listed, plural
from migrator.report.layout import Column, Style, table
from migrator.report.scan_text import who
from migrator.report.verdict_words import SESSIONS, TRANSCRIPTS
from migrator.report.view import Namer, View

_COLUMNS = (
    Column("agent directory"),
    Column("sessions", right=True),
    Column("transcripts", right=True, spare=1),
    Column("events", right=True, spare=2),
    Column("state"),
)
_MOST_DIFFERENCES = 5


def verification_lines(verification: dict[str, View], namer: Namer, style: Style) -> Iterator[str]:
    """The lines, an empty one first."""
    databases = cast(list[dict[str, View]], verification["databases"])
    shown, rest = cut(databases, lambda one: 0 if database_state(one) != "complete" else 1)
    yield ""
    colours = ["green" if database_state(one) == "complete" else "red" for one in shown]
    yield from table(_COLUMNS, [_cells(one, namer) for one in shown], style, colours)
    if rest:
        complete = sum(database_state(one) == "complete" for one in rest)
        yield f"... and {len(rest):,} more, {complete:,} of them complete"
    yield from details_lines(verification, namer)


def details_lines(verification: dict[str, View], namer: Namer) -> Iterator[str]:
    """What is worth a look, without the table: verdicts other than the best one, and checks that failed."""
    databases = cast(list[dict[str, View]], verification["databases"])
    yield from _entries(
        cast(list[dict[str, View]], [e for d in databases for e in cast(list[View], d["entries"])]), namer
    )
    histories = [history for database in databases for history in cast(list[View], database["transcripts"])]
    yield from _histories(cast(list[dict[str, View]], histories), namer)
    extra = [name for database in databases for name in cast(list[Name], database["extra"])]
    if extra:
        yield f"extra, {plural(len(extra), 'session')}, {SESSIONS['extra']}: {listed(extra, namer)}"
    yield from failed_check_lines(verification, namer)


def failed_check_lines(verification: dict[str, View], namer: Namer) -> Iterator[str]:
    """Each check that does not hold, and of which databases."""
    databases = cast(list[dict[str, View]], verification["databases"])
    for check in dict.fromkeys(cast(list[str], verification["failed_checks"])):
        where = [who(one) for one in databases if cast(dict[str, bool], one["checks"]).get(check) is False]
        place = f" for {listed(where, namer)}" if where else ""
        yield f"failed check {check}{place}. What should be true: {CHECKS[check]}"


def _cells(database: dict[str, View], namer: Namer) -> list[str]:
    numbers = cast(dict[str, tuple[int, int]], database["parity"])
    pairs = ("{:,}/{:,}".format(*numbers[what]) for what in ("sessions", "transcripts", "events"))
    return [namer(who(database)), *pairs, database_state(database)]


def database_state(database: dict[str, View]) -> str:
    """``complete``, ``differs``, or ``failed`` if a check does not hold: the same word in every format."""
    if not all(cast(dict[str, bool], database["checks"]).values()):
        return "failed"
    return "complete" if database["complete"] else "differs"


def _entries(entries: list[dict[str, View]], namer: Namer) -> Iterator[str]:
    groups: dict[tuple[str, str], list[dict[str, View]]] = {}
    for entry in entries:
        groups.setdefault((str(entry["verdict"]), ", ".join(cast(list[str], entry["transforms"]))), []).append(entry)
    for (verdict, transforms), members in groups.items():
        names = [cast(Name, member["session"]) for member in members]
        by = f" ({transforms})" if transforms else ""
        yield f"{verdict}, {plural(len(members), 'session')}, {SESSIONS[verdict]}{by}: {listed(names, namer)}"
        for member in members[:MOST_NAMES]:
            yield from _details(member, namer)


def _details(entry: dict[str, View], namer: Namer) -> Iterator[str]:
    session, places = namer(cast(Name, entry["session"])), cast(list[Name], entry["places"])
    if places:
        yield f"  {session} is in {' '.join(map(namer, places))}"
    differences = cast(list[dict[str, View]], entry["differences"])
    for difference in differences[:_MOST_DIFFERENCES]:
        path = cast(list[Name | int], difference["path"])
        steps = "/".join(namer(step) if isinstance(step, Name) else str(step) for step in path)
        yield f"  {session} differs: {difference['kind']} {steps}"
    if len(differences) > _MOST_DIFFERENCES:
        yield f"  {session} differs in {len(differences) - _MOST_DIFFERENCES:,} more places"


def _histories(histories: list[dict[str, View]], namer: Namer) -> Iterator[str]:
    groups: dict[str, list[dict[str, View]]] = {}
    for history in histories:
        groups.setdefault(str(history["verdict"]), []).append(history)
    for verdict, members in groups.items():
        if verdict == "contained":
            continue
        names = [cast(Name, member["transcript"]) for member in members]
        yield f"{verdict}, {plural(len(members), 'transcript')}, {TRANSCRIPTS[verdict]}: {listed(names, namer)}"
        for member in members[:MOST_NAMES]:
            if member["present"] != member["events"]:
                line = member["first_missing_line"]
                where = f"; line {line} is the first that is missing" if line else ""
                name = namer(cast(Name, member["transcript"]))
                yield f"  {name}: {member['present']} of {member['events']} events are there{where}"
