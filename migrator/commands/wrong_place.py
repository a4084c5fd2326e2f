"""A path that was named as a state directory and is none: what it is, and which one was probably meant.

Looks up as far as a transcript lies below its state directory, and one level down. Never walks. What it may not look at
is nothing to it: the scan that follows says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from migrator.model.errors import Meant, WrongPlaceError
from migrator.model.words import Name
from migrator.openclaw.places.paths import CONFIG_NAMES
from migrator.runs.run import RUNS
from migrator.scanning.discovery import is_state_directory

_AGENTS, _SESSIONS = "agents", "sessions"
_LEVELS = 4  # agents/NAME/sessions/FILE


def require_no_wrong_place(path: str, option: str = "--state-dir") -> None:
    """Raise WrongPlaceError for a path that is no state directory where one lies above or below, and for a file.

    ``option`` is what the path was named with.
    """
    place, name = Path(path), Name("path", path)
    if os.path.isdir(place / _AGENTS):
        return
    above = _above(place)
    if above is not None:
        where = Name("path", above.state_dir)
        raise WrongPlaceError(_sentence(place), name, (where,), (above,), option)
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


def _sentence(place: Path) -> str:
    if os.path.isfile(place):
        return "{subject} is a file of the state directory {others}."
    if place.name == _AGENTS:
        return "{subject} has the agent directories of the state directory {others}."
    if place.parent.name == _AGENTS:
        return "{subject} is an agent directory of the state directory {others}."
    return "{subject} is a folder in the state directory {others}."


def _above(place: Path) -> Meant | None:
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
