"""Copies beside the live files are read: what only they have is reported, and never a reason to fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import zstandard

from migrator import commands
from migrator.commands.request import take_inventory
from migrator.model.inventory import Inventory
from migrator.model.report import VerifyReport
from migrator.model.words import Name
from migrator.scanning.copies import copies, deleted
from tests.conftest import fingerprint
from tests.worlds import World, entry

TIME = "2026-09-21T14-13-20.000Z"
LINES = b'{"type":"session","id":"b"}\n{"type":"message","id":"m"}\n'


def findings(report: VerifyReport) -> dict[str, int]:
    assert report.verification is not None
    return {
        one.code: int(dict(one.facts)["count"]) for one in report.verification.findings if one.code.startswith("copy.")
    }


def lines(*numbers: int) -> bytes:
    events = [{"type": "session", "id": "s1"}, *({"type": "message", "id": f"m{number}"} for number in numbers)]
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def migrated(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.agent("main", {"agent:main:main": entry("s1", 5)})
    (world.store_path("main").parent / "s1.jsonl").write_bytes(lines(1, 2))
    assert commands.apply(world.request(), None, yes=True).exit_code == 0
    return world


def test_a_copy_with_nothing_of_its_own_is_not_worth_a_word(tmp_path: Path) -> None:
    world = migrated(tmp_path)
    folder = world.store_path("main").parent
    (folder / "sessions.json.bak.1790000000000").write_bytes(world.store_path("main").read_bytes())
    (folder / "s1.jsonl.bak.2026-11-22T10-00-00.000Z").write_bytes(lines(1))
    report = commands.verify(world.request())
    assert (report.exit_code, findings(report)) == (0, {})


def test_sessions_that_only_an_older_store_has_are_counted(tmp_path: Path) -> None:
    world = migrated(tmp_path)
    older: dict[str, object] = {"agent:main:main": {"sessionId": "s1", "updatedAt": 5}}
    older |= {"agent:main:gone": {"sessionId": "s9", "updatedAt": 1}, "agent:main:lost": {"sessionId": "s8"}}
    for name in ("sessions.json.bak.1790000000000", "sessions.json.corrupt-1790000000000"):
        (world.store_path("main").parent / name).write_text(json.dumps(older), encoding="utf-8")
    report = commands.verify(world.request())
    assert (report.exit_code, findings(report)) == (0, {"copy.sessions-only-here": 2})


def test_events_that_only_a_reset_transcript_has_are_counted(tmp_path: Path) -> None:
    world = migrated(tmp_path)
    (world.store_path("main").parent / "s1.jsonl.reset.2026-11-22T10-00-00.000Z").write_bytes(lines(1, 7, 8, 9))
    report = commands.verify(world.request())
    assert (report.exit_code, findings(report)) == (0, {"copy.events-only-here": 3})


def test_a_compressed_transcript_is_read_like_a_plain_one(tmp_path: Path) -> None:
    world = migrated(tmp_path)
    name = "s1.jsonl.deleted.2026-11-22T10-00-00.000Z.3c4d0685605e4abb8ec62cdcf7bff3f2.zst"
    copy = world.store_path("main").parent / name
    copy.write_bytes(zstandard.compress(lines(1, 7, 8)))
    report = commands.verify(world.request())
    assert (report.exit_code, findings(report)) == (0, {"copy.events-only-here": 2})
    copy.write_bytes(zstandard.compress(lines(1, 7, 8))[:-9])
    again = commands.verify(world.request()).verification
    assert again is not None
    assert [(one.code, one.subject) for one in again.findings if one.code.startswith("copy.")] == [
        ("copy.damaged", Name("transcript", str(copy)))
    ]


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.agent("main", {"agent:main:a": entry("a", 1), "agent:main:b": entry("b", 1)})
    folder = made.agent_path("main") / "sessions"
    made.store(folder / "sessions.json.bak", {"agent:main:old": entry("old", 1)})
    (folder / "sessions.json.corrupt-1795345168000").write_bytes(b"no store at all")
    for name in (f"b.jsonl.bak.{TIME}", f"b.jsonl.deleted.{TIME}", f"c.jsonl.reset.{TIME}"):
        (folder / name).write_bytes(LINES)
    (folder / f"d.jsonl.deleted.{TIME}.zst").write_bytes(zstandard.compress(LINES))
    return made


def names(found: Inventory) -> set[str]:
    return {Path(path).name for path in [*(one.path for one in found.stores), *(one.path for one in found.transcripts)]}


def test_copies_stand_for_the_live_files_of_the_same_agent(world: World) -> None:
    before = fingerprint(world.state)
    found = copies(take_inventory(world.request()))
    assert {"sessions.json.bak", f"b.jsonl.bak.{TIME}"} <= names(found)
    assert not any("deleted" in name or "reset" in name for name in names(found))
    assert {store.database for store in found.stores} == {str(world.database_path("main"))}
    assert fingerprint(world.state) == before


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("b", f"b.jsonl.deleted.{TIME}"),
        ("agent:main:b", f"b.jsonl.deleted.{TIME}"),
        ("c", f"c.jsonl.reset.{TIME}"),
        ("d", f"d.jsonl.deleted.{TIME}.zst"),
    ],
)
def test_deleted_and_reset_files_are_sources_for_what_is_named_only(world: World, named: str, expected: str) -> None:
    found = deleted(take_inventory(world.request()), (named,))
    assert names(found) == {expected}
    assert names(deleted(take_inventory(world.request()), ("nobody",))) == set()
