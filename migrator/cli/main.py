"""The command line: parse, call one verb, render, exit with its code.

A command imports what it needs itself: ``--help`` needs none of it, and should be there at once.
"""

from __future__ import annotations

import atexit
import gc
import sys
from contextlib import ExitStack
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from migrator import __version__
from migrator.cli.help import epilog, program_epilog
from migrator.cli.shared_options import (
    ACCEPT,
    ALL,
    ALLOW_EMPTY,
    DIRECTORY,
    EXPECT,
    FOLLOW,
    FORMAT,
    JOBS,
    NAMES,
    OUTPUT,
    OUTSIDE,
    PROOF,
    QUIET,
    REPAIR,
    SCANNED,
    SHOWN,
    WAIT,
    WHERE,
    WHICH,
    Verb,
    with_options,
)
from migrator.cli.streams import give_up_stdout, open_streams
from migrator.model.errors import NothingFoundError
from migrator.model.exported import Layout
from migrator.model.upgrade import Way
from migrator.model.verification import Level
from migrator.report import FORMATS

atexit.register(gc.freeze)
"""Nothing looks for garbage in a process that ends: that takes 24 ms for 10,000 sessions."""


class _Program(click.Group):
    """A group whose usage errors do not repeat what was typed: it may hold the name of somebody."""

    def main(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the signature of click
        """Run the program; off a terminal a usage error says no more than where help is."""
        open_streams()
        try:
            return super().main(*arguments, **{**options, "standalone_mode": False})
        except click.UsageError as error:
            if sys.stderr.isatty():
                error.show()
            else:
                context = error.ctx.command_path.split()[-1] if error.ctx else "migrator"
                click.echo(f"migrator: the command line is wrong; see --help of {context}.", err=True)
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            sys.exit(130)
        except MemoryError:
            click.echo("migrator: out of memory; every database is as it was, or complete.", err=True)
            sys.exit(2)
        except OSError:
            click.echo("migrator: standard output cannot be written to.", err=True)
            sys.exit(2)
        finally:
            try:
                sys.stdout.flush()
            except (OSError, ValueError):
                give_up_stdout()


@click.group(cls=_Program, epilog=program_epilog(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Find every OpenClaw session, move it into SQLite, and prove that nothing was lost.

    Names of agents, sessions and files are shown in clear on your own terminal only, in the text format. In files,
    pipes, proofs, CI and every other format a label such as agent:7f3a9c21d0ab stands for each, unless you say --names
    clear; proofs never have names. Standard output has the report, standard error the talk.
    """


@main.command(cls=Verb, epilog=epilog("scan"))
@with_options(DIRECTORY, *SCANNED, OUTPUT)
def scan(**_options: Any) -> NoReturn:  # noqa: ANN401 - click decides the types
    """Show what is there, and touch nothing."""
    from migrator import commands
    from migrator.cli.runner import Runner

    runner = Runner(click.get_current_context())
    sys.exit(runner.run(commands.scan))


@main.command(cls=Verb, epilog=epilog("plan"))
@with_options(*SCANNED, *REPAIR, PROOF)
@click.option("--output", "plan_output", metavar="FILE", help="Write the plan to FILE, for apply; replaces FILE.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 1 if there is something to do.")
def plan(plan_output: str | None, detailed_exitcode: bool, **_options: Any) -> NoReturn:  # noqa: ANN401
    """Show what would be done, and touch nothing but the plan file, if one is asked for."""
    from migrator import commands
    from migrator.cli.runner import Runner

    runner = Runner(click.get_current_context())
    sys.exit(runner.run(lambda request: commands.plan(request, detailed_exitcode, plan_output)))


@main.command(cls=Verb, epilog=epilog("apply"))
@click.argument("plan_file", metavar="[PLAN]", required=False)
@with_options(*SCANNED, *REPAIR, WAIT, OUTPUT, PROOF)
@click.option("--yes", is_flag=True, help="Plan and do it in one go.")
@click.option("--archive-sources", is_flag=True, help="Move the sources into the run folder once all is verified.")
def apply(plan_file: str | None, yes: bool, archive_sources: bool, **_options: Any) -> NoReturn:  # noqa: ANN401
    """Do what PLAN says, and no more; or, with --yes, plan and do it."""
    from migrator import commands
    from migrator.cli.runner import Runner

    runner = Runner(click.get_current_context())
    sys.exit(runner.run(lambda request: commands.apply(request, plan_file, yes, archive_sources)))


@main.command(cls=Verb, epilog=epilog("verify"))
@with_options(DIRECTORY, *SCANNED, WAIT, OUTPUT, PROOF)
@click.option("--against", metavar="DIR", help="Judge by this copy of the state directory, or folder of a run.")
@click.option(
    "--level",
    type=click.Choice([level.value for level in Level]),
    default=Level.KNOWN.value,
    show_default=True,
    help="What may differ: nothing, spelling of the same JSON, or what releases are known to do.",
)
@ACCEPT
def verify(against: str | None, level: str, accept: tuple[str, ...], **_options: Any) -> NoReturn:  # noqa: ANN401
    """Check that every session is in its database, and touch nothing."""
    from migrator import commands
    from migrator.cli.runner import Runner

    runner = Runner(click.get_current_context())
    sys.exit(runner.run(lambda request: commands.verify(request, against, Level(level), accept)))


@main.command(cls=Verb, epilog=epilog("prove"))
@with_options(*WHERE, *EXPECT, *SHOWN, JOBS, WAIT, OUTPUT)
@click.option("--old", metavar="RELEASE", help="The old release: a number such as 2026.7.1, or a path to it.")
@click.option("--new", metavar="RELEASE", help="The new release: a number such as 2026.9.6, or a path to it.")
@click.option("--install", is_flag=True, help="Install a release that is named by its number, if it is not there.")
@click.option("--smoke", is_flag=True, help="Try it on a small state directory that comes with this program.")
@click.option("--without-openclaw", is_flag=True, help="Only migrate the copy: that no upgrade is tried is all right.")
@click.option(
    "--with",
    "way",
    type=click.Choice([*(way.value for way in Way), "both"]),
    default=Way.MIGRATOR.value,
    show_default=True,
    help="Who moves the sessions into SQLite; both: compare the two, and judge by the first.",
)
@ACCEPT
@click.option("--proof", metavar="DIR", help="Write the proof bundle into DIR, which must not have one.")
def prove(
    old: str | None,
    new: str | None,
    install: bool,
    smoke: bool,
    without_openclaw: bool,
    way: str,
    accept: tuple[str, ...],
    **_options: Any,  # noqa: ANN401
) -> NoReturn:
    """Try an upgrade on a private copy, with real OpenClaw releases, and prove that it keeps every session."""
    from migrator.cli.runner import Runner
    from migrator.upgrades.private_copy import of_smoke_state
    from migrator.upgrades.prove import Question
    from migrator.upgrades.prove import prove as prove_upgrade

    runner = Runner(click.get_current_context())
    ways = tuple(Way) if way == "both" else (Way(way),)
    question = Question(ways, old, new, install, accept, without_openclaw)
    with ExitStack() as until:
        code = runner.run(lambda asked: prove_upgrade(of_smoke_state(asked, until) if smoke else asked, question))
    sys.exit(code)


@main.command(cls=Verb, epilog=epilog("export"))
@click.argument("folder", metavar="DIR")
@with_options(*WHERE, *WHICH, FOLLOW, ALLOW_EMPTY, NAMES, ALL, QUIET, JOBS, OUTPUT)
@click.option("--session", "sessions", metavar="KEY", multiple=True, help="Only this session key or session id.")
@click.option("--archived", is_flag=True, help="Also write transcripts that were deleted or reset.")
@click.option(
    "--format",
    "layout",
    type=click.Choice([layout.value for layout in Layout]),
    default=Layout.LEGACY.value,
    show_default=True,
    help="What is written: files for older releases, or text for people.",
)
@click.option("--report", "form", type=click.Choice(FORMATS), default="text", help="What the report looks like.")
def export(folder: str, sessions: tuple[str, ...], archived: bool, layout: str, **_options: Any) -> NoReturn:  # noqa: ANN401
    """Write the sessions of all databases back to sessions.json and JSON Lines files in the new directory DIR."""
    from migrator.cli.runner import Runner
    from migrator.commands.export import export as make_export
    from migrator.exporting.export_tree import Wish

    runner = Runner(click.get_current_context())
    wish = Wish(Layout(layout), archived, frozenset(sessions))
    sys.exit(runner.run(lambda request: make_export(request, folder, wish)))


@main.command(cls=Verb, epilog=epilog("explain"))
@click.argument("what", metavar="WHAT")
@with_options(*WHERE, *WHICH, FOLLOW, ALLOW_EMPTY, FORMAT, NAMES, QUIET, JOBS, OUTPUT)
def explain(what: str, **_options: Any) -> None:  # noqa: ANN401
    """Say all that is known about WHAT: a session key, id, path, agent directory, or a word of a report."""
    from migrator.cli.runner import Runner
    from migrator.cli.terms import meaning, near_words
    from migrator.commands.explain import explain as explain_it

    context = click.get_current_context()
    # An option says where to look, or how to show what is found there: then it is no word that is asked for.
    is_alone = all(context.get_parameter_source(name) is ParameterSource.DEFAULT for name in _options)
    if is_alone and (told := meaning(what)) is not None:
        click.echo(told)
        return
    code = Runner(context).run(lambda request: explain_it(request, what))
    if code == NothingFoundError.exit_code and is_alone and (near := near_words(what)):
        click.echo(f"Words of a report: {near.strip()}", err=True)
    sys.exit(code)


@main.command(cls=Verb, epilog=epilog("rollback"))
@click.argument("run", metavar="[RUN]", required=False)
@with_options(*WHERE, OUTSIDE, *SHOWN, WAIT, OUTPUT)
@click.option("--set-aside", is_flag=True, help="Keep in the run folder what others have written since, and go on.")
@click.option("--evidence", metavar="DIR", help="Move the folder of the run to DIR, so that no trace of it stays.")
def rollback(run: str | None, set_aside: bool, evidence: str | None, **_options: Any) -> NoReturn:  # noqa: ANN401
    """Take RUN back, so that everything is as it was before; without RUN, list the runs."""
    from migrator.cli.runner import Runner
    from migrator.commands.rollback import list_runs
    from migrator.commands.rollback import rollback as take_back

    if run is None and (set_aside or evidence):
        raise click.UsageError("Name the run to take back; without one, the runs are only listed.")
    runner = Runner(click.get_current_context())
    if run is None:
        sys.exit(runner.run(list_runs))
    sys.exit(runner.run(lambda request: take_back(request, run, set_aside, evidence)))


@main.command("help", cls=Verb, epilog=epilog("help"))
@click.argument("topic", metavar="[TOPIC]...", nargs=-1)
def show_help(topic: tuple[str, ...]) -> None:
    """Show the help of a command, or what a word of a report means."""
    from migrator.cli.terms import meaning, near_words

    context: click.Context = click.get_current_context().find_root()
    command: click.Command = main
    for word in topic:
        inner = command.commands.get(word) if isinstance(command, click.Group) else None
        if inner is None:
            break
        context, command = click.Context(inner, info_name=word, parent=context), inner
    else:
        click.echo(command.get_help(context))
        return
    told = meaning(" ".join(topic))
    if told is None:
        near = near_words(topic[-1], main.commands)
        click.echo(f"migrator help: No command and no word of a report has this name.{near}", err=True)
        sys.exit(2)
    click.echo(told)


@main.group()
def proof() -> None:
    """Check a proof log, merge many, or find out what a label in one stands for."""


@proof.command("check", cls=Verb, epilog=epilog("proof check"))
@click.argument("file", metavar="FILE|BUNDLE")
def proof_check(file: str) -> NoReturn:
    """Check the chain, the vocabulary and the arithmetic of a proof log, and that a bundle says nothing else."""
    from migrator.cli.runner import check_proof

    sys.exit(check_proof(file))


@proof.command("merge", cls=Verb, epilog=epilog("proof merge"))
@click.argument("files", metavar="FILES...", nargs=-1, required=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="What the merged report looks like.",
)
@with_options(OUTPUT, NAMES)
def proof_merge(**_options: Any) -> NoReturn:  # noqa: ANN401
    """Check the proof logs FILES, of many machines, and make one report of them: what is not good first."""
    from migrator.cli.runner import Runner

    sys.exit(Runner(click.get_current_context()).merge())


@proof.command("reveal", cls=Verb, epilog=epilog("proof reveal"))
@click.argument("label")
@click.option(
    "--key", "folder", metavar="DIR", help="The folder of the run or proof that made LABEL; else MIGRATOR_LABEL_KEY."
)
@with_options(*WHERE, FOLLOW)
def proof_reveal(label: str, folder: str | None, **_options: Any) -> NoReturn:  # noqa: ANN401
    """Say what LABEL stands for, with the key that made it and the state directory that it came from."""
    from migrator import commands
    from migrator.cli.runner import Runner

    runner = Runner(click.get_current_context())
    sys.exit(runner.reveal(label, folder, commands.scan))
