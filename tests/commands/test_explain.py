"""Everything about one session, file or directory: each place, each verdict, what happened, what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator.cli.main import main
from migrator.commands.explain import explain
from migrator.model.errors import NothingFoundError
from migrator.model.explanation import Explanation
from tests.conftest import fingerprint
from tests.planning.test_repair import deleted, header, imported, node, repair, request_for, said, upgraded
from tests.worlds import World, entry

Unpack = Callable[[str], Path]
KEY = "agent:retired-agent:main"


def known(state: Path, what: str) -> Explanation:
    report = explain(request_for(state), what)
    assert report.explained is not None
    return report.explained


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_session_is_shown_in_each_place_with_its_verdict_and_its_past(unpack: Unpack) -> None:
    state = unpack("defect-both-spellings") / "after"
    before = fingerprint(state)
    found = known(state, KEY)
    assert [(place.kind, place.verdict) for place in found.places] == [
        ("entry", "missing"),
        ("entry", "transformed"),
        ("transcript", "moved"),
        ("transcript", "contained"),
        ("archive", None),
        ("row", None),
        ("history", None),
        ("file", None),
    ]
    assert [event.what for event in found.events] == ["updated"] * 5 + ["set-aside-by-import"] * 4 + ["deleted"]
    assert [event.time for event in found.events] == sorted(event.time for event in found.events)
    assert found.advice == ("repair",)
    assert fingerprint(state) == before
    repair(state)
    again = known(state, KEY)
    assert [event.what for event in again.events].count("written-by-run") == 1
    assert "repair" not in again.advice


def test_a_session_id_and_its_key_lead_to_the_same_places(unpack: Unpack) -> None:
    state = unpack("upgraded-2026.7.1-to-2026.9.6")
    by_key = known(state, "agent:main:main")
    [session_id] = {name.text for name in by_key.subjects if name.kind == "session-id"}
    assert set(known(state, session_id).places) == set(by_key.places)
    assert by_key.advice == ("fine",)


def test_a_file_leads_to_the_session_in_it(unpack: Unpack) -> None:
    state = unpack("defect-malformed-line") / "after"
    [file] = (state / "agents" / "work" / "session-sqlite-import-archive").glob("*main*.jsonl.*")
    found = known(state, str(file))
    assert found.places[0].verdict == "extends"
    assert found.places[0].count == 21
    assert {place.kind for place in found.places} == {"transcript", "entry", "row", "history"}
    assert found.advice[0] == "repair"


def test_a_database_a_store_and_any_other_file_are_known(unpack: Unpack) -> None:
    state = unpack("legacy-2026.7.1-with-database")
    for path, kind in (
        ("agents/main/agent/openclaw-agent.sqlite", "database"),
        ("agents/main/sessions/sessions.json", "store"),
        (str(next((state / "agents" / "main" / "sessions" / "skills-prompts").rglob("*.txt"))), "file"),
    ):
        assert known(state, str(state / path)).places[0].kind == kind


def test_an_agent_directory_is_named_as_it_is_on_disk(unpack: Unpack) -> None:
    found = known(unpack("defect-both-spellings") / "after", "Retired Agent")
    assert [place.kind for place in found.places] == ["store", "database"] + ["transcript"] * 4
    assert all("agents/Retired Agent/" in place.where.text for place in found.places)


def test_what_was_deleted_is_said_to_be_so(world: World) -> None:
    upgraded(world, node("agent:main:a", "a"), deleted("b", "agent:main:b"))
    imported(world, {"agent:main:b": entry("b", 5)}, b=[header("b"), said(1)])
    assert "deleted" in known(world.state, "agent:main:b").advice


def test_what_only_a_database_has_can_be_exported(world: World) -> None:
    upgraded(world, node("agent:main:a", "a"))
    assert known(world.state, "a").advice == ("only-here",)


def test_a_session_that_was_not_migrated_yet_is_to_be_migrated(world: World) -> None:
    world.agent("main", {"agent:main:a": entry("a", 7)})
    assert known(world.state, "a").advice == ("migrate",)


def test_a_name_that_nothing_has_is_not_known(world: World) -> None:
    world.agent("main", {"agent:main:a": entry("a", 7)})
    for what in ("agent:main:b", "", "/etc/passwd", "nobody"):
        with pytest.raises(NothingFoundError):
            known(world.state, what)


@pytest.mark.parametrize("form", ["text", "json"])
def test_off_a_terminal_an_explanation_has_no_names_unless_they_are_asked_for(unpack: Unpack, form: str) -> None:
    state = unpack("defect-both-spellings") / "after"
    words = ["explain", KEY, "--state-dir", str(state), "--format", form]
    output = CliRunner().invoke(main, words).output
    assert "missing" in output
    assert not any(name in output for name in ("retired", "9e88cee9", str(state)))
    named = CliRunner().invoke(main, [*words, "--names", "clear"]).output
    assert "retired" in named
    if form == "json":
        assert json.loads(output)["explanation"]["places"][0]["verdict"] == "missing"


def test_a_part_of_a_key_is_enough_where_only_one_has_it(world: World) -> None:
    world.agent("main", {"agent:main:incident-42": entry("a", 7), "agent:main:other": entry("b", 7)})
    assert known(world.state, "INCIDENT") == known(world.state, "agent:main:incident-42")


def test_of_several_that_a_part_fits_and_of_misspelled_ones_the_near_ones_are_named(world: World) -> None:
    world.agent("main", {f"agent:main:incident-{one}": entry(str(one), 7) for one in range(42, 44)})
    world.agent("ops-team", {})
    for what, near in (
        ("incident", ["agent:main:incident-42", "agent:main:incident-43"]),
        ("agent:main:incidnet-42", ["agent:main:incident-42", "agent:main:incident-43"]),
        ("ops-taem", ["ops-team"]),
    ):
        with pytest.raises(NothingFoundError) as raised:
            known(world.state, what)
        assert [name.text for name in raised.value.others] == near


def test_what_is_suggested_has_labels_where_names_have(world: World) -> None:
    world.agent("wilhelmina", {"agent:wilhelmina:incident-42": entry("a", 7)})
    for words in (["explain", "wilhelmino"], ["scan", "--agent", "wilhelmino"]):
        command = [*words, "--state-dir", str(world.state)]
        said = CliRunner().invoke(main, command).stderr
        assert "Near it: agent:" in said
        assert "wilhelmin" not in said
        assert "Near it: wilhelmina" in CliRunner().invoke(main, [*command, "--names", "clear"]).stderr


def test_a_misspelled_word_of_a_report_is_told_from_a_session(world: World) -> None:
    world.agent("main", {"agent:main:a": entry("a", 7)})
    env = {"OPENCLAW_STATE_DIR": str(world.state)}
    said = CliRunner().invoke(main, ["explain", "upgrade.lose-history"], env=env)
    assert said.exit_code == 10
    assert "upgrade.loses-history" in said.stderr
