"""The line of progress: bytes, rate, time left and whose; nothing where nobody looks, and never more than all."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from migrator import commands
from migrator.cli.progress_bar import bar
from migrator.model.progress import Progress, silent
from migrator.model.words import Name
from tests.worlds import World, entry

Unpack = Callable[[str], Path]


def label(name: Name) -> str:
    return f"<{name.text}>"


class Noting(Progress):
    """Notes what the steps tell."""

    def __init__(self) -> None:
        self.starts: list[tuple[str, int]] = []
        self.agents: list[str | None] = []
        self.done: list[int] = []

    def start(self, doing: str, total: int) -> None:
        self.starts.append((doing, total))
        self.done.append(0)

    def enter(self, agent: str | None) -> None:
        self.agents.append(agent)

    def __call__(self, count: int) -> None:
        self.done[-1] += count


def test_a_bar_that_is_off_shows_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with bar(False, label) as progress:
        progress(1 << 30)
        assert progress is silent
    assert capfd.readouterr() == ("", "")


def test_a_bar_that_is_on_shows_nothing_where_stderr_is_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with bar(True, label) as progress:
        progress.start("reading", 1 << 31)
        progress.enter("main")
        progress(1 << 30)
    assert capfd.readouterr() == ("", "")


def test_the_line_says_whose_how_much_how_fast_and_how_long_and_never_uses_stdout(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("migrator.cli.progress_bar._EVERY", 0)
    monkeypatch.setattr("migrator.cli.progress_bar._SILENT", 0)
    with bar(True, label) as progress:
        progress.start("reading", 4_000_000)
        progress.enter("ops")
        progress(1_000_000)
        progress(1_000_000)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "\n" not in shown.err
    last = [line for line in shown.err.split("\r") if line.strip()][-1]
    assert re.match(r"reading <ops>  50% \|[█▉▊▋▌▍▎▏#0-9 ]+\| 2\.00M of 4\.00M, [\d.]+[kMG]?B/s, [\d:]+ left$", last)
    assert "?" not in shown.err


def test_more_than_all_is_never_done(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("migrator.cli.progress_bar._EVERY", 0)
    monkeypatch.setattr("migrator.cli.progress_bar._SILENT", 0)
    with bar(True, label) as progress:
        progress.start("reading", 10)
        for _ in range(3):
            progress(7)
    shown = capsys.readouterr().err
    assert "70%" in shown
    assert "14.0" not in shown


def test_the_steps_say_how_much_there_is_and_come_as_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _handle: None)
    world = World(tmp_path)
    for name in ("main", "ops"):
        world.agent(name, {f"agent:{name}:{one}": entry(f"{one}", one + 1) for one in range(50)})
        lines = '{"type":"session","id":"1"}\n' + '{"type":"message","id":"m","message":{}}\n' * 50
        (world.store_path(name).parent / "1.jsonl").write_text(lines, encoding="utf-8")
    noting = Noting()
    commands.apply(replace(world.request(), progress=noting), None, yes=True)
    assert [doing for doing, _ in noting.starts] == ["reading", "writing", "checking"]
    assert set(noting.agents) - {None} == {"main", "ops"}
    for (_, total), done in zip(noting.starts, noting.done, strict=True):
        assert 0.7 * total < done <= total
    noting = Noting()
    commands.verify(replace(world.request(), progress=noting))
    assert [doing for doing, _ in noting.starts] == ["reading", "checking"]
    assert noting.done[-1] == noting.starts[-1][1] > 0


def test_what_is_over_is_said_on_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    silent.over("nothing")
    with bar(True, label) as progress:
        progress.over("openclaw sessions: exit 0, 3 s")
    assert capsys.readouterr().err == "openclaw sessions: exit 0, 3 s\n"
