"""What a command was asked to do, and the scan that every command begins with.

A path that was named as a state directory and is none is told apart first: what it is, and which one was probably
meant. For that it looks up as far as a transcript lies below its state directory, and one level down, and never walks.
What it may not look at is nothing to it: the scan that follows says so.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from migrator.commands.judging import ELSEWHERE
from migrator.model.counted import plural
from migrator.model.errors import Meant, NothingFoundError, UsageError, WrongPlaceError
from migrator.model.inventory import Inventory, Shape, counts
from migrator.model.progress import Progress, silent
from migrator.model.request import Selection, Surroundings
from migrator.model.words import Name
from migrator.openclaw.places.paths import CONFIG_NAMES, find_os_home, resolve_state_dir
from migrator.parallel import ALONE, Workers
from migrator.runs.run import RUNS
from migrator.runs.steps import JOURNAL
from migrator.scanning.discovery import is_state_directory
from migrator.scanning.scanner import scan as make_inventory

_AGENTS, _SESSIONS = "agents", "sessions"
_LEVELS = 4  # agents/NAME/sessions/FILE


@dataclass(frozen=True, slots=True)
class Request:
    """What a command was asked to do, and where."""

    selection: Selection
    surroundings: Surroundings
    expect_agents: int | None = None
    expect_sessions: int | None = None
    allow_empty: bool = False
    progress: Progress = silent
    workers: Workers = ALONE
    clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc)

    def now_ms(self) -> int:
        """The time of the clock in milliseconds."""
        return int(self.clock().timestamp() * 1000)


def surroundings() -> Surroundings:
    """What this process knows of its host."""
    try:
        cwd = str(Path.cwd())
    except OSError:  # somebody has removed it; absolute paths do without
        cwd = os.sep
    return Surroundings(dict(os.environ), find_os_home(os.environ), cwd, tempfile.gettempdir())


def even_clock() -> Callable[[], datetime]:
    """A clock that is set now and runs evenly from then on, whatever somebody does to that of the system."""
    started, began = datetime.now(timezone.utc), time.monotonic()
    return lambda: started + timedelta(seconds=time.monotonic() - began)


def take_inventory(request: Request, earlier: Inventory | None = None) -> Inventory:
    """Scan what is selected. Raises NothingFoundError where there is nothing, unless that is fine, or more is given."""
    is_enough = request.allow_empty or request.selection.repair.backup is not None
    if earlier is None and not is_enough and not request.selection.stores:
        require_no_wrong_place(state_dir_of(request))
    inventory = fresh_inventory(request, earlier)
    if not is_enough:
        require_something(inventory)
    return inventory


def fresh_inventory(request: Request, earlier: Inventory | None = None) -> Inventory:
    """Scan what is selected, even if there is nothing; see :func:`take_inventory` for the rest."""
    now_ms, around = request.now_ms(), request.surroundings
    return make_inventory(request.selection, around, now_ms, request.progress, earlier, request.workers)


def state_dir_of(request: Request) -> str:
    """The state directory that a request is about, whether it is there or not."""
    around = request.surroundings
    return resolve_state_dir(request.selection.state_dir, around.env, around.home, around.cwd)[0]


def require_something(inventory: Inventory) -> None:
    """Raise NothingFoundError for an inventory without a store, a transcript, or a database with a session."""
    filled = (d.cache_rows or d.typed_rows or d.shape in (Shape.UNREADABLE, Shape.UNKNOWN) for d in inventory.databases)
    elsewhere = any(finding.code in ELSEWHERE for finding in inventory.findings)
    if inventory.stores or inventory.transcripts or any(filled) or elsewhere:
        return
    hint = " See the findings of scan --allow-empty." if inventory.findings else ""
    raise NothingFoundError(
        "There are no sessions in {subject}; name the right directory with --state-dir, or say --allow-empty." + hint,
        Name("path", inventory.state_dir),
    )


def inventory_of(request: Request, inventory: Inventory, against: str) -> Inventory:
    """The inventory to judge by: of another state directory, or of what a run of this one has set aside."""
    folder = os.path.realpath(os.path.join(request.surroundings.cwd, against))
    if not os.path.isfile(os.path.join(folder, JOURNAL)):
        require_no_wrong_place(folder, "--against")
        selection = replace(request.selection, state_dir=folder, config=None)
        origin = fresh_inventory(replace(request, selection=selection))
        require_something(origin)
        return origin
    stores = tuple(store for store in inventory.stores if store.real_path.startswith(folder + os.sep))
    transcripts = tuple(one for one in inventory.transcripts if one.path.startswith(folder + os.sep))
    if not stores:
        raise NothingFoundError("The run {subject} has set no sources aside.", Name("path", folder))
    return replace(inventory, stores=stores, transcripts=transcripts)


def unmet_expectations(request: Request, inventory: Inventory) -> tuple[str, ...]:
    """Say which expectations of the request are not met, in words for a report."""
    agents, sessions = counts(inventory)
    unmet = []
    if request.expect_agents is not None and request.expect_agents != agents:
        unmet.append(f"{plural(agents, 'agent')}, expected {request.expect_agents}")
    if request.expect_sessions is not None and request.expect_sessions != sessions:
        unmet.append(f"{plural(sessions, 'session')}, expected {request.expect_sessions}")
    return tuple(unmet)


def outside(state_dir: str, path: str) -> None:
    """Refuse to write a report into the directory that is reported on.

    Raises UsageError.
    """
    real, state = os.path.realpath(path or "."), os.path.realpath(state_dir)
    if os.path.commonpath([real, state]) == state:
        raise UsageError(
            "{subject} lies inside the state directory, which is not to be touched; name a place outside.",
            Name("path", path),
        )


def require_no_wrong_place(path: str, option: str = "--state-dir") -> None:
    """Raise WrongPlaceError for a path that is no state directory where one lies above or below, and for a file.

    ``option`` is what the path was named with.
    """
    place, name = Path(path), Name("path", path)
    if os.path.isdir(place / _AGENTS):
        return
    above = _state_above(place)
    if above is not None:
        where = Name("path", above.state_dir)
        raise WrongPlaceError(_what_lies_there(place), name, (where,), (above,), option)
    if os.path.isfile(place):
        raise WrongPlaceError(
            "{subject} is a file, and lies in no state directory. To take in what is in it, run plan with --from and "
            "this path.",
            name,
        )
    if any(os.path.lexists(place / one) for one in (*CONFIG_NAMES, RUNS, os.path.join(_SESSIONS, "sessions.json"))):
        return
    below = [str(one) for one in _folders_in(place) if _is_state(one)]
    if below:
        count = "one lies" if len(below) == 1 else f"{len(below)} lie"
        names = tuple(Name("path", one) for one in below)
        sentence = f"{{subject}} is no state directory, but {count} in it: {{others}}."
        raise WrongPlaceError(sentence, name, names, tuple(map(Meant, below)), option)


def _what_lies_there(place: Path) -> str:
    if os.path.isfile(place):
        return "{subject} is a file of the state directory {others}."
    if place.name == _AGENTS:
        return "{subject} has the agent directories of the state directory {others}."
    if place.parent.name == _AGENTS:
        return "{subject} is an agent directory of the state directory {others}."
    return "{subject} is a folder in the state directory {others}."


def _state_above(place: Path) -> Meant | None:
    """The state directory that a path lies in, and the agent, if it is of one."""
    below = ""
    for folder in (place, *place.parents)[:_LEVELS]:
        if folder.name == _AGENTS and _is_state(folder.parent):
            return Meant(str(folder.parent), below or None)
        below = folder.name
    folder = place.parent if os.path.isfile(place) else place
    for state in (folder.parent if folder.name == _SESSIONS else folder, folder):
        if state != place and _is_state(state):
            return Meant(str(state))
    return None


def _is_state(place: Path) -> bool:
    """Whether a path is a state directory, be it one of the time before there were agents, which has one store."""
    is_old = os.path.isfile(place / _SESSIONS / "sessions.json") and place.parent.name != _AGENTS
    return is_old or is_state_directory(str(place))


def _folders_in(place: Path) -> Iterable[Path]:
    try:
        return sorted(one for one in place.iterdir() if os.path.isdir(one))
    except OSError:
        return ()
