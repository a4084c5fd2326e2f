"""What a database holds of sessions, and what a plan is bound to, each as one digest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from migrator import commands
from migrator.planning.digests import content_digest, plan_digest, span_id, unpreserved
from tests.worlds import World, entry

KEYS = st.text(max_size=4) | st.just("\udcff")
ROWS = st.dictionaries(KEYS, st.binary(min_size=32, max_size=32), max_size=4)
DAMAGED = b'{"good": {"sessionId": "s1"}, "null": null} rest'


@settings(max_examples=25, deadline=None)
@given(ROWS, ROWS, ROWS)
def test_the_order_of_rows_changes_no_content_digest(
    cache: dict[str, bytes], typed: dict[str, bytes], histories: dict[str, bytes]
) -> None:
    backwards = [dict(reversed(rows.items())) for rows in (cache, typed, histories)]
    assert content_digest(*backwards) == content_digest(cache, typed, histories)


def test_every_key_text_and_shape_changes_the_content_digest() -> None:
    one, two = b"1" * 32, b"2" * 32
    contents: list[tuple[dict[str, bytes], dict[str, bytes], dict[str, bytes]]] = [
        ({}, {}, {}),
        ({"a": one}, {}, {}),
        ({}, {"a": one}, {}),
        ({}, {}, {"a": one}),
        ({"b": one}, {}, {}),
        ({"a": two}, {}, {}),
        ({"a": one, "b": two}, {}, {}),
        ({"a": two, "b": one}, {}, {}),
        ({"a": one}, {"b": two}, {}),
        ({"\udcff": one}, {}, {}),
    ]
    assert len({content_digest(*content) for content in contents}) == len(contents)


def test_a_plan_digest_changes_with_what_is_expected_and_with_what_was_read(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"a": entry("s1", 5), "b": None})
    plan = commands.plan(world.request()).plan
    assert plan is not None
    [planned] = plan.databases
    [store] = planned.stores
    assert store.identity is not None
    other_store = replace(store, identity=replace(store.identity, sha256="0" * 64))
    changed = [
        replace(planned, expected_digest="0" * 64),
        replace(planned, stores=(other_store,)),
        replace(planned, decisions=()),
        replace(planned, rejects=()),
    ]
    assert plan_digest([planned]) == plan.digest
    assert len({plan.digest, *(plan_digest([one]) for one in changed)}) == len(changed) + 1


def test_what_is_unreadable_is_unpreserved_until_every_span_of_it_is_in_quarantine(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", DAMAGED)
    inventory = commands.scan(world.request()).inventory
    [store] = inventory.stores
    spans = [span_id(store.identity, span.offset, span.length) for span in store.damage]
    spans += [span_id(store.identity, one.offset, one.length) for one in store.entries if one.problem is not None]
    assert len(spans) == 2
    assert unpreserved(inventory)
    assert unpreserved(replace(inventory, quarantined=frozenset(spans[:1])))
    assert unpreserved(replace(inventory, quarantined=frozenset(spans[1:])))
    assert not unpreserved(replace(inventory, quarantined=frozenset(spans)))


def test_a_damaged_transcript_is_unpreserved_until_a_run_has_its_bytes(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"a": entry("s1", 5)})
    (world.store_path("main").parent / "s1.jsonl").write_bytes(b'{"type":"session","id":"s1"}\nbroken\n')
    assert unpreserved(commands.scan(world.request()).inventory)
    commands.apply(world.request(), None, yes=True)
    assert not unpreserved(commands.scan(world.request()).inventory)
