"""What happens to a database that is there already: the right entries win, and the rest is not touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator import commands
from migrator.model.plan import Action
from migrator.model.report import ApplyReport, VerifyReport
from migrator.model.verification import Verdict
from tests.sqlite_worlds import execute, insert
from tests.worlds import (
    World,
    auth_row,
    cache,
    cache_row,
    change,
    entry,
    fill_wal,
    owner,
    scalar,
    spans,
    table,
    typed,
    verdicts,
    without_rows,
)


def apply(world: World) -> ApplyReport:
    return commands.apply(world.request(), None, yes=True)


def by_key(report: ApplyReport | VerifyReport) -> dict[str, Verdict]:
    """Every verdict but ``same``, by key."""
    return {found.session.text: found.verdict for found in verdicts(report)}


ROWS = {
    "newer": entry("s1", 9, label="database"),
    "older": entry("s2", 1, label="database"),
    "tie": entry("s3", 5, label="database"),
    "same": entry("s4", 5, label="as JSON"),
    "extra": entry("s5", 5),
}
SOURCE = {
    "newer": entry("s1", 5, label="source"),
    "older": entry("s2", 5, label="source"),
    "tie": entry("s3", 5, label="source"),
    "same": ROWS["same"],
    "missing": entry("s6", 5),
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An agent with a database as PR 91322 left it, and an older store that came back from a backup."""
    world = World(tmp_path)
    world.agent("main", SOURCE)
    world.database(
        "main",
        owner("main"),
        *(cache_row(key, value) for key, value in ROWS.items() if key != "same"),
        cache_row("same", spans(world.store_path("main").read_bytes())["same"].decode()),
        cache_row("newer", '{"not": "a session"}', scope="other_scope"),
        insert("cache_entries", ("blobs", "b", None, b"\x00\xff", 12, 13)),
        auth_row("profile", '{"token":1.0}'),
        execute("CREATE TABLE memory (word TEXT PRIMARY KEY, weight REAL) WITHOUT ROWID"),
        insert("memory", ("lobster", 0.5)),
    )
    return world


def untouched(database: Path) -> tuple[object, ...]:
    """All that a migration has no business with."""
    with_memory = scalar(database, "SELECT group_concat(word || weight) FROM memory")
    return (
        table(database, "cache_entries", "scope <> 'session_entries'"),
        table(database, "cache_entries", "scope = 'session_entries' AND key IN ('newer', 'tie', 'extra')"),
        table(database, "auth_profile_store"),
        with_memory,
        scalar(database, "SELECT created_at FROM schema_meta"),
    )


def label(text: bytes) -> str:
    return "source" if b"source" in text else "database" if b"database" in text else ""


def test_the_newer_entry_wins_a_tie_keeps_the_row_and_the_rest_is_untouched(world: World) -> None:
    database = world.database_path("main")
    before = untouched(database)
    report = apply(world)
    stored = cache(database)
    assert {key: label(text) for key, text in stored.items()} == {
        "newer": "database", "older": "source", "tie": "database", "same": "", "extra": "", "missing": "",
    }  # fmt: skip
    assert untouched(database) == before
    assert {key: text for key, text in typed(database).items() if key != "extra"} == {
        key: text for key, text in stored.items() if key != "extra"
    }
    assert report.outcomes[0].created is False
    assert scalar(database, "PRAGMA user_version") == 1


def test_every_loser_is_reported(world: World) -> None:
    report = apply(world)
    found = {(finding.code, finding.subject.text) for finding in report.findings if finding.code.startswith("entry.")}
    assert found == {("entry.kept-newer", "newer"), ("entry.kept-tie", "tie")}
    assert by_key(report) == {"newer": Verdict.KEPT, "tie": Verdict.CHANGED}
    assert report.verification is not None
    assert [name.text for name in report.verification.databases[0].extra] == ["extra"]
    assert report.plan is not None
    actions = {decision.key: decision.action for decision in report.plan.databases[0].decisions}
    assert actions == {
        "newer": Action.KEEP,
        "older": Action.UPDATE,
        "tie": Action.KEEP,
        "same": Action.COMPLETE,
        "missing": Action.INSERT,
    }


def test_rows_that_the_store_lacks_are_no_failure(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    world.database("main", owner("main"), cache_row("extra", entry("s5", 5)))
    before = cache(world.database_path("main"))["extra"]
    report = apply(world)
    assert report.exit_code == 0
    assert cache(world.database_path("main"))["extra"] == before
    assert apply(world).word == "already-migrated"


def test_a_row_that_is_the_same_json_spelled_otherwise_is_no_loser(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5, list=[1.0, 2])})
    compact = '{"sessionId":"s1","updatedAt":5,"list":[1.0,2]}'
    world.database("main", owner("main"), cache_row("k", compact))
    report = apply(world)
    assert report.exit_code == 0
    assert by_key(report) == {"k": Verdict.EQUAL}
    assert typed(world.database_path("main")) == cache(world.database_path("main")) == {"k": compact.encode()}
    assert [finding.code for finding in report.findings] == []


def test_the_plan_promised_what_the_verification_found(world: World) -> None:
    report = apply(world)
    assert report.plan is not None
    assert report.verification is not None
    [planned], [verified] = report.plan.databases, report.verification.databases
    assert (verified.rows, verified.content_digest) == (planned.expected_rows, planned.expected_digest)


def test_the_backup_is_the_old_database_byte_for_byte(world: World) -> None:
    old = world.database_path("main").read_bytes()
    report = apply(world)
    assert report.outcomes[0].backup is not None
    assert [path.read_bytes() for path in Path(report.outcomes[0].backup).iterdir()] == [old]


def test_rows_in_a_filled_wal_take_part_and_are_backed_up(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"a": entry("s1", 5, label="source"), "b": entry("s2", 5, label="source")})
    database = world.database("main", owner("main"))
    fill_wal(
        database,
        cache_row("a", entry("s1", 9, label="database")),
        cache_row("b", entry("s2", 1, label="database")),
    )
    files = {path.name: path.read_bytes() for path in database.parent.iterdir()}
    report = apply(world)
    assert report.exit_code == 0
    assert {key: label(text) for key, text in cache(database).items()} == {"a": "database", "b": "source"}
    assert [path.name for path in database.parent.iterdir()] == [database.name]
    assert report.outcomes[0].backup is not None
    assert {path.name: path.read_bytes() for path in Path(report.outcomes[0].backup).iterdir()} == files


def test_a_newer_row_that_lacks_its_typed_twin_gets_one_with_its_own_columns(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    row = entry("s1", 9, status="done", sessionStartedAt=3)
    world.database("main", owner("main"), cache_row("k", row))
    report = apply(world)
    database = world.database_path("main")
    assert report.exit_code == 0
    assert typed(database) == cache(database)
    assert scalar(database, "SELECT updated_at FROM session_entries") == 9
    assert scalar(database, "SELECT status FROM session_entries") == b"done"
    assert scalar(database, "SELECT created_at FROM sessions") == 3


@pytest.mark.parametrize(("source", "winner"), [(1, "typed"), (5, "typed"), (9, "source")])
def test_where_the_two_shapes_disagree_the_newest_of_all_wins_in_both(tmp_path: Path, source: int, winner: str) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 7, label="typed")})
    apply(world)
    database = world.database_path("main")
    old = '{"sessionId": "s1", "updatedAt": 3, "label": "cache"}'
    change(database, execute("UPDATE cache_entries SET value_json = ?, updated_at = 3", old))
    world.agent("main", {"k": entry("s1", source, label="source")})
    report = apply(world)
    assert f'"{winner}"'.encode() in cache(database)["k"]
    assert typed(database) == cache(database)
    assert report.exit_code == 0


def test_an_entry_that_lost_its_session_id_still_converges(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5), "other": entry("s2", 5)})
    apply(world)
    world.agent("main", {"k": entry(None, 9), "other": entry("s2", 5)})
    report = apply(world)
    assert b"sessionId" not in cache(world.database_path("main"))["k"]
    assert report.exit_code == 0
    assert apply(world).word == "already-migrated"


def test_a_newer_entry_with_another_session_id_takes_its_row_along(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    apply(world)
    world.agent("main", {"k": entry("s2", 9)})
    assert apply(world).exit_code == 0
    database = world.database_path("main")
    assert scalar(database, "SELECT session_id FROM session_entries") == b"s2"
    assert scalar(database, "SELECT session_id FROM session_routes") == b"s2"
    assert scalar(database, "SELECT session_key FROM sessions WHERE session_id = 's2'") == b"k"


def test_completing_a_row_keeps_what_the_session_row_says(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5, sessionStartedAt=2)})
    apply(world)
    database = world.database_path("main")
    before = table(database, "sessions")
    change(database, without_rows("cache_entries"))
    world.agent("main", {"k": entry("s1", 1)})
    assert apply(world).exit_code == 0
    assert cache(database) == typed(database)
    assert table(database, "sessions") == before
