"""The verifier finds whatever is lost or altered, whoever did it, and gives every entry exactly one verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator import commands
from migrator.model.errors import RefusedError
from migrator.model.report import ApplyReport, VerifyReport
from migrator.model.verification import Difference, Verdict
from migrator.model.words import Name
from tests.sqlite_worlds import CACHE_ONLY, NODES_VALID, PACKED_EVENTS, WINDOWS, Fill, execute
from tests.worlds import (
    World,
    auth_row,
    cache,
    cache_row,
    change,
    count,
    entry,
    files,
    fresh_world,
    owner,
    raw_store,
    verdicts,
    without_rows,
)

KEYS = ["agent:main:main", "a\0b", "__proto__", "🦞"]
SHAPES = {"cache_entries": ("key", "value_json"), "session_entries": ("session_key", "entry_json")}


def apply(world: World) -> ApplyReport:
    return commands.apply(world.request(), None, yes=True)


def verify(world: World) -> VerifyReport:
    return commands.verify(world.request())


def failed_checks(report: VerifyReport) -> tuple[str, ...]:
    assert report.verification is not None
    return report.verification.failed_checks


class Migrated:
    """A migrated world with the agent ``main``, and its database as it should be."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.content = world.database_path("main").read_bytes()

    def __repr__(self) -> str:
        return "migrated"


@pytest.fixture(scope="module")
def migrated() -> Iterator[Migrated]:
    with fresh_world() as world:
        store = {key: entry(f"s{number}", number, text=f"value {number}") for number, key in enumerate(KEYS)}
        world.agent("main", store)
        assert apply(world).exit_code == 0
        yield Migrated(world)


def tampered(migrated: Migrated, *fills: Fill) -> VerifyReport:
    database = migrated.world.database_path("main")
    database.write_bytes(migrated.content)
    change(database, *fills)
    return commands.verify(migrated.world.request())


def test_an_untouched_database_is_verified(migrated: Migrated) -> None:
    report = tampered(migrated)
    assert (report.exit_code, report.word) == (0, "proved")
    assert report.verification is not None
    assert count(report, Verdict.SAME) == len(KEYS)
    assert failed_checks(report) == ()
    names = {check.name for check in report.verification.databases[0].checks}
    assert {"integrity", "foreign-keys", "user-version", "owner", "shapes-agree"} <= names


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(SHAPES)), st.sets(st.sampled_from(KEYS), min_size=1))
def test_any_dropped_row_is_found(migrated: Migrated, table: str, keys: set[str]) -> None:
    column = SHAPES[table][0]
    report = tampered(migrated, *(execute(f"DELETE FROM {table} WHERE {column} = ?", key) for key in keys))
    assert report.exit_code == 1


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(SHAPES)), st.sampled_from(KEYS), st.floats(0, 0.999), st.integers(1, 255))
def test_any_flipped_byte_of_a_value_is_found(
    migrated: Migrated, table: str, key: str, place: float, mask: int
) -> None:
    content = bytearray(cache_of(migrated)[key])
    content[int(place * len(content))] ^= mask
    name, value = SHAPES[table]
    sql = f"UPDATE {table} SET {value} = CAST(? AS TEXT) WHERE {name} = ?"
    report = tampered(migrated, execute(sql, bytes(content), key))
    assert report.exit_code == 1


def cache_of(migrated: Migrated) -> dict[str, bytes]:
    migrated.world.database_path("main").write_bytes(migrated.content)
    return cache(migrated.world.database_path("main"))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(KEYS), min_size=2, max_size=2, unique=True), st.sets(st.sampled_from(sorted(SHAPES))))
def test_values_that_changed_places_are_found(migrated: Migrated, pair: list[str], tables: set[str]) -> None:
    fills = []
    for table in tables:
        name, value = SHAPES[table]
        contents = [cache_of(migrated)[key].decode() for key in pair]
        fills += [
            execute(f"UPDATE {table} SET {value} = ? WHERE {name} = ?", content, key)
            for content, key in zip(reversed(contents), pair, strict=True)
        ]
    assert tampered(migrated, *fills).exit_code == (1 if tables else 0)


@pytest.mark.parametrize("table", SHAPES)
def test_an_altered_value_is_named_in_the_shape_that_counts(migrated: Migrated, table: str) -> None:
    name, value = SHAPES[table]
    other = '{"sessionId":"s3"}'
    report = tampered(migrated, execute(f"UPDATE {table} SET {value} = ? WHERE {name} = '🦞'", other))
    assert report.exit_code == 1
    assert report.verification is not None
    if table == "cache_entries":
        assert [(found.session, found.verdict) for found in verdicts(report)] == [
            (Name("session", "🦞"), Verdict.CHANGED)
        ]
    assert "shapes-agree" in report.verification.failed_checks


def test_a_shape_that_is_missing_altogether_is_found(migrated: Migrated) -> None:
    for table in SHAPES:
        assert tampered(migrated, without_rows(table)).exit_code == 1, table


def test_both_shapes_of_an_entry_missing_is_a_missing_entry(migrated: Migrated) -> None:
    fills = [execute(f"DELETE FROM {table} WHERE {SHAPES[table][0]} = '__proto__'") for table in SHAPES]
    report = tampered(migrated, *fills)
    assert report.verification is not None
    assert [(found.session.text, found.verdict) for found in verdicts(report)] == [("__proto__", Verdict.MISSING)]


CONTRADICTIONS = {
    "another session id": "UPDATE session_entries SET session_id = 's0' WHERE session_key = '🦞'",
    "another time": "UPDATE session_entries SET updated_at = 99 WHERE session_key = '🦞'",
    "another time in the cache": "UPDATE cache_entries SET updated_at = 99 WHERE key = '🦞'",
    "no session row": "DELETE FROM sessions WHERE session_id = 's1'",
    "another owner": "UPDATE schema_meta SET agent_id = 'somebody'",
    "another role": "UPDATE schema_meta SET role = 'global'",
    "no owner": "DELETE FROM schema_meta",
    "another version": "PRAGMA user_version = 2",
    "no version": "PRAGMA user_version = 0",
}


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_a_database_that_contradicts_itself_is_found(migrated: Migrated, what: str) -> None:
    assert tampered(migrated, execute(CONTRADICTIONS[what])).exit_code not in (0, 15)


def test_rows_that_no_source_has_are_extra_and_no_failure(migrated: Migrated) -> None:
    report = tampered(migrated, cache_row("only here", {"updatedAt": 1}))
    assert report.exit_code == 0
    assert report.verification is not None
    assert report.verification.databases[0].extra == (Name("session", "only here"),)
    assert count(report, Verdict.EXTRA) == 1


def test_a_database_that_others_may_read_is_found(migrated: Migrated) -> None:
    world = migrated.world
    tampered(migrated)
    world.database_path("main").chmod(0o640)
    try:
        assert failed_checks(verify(world)) == ("file-mode",)
    finally:
        world.database_path("main").chmod(0o600)


# worlds that another writer left


def test_a_sibling_directory_that_took_the_sessions_is_found(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("Retired Agent", {"k": entry("s1", 5)})
    apply(world)
    world.database("retired-agent", owner("retired-agent"), cache_row("k", entry("s1", 5)))
    report = verify(world)
    assert report.exit_code == 1
    assert failed_checks(report) == ("no-sibling-directories",)


def test_a_row_of_a_twin_does_not_stand_for_a_lost_session(tmp_path: Path) -> None:
    world = World(tmp_path)
    for name in ("Retired Agent", "retired-agent"):
        world.agent(name, {"k": entry("s1", 5)})
    apply(world)
    for table in ("cache_entries", "session_routes", "session_entries"):
        change(world.database_path("Retired Agent"), without_rows(table))
    report = commands.verify(world.request(), accept=("moved", "merged"))
    assert report.exit_code == 1
    assert count(report, Verdict.MISSING) == 1


def test_a_stray_database_beside_a_store_is_found(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("[a]*", {"k": entry("s1", 5)})
    apply(world)
    world.store(world.store_path("[a]*").parent / "openclaw-session-store-0123456789abcdef.sqlite", b"")
    report = verify(world)
    assert report.exit_code == 1
    assert failed_checks(report) == ("no-stray-databases",)


def test_a_newer_row_is_kept_and_both_are_known(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    world.database("main", owner("main"), cache_row("k", entry("s1", 9)))
    apply(world)
    report = verify(world)
    assert report.exit_code == 0
    assert [found.verdict for found in verdicts(report)] == [Verdict.KEPT]


def test_a_database_without_its_sources_is_read_and_called_unjudged(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main")
    world.database("main", owner("main"), cache_row("k", entry("s1", 9)), auth_row("p", "{}"))
    report = verify(world)
    assert (report.word, report.exit_code) == ("unjudged", 10)
    assert count(report, Verdict.EXTRA) == 1


def test_entries_without_a_database_are_missing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"a": entry("s1", 5), "bad": None})
    report = verify(world)
    assert report.exit_code == 1
    assert (count(report, Verdict.MISSING), count(report, Verdict.QUARANTINED)) == (1, 1)


def test_an_entry_that_no_release_can_use_is_set_aside_in_its_cache_row_after_an_upgrade(tmp_path: Path) -> None:
    world = World(tmp_path)
    text = '{"label": "no id", "updatedAt": 5}'
    world.agent("main", raw_store({"kept": text, "rewritten": text, "gone": text}))
    tables = (*CACHE_ONLY, NODES_VALID, WINDOWS, PACKED_EVENTS)
    rows = (cache_row("kept", text), cache_row("rewritten", text.replace(" ", "")))
    world.database("main", owner("main", version=23), *rows, version=23, tables=tables)
    found = {one.session.text: one.verdict for one in verdicts(verify(world))}
    assert found == {"kept": Verdict.QUARANTINED, "rewritten": Verdict.MISSING, "gone": Verdict.MISSING}


# explanations


def altered_world(tmp_path: Path, before: dict[str, str], after: dict[str, str]) -> World:
    """An agent whose database was made from other entries of the same time."""
    world = World(tmp_path)
    world.agent("main", raw_store(after))
    apply(world)
    world.agent("main", raw_store(before))
    return world


def test_a_difference_is_explained_by_path_and_kind_and_never_by_value(tmp_path: Path) -> None:
    before = '{"sessionId":"s1","a":{"b":[1,"canary 1"]},"gone":1,"type":1.0}'
    after = '{"sessionId":"s1","a":{"b":[1,"canary 2"]},"new":1,"type":1}'
    world = altered_world(tmp_path, {"k": before}, {"k": after})
    report = verify(world)
    [verdict] = verdicts(report)
    assert verdict.verdict is Verdict.CHANGED
    assert set(verdict.differences) == {
        Difference("differs", (Name("field", "a"), Name("field", "b"), 1)),
        Difference("added", (Name("field", "new"),)),
        Difference("lost", (Name("field", "gone"),)),
        Difference("of-another-type", (Name("field", "type"),)),
    }
    assert "canary" not in repr(report.verification)


def test_no_more_than_fifty_entries_are_explained(tmp_path: Path) -> None:
    count = 60
    before = {f"k{number}": f'{{"sessionId":"s{number}","n":1}}' for number in range(count)}
    after = {f"k{number}": f'{{"sessionId":"s{number}","n":2}}' for number in range(count)}
    world = altered_world(tmp_path, before, after)
    found = verdicts(verify(world))
    assert [verdict.verdict for verdict in found] == [Verdict.CHANGED] * count
    assert sum(bool(verdict.differences) for verdict in found) == 50


@pytest.mark.parametrize("depth", [100, 400, 890])
def test_a_deep_entry_that_changed_is_found_without_a_crash(tmp_path: Path, depth: int) -> None:
    deep = '{"sessionId":"s1","x":' + "[" * depth + "%d" + "]" * depth + "}"
    world = altered_world(tmp_path, {"k": deep % 1}, {"k": deep % 2})
    report = verify(world)
    assert report.exit_code == 1
    assert [verdict.verdict for verdict in verdicts(report)] == [Verdict.CHANGED]


# accounting


MEMBERS = st.lists(
    st.tuples(
        st.sampled_from(['"a"', '"b"', '"\\ud800"', '"\\udc00"', '""', "bare", "'q'", '"c" 5', ""]),
        st.sampled_from(
            ['{"sessionId":"s1","updatedAt":1}', '{"sessionId":"s2","updatedAt":2}', "{}", "{a:1,}", "null", "[]",
             '"x"', "nul", "{", '{"x": "unclosed', '{"skillsSnapshot":{"resolvedSkills":[]}}', "\udcff", "7"]
        ),
        st.sampled_from([",", ",\n  ", ",,", "", ";"]),
    ),
    max_size=6,
)  # fmt: skip
ENDS = st.sampled_from(["}", "", "} trailing", "}}"])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MEMBERS, ENDS)
def test_every_entry_and_every_damaged_span_has_exactly_one_verdict(
    members: list[tuple[str, str, str]], end: str
) -> None:
    text = "{" + "".join(f"{key}: {value}{comma}" for key, value, comma in members) + end
    with fresh_world() as world:
        world.agent("main", text.encode("utf-8", "surrogateescape"))
        for report in (commands.verify(world.request()), apply(world), commands.verify(world.request())):
            assert report.verification is not None
            sources = [one for database in report.verification.databases for one in database.sources]
            counted = Counter({verdict: number for one in sources for verdict, number in one.counts})
            [store] = report.inventory.stores
            assert counted.total() == len(store.entries) + len(store.damage)
            assert len(verdicts(report)) == counted.total() - len(store.damage) - counted[Verdict.SAME]
        assert count(report, Verdict.MISSING) == count(report, Verdict.CHANGED) == 0
        assert report.exit_code in (0, 15)
        before = files(world.state)
        apply(world)
        assert files(world.state) == before


def test_sources_of_one_database_that_disagree_are_accounted_for(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"older": entry("s1", 9), "newer": entry("s2", 5), "same": entry("s3", 5)})
    world.root_store({"older": entry("s1", 5), "newer": entry("s2", 9), "same": entry("s3", 5), "only": entry("s4", 5)})
    report = apply(world)
    assert report.verification is not None
    [database] = report.verification.databases
    stored = cache(world.database_path("main"))
    assert all(b'"updatedAt": 9' in stored[key] for key in ("older", "newer"))
    assert sorted(item for source in database.sources for item in source.counts if item[1]) == [
        (Verdict.KEPT, 1), (Verdict.KEPT, 1), (Verdict.SAME, 2), (Verdict.SAME, 3)
    ]  # fmt: skip
    kept = [path.read_bytes() for run in world.runs() for path in run.glob("quarantine/*.raw")]
    assert len(kept) == 2
    assert all(b'"updatedAt": 5' in raw for raw in kept)
    assert report.exit_code == 15


def test_a_refused_database_has_its_entries_missing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    world.store(world.database_path("main"), b"no database " * 999)
    with pytest.raises(RefusedError):
        apply(world)
    assert count(verify(world), Verdict.MISSING) == 1
