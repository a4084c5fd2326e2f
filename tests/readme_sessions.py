"""Sessions at a terminal for the pages: real commands on fixtures, with what differs from run to run made the same."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import signal
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

from migrator.cli import main as cli
from migrator.runs.run import Run
from tests.conftest import FIXTURES

WIDTH = 96


@dataclass(frozen=True)
class Shown:
    """Commands on one fixture, whose state directory lies at ``place`` in the home.

    With ``terminal`` standard output is one; else names become labels, as in a CI job. ``skipped`` are patterns of
    what is left out: it is long, or depends on the host.
    """

    fixture: str
    place: str
    commands: tuple[str, ...]
    terminal: bool = True
    skipped: tuple[str, ...] = ()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@cache
def transcript(shown: Shown) -> str:
    """The commands with their output and every exit code but 0, as a block of Markdown."""
    # The folder has a path of the same length everywhere, because lines are wrapped by it.
    with tempfile.TemporaryDirectory(prefix="readme-", dir="/tmp") as folder:
        with tarfile.open(FIXTURES / f"{shown.fixture.split('/')[0]}.tar.xz") as archive:
            archive.extractall(Path(folder, "unpacked"), filter="fully_trusted")
        home = Path(folder, "home")
        home.mkdir()
        shutil.move(Path(folder, "unpacked", shown.fixture), home / shown.place)
        env = {"HOME": str(home), "COLUMNS": str(WIDTH), "NO_COLOR": "1", "PATH": os.environ["PATH"]}
        before = Path.cwd()
        os.chdir(home)
        try:
            with patch.dict(os.environ, env, clear=True):
                text = "\n".join(_command(line, shown.terminal) for line in shown.commands)
        finally:
            os.chdir(before)
    for skipped in shown.skipped:
        text = re.sub(skipped, "[...]\n", text, flags=re.DOTALL)
    return f"```\n{_steady(text.replace(str(home), '~')).rstrip()}\n```"


def _command(line: str, terminal: bool) -> str:
    """Run a command of ours in this process and give the line, what it says, and the exit code unless it is 0.

    ``RUN`` in the line stands for the only run there is; ``^C`` at its end is typed once a database is written.
    """
    line, stop, _ = line.partition(" ^C")
    for run in Path.cwd().glob(".openclaw/migrator-runs/[0-9]*"):
        line = line.replace("RUN", run.name)
    out, talk = _Terminal() if terminal else io.StringIO(), io.StringIO()
    code: object = 0
    stopping = _stopping_after_a_database() if stop else contextlib.nullcontext()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(talk), stopping:
        try:
            cli.main(shlex.split(line)[1:], prog_name="migrator")
        except SystemExit as ended:
            code = ended.code
    if stop:
        time.sleep(1)  # the ids of two runs begin with the second, and are listed by it
    return f"$ {line}\n{out.getvalue()}{stop.strip()}{talk.getvalue()}" + (f"$ echo $?\n{code}\n" if code else "")


@contextlib.contextmanager
def _stopping_after_a_database() -> Iterator[None]:
    """Type Ctrl-C as soon as the journal of a run says that a database was written."""
    note = Run.note

    def noted(run: Run, step: str, **facts: object) -> None:
        note(run, step, **facts)
        if step == "published":
            signal.raise_signal(signal.SIGINT)

    # Who was started in the background of a shell would not hear it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with patch.object(Run, "note", noted):
            yield
    finally:
        signal.signal(signal.SIGINT, before)


def _steady(text: str) -> str:
    """Put the same in the place of labels, digests and ids of runs, which are drawn anew each time."""
    seen: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        made = sha256(f"{found['kind']}{len(seen)}".encode()).hexdigest()
        return f"{found['kind']}:{seen.setdefault(found[0], made[:12])}"

    runs: dict[str, int] = {}

    def run(found: re.Match[str]) -> str:
        minute = 15 + runs.setdefault(found["id"], len(runs))
        last = f"{0x6A5676B8 + (minute - 15) * 0x2B1D7C35:08x}"[-8:]
        return f"20261125T10{minute}00Z-{last}" + (f"  2026-11-25 10:{minute} UTC" if found["when"] else "")

    text = re.sub(r"\b(?P<id>\d{8}T\d{6}Z-[0-9a-f]{8})\b(?P<when>  [\d-]{10} [\d:]{5} UTC)?", run, text)
    text = re.sub(r"(hash of its last line: )[0-9a-f]{64}", r"\1…", text)  # of times and of labels
    text = re.sub(r"\b(?P<kind>[a-z-]+):[0-9a-f]{12}\b", number, text)
    return re.sub(r"\b[0-9a-f]{60}([0-9a-f]{4})\b", r"…\1", text)


CLAIM = Shown(
    "defect-malformed-line/after",
    ".openclaw",
    ("migrator verify",),
    skipped=(r"transformed, 5 sessions.*?(?=extends)", r"\nquarantined \[.*?(?=\nagents )"),
)
SUPPORT = Shown(
    "defect-malformed-line/before",
    ".openclaw",
    ("migrator scan", "migrator apply --yes", "migrator rollback RUN"),
    skipped=(
        r"  it would not show this:.*?(?=\nnext:)",
        r"\nquarantined \[[^]]*\]\n(?:  [^\n]*\n)+(?=\n(?:agents|next: Nothing))",
    ),
)
INTERRUPTED = Shown(
    "defect-malformed-line/before",
    ".openclaw",
    ("migrator apply --yes ^C", "migrator apply --yes", "migrator rollback"),
    skipped=(r"\nagent directory .*?(?=\nagents )",),
)
RELEASE = Shown(
    "upgraded-2026.6.1-to-2026.9.6",
    "upgraded",
    ("migrator verify --state-dir upgraded --proof proof", "migrator proof check proof/verify.proof.jsonl"),
    skipped=(r"given up, 1 setting.*?(?=\nagents )",),
)
CI = Shown(
    "legacy-2026.6.1",
    "state",
    (
        "migrator apply --yes --state-dir state --expect-sessions 16 --proof proof",
        "migrator verify --state-dir state --expect-sessions 17 --format markdown",
    ),
    terminal=False,
    skipped=(r"\nwarning \[agent.*?(?=\nagents )", r"<details><summary>Everything else.*?(?=\n\$ echo)"),
)
