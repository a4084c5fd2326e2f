"""The verbs: what they return, and when they refuse."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from migrator import commands
from migrator.model.errors import BusyError, MigratorError, NothingFoundError, RefusedError
from migrator.model.progress import Progress
from migrator.model.report import ApplyReport
from migrator.model.verification import Verdict
from migrator.model.words import Finding, Name
from tests.conftest import fingerprint
from tests.worlds import World, cache, cache_row, change, count, databases, entry, owner, quarantined, without_rows

DAMAGED = b'{"good": {"sessionId": "s1"}, "null": null, "list": [1], "text": "x", "twice": {"a": 1}, "twice": {"a": 2}}'


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two agents: one without a database, one with a database that has an older entry."""
    world = World(tmp_path)
    world.agent("main", {"a": entry("s1", 5), "b": entry("s2", 6)})
    world.agent("ops", {"a": entry("s1", 5)})
    world.database("ops", owner("ops"), cache_row("a", entry("s1", 1)))
    return world


def apply(world: World, **selection: object) -> ApplyReport:
    return commands.apply(world.request(**selection), None, yes=True)  # type: ignore[arg-type]


def test_the_verbs_tell_the_story_of_a_migration(world: World) -> None:
    request = world.request()
    before = commands.scan(request), commands.plan(request), commands.verify(request)
    assert [(report.word, report.exit_code) for report in before] == [
        ("scanned", 0), ("pending", 0), ("differences", 1)
    ]  # fmt: skip
    assert commands.plan(request, detailed_exitcode=True).exit_code == 1
    done = apply(world)
    assert (done.word, done.exit_code) == ("proved", 0)
    assert [(Path(outcome.path), outcome.created, outcome.rows_written) for outcome in done.outcomes] == [
        (world.database_path("main"), True, 2),
        (world.database_path("ops"), False, 1),
    ]
    after = commands.plan(request, detailed_exitcode=True), commands.verify(request), apply(world)
    assert [(report.word, report.exit_code) for report in after] == [
        ("up-to-date", 0), ("proved", 0), ("already-migrated", 0)
    ]  # fmt: skip


def test_a_second_apply_changes_no_byte(world: World) -> None:
    world.agent("damaged", DAMAGED)
    apply(world)
    before = fingerprint(world.state)
    report = apply(world)
    assert fingerprint(world.state) == before
    assert report.outcomes == ()
    assert [str(folder) for folder in world.runs()] == [report.run], "the first run lacks its proof, which goes there"


def test_what_is_in_quarantine_already_is_no_news_for_a_second_apply(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", DAMAGED)
    assert apply(world).exit_code == 15
    report = apply(world)
    assert (report.exit_code, report.word, report.outcomes) == (0, "already-migrated", ())
    assert count(report, Verdict.QUARANTINED) == 4
    assert len(world.runs()) == 1


def test_a_source_is_never_changed(world: World) -> None:
    world.agent("damaged", DAMAGED)
    sources = [world.store_path(name) for name in ("main", "ops", "damaged")]
    before = [(path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode) for path in sources]
    apply(world)
    assert [(path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode) for path in sources] == before


# expectations


@pytest.mark.parametrize(
    ("agents", "sessions", "met"),
    [(2, 3, True), (None, 3, True), (2, None, True), (2, 4, False), (3, 3, False), (1, 3, False)],
)
def test_expectations_decide_about_success(world: World, agents: int | None, sessions: int | None, met: bool) -> None:
    request = replace(world.request(), expect_agents=agents, expect_sessions=sessions)
    before = fingerprint(world.state)
    assert (commands.scan(request).exit_code == 0) is met
    assert (commands.plan(request).exit_code == 0) is met
    if not met:
        with pytest.raises(RefusedError):
            commands.apply(request, None, yes=True)
        assert fingerprint(world.state) == before
    else:
        assert commands.apply(request, None, yes=True).exit_code == 0
    assert (commands.verify(request).exit_code == 0) is met


def test_sessions_are_counted_in_the_sources_and_only_without_any_in_the_databases(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"both": entry("s1", 5), "store": entry("s2", 5), "bad": None})
    world.agent("ops")
    world.database("main", owner("main"), cache_row("both", entry("s1", 1)), cache_row("database", entry("s3", 1)))
    assert commands.counts(commands.scan(world.request()).inventory) == (1, 2)
    apply(world)
    assert commands.counts(commands.scan(world.request()).inventory) == (1, 2)
    world.store_path("main").unlink()
    assert commands.counts(commands.scan(world.request()).inventory) == (1, 3)


def test_a_selected_store_belongs_to_its_agent_when_agents_are_counted(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    world.agent("ops", {"k": entry("s1", 5)})
    report = commands.scan(world.request(stores=(str(world.store_path("main")),)))
    assert commands.counts(report.inventory) == (1, 1)


def test_nothing_found_is_no_success_unless_that_is_allowed(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main")
    for verb in (commands.scan, commands.plan, commands.verify):
        with pytest.raises(NothingFoundError):
            verb(world.request())
        assert verb(replace(world.request(), allow_empty=True)).exit_code == 0
    with pytest.raises(NothingFoundError):
        apply(world)


def test_one_agent_without_sessions_is_nothing_to_work_on(world: World) -> None:
    world.agent("empty")
    with pytest.raises(NothingFoundError):
        commands.verify(world.request(agents=("empty",)))


# bad input


def test_what_can_not_be_migrated_is_quarantined_and_the_rest_is_migrated(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", DAMAGED)
    report = apply(world)
    assert (report.exit_code, report.word) == (15, "quarantined")
    assert cache(world.database_path("main")) == {"good": b'{"sessionId": "s1"}', "twice": b'{"a": 2}'}
    assert count(report, Verdict.QUARANTINED) == 4
    [run] = world.runs()
    assert sorted(raw for _, raw in quarantined(run)) == [b'"x"', b"[1]", b"null", b'{"a": 1}']
    assert commands.verify(world.request()).exit_code == 0


@pytest.mark.parametrize(
    "content",
    [b"", b"   ", b"null", b"[]", b'"text"', b"17", b"{", b'{"a": {"sessionId": "s1"', b"{\0}\0", b"\0" * 64,
     b'{"a" {}}', b"{}{}", b"not json at all"],
)  # fmt: skip
def test_a_broken_store_is_preserved_and_never_taken_for_empty(tmp_path: Path, content: bytes) -> None:
    world = World(tmp_path)
    world.agent("bad", content)
    world.agent("good", {"k": entry("s1", 5)})
    report = apply(world)
    assert report.exit_code == 15
    assert cache(world.database_path("good")).keys() == {"k"}
    assert not world.database_path("bad").exists()
    kept = b"".join(path.read_bytes() for run in world.runs() for path in sorted((run / "quarantine").glob("*.raw")))
    assert all(piece in content for piece in kept.split())
    assert count(report, Verdict.QUARANTINED) >= 1


@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_an_unreadable_store_stops_nobody_else_and_is_no_success(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path)
    folder = world.agent("bad") / "sessions"
    folder.mkdir()
    if kind == "pipe":
        os.mkfifo(folder / "sessions.json")
    else:
        (folder / "sessions.json").mkdir()
    world.agent("good", {"k": entry("s1", 5)})
    report = apply(world)
    assert cache(world.database_path("good")).keys() == {"k"}
    assert report.exit_code != 0
    assert commands.verify(world.request()).exit_code != 0
    assert commands.plan(world.request()).exit_code == 12


# archived sources


def test_sources_are_moved_only_on_request(world: World) -> None:
    assert apply(world).archiving.moved == ()
    assert world.store_path("main").exists()


def test_sources_are_moved_after_a_verified_migration(world: World) -> None:
    contents = [world.store_path(name).read_bytes() for name in ("main", "ops")]
    report = commands.apply(world.request(), None, yes=True, archive=True)
    assert report.exit_code == 0
    assert [Path(path).read_bytes() for path in report.archiving.moved] == contents
    assert not world.store_path("main").exists()
    assert all(report.run is not None and path.startswith(report.run) for path in report.archiving.moved)
    again = commands.verify(world.request())
    assert again.exit_code == 0
    assert count(again, Verdict.SAME) == 3
    assert count(again, Verdict.EXTRA) == 0


def test_sources_can_be_moved_by_a_later_run(world: World) -> None:
    apply(world)
    report = commands.apply(world.request(), None, yes=True, archive=True)
    assert len(report.archiving.moved) == 2
    assert report.outcomes == ()


def test_what_was_archived_stays_in_its_run_when_more_is_archived(world: World) -> None:
    first = commands.apply(world.request(), None, yes=True, archive=True)
    world.agent("third", {"k": entry("s3", 5)})
    second = commands.apply(world.request(), None, yes=True, archive=True)
    assert second.exit_code == 0
    assert len(second.archiving.moved) == 1
    assert all(Path(path).exists() for path in (*first.archiving.moved, *second.archiving.moved))


def test_an_archived_source_brings_back_nothing_that_was_deleted_since(world: World) -> None:
    commands.apply(world.request(), None, yes=True, archive=True)
    for table_name in ("cache_entries", "session_routes", "session_entries"):
        change(world.database_path("main"), without_rows(table_name))
    assert commands.plan(world.request()).word == "up-to-date"
    assert commands.verify(world.request()).exit_code == 1


def test_sources_stay_when_the_verification_finds_a_difference(world: World) -> None:
    world.agent("refused", {"k": entry("s9", 5)})
    world.database("refused", owner("somebody"))
    report = commands.apply(world.request(), None, yes=True, archive=True)
    assert report.exit_code == 1
    assert report.archiving.moved == ()
    assert world.store_path("main").exists()


def test_a_linked_source_is_archived_with_its_content_or_stays(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    content = world.store_path("main").read_bytes()
    world.store_path("main").rename(world.agent_path("main") / "kept.json")
    world.store_path("main").symlink_to("../kept.json")
    report = commands.apply(world.request(), None, yes=True, archive=True)
    if report.archiving.moved:
        assert [Path(path).read_bytes() for path in report.archiving.moved] == [content]
    else:
        assert world.store_path("main").read_bytes() == content


def test_a_source_on_another_filesystem_is_archived_or_stays_but_is_never_lost(tmp_path: Path) -> None:
    memory = Path("/dev/shm")  # noqa: S108
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second filesystem")
    world, content = World(tmp_path), b'{"k": {"sessionId": "s1"}}'
    folder = memory / f"migrator-test-{os.getpid()}"
    store = world.store(folder / "store.json", content)
    try:
        try:
            report = commands.apply(world.request(stores=(str(store),)), None, yes=True, archive=True)
        except MigratorError:
            assert store.read_bytes() == content
        else:
            kept = [store] if store.exists() else [Path(path) for path in report.archiving.moved]
            assert [path.read_bytes() for path in kept] == [content]
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


# two runs at a time


def test_a_second_run_at_the_same_time_is_refused(world: World) -> None:
    seen: list[int] = []

    class Interfering(Progress):
        def __call__(self, count: int) -> None:  # noqa: ARG002
            if (world.state / "migrator-runs").exists() and not seen:
                seen.append(1)
                with pytest.raises(BusyError):
                    apply(world)

    report = commands.apply(replace(world.request(), progress=Interfering()), None, yes=True)
    assert seen == [1]
    assert report.exit_code == 0
    assert len(world.runs()) == 1
    assert len(databases(world.state)) == 2


def test_a_verification_without_anything_to_judge_by_proves_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    store = world.agent("main", {"k": entry("s1", 5)}) / "sessions" / "sessions.json"
    assert commands.apply(world.request(), None, yes=True).exit_code == 0
    store.unlink()
    report = commands.verify(world.request())
    assert (report.word, report.exit_code) == ("unjudged", 10)
    assert commands.verify(replace(world.request(), allow_empty=True)).exit_code == 0


def test_a_store_that_only_the_configuration_names_outside_is_reported_and_stays(tmp_path: Path) -> None:
    world = World(tmp_path)
    store = world.store(tmp_path / "elsewhere" / "store.json", {"k": entry("s1", 5)})
    world.config(session={"store": str(store)})
    report = commands.apply(world.request(), None, yes=True, archive=True)
    assert report.exit_code == 0
    assert store.exists()
    assert Finding("store.outside", Name("store", str(store))) in report.findings
    named = commands.apply(world.request(stores=(str(store),)), None, yes=True, archive=True)
    assert named.exit_code == 0
    assert not store.exists()
