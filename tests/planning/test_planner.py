"""The plan: a pure function of the inventory that accounts for every entry."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from migrator import commands
from migrator.model.plan import Action, DatabasePlan, Decision, Plan
from tests.worlds import World, cache_row, entry, fresh_world, owner, raw_store

few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

KEYS = st.sampled_from(["a", "b", "c", "\ud800", "\udc00", "\ufffd", "", "__proto__"])
TIMES = st.sampled_from(["", ',"updatedAt":1', ',"updatedAt":2', ',"updatedAt":2.5', ',"updatedAt":"x"'])
IDS = st.sampled_from(['"sessionId":"s1"', '"sessionId":"s2"', '"sessionId":5', '"x":1'])
GOOD = st.tuples(IDS, TIMES).map(lambda parts: "{" + "".join(parts) + "}")
BAD = st.sampled_from(["null", "[]", '"x"', "7", "{a:1,}", "nul"])
ENTRIES = st.lists(st.tuples(KEYS, GOOD | BAD), max_size=6)


def store_of(entries: list[tuple[str, str]]) -> bytes:
    """A store with these members, equal keys included."""
    return b"{" + b",".join(raw_store({key: text})[1:-1] for key, text in entries) + b"}"


def planned(world: World) -> tuple[Plan, DatabasePlan | None]:
    report = commands.plan(replace(world.request(), allow_empty=True))
    assert report.plan is not None
    return report.plan, next(iter(report.plan.databases), None)


def database_rows(world: World, rows: dict[str, str]) -> None:
    world.database("main", owner("main"), *(cache_row(key, text) for key, text in rows.items()))


@few
@given(ENTRIES, ENTRIES, st.dictionaries(st.sampled_from("abc"), GOOD, max_size=2), st.sampled_from(["", "}", "x"]))
def test_decisions_and_rejects_account_for_every_entry(
    first: list[tuple[str, str]], second: list[tuple[str, str]], rows: dict[str, str], damage: str
) -> None:
    with fresh_world() as world:
        world.agent("main", store_of(first) + damage.encode())
        world.root_store(store_of(second))
        database_rows(world, rows)
        _, plan = planned(world)
        assert plan is not None
        spans = {(store.path, span.offset) for store in plan.stores for span in store.damage}
        sound = [(store, found) for store in plan.stores for found in store.entries if found.problem is None]
        unsound = {(store.path, found.offset) for store in plan.stores for found in store.entries if found.problem}
        superseded = [reject for reject in plan.rejects if reject.code == "entry.superseded"]
        others = [(reject.path, reject.offset) for reject in plan.rejects if reject.code != "entry.superseded"]
        assert sorted(others) == sorted(spans | unsound)
        own = {decision.key for decision in plan.decisions if ":recovered:" not in decision.key}
        assert own == {found.key for _, found in sound}
        kept = {decision.session_id for decision in plan.decisions} | {
            found.session_id
            for _, found in sound
            for one in plan.decisions
            if one.action is Action.KEEP and one.key == found.key
        }
        assert {found.session_id for _, found in sound} <= kept | {None}, "no session is lost to another one's key"
        assert len({decision.key for decision in plan.decisions}) == len(plan.decisions)
        # an entry wins, or says the same as the winner, or loses against it, or against a row
        losers = {(reject.path, reject.offset) for reject in superseded}
        winners = {
            (plan.stores[decision.source.store].path, decision.source.entry.index)
            for decision in plan.decisions
            if decision.source
        }
        for store, found in sound:
            decision = next(one for one in plan.decisions if one.key == found.key)
            assert (
                (store.path, found.index) in winners
                or (store.path, found.offset) in losers
                or found.sha256 == decision.sha256
                or decision.action is Action.KEEP
            )
        assert (
            not {(store.path, found.offset) for store, found in sound if (store.path, found.index) in winners} & losers
        )


@few
@given(
    st.dictionaries(KEYS.filter(lambda key: key not in ("\ud800", "\udc00")), GOOD, max_size=6),
    st.dictionaries(st.sampled_from("abc"), GOOD, max_size=2),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_entries_in_a_file_changes_no_decision(
    entries: dict[str, str], rows: dict[str, str], chance: random.Random
) -> None:
    found: list[dict[str, Decision]] = []
    for _ in range(2):
        with fresh_world() as world:
            shuffled = list(entries.items())
            chance.shuffle(shuffled)
            world.agent("main", store_of(shuffled))
            database_rows(world, rows)
            _, plan = planned(world)
            assert plan is not None
            found.append({decision.key: structs.replace(decision, source=None) for decision in plan.decisions})
    assert found[0] == found[1]


@settings(few, max_examples=12)
@given(ENTRIES, st.dictionaries(st.sampled_from("abc"), GOOD, max_size=2))
def test_a_plan_is_the_same_every_time_and_never_pending_after_it_was_done(
    entries: list[tuple[str, str]], rows: dict[str, str]
) -> None:
    with fresh_world() as world:
        world.agent("main", store_of(entries))
        database_rows(world, rows)
        first, _ = planned(world)
        assert planned(world)[0].digest == first.digest
        commands.apply(replace(world.request(), allow_empty=True), None, yes=True)
        after, plan = planned(world)
        assert plan is None or not plan.pending
        assert [one.expected_digest for one in after.databases] == [one.expected_digest for one in first.databases]


MERGES = [
    # source, row, action, which time the database has afterwards
    (5, None, Action.INSERT, 5),
    (5, 9, Action.KEEP, 9),
    (5, 1, Action.UPDATE, 5),
    (5, 5, Action.KEEP, 5),
    (None, 1, Action.KEEP, 1),
    (1, None, Action.INSERT, 1),
    (0, None, Action.INSERT, 0),
    (-1, 0, Action.KEEP, 0),
    (1.5, 1, Action.UPDATE, 1.5),
    (1, 1.5, Action.KEEP, 1.5),
    (2**70, 5, Action.UPDATE, 2**70),
]


@pytest.mark.parametrize(("source", "row", "action", "after"), MERGES)
def test_strictly_newer_wins_and_a_tie_keeps_the_row(
    source: float | None, row: float | None, action: Action, after: float
) -> None:
    with fresh_world() as world:
        world.agent("main", {"k": entry("s1", source, of="source")})
        if row is not None:
            world.database("main", owner("main"), cache_row("k", entry("s1", row, of="row")))
        _, plan = planned(world)
        assert plan is not None
        [decision] = plan.decisions
        assert (decision.action, decision.updated_at) == (action, after)
        assert decision.tie is (source == row)


def test_a_row_without_a_time_is_older_than_any_that_has_one() -> None:
    with fresh_world() as world:
        world.agent("main", {"k": entry("s1", 1)})
        world.database("main", owner("main"), cache_row("k", {"x": 1}))
        _, plan = planned(world)
        assert plan is not None
        assert plan.decisions[0].action is Action.UPDATE


def test_the_digest_covers_every_input_and_outcome() -> None:
    digests = set()
    changes: list[dict[str, object]] = [
        {"a": entry("s1", 5)},
        {"a": entry("s1", 6)},
        {"b": entry("s1", 5)},
        {"a": entry("s1", 5), "b": None},
        {"a": entry("s1", 5), "b": {}},
    ]
    for store in changes:
        with fresh_world() as world:
            world.agent("main", store)
            world.database("main", owner("main"))
            digests.add(planned(world)[0].digest)
            world.database_path("main").unlink()
            digests.add(planned(world)[0].digest)
    assert len(digests) == 2 * len(changes)


def test_a_plan_without_stores_is_empty() -> None:
    with fresh_world() as world:
        world.agent("main")
        world.database("main", owner("main"), cache_row("k", "{}"))
        plan, database = planned(world)
        assert (plan.databases, database) == ((), None)
