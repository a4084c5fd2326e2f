"""How the program was called: the words, the surroundings, the places to write to, and signals."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from migrator.model.errors import Meant
from migrator.model.report import CommandLine
from migrator.model.words import Name


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


_ABOUT = frozenset(
    [
        "config",
        "follow",
        "agents",
        "stores",
        "backup",
        "bring_back",
        "reassign",
        "expect_agents",
        "expect_sessions",
        "allow_empty",
        "names",
        "level",
        "accept",
        "against",
    ]
)
"""The names of parameters that say what a command is about, and so belong to the command that follows it, too."""


def spelled(context: click.Context, without: tuple[str, ...] = ()) -> Iterator[Name | str | int]:
    """The command line as it was given, without what was left at its default; free text comes as a Name.

    ``without`` are names of parameters to leave out.
    """
    yield "migrator"
    yield context.info_name or ""
    for parameter in context.command.params:
        if parameter.name not in without:
            for words in _given(context, parameter, "path"):
                yield from words


def _given(context: click.Context, parameter: click.Parameter, kind: str) -> Iterator[CommandLine]:
    """Each time that a parameter was given, in words; free text is a Name of a ``kind``, unless it is an agent."""
    value = context.params.get(parameter.name or "")
    if value is None or value is False or value in ((), parameter.default):
        return
    option = parameter.opts[0]
    kind = "agent" if option == "--agent" else kind
    for item in value if isinstance(value, tuple) else (value,):
        words: CommandLine = (option,) if isinstance(parameter, click.Option) else ()
        if isinstance(item, str) and not isinstance(parameter.type, click.Choice):
            yield (*words, Name(kind, item))
        else:
            yield words if isinstance(item, bool) else (*words, item)


def given_for_others(context: click.Context) -> dict[str, tuple[CommandLine, ...]]:
    """By verb, the options that were given here, say what the command is about, and are options of that verb, too."""
    program = context.find_root().command
    verbs = program.commands if isinstance(program, click.Group) else {}
    given = [
        (parameter.name, words)
        for parameter in context.command.params
        if parameter.name in _ABOUT
        for words in _given(context, parameter, "argument")
    ]
    known = {verb: {one.name for one in command.params} for verb, command in verbs.items()}
    return {verb: tuple(words for name, words in given if name in known[verb]) for verb in verbs}


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
