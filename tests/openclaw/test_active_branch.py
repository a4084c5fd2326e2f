"""What real OpenClaw shows of a history, and so of one that was put together from several files."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from migrator import commands
from migrator.openclaw.text.active_branch import active_branch, read_link
from migrator.upgrades.release.cache import cache_folder
from tests.openclaw.conftest import Release
from tests.worlds import World

pytestmark = pytest.mark.openclaw

RELEASE = "2026.9.6"

TREE_READER = """
import { pathToFileURL } from "node:url";
import fs from "node:fs";
const [, , modulePath, casesPath] = process.argv;
const named = {};
for (const one of Object.values(await import(pathToFileURL(modulePath)))) named[one.name] = one;
for (const line of fs.readFileSync(casesPath, "utf8").split("\\n").filter(Boolean)) {
  const tree = named.scanSessionTranscriptTree(JSON.parse(line));
  const path = named.selectSessionTranscriptTreePathNodes(tree, tree.leafId).map((node) => node.index);
  console.log(JSON.stringify(path.length || tree.hasLeafControl ? path : null));
}
"""


def random_event(dice: random.Random) -> dict[str, object]:
    """An event with any members that decide about its place, sound or not."""
    ids: list[object] = [*"abcde"] * 3
    made: dict[str, object] = {}
    kinds = ["message"] * 6 + ["custom", "leaf", "leaf", "reset", "label", "session", "odd", "compaction"]
    for member, values, share in (
        ("type", kinds, 0.95),
        ("id", [*ids, " ", 5, None], 0.93),
        ("parentId", [*ids, None, None, " ", 5], 0.85),
        ("targetId", [*ids, None, " ", 5], 0.3),
        ("appendParentId", [*ids, None, 5], 0.05),
        ("appendMode", ["side", "side", "odd", None], 0.12),
    ):
        if dice.random() < share:
            made[member] = dice.choice(values)
    return made


Read = Callable[[Sequence[Sequence[object]]], list[list[int] | None]]


@pytest.fixture
def really_shown(openclaw: Callable[[str], Release], tmp_path: Path) -> Read:
    """Ask the code of the release which events of each history are its active branch; None where it finds none."""
    openclaw(RELEASE)
    [module] = (cache_folder() / f"openclaw-{RELEASE}" / "node_modules/openclaw/dist").glob("transcript-tree-*.mjs")
    node = next(path for path in cache_folder().glob("node-*/**/bin/node") if os.access(path, os.X_OK))

    def read(histories: Sequence[Sequence[object]]) -> list[list[int] | None]:
        (tmp_path / "reader.mjs").write_text(TREE_READER)
        (tmp_path / "cases.jsonl").write_text("".join(json.dumps(one) + "\n" for one in histories))
        words = [node, tmp_path / "reader.mjs", module, tmp_path / "cases.jsonl"]
        done = subprocess.run(words, capture_output=True, check=True, timeout=60)
        return [json.loads(line) for line in done.stdout.splitlines()]

    return read


def test_the_active_branch_is_the_one_that_its_code_finds(really_shown: Read) -> None:
    dice = random.Random(20_260_906)  # noqa: S311 - no secret
    cases = [[random_event(dice) for _ in range(dice.randrange(9))] for _ in range(4000)]
    for case, expected in zip(cases, really_shown(cases), strict=True):
        found = active_branch(read_link(json.dumps(one).encode()) for one in case)
        if expected is not None:
            assert list(found) == expected, case


def test_of_a_history_that_a_diverged_copy_has_joined_it_shows_what_it_showed_of_the_live_file(
    really_shown: Read, unpack: Callable[[str], Path], tmp_path: Path
) -> None:
    world = World(tmp_path / "world")
    world.root.mkdir()
    shutil.copytree(unpack("transcript-conflict-diverged"), world.state)
    assert commands.apply(world.request(), None, yes=True).exit_code == 0
    ids = [entry["sessionId"] for entry in json.loads(world.store_path("main").read_text()).values()]
    folder = world.store_path("main").parent
    live = [[json.loads(line) for line in (folder / f"{one}.jsonl").read_text().splitlines()] for one in ids]
    with closing(sqlite3.connect(world.database_path("main"))) as connection:
        sql = "SELECT event_json FROM transcript_events WHERE session_id = ? ORDER BY seq"
        joined = [[json.loads(text) for (text,) in connection.execute(sql, (one,))] for one in ids]
    assert [len(history) - len(own) for history, own in zip(joined, live, strict=True)] == [4, 4, 4]
    for history, now, own, before in zip(joined, really_shown(joined), live, really_shown(live), strict=True):
        assert [history[index] for index in now or ()] == [own[index] for index in before or ()] == own[1:]
