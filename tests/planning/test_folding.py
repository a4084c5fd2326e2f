"""Sessions that an upgrade would fold into others keep a key under which they survive it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from migrator import commands
from migrator.commands.request import Request
from migrator.model.inventory import Inventory
from migrator.model.request import Selection, Surroundings
from migrator.model.words import Finding
from migrator.planning.folding import RecoveredKeys, Session, fold, recovered_keys

Unpack = Callable[[str], Path]
EMPTY = Inventory(
    state_dir="/state",
    state_dir_source="--state-dir",
    config_path=None,
    configured_agents=("main",),
    main_key="main",
    scope="per-sender",
    agents=(),
    stores=(),
    transcripts=(),
    databases=(),
    respelled=frozenset(),
    quarantined=frozenset(),
    names=frozenset(),
    findings=(),
)


def session(key: str, session_id: str, updated_at: int, agent: str = "work", directory: str | None = None) -> Session:
    directory = agent if directory is None else directory
    return Session(f"/{directory}.sqlite", agent, directory, key, session_id, updated_at)


def folded(sessions: list[Session], inventory: Inventory = EMPTY) -> tuple[dict[tuple[str, str], str], list[Finding]]:
    return fold(sessions, inventory, RecoveredKeys(dict))


def test_of_two_spellings_of_one_key_the_newer_session_keeps_it() -> None:
    older, newer = session("agent:work:slack:channel:C1", "a", 1), session("agent:work:slack:channel:c1", "b", 2)
    for order in ([older, newer], [newer, older]):
        survivors, findings = folded(order)
        assert survivors == {(older.database, older.key): "agent:work:recovered:a"}
        assert [finding.code for finding in findings] == ["entry.folded"]


def test_of_equally_new_ones_the_canonical_directory_and_then_the_canonical_spelling_wins() -> None:
    odd = session("agent:retired-agent:main", "a", 5, "retired-agent", "Retired Agent")
    canonical = session("agent:retired-agent:main", "b", 5, "retired-agent")
    assert list(folded([odd, canonical])[0]) == [(odd.database, odd.key)]
    alias, proper = session("main", "a", 5), session("agent:work:main", "b", 5)
    assert list(folded([alias, proper])[0]) == [(alias.database, alias.key)]


def test_two_keys_of_one_session_id_lose_nothing_when_they_are_folded() -> None:
    assert folded([session("main", "a", 1), session("agent:work:main", "a", 2)]) == ({}, [])


def test_sessions_with_keys_of_their_own_are_left_alone() -> None:
    sessions = [session("agent:work:main", "a", 1), session("agent:work:side", "b", 1), session("global", "c", 1)]
    assert folded(sessions) == ({}, [])


@pytest.mark.parametrize("key", ["", "agent:work:", "agent::x"])
def test_a_key_that_no_release_can_resolve_never_becomes_a_typed_row(key: str) -> None:
    survivors, findings = folded([session(key, "a", 1)])
    assert survivors == {("/work.sqlite", key): "agent:work:recovered:a"}
    assert [finding.code for finding in findings] == ["entry.unresolvable-key"]


def test_folded_sessions_whose_ids_are_alike_get_keys_of_their_own_in_any_order() -> None:
    lost = [session("agent:", "A", 1), session("", "A", 2), session("agent::", "a", 3)]
    for order in (lost, lost[::-1]):
        survivors, _ = folded(order)
        assert survivors == {
            ("/work.sqlite", ""): "agent:work:recovered:a",
            ("/work.sqlite", "agent:"): recovered_keys("work", "A", "agent:")[1],
            ("/work.sqlite", "agent::"): recovered_keys("work", "a", "agent::")[1],
        }


def test_a_recovered_key_that_another_session_has_already_is_left_to_it() -> None:
    key = "agent:work:recovered:a"
    taken = RecoveredKeys(lambda: {("/work.sqlite", key): "A"})
    assert taken.give("/work.sqlite", "work", "a", "x") == recovered_keys("work", "a", "x")[1]
    assert taken.give("/work.sqlite", "work", "A", "y") == key
    assert taken.give("/other.sqlite", "work", "a", "x") == key


def test_the_main_key_of_the_configuration_decides_what_is_an_alias() -> None:
    sessions = [session("main", "a", 1), session("agent:work:home", "b", 2)]
    assert folded(sessions)[0] == {}
    assert folded(sessions, replace(EMPTY, main_key="home"))[0] == {("/work.sqlite", "main"): "agent:work:recovered:a"}


def test_a_folded_session_has_its_whole_history_and_an_archived_row_and_its_cache_row(unpack: Unpack) -> None:
    state = unpack("defect-both-spellings") / "before"
    request = Request(Selection(state_dir=str(state)), Surroundings({}, "/home/user", str(state), str(state)))
    assert commands.apply(request, None, yes=True).exit_code == 0
    store = json.loads((state / "agents" / "Retired Agent" / "sessions" / "sessions.json").read_bytes())
    database = sqlite3.connect(state / "agents" / "Retired Agent" / "agent" / "openclaw-agent.sqlite")
    rows = dict(database.execute("SELECT session_key, entry_json FROM session_entries"))
    recovered = {key for key in rows if ":recovered:" in key}
    assert len(recovered) == 3
    for key in recovered:
        entry = json.loads(rows[key])
        own = next(name for name, value in store.items() if value["sessionId"] == entry["sessionId"])
        assert entry == {**store[own], "archivedAt": store[own]["updatedAt"]}
        [(cached,)] = database.execute("SELECT value_json FROM cache_entries WHERE key = ?", (own,))
        assert json.loads(cached) == store[own]
        [(events,)] = database.execute(
            "SELECT count(*) FROM transcript_events WHERE session_id = ?", (entry["sessionId"],)
        )
        assert events == 21
    database.close()
