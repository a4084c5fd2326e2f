"""What was said on the command line, typed; a command leaves what it does not offer at its default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime

import click

from migrator.commands.request import Request, surroundings
from migrator.model.progress import Progress
from migrator.model.request import RepairWish, Selection
from migrator.parallel import Workers


@dataclass(frozen=True, slots=True)
class Options:
    """The values of all options that more than the verb itself needs.

    ``form`` is the format of the report, ``names`` one of auto, clear and labels, ``plan_output`` the file that a plan
    goes to, ``files`` the proofs to merge; ``wait`` is in seconds. Paths are as they were typed.
    """

    state_dir: str | None = None
    config: str | None = None
    agents: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    follow: bool = False
    backup: str | None = None
    bring_back: tuple[str, ...] = ()
    reassign: bool = False
    expect_agents: int | None = None
    expect_sessions: int | None = None
    allow_empty: bool = False
    form: str = "text"
    names: str = "auto"
    whole: bool = False
    quiet: bool = False
    jobs: int | None = None
    wait: int = 0
    output: str | None = None
    proof: str | None = None
    plan_output: str | None = None
    files: tuple[str, ...] = ()

    @property
    def is_silent(self) -> bool:
        """Whether nobody wants the report."""
        return self.quiet and self.output is None


def options_of(context: click.Context) -> Options:
    """The options that click has read."""
    known = {field.name for field in fields(Options)}
    values = {name: value for name, value in context.params.items() if name in known}
    directory = context.params.get("directory")
    if directory is not None:
        if values["state_dir"] is not None:
            raise click.UsageError("Name the state directory once: as an argument, or with --state-dir.", context)
        values["state_dir"] = directory
    return Options(**values)


def request_of(
    options: Options, progress: Progress, say: Callable[[str], None], clock: Callable[[], datetime]
) -> Request:
    """What a verb is asked to do. ``say`` tells the user why the work does not go on."""
    return Request(
        selection=Selection(
            state_dir=options.state_dir,
            config=options.config,
            agents=options.agents,
            stores=options.stores,
            follow=options.follow,
            repair=RepairWish(options.backup, options.bring_back, options.reassign),
        ),
        surroundings=surroundings(),
        expect_agents=options.expect_agents,
        expect_sessions=options.expect_sessions,
        allow_empty=options.allow_empty,
        progress=progress,
        workers=Workers(options.jobs, say),
        clock=clock,
    )
