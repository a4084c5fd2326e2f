"""Runs a verb: from the command line to its exit code, whatever happens on the way."""

from __future__ import annotations

import os
import sqlite3
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from migrator.cli.invocation import (
    TerminatedError,
    corrected,
    given_for_others,
    spelled,
    terminable,
)
from migrator.cli.options import options_of, request_of
from migrator.cli.progress_bar import bar
from migrator.cli.publishing import Publisher
from migrator.cli.streams import give_up_stdout
from migrator.commands.request import Request, even_clock, surroundings
from migrator.filesystem import open_regular_file
from migrator.model.counted import plural
from migrator.model.errors import (
    BusyError,
    LeakError,
    MigratorError,
    ProofNotWrittenError,
    SystemFailedError,
    UsageError,
    WrongPlaceError,
)
from migrator.model.outcome import Halfway
from migrator.model.report import Report, run_of
from migrator.model.words import Name
from migrator.openclaw.places.paths import resolve_state_dir
from migrator.patience import retry_while_busy
from migrator.privacy.labels import KEY_VARIABLE, Labels, clear_text, given_key, read_key, report_names
from migrator.proofs import bundle
from migrator.proofs.log import LogReader, log_lines
from migrator.report.building import error_document

INTERRUPTED, TERMINATED = 130, 143
_MOST_MEANT = 5
_REPORT_IT = "Every database is as it was, or complete. Please report where it happened:"


class Runner:
    """Runs the command of a click context. Its methods raise nothing: they give the exit code."""

    def __init__(self, context: click.Context) -> None:
        self.context = context
        self.options = options_of(context)
        self.command = tuple(spelled(context))
        self.verb = str(self.command[1])
        self.publisher = Publisher(self.options, self.verb, (one for one in self.command if isinstance(one, Name)))
        self.clock = even_clock()
        self.started = self.clock()

    def run(self, verb: Callable[[Request], Report]) -> int:
        """Run a verb, write its proof, and print its report."""

        def work() -> int:
            around = surroundings()
            state, _ = resolve_state_dir(self.options.state_dir, around.env, around.home, around.cwd)
            self.publisher.prepare(state)
            return self._publish(self._report_of(verb))

        return self._guarded(work)

    def reveal(self, label: str, folder: str | None, scan: Callable[[Request], Report]) -> int:
        """Print the name that a label stands for, found by labelling every name of the installation again.

        The key is that of a folder, or the one that the environment holds.
        """

        def look() -> int:
            key = read_key(Path(folder)) if folder is not None else given_key(os.environ)
            if key is None:
                raise UsageError(f"Name the folder of the run or proof with --key, or set {KEY_VARIABLE}.")
            labels = Labels(key)
            for name in sorted(report_names(self._report_of(scan))):
                if label in map(labels.of, (name, Name("transcript", name.text), Name("file", name.text))):
                    click.echo(clear_text(name))
                    return 0
            raise UsageError(
                "No name in this state directory has this label under this key; check the key and --state-dir."
            )

        return self._guarded(look)

    def merge(self) -> int:
        """Print many proofs as one account."""
        from migrator.proofs.merging import merge
        from migrator.report import merged

        def work() -> int:
            if self.options.output is not None:
                self.publisher.require_writable(self.options.output)
            account = merge(self.options.files)
            document, render = merged.of_merged(account), merged.RENDERERS[self.options.form]
            self.publisher.put(document, render, self.publisher.notary.check_names)
            return account.exit_code

        return self._guarded(work)

    def _report_of(self, verb: Callable[[Request], Report]) -> Report:
        is_watched = sys.stderr.isatty() and not self.options.quiet
        namer = self.publisher.notary.labels.of if self.options.names == "labels" else clear_text
        with bar(is_watched, namer) as progress:
            request = request_of(self.options, progress, partial(click.echo, err=True), self.clock)
            report = retry_while_busy(lambda: verb(request), self.options.wait, _is_busy)
        return replace(report, given=given_for_others(self.context))

    def _publish(self, report: Report) -> int:
        self.publisher.notary.add_names(report_names(report))
        folder = self.options.proof or run_of(report)
        code = report.exit_code
        try:
            if folder is not None:
                self._write_proof(report, Path(folder))
        except (LeakError, OSError, ValueError, TypeError, MemoryError) as error:
            code = self._unproved(report, error)
        try:
            self.publisher.show(report)
        except (LeakError, OSError) as error:
            if isinstance(error, BrokenPipeError) and run_of(report) is None:
                raise
            if isinstance(error, OSError):
                give_up_stdout()
            code = self._unproved(report, error)
        return code

    def _write_proof(self, report: Report, folder: Path) -> None:
        notary = self.publisher.notary
        if self.options.proof is None:
            notary.label_for(folder)
        notary.write_proof(report, folder, self.command, self.clock, self.started)

    def _unproved(self, report: Report, error: Exception) -> int:
        """Say that what was done could not be said, and give the code for that."""
        why = error.sentence if isinstance(error, LeakError) else "The proof or report could not be written."
        run = run_of(report)
        done = "All is committed, but: " if run else ""
        then = "run verify --proof, which proves it" if run else "see whether there is space, and run it again"
        click.echo(f"migrator {self.verb}: {done}{why} What to do: {then}.", err=True)
        return ProofNotWrittenError.exit_code if run else UsageError.exit_code

    def _guarded(self, work: Callable[[], int]) -> int:
        try:
            with terminable():
                return work()
        except MigratorError as error:
            return self._complain(error)
        except KeyboardInterrupt as stop:
            return self._stopped("interrupted", INTERRUPTED, stop)
        except TerminatedError as stop:
            return self._stopped("terminated", TERMINATED, stop)
        except BrokenPipeError:
            give_up_stdout()
            return INTERRUPTED
        except (OSError, sqlite3.Error, MemoryError) as error:
            return self._complain(SystemFailedError(error))
        except Exception as error:  # noqa: BLE001 - the last resort: no traceback may quote the installation
            return self._internal_error(error)

    def _complain(self, error: MigratorError) -> int:
        meant = error.meant[:_MOST_MEANT] if isinstance(error, WrongPlaceError) else ()
        option = error.option if isinstance(error, WrongPlaceError) else ""
        lines = [tuple(corrected(self.context, option, one)) for one in meant]
        self.publisher.notary.add_names(word for line in lines for word in line if isinstance(word, Name))
        self.publisher.complain(error, error_document(error, self.verb, lines))
        return error.exit_code

    def _stopped(self, word: str, code: int, stop: BaseException) -> int:
        halfway = next((one.sentence for one in stop.args if isinstance(one, Halfway)), None)
        click.echo(
            f"migrator {self.verb}: {word}; {halfway or 'every database is as it was, or complete. Run it again.'}",
            err=True,
        )
        return code

    def _internal_error(self, error: Exception) -> int:
        """Say where in the program it happened and of what type it is: both are ours, the message may not be."""
        click.echo(
            f"migrator {self.verb}: internal error ({type(error).__name__}); nothing is claimed. {_REPORT_IT}", err=True
        )
        for frame in traceback.extract_tb(error.__traceback__):
            click.echo(f"  {Path(frame.filename).name}:{frame.lineno} {frame.name}", err=True)
        return 2


def _is_busy(report: Report) -> bool:
    return report.exit_code == BusyError.exit_code


def check_proof(file: str) -> int:
    """Check a proof log, or a bundle, and print its problems, or that there are none; give the exit code."""
    try:
        if Path(file).is_dir():
            events, head, problems = bundle.check(Path(file))
        else:
            with open_regular_file(file) as stream:
                reader = LogReader(log_lines(stream))
                events = sum(1 for _ in reader.events())
            head, problems = reader.head, [problem.sentence for problem in reader.problems]
    except (OSError, ValueError):
        click.echo(
            "migrator proof: this is no readable proof log or bundle; name a .proof.jsonl or a bundle (exit 2)",
            err=True,
        )
        return 2
    for problem in problems:
        click.echo(problem)
    if problems:
        click.echo(f"proof: damaged, {plural(events, 'event')}")
        return 1
    click.echo(
        "proof: sound: complete and unaltered since it was written; it does not say who wrote it "
        f"({plural(events, 'event')})\n"
        f"hash of its last line: {head}"
    )
    return 0
