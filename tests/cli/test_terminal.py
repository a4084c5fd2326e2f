"""What a person sees on a terminal of a given width, and how it differs from what goes anywhere else."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.cli import main as cli
from migrator.report.layout import columns_of

if os.name != "posix":
    pytest.skip("a terminal of one's own is POSIX", allow_module_level=True)

import fcntl
import pty
import termios

Unpack = Callable[[str], Path]
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(columns: int, *arguments: object, **environment: str) -> tuple[int, str]:
    """Run the program with a terminal for all three streams; give the exit code and what it showed."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-m", "migrator", *map(str, arguments)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**inherited, "TERM": "xterm", "PYTHONPATH": str(Path(cli.__file__).parents[2]), **environment},
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            block = os.read(leader, 1 << 16)
        except OSError:  # Linux says so when the last writer is gone
            break
        if not block:
            break
        shown += block
    os.close(leader)
    return process.wait(), shown.decode().replace("\r\n", "\n")


@pytest.fixture
def state(unpack: Unpack) -> Path:
    return unpack("legacy-2026.6.1")


def test_names_are_clear_on_ones_own_terminal_and_labels_where_asked_for(state: Path) -> None:
    code, clear = on_terminal(80, "scan", "--state-dir", state, NO_COLOR="1")
    assert code == 0
    assert "'Retired Agent'" in clear
    assert str(state) in clear
    assert "agent:" not in clear
    _, redacted = on_terminal(80, "scan", "--names", "labels", "--state-dir", state, NO_COLOR="1")
    assert not re.search(f"Retired|ops-team|{state}", redacted)
    assert len(re.findall(r"^agent:[0-9a-f]{12} ", redacted, re.MULTILINE)) == 3


def test_names_are_labels_in_a_file_and_in_every_other_format_even_when_asked_for_on_a_terminal(
    state: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.txt"
    on_terminal(80, "scan", "--output", report, "--state-dir", state)
    _, shown = on_terminal(80, "scan", "--format", "json", "--state-dir", state)
    for text in (report.read_text(encoding="utf-8"), shown):
        assert "agent:" in text
        assert not re.search(f"Retired|ops-team|{state}", text)


def test_an_error_names_its_thing_on_a_terminal_only(tmp_path: Path) -> None:
    missing = tmp_path / "Wilhelmina"
    code, shown = on_terminal(80, "scan", "--state-dir", missing)
    assert code == 10
    assert str(missing) in shown
    code, shown = on_terminal(80, "scan", "--names", "labels", "--state-dir", missing)
    assert code == 10
    assert "Wilhelmina" not in shown


@pytest.mark.parametrize("columns", [80, 40])
def test_what_is_shown_fits_the_terminal(state: Path, columns: int) -> None:
    for command in (["scan"], ["plan"], ["apply", "--yes"], ["verify"]):
        _, shown = on_terminal(columns, *command, "--state-dir", state)
        lines = ESCAPE.sub("", shown).splitlines()
        lines = [line for line in lines if not line.startswith("  migrator ")]  # a command is pasted as one line
        wide = [line for line in lines if columns_of(line) > columns and len(line.split()) > 1]
        assert wide == [], command


def test_who_gets_labels_at_a_terminal_is_told_why_and_how_to_see_names(state: Path, tmp_path: Path) -> None:
    told = "Names are labels, because this report is not "
    for words in (["--output", tmp_path / "report"], ["--format", "json"]):
        _, shown = on_terminal(80, "scan", *words, "--state-dir", state)
        assert shown.count(told) == 1
        assert "--names clear" in shown
        for said in ("clear", "labels"):
            assert told not in on_terminal(80, "scan", *words, "--state-dir", state, "--names", said)[1]
    assert told not in on_terminal(80, "scan", "--state-dir", state)[1]


def test_what_became_of_ninety_sessions_that_were_upgraded_fits_a_screen(unpack: Unpack) -> None:
    """Each was changed in another way: that is one line of counts, and ``--all`` has every one of them."""
    folder = unpack("upgraded-rich-to-2026.9.6")
    words = ("verify", folder / "after", "--against", folder / "before")
    _, shown = on_terminal(80, *words, NO_COLOR="1")
    verified = shown[shown.index("differences: ") : shown.index("\n\nwarning")].splitlines()
    assert len(verified) <= 24
    [counts] = re.findall(r"^harmless, .*?(?=\n\S|\n\n)", shown, re.MULTILINE | re.DOTALL)
    assert re.search(r"delivery-folded \d\d, .* and \d+ more;\s+events: ", " ".join(counts.split()))
    assert "Lists are cut short here: --all shows the whole of them." in shown
    _, whole = on_terminal(80, *words, "--all", NO_COLOR="1")
    assert "--all" not in whole
    assert len(whole) > len(shown)


@pytest.mark.parametrize("name", ["研究チーム", "🦞 lobster", "Ärztin"])
def test_a_name_in_any_script_keeps_the_columns_straight(state: Path, name: str) -> None:
    (state / "agents" / "ops-team").rename(state / "agents" / name)
    _, shown = on_terminal(80, "scan", "--state-dir", state, NO_COLOR="1")
    rows = [line for line in shown.splitlines() if line.endswith("  legacy")]
    assert len(rows) == 3
    assert len({columns_of(line) for line in rows}) == 1


def test_colour_is_on_the_verdict_and_gone_with_no_color(state: Path) -> None:
    coloured = on_terminal(80, "scan", "--state-dir", state)[1]
    plain = on_terminal(80, "scan", "--state-dir", state, NO_COLOR="1")[1]
    assert coloured.startswith("\x1b[32mscanned\x1b[0m: ")
    free = re.compile(r"[\d.]+ [kMGT]?B are free")
    assert free.sub("", ESCAPE.sub("", coloured)) == free.sub("", plain)


def test_off_a_terminal_there_is_neither_colour_nor_progress(state: Path) -> None:
    with tempfile.TemporaryFile() as stderr:
        done = subprocess.run(
            [sys.executable, "-m", "migrator", "scan", "--state-dir", str(state)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, "TERM": "xterm", "PYTHONPATH": str(Path(cli.__file__).parents[2])},
            check=True,
        )
        stderr.seek(0)
        assert stderr.read() == b""
    assert b"\x1b" not in done.stdout


def test_an_error_is_wrapped_and_neither_a_path_nor_a_command_is_broken(tmp_path: Path) -> None:
    state = tmp_path / "a folder with a long name and spaces in it" / "state"
    (state / "agents" / "main" / "sessions").mkdir(parents=True)
    _, shown = on_terminal(60, "scan", "--state-dir", state / "agents" / "main")
    lines = shown.splitlines()
    assert f"  migrator scan --state-dir '{state}' --agent main" in lines
    assert len([line for line in lines if f"'{state}" in line]) == 3
    assert all(len(line) <= 60 for line in lines if str(state) not in line)
