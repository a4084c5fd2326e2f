"""The options that several commands share, each with its help. What only one command takes stands beside it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from migrator.model.verification import ACCEPTABLE
from migrator.report import FORMATS

COUNT = click.IntRange(min=0)
FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="What the report looks like: text for a person, html to send, markdown to paste, the others for programs.",
)
NAMES = click.option(
    "--names",
    type=click.Choice(["auto", "clear", "labels"]),
    default="auto",
    show_default=True,
    help="Show names or labels; auto: names in text on your own terminal, labels everywhere else.",
)
ALL = click.option(
    "--all", "whole", is_flag=True, help="Show lists as a whole in text; the other formats have their own."
)
STATE = click.option("--state-dir", metavar="DIR", help="OpenClaw's state directory.")
CONFIG = click.option("--config", metavar="FILE", help="The configuration file to read session.store from.")
FOLLOW = click.option(
    "--follow", is_flag=True, help="Open what links and entries point to outside the state directory."
)
WHICH = (
    click.option("--agent", "agents", metavar="NAME", multiple=True, help="Only this agent directory (name on disk)."),
    click.option("--store", "stores", metavar="PATH", multiple=True, help="Only this legacy store."),
)
OUTSIDE = click.option(
    "--store",
    "stores",
    metavar="PATH",
    multiple=True,
    help="Take back what was done to this store outside, too.",
)
EXPECT = (
    click.option("--expect-agents", metavar="N", type=COUNT, help="Fail unless N agents are found."),
    click.option("--expect-sessions", metavar="N", type=COUNT, help="Fail unless N sessions are found."),
)
ALLOW_EMPTY = click.option("--allow-empty", is_flag=True, help="Finding nothing is fine.")
QUIET = click.option("--quiet", is_flag=True, help="Print nothing but errors.")
JOBS = click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(min=1),
    help="Work in N processes at a time. Default: one for each core, at most 8, where there is enough to do.",
)
WAIT = click.option(
    "--wait", metavar="SECONDS", type=COUNT, default=0, help="Wait so long for writers and locks to go away."
)
WHERE = (STATE, CONFIG)
SHOWN = (FORMAT, NAMES, ALL, QUIET)
SCANNED = (*WHERE, *WHICH, FOLLOW, *EXPECT, ALLOW_EMPTY, *SHOWN, JOBS)
"""What every command takes that scans an installation and says what is there."""
OUTPUT = click.option(
    "--output", metavar="FILE", help="Write the report to FILE, which is replaced, instead of standard output."
)
PROOF = click.option("--proof", metavar="DIR", help="Write a redacted proof log and its summary into DIR.")
ACCEPT = click.option(
    "--accept",
    type=click.Choice([one.value for one in ACCEPTABLE]),
    multiple=True,
    help="Do not count these verdicts as differences.",
)
REPAIR = (
    click.option(
        "--from",
        "backup",
        metavar="PATH",
        help="Take what is missing from here, too: a state directory, a store, a transcript, a database, or a folder.",
    ),
    click.option(
        "--bring-back", metavar="KEY", multiple=True, help="Bring back this deleted session (its key or session id)."
    ),
    click.option("--reassign", is_flag=True, help="Copy moved sessions back to the directory that they came from."),
)
"""What can be said about databases that a newer release has migrated."""

COMMON = frozenset(
    {"state_dir", "config", "follow", "allow_empty", "form", "names", "whole", "quiet", "jobs", "wait", "output"}
)
"""The names of options that are the same everywhere: a help text has them in a block of their own, the last one."""
DIRECTORY = click.argument("directory", metavar="[DIR]", required=False)
"""The state directory without the words --state-dir before it."""
Command = Callable[..., Any]


class Verb(click.Command):
    """A command whose help says first what it alone takes, then what most commands take."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the two blocks of options."""
        options = [one for one in self.get_params(context) if isinstance(one, click.Option)]
        for title, is_common in (("Options", False), ("Common options", True)):
            of_block = [one for one in options if (one.name in COMMON or "--help" in one.opts) == is_common]
            records = [record for one in of_block if (record := one.get_help_record(context)) is not None]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def with_options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Add several options to a command, in the order in which its help shows them."""

    def decorate(command: Command) -> Command:
        return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), command)

    return decorate
