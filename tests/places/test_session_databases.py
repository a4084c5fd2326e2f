"""Which database a release opens for a store outside ``agents/``."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.openclaw.places.session_databases import Neighbours, is_opened, session_database

IDS = st.sampled_from(["main", "work", "ops-team", "a_1", "2"])
FILES = st.sampled_from(["sessions.json", "all.json", "store.v2.json", "noext", "main.json"])


def near(present: dict[str, str | None] | None = None, **registered: set[str]) -> Neighbours:
    """Databases by name; those that are registered with "__" for "." in their names."""
    named = {name.replace("__", "."): frozenset(ids) for name, ids in registered.items()}
    return Neighbours(named, present or {})


def name_for(agent_id: str, around: Neighbours, file: str = "all.json") -> str:
    database = PurePosixPath(session_database(f"/s/custom/{file}", agent_id, around))
    assert str(database.parent) == "/s/custom"
    return database.name


@pytest.mark.parametrize(
    ("file", "agent_id", "expected"),
    [
        ("sessions.json", "main", "openclaw-agent.sqlite"),
        ("sessions.json", "work", "openclaw-agent.work.sqlite"),
        ("all-sessions.json", "main", "all-sessions.sqlite"),
        ("all-sessions.json", "work", "all-sessions.work.sqlite"),
        ("work.json", "work", "work.work.sqlite"),
        ("store.v2.json", "main", "store.v2.sqlite"),
        ("store", "main", "store.sqlite"),
        (".json", "main", ".json.sqlite"),
    ],
)
def test_main_has_the_plain_name_and_every_other_agent_one_with_its_id(file: str, agent_id: str, expected: str) -> None:
    assert name_for(agent_id, near(), file) == expected


def test_who_owns_the_plain_name_keeps_it_and_main_gets_one_with_its_id() -> None:
    around = near({"all.sqlite": "ops"})
    assert name_for("ops", around) == "all.sqlite"
    assert name_for("main", around) == "all.main.sqlite"
    assert name_for("work", around) == "all.work.sqlite"


def test_the_registry_counts_more_than_what_a_database_says_of_itself() -> None:
    around = near({"all.sqlite": "main"}, all__sqlite={"ops"})
    assert (name_for("ops", around), name_for("main", around)) == ("all.sqlite", "all.main.sqlite")


def test_a_registered_name_is_taken_although_no_file_is_there() -> None:
    assert name_for("main", near(all__sqlite={"ops"})) == "all.main.sqlite"


def test_nobody_has_a_name_that_the_registry_gives_to_two() -> None:
    around = near({"all.sqlite": "main"}, all__sqlite={"ops", "main"})
    assert (name_for("ops", around), name_for("main", around)) == ("all.ops.sqlite", "all.main.sqlite")


def test_main_goes_on_with_the_database_that_has_its_id() -> None:
    assert name_for("main", near({"all.main.sqlite": "main"})) == "all.main.sqlite"


def test_a_database_that_does_not_say_whose_it_is_is_left_alone() -> None:
    assert name_for("main", near({"all.sqlite": None})) == "all.main.sqlite"
    assert name_for("work", near({"all.work.sqlite": None})) == "all.work.2.sqlite"


def test_names_of_others_are_counted_past_and_an_own_one_is_found_behind_them() -> None:
    taken = {"all.work.sqlite": "other", "all.work.2.sqlite": None, "all.work.4.sqlite": "x", "all.work.02.sqlite": "x"}
    assert name_for("work", near(taken)) == "all.work.3.sqlite"
    assert name_for("work", near({**taken, "all.work.7.sqlite": "work"})) == "all.work.7.sqlite"


@given(FILES, st.lists(IDS, min_size=1, unique=True))
def test_no_two_agents_share_a_database_and_each_finds_its_own_again(file: str, ids: list[str]) -> None:
    first = {agent_id: name_for(agent_id, near(), file) for agent_id in ids}
    assert len(set(first.values())) == len(ids)
    written = near({name: agent_id for agent_id, name in first.items()})
    assert {agent_id: name_for(agent_id, written, file) for agent_id in ids} == first


@given(FILES, IDS, st.permutations(["main", "work", "ops-team"]))
def test_the_order_in_which_agents_write_changes_no_name(file: str, agent_id: str, order: list[str]) -> None:
    expected = name_for(agent_id, near(), file)
    present: dict[str, str | None] = {}
    for other in order:
        present[name_for(other, near(present), file)] = other
    assert name_for(agent_id, near(present), file) == expected


def test_the_name_of_pr_91322_is_one_that_no_published_release_opens() -> None:
    assert not is_opened("/s/custom/openclaw-session-store-0123456789abcdef.sqlite")
    assert is_opened("/s/custom/openclaw-agent.work.sqlite")
