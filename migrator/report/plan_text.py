"""A plan, and what became of it, like a diff: ``+`` create, ``~`` change, ``=`` keep, ``!`` quarantine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migrator.model.counted import plural
from migrator.model.report import Undone
from migrator.model.words import Name
from migrator.report.groups import MOST_LINES, WHOLE, command_line
from migrator.report.layout import Style, Whole, columns_of, fitted, padded, size
from migrator.report.parts import KnownRunRow, Namer, PlannedDatabase, PlanPart, RepairRow, RunPart

_COLOURS = {"+": "green", "~": "yellow", "=": "faint", "!": "red"}
_IMPORTANCE = "!~+="
_WIDEST_NAME = 28
_MOST_OF_A_SIGN = 6
_OF_SIGN = {"+": "new", "~": "changed", "=": "as they are", "!": "with damage, or not written"}
_ACTIONS = {
    "insert": "new {}",
    "update": "{} updated",
    "complete": "{} completed",
    "keep": "{} kept as the database has it",
    "same": "{} there already",
}

RUNS_TITLE = "Runs, the last one first"
RUN_HEADS = ("run", "began", "state", "what taking it back does")
NO_RUNS = "no runs"

REPAIRS_SHOWN = 20
"""How many sessions of one database are named that a repair brings back or completes; json has them all."""

_WRITTEN = ("insert", "update", "complete")


@dataclass(frozen=True, slots=True)
class _Change:
    sign: str
    whose: Name
    what: str


def plan_lines(plan: PlanPart, namer: Namer, style: Style) -> Iterator[str]:
    """A line for each database, one more for what goes into quarantine, and the totals."""
    changes = [change for database in plan.databases for change in _changes(database)]
    yield ""
    yield from _diff(changes, namer, style)
    for database in plan.databases:
        yield from _repairs(database.repairs, namer, WHOLE if style.whole else REPAIRS_SHOWN)
    yield _totals(plan.databases)


def run_lines(run: RunPart, namer: Namer, style: Style) -> Iterator[str]:
    """What was done to each database, and where the folder of the run is."""
    changes = []
    for database in run.databases:
        sign, done = ("+", "created") if database.created else ("~", "changed")
        if database.failure is not None:
            sign, done = "!", f"not written: {database.failure}"
        elif database.rows_written or database.created:
            done += f", {plural(database.rows_written, 'session')} written"
        else:
            done += ", histories completed"
        changes.append(_Change(sign, database.whose, done))
    if changes:
        yield ""
        yield from _diff(changes, namer, style)
    yield f"run {run.id}, in the folder {namer(run.folder)}"
    if sources := run.archived_sources + run.sources_left:
        yield f"moved {run.archived_sources:,} of {plural(sources, 'source')} into the folder of the run"
    if run.take_back is not None:
        yield "to take it back:"
        yield Whole(f"  {command_line(run.take_back, namer)}")


def known_run_lines(runs: Sequence[KnownRunRow]) -> Iterator[str]:
    """Each run with what taking it back would still do."""
    yield "" if runs else NO_RUNS
    for name, began, state, does in known_run_cells(runs):
        yield f"{name}  {began + ', ' if began else ''}{state}"
        if does:
            yield f"  {does}"


def known_run_cells(runs: Sequence[KnownRunRow]) -> Iterator[tuple[str, str, str, str]]:
    """The cells of each run under :data:`RUN_HEADS`."""
    for run in runs:
        began = f"{run.began:.10} {run.began[11:16]} UTC" if run.began else ""
        yield run.id, began, run.state, _takes_back(run.takes_back, run.obstacles) if run.takes_back is not None else ""


def _takes_back(undone: Undone, obstacles: Sequence[str]) -> str:
    parts = [
        f"removes {plural(undone.removed, 'database')}" if undone.removed else "",
        f"restores {plural(undone.restored, 'database')} as before" if undone.restored else "",
        f"puts {plural(undone.put_back, 'source')} back" if undone.put_back else "",
    ]
    done = ", ".join(filter(None, parts)) or "changes nothing"
    if obstacles:
        return f"rollback refuses as it stands ({', '.join(obstacles)}); else it {done}"
    return f"rollback {done}"


def _changes(database: PlannedDatabase) -> Iterator[_Change]:
    whose, contents = database.whose, _contents(database)
    if database.create:
        yield _Change("+", whose, f"create the database: {contents.replace('new ', '')}")
    elif database.pending:
        yield _Change("~", whose, f"change the database: {contents}")
    else:
        yield _Change("=", whose, contents)
    if database.quarantine:
        yield _Change("!", whose, f"{plural(len(database.quarantine), 'damaged piece')} to keep in quarantine")


def _repairs(repairs: Sequence[RepairRow], namer: Namer, most: int) -> Iterator[str]:
    """Where everything that a repair brings back comes from."""
    for repair in repairs[:most]:
        what = "bring back" if repair.events is None else f"add {plural(repair.events, 'event')} to"
        what = "renew" if repair.replaces_older else what
        archived = ", archived," if repair.archived else ""
        where = " ".join(map(namer, repair.places))
        yield f"  {what} {namer(repair.session)}{archived} from {repair.origin.value} {where}"
    if len(repairs) > most:
        yield f"  ... and {len(repairs) - most:,} more"


def _contents(database: PlannedDatabase) -> str:
    actions, events = database.actions, database.new_events
    parts = [
        words.format(plural(actions[action], "session") if action == "insert" else f"{actions[action]:,}")
        for action, words in _ACTIONS.items()
        if actions.get(action)
    ]
    parts += [plural(events, "new event")] if events else []
    return ", ".join(parts) or "no sessions"


def _diff(changes: list[_Change], namer: Namer, style: Style) -> Iterator[str]:
    rows = [(change.sign, namer(change.whose), change.what) for change in changes]
    if len(rows) > MOST_LINES and not style.whole:
        rows = list(_alike(rows))
    width = min(max((columns_of(name) for _, name, _ in rows), default=0), _WIDEST_NAME, max(style.width // 3, 12))
    for sign, name, what in rows:
        yield style.paint(f"{sign} {padded(fitted(name, width), width)}  {what}", _COLOURS[sign])


def _alike(rows: Sequence[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    """One row for all of the same sign that become the same, and one for what is left of a sign after many."""
    groups: dict[tuple[str, str], list[str]] = {}
    for sign, name, what in rows:
        groups.setdefault((sign, what), []).append(name)
    for sign in _IMPORTANCE:
        those = [(names, what) for (of, what), names in groups.items() if of == sign]
        for names, what in those[:_MOST_OF_A_SIGN]:
            yield sign, names[0] if len(names) == 1 else f"{len(names):,} alike", what
        if left := sum(len(names) for names, _ in those[_MOST_OF_A_SIGN:]):
            yield sign, f"{left:,} more", _OF_SIGN[sign]


def _totals(databases: Sequence[PlannedDatabase]) -> str:
    create = sum(one.create for one in databases)
    change = sum(one.pending and not one.create for one in databases)
    sessions = sum(one.actions.get(action, 0) for one in databases for action in _WRITTEN)
    events = sum(one.new_events for one in databases)
    quarantine = sum(len(one.quarantine) for one in databases)
    need = sum(one.peak_bytes for one in databases if one.pending)
    return (
        f"total: + {plural(create, 'database')}, ~ {change:,}, = {len(databases) - create - change:,}, "
        f"! {plural(quarantine, 'piece')}; {plural(sessions, 'session')} and {plural(events, 'event')} to write, "
        f"{size(need)} of disk at most"
    )
