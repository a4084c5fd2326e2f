"""Every option of every command acts: there is a state in which the command does otherwise with it than without."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import click
import pytest
from click.testing import CliRunner, Result

from migrator.cli import main as cli
from migrator.model.words import Name
from migrator.privacy.labels import Labels, read_key
from migrator.runs.run import RUNS
from tests.conftest import fingerprint, unpacked
from tests.fake_release import fake_release
from tests.planning.test_repair import deleted, events, header, imported, node, said, upgraded
from tests.readme import commands
from tests.worlds import World, cache_row, change, entry

KEY = "agent:main:a"


class Stage:
    """One installation, put back as it was before each command, so that two commands begin with the same."""

    EVENTS: ClassVar[dict[str, Callable[[World], object]]] = {
        "a writer begins": lambda world: world.store_path("main").with_name("sessions.json.lock").touch(),
        "agents with odd names come": lambda world: [world.agent(f"An Agent {one}", {}) for one in range(9)],
        "somebody writes": lambda world: change(world.database_path("main"), cache_row("agent:main:z", "{}")),
    }

    def __init__(self, folder: Path) -> None:
        self.template, self.root = folder / "template", folder / "root"
        self._known: dict[str, tuple[object, ...]] = {}
        world = World(self.template)
        lines = f"{header('a')}\n{said(1)}\n"
        for name, key in (("main", KEY), ("ops", "agent:ops:b")):
            world.agent(name, {key: entry(key[-1], 5, label=name)})
        (world.store_path("main").parent / "a.jsonl").write_text(lines)
        world.store(self.template / "outside" / "sessions" / "sessions.json", {"agent:linked:c": entry("c", 5)})
        (world.state / "agents" / "linked").symlink_to("../../outside")
        settings = {"session": {"store": str(self.root / "configured" / "{agentId}" / "sessions.json")}}
        (self.template / "other.json").write_text(json.dumps(settings))
        world.store(self.template / "configured" / "main" / "sessions.json", {"agent:main:d": entry("d", 5)})
        World(self.template / "second").agent("main", {KEY: entry("a", 9)})
        moved = World(self.template / "migrated")
        upgraded(moved, node(KEY, "a"), events("a", header("a")), deleted("b", "agent:main:b"))
        imported(moved, {"agent:main:b": entry("b", 5)}, b=[header("b"), said(1)])
        (self.template / "twins").mkdir()
        unpacked("upgraded-2026.7.1-to-2026.9.6", self.template).rename(self.template / "twins" / "state")
        World(self.template / "backup").agent("main", {"agent:main:f": entry("f", 5)})
        (self.template / "empty").mkdir()
        fake_release(self.template / "old", "rows = []", "2026.7.1")
        fake_release(self.template / "new")

    def observe(self, words: list[str], first: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> tuple[object, ...]:
        """What a command says and does, after others were run for it to work on."""
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.template, self.root, symlinks=True)
        (self.root / "home").mkdir()
        done: list[str] = []
        with monkeypatch.context() as watched:
            clock = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _seconds: done.append("waited"))
            watched.setattr("migrator.patience.time", clock)
            fork = os.fork

            def noted() -> int:
                done.append("forked")
                return fork()

            watched.setattr(os, "fork", noted)
            for earlier in first:
                if earlier[0] in self.EVENTS:
                    self.EVENTS[earlier[0]](World(self.root))
                else:
                    self._run(earlier)
            done.clear()
            result = self._run(words)
        files = {name: digest for name, (_, _, _, digest) in fingerprint(self.root).items() if "proof" not in name}
        said = (result.exit_code, self._steady(result.stdout), self._steady(result.stderr))
        return (*said, sorted(map(self._steady, files)), sorted(set(done)))

    def without(self, words: list[str], first: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> tuple[object, ...]:
        """What a command says and does without the option, which is the same each time."""
        call = repr((words, first))
        if call not in self._known:
            self._known[call] = self.observe(words, first, monkeypatch)
            assert self.observe(words, first, monkeypatch) == self._known[call]
        return self._known[call]

    def _run(self, words: list[str]) -> Result:
        env = {"HOME": str(self.root / "home"), "OPENCLAW_STATE_DIR": str(self.root / "state")}
        return CliRunner().invoke(cli.main, [self._filled(word) for word in words], env=env)

    def _filled(self, word: str) -> str:
        runs = sorted(path.name for path in (self.root / "state" / RUNS).glob("2*"))
        if word.startswith("LABEL "):
            return Labels(read_key(self.root / "proof")).of(Name("session", word.removeprefix("LABEL ")))
        return word.replace("ROOT", str(self.root)).replace("RUN", runs[-1] if runs else "")

    @staticmethod
    def _steady(text: str) -> str:
        text = re.sub(r"\d{8}T\d{6}Z-[0-9a-f]{8}", "RUN", text)
        text = re.sub(r"[\d.]+ [kMGT]?B are free", "ROOM", text)
        text = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME", text)
        return re.sub(r"[0-9a-f]{64}|:[0-9a-f]{12}|\d+\.\d+ s|private-\w+", "X", text)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("stage"))


BASE: dict[str, tuple[list[str], list[list[str]]]] = {
    "scan": (["scan"], []),
    "plan": (["plan"], []),
    "apply": (["apply", "--yes"], []),
    "verify": (["verify"], [["apply", "--yes", "--quiet"]]),
    "prove": (["prove"], []),
    "export": (["export", "ROOT/out"], [["apply", "--yes", "--quiet"]]),
    "explain": (["explain", KEY], []),
    "rollback": (["rollback", "RUN"], [["apply", "--yes", "--quiet"]]),
    "proof merge": (["proof", "merge", "ROOT/lost.jsonl"], []),
    "proof reveal": (
        ["proof", "reveal", "LABEL agent:ops:b", "--key", "ROOT/proof"],
        [["plan", "--proof", "ROOT/proof", "--quiet"]],
    ),
}
"""How each command is called without the option that is tried, and what was run before."""

MIGRATED = ["--state-dir", "ROOT/migrated/state"]
TWINS = ["--state-dir", "ROOT/twins/state"]
EMPTY = ["--state-dir", "ROOT/empty"]
WORKS = ["--new", "ROOT/new/openclaw"]

OPTIONS: dict[str, tuple[list[str], list[str]]] = {
    "--state-dir": ([], ["ROOT/second/state"]),
    "--config": ([], ["ROOT/other.json"]),
    "--agent": ([], ["ops"]),
    "--store": ([], ["ROOT/state/agents/ops/sessions/sessions.json"]),
    "--follow": ([], []),
    "--expect-agents": ([], ["99"]),
    "--expect-sessions": ([], ["99"]),
    "--allow-empty": (EMPTY, []),
    "--format": ([], ["json"]),
    "--all": ([], []),
    "--names": ([], ["clear"]),
    "--quiet": ([], []),
    "--jobs": ([], ["2"]),
    "--wait": ([], ["1"]),
    "--output": ([], ["ROOT/report.txt"]),
    "--proof": ([], ["ROOT/kept"]),
    "--from": (MIGRATED, ["ROOT/backup/state"]),
    "--bring-back": (MIGRATED, ["agent:main:b"]),
    "--reassign": (TWINS, []),
    "--detailed-exitcode": ([], []),
    "--archive-sources": ([], []),
    "--against": ([], ["ROOT/second/state"]),
    "--level": (TWINS, ["bytes"]),
    "--accept": (TWINS, ["moved"]),
    "--old": ([], ["ROOT/old/openclaw"]),
    "--new": ([], ["ROOT/new/openclaw"]),
    "--install": (["--new", "2026.0.0"], []),
    "--smoke": ([], []),
    "--without-openclaw": ([], []),
    "--with": (WORKS, ["openclaw"]),
    "--session": ([], ["agent:ops:b"]),
    "--archived": (MIGRATED, []),
    "--report": ([], ["json"]),
    "--set-aside": ([], []),
    "--evidence": ([], ["ROOT/case"]),
}
"""For each option the words that go before it in both calls, and its own value."""

NEEDED = {("apply", "--yes"), ("proof reveal", "--key")}
"""Options without which the command is not taken at all."""


SHOWN_ELSEWHERE = {("prove", "--accept"), ("prove", "--with"), ("verify", "--wait"), ("rollback", "--store")}
"""The first two need an upgrade (``tests/upgrades/test_prove.py``), the third a file that changes while it is read, the
last a store outside (``tests/commands/test_rollback.py``)."""

FIRST = {
    "--wait": [["a writer begins"]],
    "--set-aside": [["somebody writes"]],
    "--all": [["agents with odd names come"]],
}
"""What happens before a command that has one of these options."""

INSTEAD = {
    ("proof reveal", "--config"): ["proof", "reveal", "LABEL agent:main:d", "--key", "ROOT/proof"],
    ("proof reveal", "--follow"): ["proof", "reveal", "LABEL agent:linked:c", "--key", "ROOT/proof"],
}


def cases() -> Iterator[tuple[str, str]]:
    for name, command in commands():
        for parameter in command.params:
            if isinstance(parameter, click.Option) and (name, parameter.opts[0]) not in NEEDED | SHOWN_ELSEWHERE:
                yield name, parameter.opts[0]


@pytest.mark.parametrize(("command", "option"), list(cases()))
def test_an_option_changes_what_a_command_says_or_does(
    stage: Stage, command: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, first = BASE[command]
    before, value = OPTIONS[option]
    first = [*first, *FIRST.get(option, [])]
    base = INSTEAD.get((command, option), base)
    without = [*base, *before]
    plain = stage.without(without, first, monkeypatch)
    assert stage.observe([*without, option, *value], first, monkeypatch) != plain
