"""The one door through which text leaves the process: names become labels, and nothing leaks.

On the operator's own terminal names are shown in clear. Everywhere else (files, pipes, proofs, CI) only keyed labels
leave, and every text is searched for strings of the installation first; a hit withholds it.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import click
from msgspec import Struct

from migrator.cli.invocation import (
    TerminatedError,
    can_be_written,
    can_hold,
    even_clock,
    spelled,
    surroundings,
    terminable,
)
from migrator.cli.progress_bar import bar
from migrator.cli.streams import give_up_stdout
from migrator.commands.request import Request, outside
from migrator.filesystem import open_regular_file, replace_durably
from migrator.model.errors import (
    BusyError,
    LeakError,
    MigratorError,
    ProofNotWrittenError,
    SystemFailedError,
    UsageError,
)
from migrator.model.outcome import Halfway
from migrator.model.report import ApplyReport, ProveReport, Report, origin_of, run_of
from migrator.model.request import RepairWish, Selection
from migrator.model.words import Name
from migrator.openclaw.places.paths import resolve_state_dir
from migrator.parallel import Workers
from migrator.patience import patiently
from migrator.privacy.guard import LeakGuard
from migrator.privacy.labels import Labels, clear_text, load_or_create_key, new_key, read_key
from migrator.privacy.names import report_names
from migrator.proofs import bundle, evidence
from migrator.proofs.log import LogReader, log_lines
from migrator.report import formats, markdown, text
from migrator.report.building import document_of, error_document
from migrator.report.document import ErrorDocument, VerbDocument, worked_out
from migrator.report.layout import style_of
from migrator.report.parts import Namer
from migrator.runs.run import note_proved, run_folders

INTERRUPTED, TERMINATED = 130, 143
_BLOCK = 1 << 20
_REPORT_IT = "Every database is as it was, or complete. Please report where it happened:"
_Document = TypeVar("_Document", bound=Struct)


class Output:
    """Runs the command of a click context and lets its report out."""

    def __init__(self, context: click.Context) -> None:
        self.options = context.params
        self.command = tuple(spelled(context))
        self.verb = str(self.command[1])
        self.guard = LeakGuard()
        self.labels = Labels(new_key())
        self.ready = False
        self.clock = even_clock()
        self.started = self.clock()
        for name in self.command:
            if isinstance(name, Name):
                self.guard.add_name(name.text)

    def run(self, verb: Callable[[Request], Report]) -> int:
        """Run a verb, print its report, write its proof, and give the exit code. Nothing is raised."""

        def work() -> int:
            self._prepare_places()
            return self._let_out(self._work(verb))

        return self._guarded(work)

    def reveal(self, label: str, folder: str, scan: Callable[[Request], Report]) -> int:
        """Print the name that a label stands for, found by labelling every name of the installation again."""

        def look() -> int:
            labels = Labels(read_key(Path(folder)))
            for name in sorted(report_names(self._work(scan))):
                if label in map(labels.of, (name, Name("transcript", name.text), Name("file", name.text))):
                    click.echo(clear_text(name))
                    return 0
            raise UsageError(
                "No name in this state directory has this label under this key; check --key and --state-dir."
            )

        return self._guarded(look)

    def merge(self) -> int:
        """Print many proofs as one account, and give the exit code. Nothing is raised."""
        from migrator.proofs.merging import merge
        from migrator.report import merged

        def work() -> int:
            path = self.options["output"]
            if path is not None and not can_be_written(path):
                raise UsageError("Nothing can be written to {subject}; name another place.", Name("path", path))
            account = merge(self.options["files"])
            self._put(merged.of_merged(account), merged.RENDERERS[self.options["form"]], self._check_names)
            return account.exit_code

        return self._guarded(work)

    def _prepare_places(self) -> None:
        """See that proof and report can be written, before anything else is done.

        Raises UsageError.
        """
        around = surroundings()
        state, _ = resolve_state_dir(
            self.options["state_dir"],
            around.env,
            around.home,
            around.cwd,
        )
        for option in ("proof", "output", "plan_file"):
            path = self.options.get(option)
            if path is None or (option == "plan_file" and self.verb == "apply"):
                continue
            if path != "" and not (option == "proof" and self.verb == "verify" and _is_run_of(state, path)):
                outside(state, path)
            if path == "" or not (can_hold(path) if option == "proof" else can_be_written(path)):
                raise UsageError("Nothing can be written to {subject}; name another place.", Name("path", path))
            if option == "proof" and self.verb == "prove":
                bundle.require_none(Path(path))
            if option == "proof":
                self.labels = Labels(load_or_create_key(Path(path)))
        self.ready = True

    def _work(self, verb: Callable[[Request], Report]) -> Report:
        enabled = sys.stderr.isatty() and not self.options.get("quiet")
        namer = self.labels.of if self.options.get("names") == "labels" else clear_text
        with bar(enabled, namer) as progress:
            selection = Selection(
                state_dir=self.options["state_dir"],
                config=self.options["config"],
                agents=self.options.get("agents", ()),
                stores=self.options.get("stores", ()),
                follow=self.options.get("follow", False),
                repair=RepairWish(
                    self.options.get("backup"),
                    self.options.get("bring_back", ()),
                    self.options.get("reassign", False),
                ),
            )
            request = Request(
                selection=selection,
                surroundings=surroundings(),
                expect_agents=self.options.get("expect_agents"),
                expect_sessions=self.options.get("expect_sessions"),
                allow_empty=self.options.get("allow_empty", False),
                progress=progress,
                workers=Workers(self.options.get("jobs"), partial(click.echo, err=True)),
                clock=self.clock,
            )
            return patiently(lambda: verb(request), self.options.get("wait", 0), _is_busy)

    def _let_out(self, report: Report) -> int:
        for name in report_names(report):
            self.guard.add_name(name.text)
        folder = self.options.get("proof") or run_of(report)
        code = report.exit_code
        try:
            if folder is not None:
                self._write_proof(report, Path(folder))
        except (LeakError, OSError, ValueError, TypeError, MemoryError) as error:
            code = self._unproved(report, error)
        try:
            self._print(report)
        except (LeakError, OSError) as error:
            if isinstance(error, BrokenPipeError) and run_of(report) is None:
                raise
            if isinstance(error, OSError):
                give_up_stdout()
            code = self._unproved(report, error)
        return code

    def _write_proof(self, report: Report, folder: Path) -> None:
        if self.options.get("proof") is None:
            self.labels = Labels(load_or_create_key(folder))
        files = self._rendered_proof(report)
        self._check("\n".join(data.decode() for data in files.values()), report)
        if isinstance(report, ProveReport):
            bundle.write(folder, files)
        else:
            bundle.write_log(folder, report.verb, files)
        if isinstance(report, ApplyReport) and report.run is not None and folder != Path(report.run):
            note_proved(Path(report.run))

    def _rendered_proof(self, report: Report) -> dict[str, bytes]:
        log = evidence.record(report, self.command, self.labels.of, self.clock, self.started)
        self.guard.add_computed(log.computed())
        return bundle.render(log.lines()) if isinstance(report, ProveReport) else bundle.render_log(log.lines())

    def _unproved(self, report: Report, error: Exception) -> int:
        """Say that what was done could not be said, and give the code for that."""
        why = error.sentence if isinstance(error, LeakError) else "The proof or report could not be written."
        run = run_of(report)
        done = "All is committed, but: " if run else ""
        then = "run verify --proof, which proves it" if run else "see whether there is space, and run it again"
        click.echo(f"migrator {self.verb}: {done}{why} What to do: {then}.", err=True)
        return ProofNotWrittenError.exit_code if run else UsageError.exit_code

    def _print(self, report: Report) -> None:
        if self.options.get("quiet") and self.options.get("output") is None:
            return
        document, form = document_of(report), self.options["form"]
        self._put(document, self._render, lambda body: self._check(body, report), report.inventory.state_dir)
        if form == "github":
            self._append_summary(markdown.render(document, self.labels.of), lambda body: self._check(body, report))

    def _render(self, document: VerbDocument | ErrorDocument, namer: Namer) -> str:
        return formats.render(self.options["form"], document, namer, style_of(self._is_terminal(), os.environ))

    def _append_summary(self, page: str, check: Callable[[str], None]) -> None:
        """Append a page to the summary of the job, where GitHub actions keep one."""
        path = os.environ.get("GITHUB_STEP_SUMMARY")
        if path:
            check(page)
            with open(path, "a", encoding="utf-8") as stream:
                stream.write(page)

    def _shows_names(self) -> bool:
        """Whether the report has names: they were asked for, or it is text for the terminal of who asked."""
        names = self.options["names"]
        return names == "clear" or (names == "auto" and self.options["form"] == "text" and self._is_terminal())

    def _is_terminal(self) -> bool:
        """Whether the report goes to a terminal."""
        return self.options.get("output") is None and sys.stdout.isatty()

    def _put(
        self,
        document: _Document,
        render: Callable[[_Document, Namer], str],
        check: Callable[[str], None],
        state_dir: str | None = None,
    ) -> None:
        """Render a document, and let the text out once it is checked: to the file asked for, or to standard output."""
        output = self.options.get("output")
        clear = self._shows_names()
        body = render(document, partial(clear_text, below=state_dir) if clear else self.labels.of)
        if not clear:
            self.guard.add_computed(worked_out(document))
            check(body)
        if output is None:
            click.echo(body, nl=False)
        else:
            replace_durably(Path(output), body.encode())

    def _check(self, body: str, report: Report) -> None:
        self._check_names(body)
        self.guard.check_sources(body, _source_bytes(report))

    def _check_names(self, body: str) -> None:
        self.guard.add_computed(self.labels.issued)
        self.guard.check_names(body)

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
        names = self.options.get("names", "auto")
        clear = names == "clear" or (names == "auto" and sys.stderr.isatty())
        document = error_document(error, self.verb)
        if error.subject is not None:
            self.guard.add_name(error.subject.text)
        body = text.error(document, clear_text if clear else self.labels.of)
        self.guard.add_computed(self.labels.issued)
        if not clear:
            try:
                self.guard.check_names(body)
            except LeakError as leak:
                body = f"migrator {self.verb}: {leak.sentence} (exit {error.exit_code})\n"
            except (OSError, MemoryError):  # too little is left to look whether the words give something away
                body = f"migrator {self.verb}: {error.sentence.format(subject='Something')} (exit {error.exit_code})\n"
        click.echo(body, nl=False, err=True)
        if self.ready and self.options.get("form") in formats.RENDERERS and self.verb != "merge":
            self._put_error(document)
        return error.exit_code

    def _put_error(self, document: ErrorDocument) -> None:
        """Let the formats for machines say that the command could not go on; standard error has said so already."""
        try:
            if not self.options.get("quiet") or self.options.get("output") is not None:
                self._put(document, self._render, self._check_names)
            if self.options["form"] == "github":
                self._append_summary(markdown.render(document, self.labels.of), self._check_names)
        except (LeakError, OSError, MemoryError):
            return

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


def _is_run_of(state: str, path: str) -> bool:
    """Whether a path is the folder of a run of this state directory, whose missing proof may be written there."""
    return os.path.realpath(path) in {os.path.realpath(folder) for folder in run_folders(Path(state))}


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
        click.echo(f"proof: damaged, {events} events")
        return 1
    click.echo(
        f"proof: sound: complete and unaltered since it was written; it does not say who wrote it ({events} events)\n"
        f"hash of its last line: {head}"
    )
    return 0


def _source_bytes(report: Report) -> Iterator[bytes]:
    """The bytes of all sources, where they are now."""
    stores = (*report.inventory.stores, *origin_of(report).stores)
    paths = dict.fromkeys(store.real_path for store in stores if store.identity is not None)
    archived = report.archived if isinstance(report, ApplyReport) else ()
    for path in (*paths, *archived):
        if not os.path.exists(path):
            continue
        with open_regular_file(path) as stream:
            while block := stream.read(_BLOCK):
                yield block
        yield b"\n"
