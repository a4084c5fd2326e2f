"""An agent is its directory on disk: none is merged, renamed, interpreted or overlooked."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from migrator import commands
from migrator.commands.rollback import rollback
from migrator.model.errors import MigratorError, RefusedError, UsageError
from migrator.model.report import ApplyReport
from migrator.model.verification import Verdict
from tests.conftest import fingerprint
from tests.worlds import World, auth_row, cache, count, databases, entry, owner, scalar, typed


def apply(world: World, **selection: object) -> ApplyReport:
    return commands.apply(world.request(**selection), None, yes=True)  # type: ignore[arg-type]


def codes(report: commands.Report) -> set[tuple[str, str]]:
    return {(finding.code, finding.subject.text) for finding in report.findings}


def beside(store: Path) -> Path:
    """Where PR 91322 has the database of a store that is in no agent directory."""
    digest = hashlib.sha256(os.fsencode(store)).hexdigest()[:16]
    return store.parent / f"openclaw-session-store-{digest}.sqlite"


def test_twin_directories_with_the_same_keys_get_a_database_each(tmp_path: Path) -> None:
    world = World(tmp_path)
    for name in ("Retired Agent", "retired-agent"):
        world.agent(name, {"agent:retired-agent:main": entry("s1", 5, of=name), "both": entry("s2", 6, of=name)})
    report = apply(world)
    assert report.exit_code == 0
    assert sorted(os.listdir(world.state / "agents")) == ["Retired Agent", "retired-agent"]
    for name in ("Retired Agent", "retired-agent"):
        stored = cache(world.database_path(name))
        assert stored == typed(world.database_path(name))
        assert stored.keys() == {"agent:retired-agent:main", "both"}
        assert all(f'"of": "{name}"'.encode() in text for text in stored.values())
    assert len(databases(world.state)) == 2
    collisions = {subject for code, subject in codes(report) if code == "agent.id-collision"}
    assert collisions == {"Retired Agent"}


def test_a_twin_that_has_a_database_but_no_store_is_no_difference(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("Retired Agent", {"k": entry("s1", 5)})
    world.database("retired-agent", owner("retired-agent"), auth_row("a", "{}"))
    report = apply(world)
    assert report.exit_code == 0


ODD_NAMES = [
    b"line\nbreak", b"quote'\"`", b"100%41", b"[a-z]*?", "lobster 🦞".encode(), b"not utf8 \xff\xfe", b"x" * 255,
    b"###", b"OPS ", b" ops", b"Ops", b"ops", b"-rf", b"~", b"$HOME", b"a;b", b"..x", b".hidden", b"a?mode=rwc#c",
    "e\u0301".encode(), "\u00e9".encode(), b"back\\slash", b"tab\t",
]  # fmt: skip


def test_odd_directory_names_are_all_found_and_migrated_in_place(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number, name in enumerate(ODD_NAMES):
        world.agent(name, {"k": entry("s1", number)})
    report = apply(world)
    assert report.exit_code == 0
    assert sorted(os.listdir(os.fsencode(world.state / "agents"))) == sorted(ODD_NAMES)
    for number, name in enumerate(ODD_NAMES):
        assert sorted(os.listdir(world.agent_path(name))) == ["agent", "sessions"]
        assert [path.name for path in (world.agent_path(name) / "agent").iterdir()] == ["openclaw-agent.sqlite"]
        assert f'"updatedAt": {number}\n'.encode() in cache(world.database_path(name))["k"]
    assert apply(world).word == "already-migrated"


def test_names_that_openclaw_would_look_for_elsewhere_are_reported(tmp_path: Path) -> None:
    world = World(tmp_path)
    for name in ("###", "OPS ", "fine", "MAIN"):
        world.agent(name, {"k": entry("s1", 5)})
    assert {pair for pair in codes(commands.scan(world.request())) if pair[0].startswith("agent.")} == {
        ("agent.collapses-to-main", "###"),
        ("agent.id-collision", "###"),
        ("agent.no-round-trip", "MAIN"),
        ("agent.no-round-trip", "OPS "),
    }


def test_a_path_that_is_too_long_for_sqlite_stops_nobody_else(tmp_path: Path) -> None:
    world = World(tmp_path / ("d" * 200))
    world.agent(b"x" * 255, {"k": entry("s2", 5)})
    world.agent("main", {"k": entry("s1", 5)})
    report = apply(world)
    assert cache(world.database_path("main")).keys() == {"k"}
    assert report.exit_code in (0, 1, 12)
    if report.exit_code == 0:
        assert world.database_path(b"x" * 255).exists()


# links


def test_a_link_to_a_directory_inside_is_followed_and_reported(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    moved = world.state / "moved" / "ops"
    world.store(moved / "sessions" / "sessions.json", {"k": entry("s2", 6)})
    world.agent_path("ops").symlink_to(moved)
    report = apply(world)
    assert report.exit_code == 0
    assert ("agent.link", "ops") in codes(report)
    assert cache(moved / "agent" / "openclaw-agent.sqlite").keys() == {"k"}
    assert scalar(world.database_path("ops"), "SELECT agent_id FROM schema_meta") == b"ops"


@pytest.mark.parametrize("alias", ["alias", "zebra"])
def test_a_link_to_another_agent_is_not_a_second_agent(tmp_path: Path, alias: str) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    world.agent_path(alias).symlink_to(world.agent_path("main"))
    report = apply(world)
    assert report.exit_code == 0
    assert databases(world.state) == [world.database_path("main")]
    assert scalar(world.database_path("main"), "SELECT agent_id FROM schema_meta") == b"main"
    assert commands.counts(report.inventory) == (1, 1)
    assert ("agent.link", alias) in codes(report)


@pytest.mark.parametrize("alias", ["alias", "zebra"])
def test_a_link_to_another_agent_does_not_change_whose_the_database_is(tmp_path: Path, alias: str) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    world.database("main", owner("main"))
    world.agent_path(alias).symlink_to(world.agent_path("main"))
    assert apply(world).exit_code == 0


def test_a_link_that_leads_out_is_reported_and_not_followed(tmp_path: Path) -> None:
    world, outside = World(tmp_path), tmp_path / "outside"
    world.agent("main", {"k": entry("s1", 5)})
    world.store(outside / "sessions" / "sessions.json", {"k": entry("s2", 6)})
    world.agent_path("ops").symlink_to(outside)
    world.agent_path("gone").symlink_to(tmp_path / "nothing")
    (world.state / "agents" / "file").write_text("")
    report = apply(world)
    assert report.exit_code == 0
    assert codes(report) == {
        ("agent.link-outside", "ops"),
        ("agent.dangling-link", "gone"),
        ("agent.not-a-directory", "file"),
    }
    assert not (outside / "agent").exists()


def test_linked_stores_are_followed_inside_and_reported_outside(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("in", {"k": entry("s1", 5)})
    inside = world.store_path("in").rename(world.state / "kept.json")
    world.store_path("in").symlink_to(inside)
    world.agent("out", {"k": entry("s1", 5)})
    outside = world.store_path("out").rename(tmp_path / "outside.json")
    world.store_path("out").symlink_to(outside)
    report = apply(world)
    assert report.exit_code == 0
    assert codes(report) == {
        ("store.link", str(world.store_path("in"))),
        ("store.link-outside", str(world.store_path("out"))),
    }
    assert databases(world.state) == [world.database_path("in")]


def test_a_database_that_lies_outside_leaves_its_sessions_missing_not_verified(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    world.agent("ops", {"k": entry("s2", 6)})
    (tmp_path / "outside").mkdir()
    (world.agent_path("ops") / "agent").symlink_to(tmp_path / "outside")
    report = apply(world)
    assert cache(world.database_path("main")).keys() == {"k"}
    assert os.listdir(tmp_path / "outside") == []
    assert report.exit_code != 0
    assert count(report, Verdict.MISSING) == 1


# other places


def test_the_pre_agents_store_goes_to_the_default_agent(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.config(agents={"list": [{"id": "first"}, {"id": "Ops", "default": True}]})
    world.agent("ops", {"new": entry("s1", 5)})
    world.agent("main", {"other": entry("s3", 7)})
    world.root_store({"old": entry("s2", 6)})
    report = apply(world)
    assert report.exit_code == 0
    assert cache(world.database_path("ops")).keys() == {"new", "old"}
    assert cache(world.database_path("main")).keys() == {"other"}
    assert scalar(world.database_path("ops"), "SELECT agent_id FROM schema_meta") == b"ops"
    assert len(databases(world.state)) == 2


def test_the_pre_agents_store_does_not_change_whose_the_database_is(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.config(agents={"list": [{"id": "ops"}]})
    world.agent("ops", {"new": entry("s1", 5)})
    world.database("ops", owner("ops"))
    world.root_store({"old": entry("s2", 6)})
    assert apply(world).exit_code == 0
    assert cache(world.database_path("ops")).keys() == {"new", "old"}


def test_the_pre_agents_store_makes_the_directory_of_an_agent_that_has_none_yet(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("ops", {"new": entry("s1", 5)})
    world.root_store({"old": entry("s2", 6)})
    before = fingerprint(world.state)
    assert apply(world).exit_code == 0
    assert cache(world.database_path("main")).keys() == {"old"}
    assert scalar(world.database_path("main"), "SELECT agent_id FROM schema_meta") == b"main"
    assert sorted(databases(world.state)) == sorted([world.database_path("ops"), world.database_path("main")])
    assert rollback(world.request(), str(world.runs()[0]), evidence=str(tmp_path / "evidence")).exit_code == 0
    assert fingerprint(world.state) == before


def test_a_store_that_the_configuration_names_has_a_database_beside_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.config(session={"store": str(tmp_path / "elsewhere" / "{agentId}.json")})
    world.agent("Ops Team")
    store = world.store(tmp_path / "elsewhere" / "ops-team.json", {"k": entry("s1", 5)})
    report = apply(world)
    assert report.exit_code == 0
    assert cache(store.with_name("ops-team.ops-team.sqlite")).keys() == {"k"}
    assert ("store.missing", str(tmp_path / "elsewhere" / "main.json")) in codes(report)


def test_a_configured_store_in_an_agent_directory_elsewhere_is_not_passed_over(tmp_path: Path) -> None:
    world = World(tmp_path)
    elsewhere = tmp_path / "elsewhere" / "agents" / "main"
    world.config(session={"store": str(tmp_path / "elsewhere" / "agents" / "{agentId}" / "sessions" / "sessions.json")})
    world.store(elsewhere / "sessions" / "sessions.json", {"k": entry("s1", 5)})
    try:
        report = apply(world)
    except MigratorError as error:
        assert error.exit_code != 0
    else:
        assert report.exit_code != 0 or (elsewhere / "agent" / "openclaw-agent.sqlite").exists()


def test_one_file_under_several_names_is_read_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    world.config(session={"store": str(world.store_path("main"))})
    (world.state / "sessions").symlink_to(world.agent_path("main") / "sessions")
    report = apply(world)
    assert len(report.inventory.stores) == 1
    assert commands.counts(report.inventory) == (1, 1)
    assert report.exit_code == 0


# selections


def test_only_the_selected_agents_are_migrated(tmp_path: Path) -> None:
    world = World(tmp_path)
    for name in ("Retired Agent", "retired-agent", "main"):
        world.agent(name, {"k": entry("s1", 5)})
    world.root_store({"old": entry("s2", 6)})
    report = apply(world, agents=("Retired Agent", "main"))
    assert report.exit_code == 0
    assert databases(world.state) == [world.database_path("Retired Agent"), world.database_path("main")]
    assert cache(world.database_path("main")).keys() == {"k", "old"}


def test_an_agent_is_selected_by_its_exact_name(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("Retired Agent", {"k": entry("s1", 5)})
    with pytest.raises(UsageError):
        apply(world, agents=("retired-agent",))


@pytest.mark.parametrize("relative", [False, True])
def test_a_store_anywhere_goes_to_the_agent_that_is_named_with_it(tmp_path: Path, relative: bool) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    store = world.store(tmp_path / "home" / "data" / "my store.json", {"mine": entry("s2", 6)})
    named = str(store.relative_to(tmp_path / "home")) if relative else str(store)
    with pytest.raises(RefusedError):
        apply(world, stores=(named,))
    report = apply(world, stores=(named,), agents=("main",))
    assert report.exit_code == 0
    assert cache(world.database_path("main")).keys() == {"k", "mine"}
    assert databases(world.state) == [world.database_path("main")]


def test_a_selected_store_in_an_agent_directory_has_its_database_there(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("Retired Agent", {"k": entry("s1", 5)})
    world.agent("main", {"k": entry("s1", 5)})
    report = apply(world, stores=(str(world.store_path("Retired Agent")),))
    assert report.exit_code == 0
    assert databases(world.state) == [world.database_path("Retired Agent")]
    assert scalar(world.database_path("Retired Agent"), "SELECT agent_id FROM schema_meta") == b"retired-agent"
