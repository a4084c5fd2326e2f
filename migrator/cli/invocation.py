"""How the program was called: the words, the surroundings, the places to write to, and signals."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from migrator.model.errors import Meant
from migrator.model.request import Surroundings
from migrator.model.words import Name
from migrator.openclaw.places.paths import find_os_home


class TerminatedError(BaseException):
    """SIGTERM has arrived; like KeyboardInterrupt it unwinds everything."""


def can_hold(folder: str) -> bool:
    """Whether files can be made in a directory, which is made if it is missing."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def can_be_written(path: str) -> bool:
    """Whether a file can be made or replaced."""
    parent = Path(path).parent
    return parent.is_dir() and os.access(parent, os.W_OK | os.X_OK) and not Path(path).is_dir()


def surroundings() -> Surroundings:
    """What the process knows of its host."""
    try:
        cwd = str(Path.cwd())
    except OSError:  # somebody has removed it; absolute paths do without
        cwd = os.sep
    return Surroundings(dict(os.environ), find_os_home(os.environ), cwd, tempfile.gettempdir())


def even_clock() -> Callable[[], datetime]:
    """A clock that is set now and runs evenly from then on, whatever somebody does to that of the system."""
    started, began = datetime.now(timezone.utc), time.monotonic()
    return lambda: started + timedelta(seconds=time.monotonic() - began)


def spelled(context: click.Context, without: tuple[str, ...] = ()) -> Iterator[Name | str | int]:
    """The command line as it was given, without what was left at its default; free text comes as a Name.

    ``without`` are names of parameters to leave out.
    """
    yield "migrator"
    yield context.info_name or ""
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.name in without or value in (None, (), False) or value == parameter.default:
            continue
        option = parameter.opts[0]
        kind = "agent" if option == "--agent" else "path"
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(parameter, click.Option):
                yield option
            if isinstance(item, str) and not isinstance(parameter.type, click.Choice):
                yield Name(kind, item)
            elif not isinstance(item, bool):
                yield item


def corrected(context: click.Context, option: str, meant: Meant) -> Iterator[Name | str | int]:
    """The command line with the state directory that was meant in the place of what ``option`` named."""
    has_agents = any(parameter.name == "agents" for parameter in context.command.params)
    agent = meant.agent if has_agents and option == "--state-dir" and not context.params.get("agents") else None
    wrong = ("state_dir", "directory") if option == "--state-dir" else (option.removeprefix("--"),)
    yield from spelled(context, wrong)
    yield from (option, Name("path", meant.state_dir))
    if agent is not None:
        yield from ("--agent", Name("agent", agent))


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM unwind the block like Ctrl-C does."""

    def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise TerminatedError

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
