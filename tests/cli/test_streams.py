"""Standard streams that are closed, full or narrow: what was done is done, and the exit code says what was said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import migrator
from tests.cli.test_terminal import on_terminal
from tests.worlds import World, databases, entry

if os.name != "posix":
    pytest.skip("a shell closes the streams", allow_module_level=True)

EMOJI = "🦞"


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.agent("main", {"agent:main:1": entry("main-1", 5)})
    return world


def shell(world: World, redirection: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a shell starts it with a redirection."""
    words = [sys.executable, "-m", "migrator", *arguments]
    where = ["--state-dir", str(world.state)] if arguments[0] != "--help" else []
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *words, *where],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(migrator.__file__).parents[1]), **environment},
        timeout=120,
        check=False,
    )


FULL = pytest.param(">/dev/full", marks=pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device"))


@pytest.mark.parametrize("redirection", [">&-", FULL, ">&- <&-"])
def test_a_report_that_standard_output_does_not_take_is_14_after_a_commit_and_2_without_one(
    world: World, redirection: str
) -> None:
    done = shell(world, redirection, "apply", "--yes")
    assert (done.returncode, "All is committed, but" in done.stderr) == (14, True), done.stderr
    assert databases(world.state)
    done = shell(world, redirection, "verify")
    assert done.returncode == 2
    assert "could not be written" in done.stderr
    for quiet in (("--quiet",), ("--output", str(world.root / "report.txt"))):
        assert shell(world, redirection, "verify", *quiet).returncode == 0
    for words in (("--help",), ("scan", "--nonsense")):
        done = shell(world, redirection, *words)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


def test_a_reader_who_leaves_after_a_commit_does_not_make_it_an_interruption(world: World) -> None:
    words = [sys.executable, "-m", "migrator", "apply", "--yes", "--state-dir", str(world.state)]
    read, write = os.pipe()
    os.close(read)
    environment = {**os.environ, "PYTHONPATH": str(Path(migrator.__file__).parents[1])}
    done = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    os.close(write)
    assert done.returncode == 14
    assert "All is committed" in done.stderr


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "<&- 2>&-", "<&-"])
def test_without_standard_error_everything_is_done_and_reported(world: World, redirection: str) -> None:
    done = shell(world, redirection, "apply", "--yes", "--format", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["exit_code"] == 0
    assert databases(world.state)


def test_no_file_gets_what_was_meant_for_a_stream_that_is_closed(world: World) -> None:
    done = shell(world, "<&- >&- 2>&-", "apply", "--yes")
    assert done.returncode == 14
    [run] = world.runs()
    lines = (run / "journal.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines][-1] == "done"
    for path in databases(world.state):
        assert path.read_bytes().startswith(b"SQLite format 3")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
@pytest.mark.parametrize("verb", [("scan",), ("apply", "--yes")])
def test_what_the_encoding_of_a_terminal_does_not_have_is_escaped(
    tmp_path: Path, verb: tuple[str, ...], encoding: str
) -> None:
    world = World(tmp_path)
    world.agent(EMOJI, {"agent:x:1": entry("x-1", 5)})
    code, shown = on_terminal(100, *verb, "--state-dir", world.state, PYTHONIOENCODING=encoding)
    assert code == 0
    assert (
        "\\U0001f99e" if encoding == "latin-1" else EMOJI
    ) in shown  # click takes ASCII for a mistake, and UTF-8 for it


def test_a_word_on_standard_error_that_its_encoding_does_not_have_is_escaped(tmp_path: Path) -> None:
    missing = tmp_path / EMOJI
    code, shown = on_terminal(100, "scan", "--state-dir", missing, PYTHONIOENCODING="latin-1")
    assert code == 10
    assert "\\U0001f99e" in shown
