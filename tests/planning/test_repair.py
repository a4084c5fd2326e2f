"""Repairs as a user sees them: what comes back, from where, and what is never touched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator import commands
from migrator.commands.request import Request
from migrator.commands.rollback import rollback
from migrator.model.errors import UsageError
from migrator.model.report import ApplyReport, PlanReport, Report
from migrator.model.request import RepairWish, Selection, Surroundings
from migrator.model.verification import HistoryVerdict, Verdict
from migrator.model.writes import Origin
from migrator.verification.parity import parity
from tests.sqlite_worlds import BOTH, NODES_16, NODES_23, TYPED, Fill, damage_last_leaf, execute, insert
from tests.worlds import World, cache_row, databases, entry, files, fresh_world, owner, scalar, table

Unpack = Callable[[str], Path]

LOST = (Verdict.MISSING, Verdict.CHANGED, Verdict.MERGED)
CUT_SHORT = (HistoryVerdict.ABSENT, HistoryVerdict.EXTENDS, HistoryVerdict.DIVERGES)
STAMP = "1795345168000"


def request_for(state: Path, **wish: object) -> Request:
    surroundings = Surroundings({}, "/home/user", str(state.parent), str(state.parent))
    return Request(Selection(state_dir=str(state), repair=RepairWish(**wish)), surroundings)  # type: ignore[arg-type]


def repair(state: Path, **wish: object) -> ApplyReport:
    return commands.apply(request_for(state, **wish), None, yes=True)


def origins(report: PlanReport | ApplyReport) -> list[tuple[str, Origin]]:
    """The keys that come back, and where from."""
    planned = report.plan.databases if report.plan is not None else ()
    return sorted((row.key, row.source.origin) for one in planned if one.repair for row in one.repair.rows)


def lacks(state: Path, against: Path | None = None) -> dict[str, int]:
    """What verify says is missing, changed or cut short."""
    found = commands.verify(request_for(state), str(against) if against else None).verification
    assert found is not None
    counts = {one.value: found.count(one) for one in LOST}
    counts |= {one.value: found.count_histories(one) for one in CUT_SHORT}
    return {word: count for word, count in counts.items() if count}


def shape_of(path: Path) -> list[object]:
    """Everything that a repair must not change: tables, indexes, triggers, version, owner."""
    return [
        table(path, "sqlite_master")[0:0],
        sorted(str(row[1:]) for row in table(path, "sqlite_master") if b"stat" not in row[2]),  # type: ignore[operator]
        scalar(path, "PRAGMA user_version"),
        table(path, "schema_meta"),
        scalar(path, "PRAGMA auto_vacuum"),
    ]


DEFECTS = {
    "defect-malformed-line": {"extends": 1},
    "defect-malformed-line-2026.8.2": {"extends": 1},
    "defect-both-spellings": {"missing": 3},
    "defect-topic-transcript": {"absent": 1},
    "defect-no-session-id": {"missing": 1},
}


@pytest.mark.parametrize("name", DEFECTS)
def test_what_a_real_upgrade_lost_comes_back_from_its_archives_and_can_be_taken_back(unpack: Unpack, name: str) -> None:
    state = unpack(name) / "after"
    before, shapes = files(state), {path: shape_of(path) for path in databases(state)}
    assert lacks(state) == DEFECTS[name]
    report = repair(state)
    assert lacks(state) == {}
    assert {origin for _, origin in origins(report)} <= {Origin.IMPORTED}
    assert {path: shape_of(path) for path in databases(state)} == shapes
    repaired = {path: path.read_bytes() for path in databases(state)}
    again = repair(state)
    assert origins(again) == []
    assert {path: path.read_bytes() for path in databases(state)} == repaired
    assert report.run is not None
    rollback(request_for(state), report.run)
    assert {path: facts for path, facts in files(state).items() if "migrator-runs" not in path} == before


def test_rows_that_a_stale_store_has_overwritten_come_back_from_a_backup(unpack: Unpack) -> None:
    world = unpack("defect-stale-store")
    assert lacks(world / "after", world / "before") == {"changed": 2}
    assert origins(repair(world / "after")) == []
    report = repair(world / "after", backup=str(world / "before"))
    assert [origin for _, origin in origins(report)] == [Origin.BACKUP] * 2
    assert lacks(world / "after", world / "before") == {}


def test_sessions_that_were_moved_are_copied_back_only_when_asked_and_stay_where_they_are(unpack: Unpack) -> None:
    state = unpack("upgraded-2026.7.1-to-2026.9.6")
    report = repair(state)
    assert report.plan is not None
    assert [one.code for one in report.plan.findings].count("repair.moved") == 2
    assert report.outcomes == ()
    twin = state / "agents" / "retired-agent" / "agent" / "openclaw-agent.sqlite"
    before = twin.read_bytes()
    report = repair(state, reassign=True)
    assert report.verification is not None
    assert report.verification.failed_checks == ("no-sibling-directories",)  # that was the upgrade
    assert report.verification.count(Verdict.MOVED) == 0
    assert twin.read_bytes() == before


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def upgraded(
    world: World, *fills: Fill, version: int = 23, tables: tuple[str, ...] = NODES_23, agent: str = "main"
) -> Path:
    return world.database(agent, owner(agent, version=version), *fills, version=version, tables=tables)


def node(key: str, session_id: str, updated_at: int = 7, **members: object) -> Fill:
    text = json.dumps(entry(session_id, updated_at, **members))
    window = insert("session_windows", (session_id, key, None, None, updated_at, updated_at))

    def fill(connection: object) -> None:
        insert("session_nodes", (key, session_id, text, 1, updated_at, None))(connection)  # type: ignore[arg-type]
        window(connection)  # type: ignore[arg-type]

    return fill


def events(session_id: str, *texts: str) -> Fill:
    rows = ((session_id, seq, text, 7, None, None, None) for seq, text in enumerate(texts))
    return insert("transcript_events", *rows)


def imported(world: World, store: Mapping[str, object], agent: str = "main", **transcripts: list[str]) -> None:
    """What OpenClaw's import has set aside."""
    folder = world.agent(agent) / "session-sqlite-import-archive"
    world.store(folder / f"legacy-store.sessions.json.imported-{STAMP}", store)
    for session_id, lines in transcripts.items():
        path = folder / f"agent_main_x.{session_id}.jsonl.imported-{STAMP}"
        path.write_text("".join(f"{line}\n" for line in lines))


def header(session_id: str) -> str:
    return json.dumps({"type": "session", "version": 3, "id": session_id, "timestamp": "t", "cwd": "/"})


def said(number: int) -> str:
    event = {"type": "message", "id": f"m{number}", "message": {"role": "user", "content": f"word {number}"}}
    return json.dumps(event, separators=(",", ":"))


def nodes(path: Path) -> dict[str, dict[str, object]]:
    return {row[1].decode(): json.loads(row[3]) for row in table(path, "session_nodes")}  # type: ignore[attr-defined, arg-type]


def history(path: Path, session_id: str) -> list[object]:
    rows = table(path, "transcript_events", f"session_id = '{session_id}'")
    return [json.loads(row[3]) for row in rows]  # type: ignore[arg-type]


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def test_a_session_comes_back_with_its_window_its_events_and_its_columns(world: World) -> None:
    path = upgraded(world, node("agent:main:a", "a"))
    store = {"Agent:Main:B": entry("b", 9, label="mine", lastChannel="telegram", lastTo="1", sessionFile="/x/b.jsonl")}
    imported(world, store, b=[header("b"), said(1), said(2)])
    assert origins(repair(world.state)) == [("agent:main:b", Origin.IMPORTED)]
    stored = nodes(path)["agent:main:b"]
    assert stored["delivery"]["context"] == {"channel": "telegram", "to": "1"}  # type: ignore[index]
    assert "sessionFile" not in stored
    [row] = table(path, "session_nodes", "session_key = 'agent:main:b'")
    assert row[2] == b"b"
    assert row[4:6] == (1, 9)  # marked as valid, with the time of its entry
    assert len(table(path, "session_windows", "session_id = 'b'")) == 1
    assert history(path, "b") == [json.loads(line) for line in (header("b"), said(1), said(2))]
    sizes = [(row[6], len(row[3])) for row in table(path, "transcript_events", "session_id = 'b'")]  # type: ignore[arg-type]
    assert all(size == length for size, length in sizes)


def test_a_key_that_is_taken_is_left_to_its_owner_and_the_other_session_is_archived(world: World) -> None:
    path = upgraded(world, node("agent:main:main", "now", 5))
    imported(world, {"main": entry("old", 4)}, old=[header("old"), said(1)])
    repair(world.state)
    found = nodes(path)
    assert found["agent:main:main"]["sessionId"] == "now"
    assert found["agent:main:recovered:old"]["archivedAt"] == 4
    assert len(history(path, "old")) == 2
    assert lacks(world.state) == {}


def test_only_the_end_of_a_history_is_added_and_compressed_events_stay_as_they_are(world: World) -> None:
    packed = zstandard.compress(said(1).encode())
    path = upgraded(
        world,
        node("agent:main:a", "a"),
        events("a", header("a")),
        insert("transcript_events", ("a", 1, None, 7, packed, len(said(1)), "{}")),
    )
    imported(world, {"agent:main:a": entry("a", 7)}, a=[header("a"), said(1), said(2), said(3)])
    before = table(path, "transcript_events")
    repair(world.state)
    after = table(path, "transcript_events")
    assert after[: len(before)] == before
    assert [row[3] for row in after[len(before) :]] == [said(2).encode(), said(3).encode()]
    assert [row[2] for row in after] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("stored", "code"),
    [
        ([header("a"), said(1), said(9)], "transcript.diverges"),  # it went on after the upgrade
        ([header("a"), said(1), said(3)], "repair.history-apart"),  # one is missing in the middle
    ],
)
def test_a_history_that_lacks_something_elsewhere_than_at_its_end_is_left_alone(
    world: World, stored: list[str], code: str
) -> None:
    path = upgraded(world, node("agent:main:a", "a"), events("a", *stored))
    imported(world, {"agent:main:a": entry("a", 7)}, a=[header("a"), said(1), said(2), said(3)])
    before = path.read_bytes()
    assert code in codes(repair(world.state))
    assert path.read_bytes() == before


def test_a_history_in_cold_storage_is_left_alone(world: World) -> None:
    cold = insert("session_transcript_cold_archives", ("a", "g", "n", "0" * 64, 1, 1, 1, 0, 1, "sqlite", b"damaged"))
    path = upgraded(world, node("agent:main:a", "a"), cold)
    imported(world, {"agent:main:a": entry("a", 7)}, a=[header("a"), said(1)])
    before = path.read_bytes()
    assert "repair.history-apart" in codes(repair(world.state))
    assert path.read_bytes() == before


def deleted(
    session_id: str, key: str, lines: Sequence[str] = (), encoding: str = "identity", generation: str = "g"
) -> Fill:
    """What a gateway of 2026.9.6 leaves when a session is deleted (observed)."""
    jsonl = "".join(f"{line}\n" for line in lines).encode()
    blob = zstandard.compress(jsonl) if encoding == "zstd" else jsonl
    name, digest = f"{session_id}.jsonl.deleted.{generation}", sha256(blob).hexdigest()
    row = (session_id, generation, key, "deleted", encoding, blob, digest, name, 9)
    return insert("session_transcript_archives", row)


def test_what_was_deleted_stays_so_unless_it_is_named(world: World) -> None:
    path = upgraded(world, node("agent:main:a", "a"), deleted("b", "agent:main:b"))
    imported(world, {"agent:main:b": entry("b", 5), "agent:main:c": entry("c", 5)}, b=[header("b"), said(1)])
    report = repair(world.state)
    assert origins(report) == [("agent:main:c", Origin.IMPORTED)]
    assert "repair.deleted" in codes(report)
    assert origins(repair(world.state, bring_back=("agent:main:b",))) == [("agent:main:b", Origin.IMPORTED)]
    assert len(history(path, "b")) == 2


def test_what_a_gateway_has_deleted_since_is_called_deleted_and_can_be_accepted(unpack: Callable[[str], Path]) -> None:
    states = unpack("upgraded-then-tidied-2026.9.6")
    request, before = request_for(states / "after"), str(states / "before")
    report = commands.verify(request, before)
    verification = report.verification
    assert (report.word, verification.count(Verdict.DELETED), verification.count(Verdict.MISSING)) == (
        "differences",
        11,
        0,
    )
    assert verification.count_histories(HistoryVerdict.DELETED) == 11
    assert "missing 0, changed 0, moved 0, deleted 11" in str(parity(verification))
    archived = [one for part in verification.databases for source in part.sources for one in source.verdicts]
    assert any("archived-when-idle" in one.transforms for one in archived)
    assert commands.verify(request, before, accept=("deleted",)).word == "proved"
    # A repair leaves it alone, too, and says so.
    assert "repair.deleted" in codes(commands.plan(request_for(states / "after", backup=before)))


@pytest.mark.parametrize("archived", [("c", "agent:main:b"), ("b", "agent:main:another")])
def test_a_session_that_is_gone_without_a_word_from_openclaw_is_missing(
    world: World, archived: tuple[str, str]
) -> None:
    lines = [header("b"), said(1)]
    upgraded(world, node("agent:main:a", "a"), deleted(*archived, lines))
    imported(world, {"agent:main:b": entry("b", 5)}, b=lines)
    assert commands.verify(request_for(world.state), None).verification.count(Verdict.MISSING) == 1


def test_a_deleted_file_is_a_source_only_for_a_session_that_is_named(world: World) -> None:
    path = upgraded(world, node("agent:main:a", "a"))
    name = "b.jsonl.deleted.2026-09-21T14-13-20.000Z"
    (world.agent("main") / "sessions").mkdir()
    (world.agent("main") / "sessions" / name).write_text(f"{header('b')}\n{said(1)}\n")
    assert repair(world.state).outcomes == ()
    repair(world.state, bring_back=("b",))
    assert nodes(path).keys() == {"agent:main:a", "agent:main:recovered:b"}
    assert len(history(path, "b")) == 2


def test_a_compressed_file_of_a_deleted_session_is_a_source_too(world: World) -> None:
    path = upgraded(world, node("agent:main:a", "a"))
    (world.agent("main") / "sessions").mkdir()
    packed = world.agent("main") / "sessions" / "b.jsonl.deleted.2026-09-21T14-13-20.000Z.zst"
    packed.write_bytes(zstandard.compress(f"{header('b')}\n{said(1)}\n".encode()))
    assert repair(world.state).outcomes == ()
    before = packed.read_bytes()
    repair(world.state, bring_back=("b",))
    assert len(history(path, "b")) == 2
    assert packed.read_bytes() == before
    packed.write_bytes(before[:-3])
    assert repair(world.state, bring_back=("b",)).outcomes == ()


@pytest.mark.parametrize("name", ["b", "agent:main:b"])
@pytest.mark.parametrize("encoding", ["identity", "zstd"])
def test_what_the_database_has_kept_of_a_deleted_session_is_a_source_too(
    world: World, name: str, encoding: str
) -> None:
    path = upgraded(
        world,
        node("agent:main:a", "a"),
        deleted("b", "agent:main:b", [header("b"), said(1)], encoding, "g1"),
        deleted("b", "agent:main:b", [header("b"), said(1), said(2)], encoding, "g2"),
        deleted("c", "agent:main:c", [header("c")], encoding),
    )
    archives = table(path, "session_transcript_archives")
    assert repair(world.state).outcomes == ()
    repair(world.state, bring_back=(name,))
    assert nodes(path).keys() == {"agent:main:a", "agent:main:recovered:b"}
    assert nodes(path)["agent:main:recovered:b"]["archivedAt"] == 9  # when it was deleted
    assert history(path, "b") == [json.loads(line) for line in (header("b"), said(1), said(2))]
    assert table(path, "session_transcript_archives") == archives
    assert repair(world.state, bring_back=(name,)).outcomes == ()


def test_a_deleted_session_whose_entry_was_set_aside_comes_back_under_its_key_with_its_archive(world: World) -> None:
    path = upgraded(world, node("agent:main:a", "a"), deleted("b", "agent:main:b", [header("b"), said(1)], "zstd"))
    imported(world, {"agent:main:b": entry("b", 5)})
    repair(world.state, bring_back=("agent:main:b",))
    assert nodes(path)["agent:main:b"]["sessionId"] == "b"
    assert len(history(path, "b")) == 2


def test_copies_beside_the_live_files_are_sources(world: World) -> None:
    path = upgraded(world, node("agent:main:a", "a"))
    folder = world.agent("main") / "sessions"
    world.store(folder / "sessions.json.bak", {"agent:main:b": entry("b", 5)})
    (folder / "b.jsonl.bak.2026-09-21T14-13-20.000Z").write_text(f"{header('b')}\n{said(1)}\n")
    assert origins(repair(world.state)) == [("agent:main:b", Origin.COPY)]
    assert len(history(path, "b")) == 2


def test_stranded_cache_rows_are_put_where_they_are_read(world: World) -> None:
    path = upgraded(
        world,
        node("agent:main:a", "a"),
        cache_row("agent:main:a", entry("a", 3)),
        cache_row("agent:main:b", entry("b", 3)),
    )
    report = repair(world.state)
    assert origins(report) == [("agent:main:b", Origin.STRANDED)]
    assert "database.stranded-rows" in codes(report)
    assert nodes(path)["agent:main:b"]["sessionId"] == "b"
    assert nodes(path)["agent:main:a"]["updatedAt"] == 7
    assert len(table(path, "cache_entries")) == 2


def test_a_backup_that_was_upgraded_itself_gives_rows_and_events(world: World, tmp_path: Path) -> None:
    upgraded(world, node("agent:main:a", "a", 9), node("agent:main:b", "b"), events("b", header("b"), said(1)))
    shutil.copytree(world.state, tmp_path / "backup")
    path = world.database_path("main")
    path.unlink()
    upgraded(world, node("agent:main:a", "a"))
    assert origins(repair(world.state, backup=str(tmp_path / "backup"))) == [
        ("agent:main:a", Origin.BACKUP),
        ("agent:main:b", Origin.BACKUP),
    ]
    assert nodes(path)["agent:main:a"]["updatedAt"] == 9
    assert len(history(path, "b")) == 2


def test_databases_with_typed_entries_are_repaired_in_their_own_shape(world: World) -> None:
    path = upgraded(
        world,
        insert("sessions", ("a", "agent:main:a", 7, 7)),
        insert("session_entries", ("agent:main:a", "a", '{"sessionId":"a","updatedAt":7}', 7, None)),
        version=8,
        tables=(*BOTH[:1], *TYPED),
    )
    text = '{"sessionId": "b", "updatedAt": 5, "lastTo": "1"}'
    world.store(
        world.agent("main") / "session-sqlite-import-archive" / f"legacy-store.x.imported-{STAMP}",
        f'{{"agent:main:b": {text}}}',
    )
    imported(world, {}, b=[header("b"), said(1)])
    repair(world.state)
    [row] = table(path, "session_entries", "session_key = 'agent:main:b'")
    assert row[3] == text.encode()  # such a release keeps the fields that later ones fold
    assert len(history(path, "b")) == 2
    assert lacks(world.state) == {}


def test_the_first_node_databases_have_no_mark_to_set(world: World) -> None:
    tables = (*NODES_16[:2], NODES_16[2], *NODES_16[3:])
    row = ("agent:main:a", "a", '{"sessionId":"a","updatedAt":7}', 7, None)
    path = upgraded(world, insert("session_nodes", row), version=16, tables=tables)
    imported(world, {"agent:main:b": entry("b", 5)})
    assert origins(repair(world.state)) == [("agent:main:b", Origin.IMPORTED)]
    assert len(table(path, "session_nodes")) == 2


@pytest.mark.parametrize("version", [2, 3])
def test_a_schema_that_no_known_release_has_is_refused_by_name(world: World, version: int) -> None:
    path = upgraded(world, version=version, tables=(*BOTH[:1], *TYPED))
    imported(world, {"agent:main:b": entry("b", 5)})
    before = path.read_bytes()
    report = commands.plan(request_for(world.state))
    [finding] = [one for one in report.findings if one.code == "database.unknown-shape"]
    assert (report.exit_code, finding.subject.text, finding.facts) == (12, str(path), (("version", version),))
    assert path.read_bytes() == before


@pytest.mark.parametrize("fill", [execute("PRAGMA user_version = 99"), execute("CREATE TABLE sessions (x)")])
def test_an_unknown_schema_is_not_touched(world: World, fill: Fill) -> None:
    path = upgraded(world, node("agent:main:a", "a"))
    from tests.worlds import change

    change(path, fill)
    imported(world, {"agent:main:b": entry("b", 5)})
    before = path.read_bytes()
    assert commands.plan(request_for(world.state)).exit_code == 12
    assert path.read_bytes() == before


def test_a_plan_carries_its_wishes_and_is_bound_to_the_backup(world: World, tmp_path: Path) -> None:
    upgraded(world, node("agent:main:a", "a"), deleted("b", "agent:main:b"))
    shutil.copytree(world.state, tmp_path / "backup")
    world_of_backup = tmp_path / "backup" / "agents" / "main" / "sessions" / "sessions.json"
    world.store(world_of_backup, {"agent:main:b": entry("b", 5)})
    file = tmp_path / "plan.json"
    wish = {"backup": str(tmp_path / "backup"), "bring_back": ("b",), "reassign": True}
    commands.plan(request_for(world.state, **wish), plan_file=str(file))
    surroundings = Surroundings({}, "/home/user", str(tmp_path), str(tmp_path))
    report = commands.apply(Request(Selection(), surroundings), str(file))
    assert origins(report) == [("agent:main:b", Origin.BACKUP)]


def test_a_wish_without_anything_to_repair_is_a_usage_error(world: World) -> None:
    world.agent("main", {"agent:main:a": entry("a", 7)})
    with pytest.raises(UsageError):
        repair(world.state, reassign=True)


keys = st.sampled_from(["agent:main:a", "agent:main:b", "main", "Agent:Main:A", "agent:other:c", "plain"])
ids = st.sampled_from(["s1", "s2", "s3"])
stores = st.dictionaries(keys, st.tuples(ids, st.integers(1, 9)), max_size=4)


@settings(deadline=None, max_examples=25)
@given(
    stores,
    stores,
    st.dictionaries(keys.filter(lambda key: key.startswith("agent:")), st.tuples(ids, st.integers(1, 9))),
)
def test_no_repair_replaces_a_row_by_one_that_is_not_strictly_newer(
    old: dict[str, tuple[str, int]], copy: dict[str, tuple[str, int]], rows: dict[str, tuple[str, int]]
) -> None:
    with fresh_world() as world:
        fills = [
            insert("session_nodes", (key, sid, json.dumps(entry(sid, at, changed=True)), 1, at, None))
            for key, (sid, at) in rows.items()
        ]
        path = upgraded(world, *fills)
        imported(world, {key: entry(sid, at) for key, (sid, at) in old.items()})
        world.store(
            world.agent("main") / "sessions" / "sessions.json.bak",
            {key: entry(sid, at) for key, (sid, at) in copy.items()},
        )
        report = repair(world.state)
        after = nodes(path)
        for key, (_, at) in rows.items():
            if "changed" not in after[key]:
                assert int(str(after[key]["updatedAt"])) > at
        assert all(one["sessionId"] for one in after.values())
        for _ in range(3):  # a session whose only row was replaced comes back under a key of its own
            before = path.read_bytes()
            more = "repair.again" in codes(report)
            report = repair(world.state)
            assert (path.read_bytes() != before) == more
        assert not more


def test_a_damaged_page_in_a_table_that_is_derived_fails_a_check_and_stops_nothing(world: World) -> None:
    columns = "session_id, event_id, seq, event_type, parent_id, created_at"
    rows = (("a", f"m{number}" * 50, number, "message", None, 7) for number in range(40))
    path = upgraded(
        world,
        node("agent:main:a", "a"),
        events("a", header("a")),
        insert("transcript_event_identities", *rows),
        tables=(*NODES_23, f"CREATE TABLE transcript_event_identities ({columns})"),
    )
    damage_last_leaf(path)
    imported(world, {"agent:main:a": entry("a", 7)}, a=[header("a")])
    report = commands.verify(request_for(world.state))
    assert report.verification is not None
    assert report.exit_code == 1
    assert {"columns-agree", "integrity"} <= set(report.verification.failed_checks)
    before = path.read_bytes()
    repair(world.state)
    assert path.read_bytes() == before


def test_a_live_session_whose_key_a_migrated_database_gives_to_another_is_kept_archived_with_its_history(
    unpack: Callable[[str], Path],
) -> None:
    """The store from before agents came back beside an upgraded database; its `main` is another conversation."""
    state = unpack("upgraded-2026.7.1-to-2026.9.6")
    session_id, database = "11111111-2222-4333-8444-555555555555", state / "agents/main/agent/openclaw-agent.sqlite"
    taken = scalar(database, "SELECT current_session_id FROM session_nodes WHERE session_key = 'agent:main:main'")
    folder = state / "sessions"
    folder.mkdir()
    entries = {"agent:main:main": {"sessionId": session_id, "updatedAt": 1_700_000_000_000, "chatType": "direct"}}
    (folder / "sessions.json").write_text(json.dumps(entries))
    events: list[dict[str, object]] = [{"type": "session", "version": 3, "id": session_id}]
    events += [{"type": "message", "id": "a1", "parentId": None, "message": {"role": "user", "content": "old words"}}]
    (folder / f"{session_id}.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    repair(state)
    key = f"agent:main:recovered:{session_id}"
    stored = scalar(database, f"SELECT entry_json FROM session_nodes WHERE session_key = '{key}'")
    assert isinstance(stored, bytes)
    assert json.loads(stored)["chatType"] == "direct"
    assert json.loads(stored)["archivedAt"]
    assert scalar(database, f"SELECT count(*) FROM transcript_events WHERE session_id = '{session_id}'") == 2
    assert (
        scalar(database, "SELECT current_session_id FROM session_nodes WHERE session_key = 'agent:main:main'") == taken
    )
    assert lacks(state) == {}
    assert commands.plan(request_for(state)).word == "up-to-date"
