"""The one door through which text leaves the process: names become labels, and nothing leaks.

On the operator's own terminal names are shown in clear. Everywhere else (files, pipes, proofs, CI) only keyed labels
leave, and every text is searched for strings of the installation first; a hit withholds it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TypeVar

import click
from msgspec import Struct

from migrator.cli.invocation import can_be_written, can_hold
from migrator.cli.options import Options
from migrator.commands.request import outside
from migrator.filesystem import replace_durably
from migrator.model.errors import LeakError, MigratorError, UsageError
from migrator.model.report import Report
from migrator.model.words import Name
from migrator.privacy.labels import clear_text, given_key
from migrator.proofs import bundle
from migrator.proofs.notary import Notary
from migrator.report import formats, markdown, text
from migrator.report.building import document_of
from migrator.report.document import ErrorDocument, VerbDocument, worked_out
from migrator.report.junit import Occasion
from migrator.report.layout import style_of
from migrator.report.parts import Namer
from migrator.runs.run import run_folders

_Document = TypeVar("_Document", bound=Struct)


class Publisher:
    """Lets reports and errors out, as the options say, each once it is checked."""

    def __init__(self, options: Options, verb: str, names: Iterable[Name]) -> None:
        self.options, self.verb = options, verb
        self.notary = Notary(names)
        self.started = datetime.now(timezone.utc)
        self.is_ready = False

    def prepare(self, state_dir: str) -> None:
        """See that proof and report can be written, before anything else is done. Raises UsageError."""
        options = self.options
        self.notary.take_key(given_key(os.environ))
        for path in (options.output, options.plan_output):
            if path is not None:
                if path != "":
                    outside(state_dir, path)
                self.require_writable(path)
        if options.proof is not None:
            self._prepare_proof(state_dir, options.proof)
        self.is_ready = True

    @staticmethod
    def require_writable(path: str) -> None:
        """Raise UsageError where no file can be made or replaced."""
        if path == "" or not can_be_written(path):
            raise UsageError("Nothing can be written to {subject}; name another place.", Name("path", path))

    def _prepare_proof(self, state_dir: str, folder: str) -> None:
        if folder != "" and not (self.verb == "verify" and _is_run_of(state_dir, folder)):
            outside(state_dir, folder)
        if folder == "" or not can_hold(folder):
            raise UsageError("Nothing can be written to {subject}; name another place.", Name("path", folder))
        if self.verb == "prove":
            bundle.require_none(Path(folder))
        self.notary.label_for(Path(folder))

    def show(self, report: Report) -> None:
        """Let a report out. Raises LeakError and OSError."""
        if self.options.is_silent:
            return
        document = document_of(report)
        if self.options.names == "auto" and not self._shows_names() and sys.stderr.isatty():
            where = "a terminal" if self.options.form == "text" else "text on a terminal"
            click.echo(f"Names are labels, because this report is not {where}; --names clear shows them.", err=True)

        def check(body: str) -> None:
            self.notary.check(body, report)

        self.put(document, self._render, check, report.inventory.state_dir)
        if self.options.form == "github":
            self._append_summary(markdown.render(document, self.notary.labels.of), check)

    def _render(self, document: VerbDocument | ErrorDocument, namer: Namer) -> str:
        seconds = (datetime.now(timezone.utc) - self.started).total_seconds()
        occasion = Occasion(self.started, seconds, self._shows_names() or self.notary.has_lasting_labels)
        self.notary.guard.add_computed(occasion.stamp.split(":"))
        style = style_of(self._is_terminal(), os.environ, whole=self.options.whole)
        return formats.render(self.options.form, document, namer, style, occasion)

    def _append_summary(self, page: str, check: Callable[[str], None]) -> None:
        """Append a page to the summary of the job, where GitHub actions keep one."""
        path = os.environ.get("GITHUB_STEP_SUMMARY")
        if path:
            check(page)
            with open(path, "a", encoding="utf-8") as stream:
                stream.write(page)

    def _shows_names(self) -> bool:
        """Whether the report has names: they were asked for, or it is text for the terminal of who asked."""
        names = self.options.names
        return names == "clear" or (names == "auto" and self.options.form == "text" and self._is_terminal())

    def _is_terminal(self) -> bool:
        """Whether the report goes to a terminal."""
        return self.options.output is None and sys.stdout.isatty()

    def put(
        self,
        document: _Document,
        render: Callable[[_Document, Namer], str],
        check: Callable[[str], None],
        state_dir: str | None = None,
    ) -> None:
        """Render a document, and let the text out once it is checked: to the file asked for, or to standard output."""
        output = self.options.output
        clear = self._shows_names()
        body = render(document, partial(clear_text, below=state_dir) if clear else self.notary.labels.of)
        if not clear:
            self.notary.guard.add_computed(worked_out(document))
            check(body)
        if output is None:
            click.echo(body, nl=False)
        else:
            replace_durably(Path(output), body.encode())

    def complain(self, error: MigratorError, document: ErrorDocument) -> None:
        """Say on standard error, and in the format that was asked for, why a command could not go on."""
        names = self.options.names
        clear = names == "clear" or (names == "auto" and sys.stderr.isatty())
        self.notary.add_names((error.subject, *error.others) if error.subject is not None else error.others)
        width = style_of(True, os.environ).width if sys.stderr.isatty() else None
        body = text.error(document, clear_text if clear else self.notary.labels.of, width)
        self.notary.guard.add_computed(self.notary.labels.issued)
        if not clear:
            try:
                self.notary.guard.check_names(body)
            except LeakError as leak:
                body = f"migrator {self.verb}: {leak.sentence} (exit {error.exit_code})\n"
            except (OSError, MemoryError):  # too little is left to look whether the words give something away
                told = error.sentence.format(subject="Something", others="something")
                body = f"migrator {self.verb}: {told} (exit {error.exit_code})\n"
        click.echo(body, nl=False, err=True)
        if self.is_ready and self.options.form in formats.RENDERERS:
            self._put_error(document)

    def _put_error(self, document: ErrorDocument) -> None:
        """Let the formats for machines say that the command could not go on; standard error has said so already."""
        try:
            if not self.options.is_silent:
                self.put(document, self._render, self.notary.check_names)
            if self.options.form == "github":
                self._append_summary(markdown.render(document, self.notary.labels.of), self.notary.check_names)
        except (LeakError, OSError, MemoryError):
            return


def _is_run_of(state: str, path: str) -> bool:
    """Whether a path is the folder of a run of this state directory, whose missing proof may be written there."""
    return os.path.realpath(path) in {os.path.realpath(folder) for folder in run_folders(Path(state))}
