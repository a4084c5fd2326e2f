"""A new database is built beside its place, and only its name is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator import commands
from migrator.execution.builder import Site, build, prepare
from migrator.model.errors import ChangedError
from migrator.model.plan import Plan
from migrator.model.progress import silent
from migrator.parallel import ALONE
from migrator.runs.run import Run
from migrator.runs.steps import read_journal
from tests.worlds import NOON, World, cache, entry


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.agent("main", {"a": entry("s1", 5), "b": entry("s2", 6)})
    return world


def planned(world: World) -> Plan:
    plan = commands.plan(world.request()).plan
    assert plan is not None
    return plan


def prepared(world: World) -> Site:
    run = Run(world.state, NOON)
    try:
        return prepare(0, world.database_path("main"), run)
    finally:
        run.close()


def test_a_database_is_whole_before_it_has_its_name(world: World) -> None:
    site = prepared(world)
    built = build(planned(world).databases, 1, ALONE, site, silent)
    assert (built.failure, built.rows) == (None, 2)
    assert built.tables["cache_entries"][0] == 2
    assert cache(site.temporary).keys() == {"a", "b"}
    assert list(site.temporary.parent.iterdir()) == [site.temporary]


def test_what_is_begun_stands_in_the_journal_before_it_is_there(world: World) -> None:
    site = prepared(world)
    [run] = world.runs()
    steps = [step.name for step in read_journal(run) if step is not None]
    assert steps == ["directory", "make-directory", "build"]
    assert not site.temporary.exists()


def test_a_source_that_has_changed_is_a_failure_of_this_database_only(world: World) -> None:
    plan, site = planned(world), prepared(world)
    world.agent("main", {"a": entry("s1", 5), "b": entry("s2", 7)})
    assert isinstance(build(plan.databases, 1, ALONE, site, silent).failure, ChangedError)


def test_a_place_that_could_not_be_had_is_passed_on(world: World) -> None:
    failure = ChangedError("gone")
    assert build(planned(world).databases, 1, ALONE, Site(0, failure=failure), silent).failure is failure


def test_nothing_is_left_of_a_place_that_is_cleared_but_what_is_not_its_own(world: World) -> None:
    plan = planned(world)
    site = prepared(world)
    build(plan.databases, 1, ALONE, site, silent)
    site.clear()
    assert not site.temporary.parent.exists()
    site = prepared(world)
    (site.temporary.parent / "notes.txt").touch()
    site.clear()
    site.clear()
    assert [path.name for path in site.temporary.parent.iterdir()] == ["notes.txt"]
