"""No path that a store or a link names is opened outside the state directory, unless that is to be followed."""

from __future__ import annotations

import builtins
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrator import commands
from migrator.sqlite.snapshot import open_snapshot
from tests.conftest import fingerprint
from tests.worlds import World, cache, entry, scalar

HEADER = '{"type":"session","version":3,"id":"s1"}\n'
MESSAGE = '{"type":"message","id":"1","parentId":null}\n'


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A state directory from which everything leads out that can."""
    world = World(tmp_path)
    outside = tmp_path / "outside"
    (outside / "agent").mkdir(parents=True)
    (outside / "s1.jsonl").write_text(HEADER + MESSAGE)
    world.store(outside / "linked agent" / "sessions" / "sessions.json", {"k": entry("s2", 5)})
    world.store(outside / "linked store.json", {"k": entry("s3", 5)})
    (outside / "s9.jsonl").write_text(HEADER)
    sessions = world.agent("main", {"a": entry("s1", 5, sessionFile=str(outside / "s1.jsonl"))}) / "sessions"
    (sessions / "s9.jsonl").symlink_to(outside / "s9.jsonl")
    (sessions / "s9.jsonl.bak.2026-01-02T03-04-05Z").symlink_to(outside / "s9.jsonl")
    (sessions / "sessions.json.bak.5").symlink_to(outside / "linked store.json")
    (world.state / "agents" / "linked").symlink_to(outside / "linked agent")
    store = world.agent("store", "") / "sessions" / "sessions.json"
    store.unlink()
    store.symlink_to(outside / "linked store.json")
    archive = world.agent_path("main") / "session-sqlite-import-archive"
    archive.mkdir()
    (archive / "x.jsonl.imported-5").symlink_to(outside / "s9.jsonl")
    run = world.state / "migrator-runs" / "20260101T000000Z-00000000"
    (run / "archive").mkdir(parents=True)
    step = {"step": "archive", "source": "agents/main/sessions/x.jsonl", "archive": "../../../../outside/s9.jsonl"}
    (run / "journal.jsonl").write_text(json.dumps(step) + "\n")
    return world


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The real paths of all files that are opened."""
    made: list[str] = []
    for module, name in ((os, "open"), (builtins, "open"), (io, "open")):
        original = getattr(module, name)

        def see(path: Any, *arguments: Any, original: Any = original, **options: Any) -> Any:  # noqa: ANN401
            if isinstance(path, str | bytes | Path):
                made.append(os.path.realpath(os.fsdecode(path)))
            return original(path, *arguments, **options)

        monkeypatch.setattr(module, name, see)
    return made


def codes(report: commands.Report) -> set[str]:
    return {finding.code for finding in report.findings}


def verbs(world: World, follow: bool) -> Iterator[commands.Report]:
    request = world.request(follow=follow)
    yield commands.scan(request)
    yield commands.plan(request)
    yield commands.apply(request, None, yes=True)
    yield commands.verify(request)


def test_nothing_outside_is_opened_and_everything_that_leads_there_is_named(world: World, opened: list[str]) -> None:
    outside = world.root / "outside"
    before = fingerprint(outside)
    opened.clear()
    reports = list(verbs(world, follow=False))
    assert [path for path in opened if path.startswith(str(outside))] == []
    assert fingerprint(outside) == before
    assert {"transcript.outside", "agent.link-outside", "store.link-outside"} <= codes(reports[1])
    assert cache(world.database_path("main")).keys() == {"a"}


def test_what_leads_outside_is_migrated_if_it_is_to_be_followed(world: World) -> None:
    reports = list(verbs(world, follow=True))
    assert [report.exit_code for report in reports] == [0, 0, 0, 0]
    assert {"transcript.followed", "path.followed"} <= codes(reports[1])
    assert scalar(world.database_path("main"), "SELECT count(*) FROM transcript_events WHERE session_id = 's1'") == 2
    assert cache(world.database_path("linked")).keys() == {"k"}
    assert cache(world.database_path("store")).keys() == {"k"}
    with open_snapshot(str(world.root / "outside" / "linked agent" / "agent" / "openclaw-agent.sqlite")):
        pass


def test_what_was_followed_is_not_moved_into_the_archive(world: World) -> None:
    report = commands.apply(world.request(follow=True), None, yes=True, archive=True)
    assert report.exit_code == 0
    assert (world.root / "outside" / "s1.jsonl").exists()
    assert (world.root / "outside" / "linked store.json").exists()
    assert not world.store_path("main").exists()


def test_a_plan_says_whether_to_follow(world: World) -> None:
    plan = str(world.root / "plan.json")
    commands.plan(world.request(follow=True), plan_file=plan)
    report = commands.apply(world.request(state_dir=None), plan)
    assert report.exit_code == 0
    assert cache(world.database_path("linked")).keys() == {"k"}
