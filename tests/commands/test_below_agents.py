"""Agents below agents, temporary stores and renamed agents: what the program advises about them is done, and helps."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator.cli.main import main
from tests.commands.test_elsewhere import DATABASE, VERBS, named, run
from tests.commands.test_given import keys_in, take_in
from tests.worlds import World, databases, entry

Unpack = Callable[[str], Path]
BELOW = {
    "agents/main/agents/sub": "sub",
    "agents/main/agent/agents/deep": "deep",
    "agents/team/alice": "alice",
    "agents/main/old": "main",
    "agents/team/agents/bob/agents/carol": "carol",
}
"""Agent directories that lie below others, each with the agent that is in its keys."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep away from whatever runs and lies on this machine."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def put_agent(folder: Path, agent: str) -> None:
    """An agent with one session of two events."""
    name = f"of-{agent}-{folder.name}"
    (folder / "sessions").mkdir(parents=True)
    (folder / "sessions" / "sessions.json").write_text(json.dumps({f"agent:{agent}:{name}": entry(name, 5)}))
    message = {"type": "message", "id": f"m-{name}", "message": {"role": "user", "content": name}}
    lines = json.dumps({"type": "session", "id": name}), json.dumps(message)
    (folder / "sessions" / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines))


def keys_of(state: Path) -> set[str]:
    """The keys of all sessions in all databases."""
    return {key for base in databases(state) for key in keys_in(state, base.parts[-3])}


@pytest.mark.parametrize("verb", VERBS)
def test_agents_below_agents_are_named_file_by_file_and_taken_in_with_their_histories(
    tmp_path: Path, verb: str
) -> None:
    world = World(tmp_path)
    world.agent("main", {"agent:main:live": entry("live", 5)})
    for place, agent in BELOW.items():
        put_agent(world.state / place, agent)
    found = named(world.state, verb, "copy.sessions-only-here") | named(world.state, verb, "copy.state-inside")
    for place in BELOW:
        assert any(path.startswith(place) or place.startswith(path) for path in found), place
    assert "agents/main" not in found
    for _ in range(2):  # stores first, so that histories find their sessions
        for path in sorted(found, key=lambda one: not one.endswith(".json")):
            take_in(world.state, world.state / path)
        found = named(world.state, verb, "copy.events-only-here")
    assert keys_of(world.state) == {
        "agent:main:live",
        *(f"agent:{agent}:of-{agent}-{Path(place).name}" for place, agent in BELOW.items()),
    }
    for code in ("copy.sessions-only-here", "copy.events-only-here", "copy.state-inside"):
        assert named(world.state, verb, code) == {}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "name",
    [
        ".sessions.json.tmp-4711-ab",
        ".sessions.json.4711.tmp",
        "sessions.json.4711.0b9e6d0e-5b0c-4d5c-8b36-3f7f9d4b8a11.tmp",
        ".tmp-sessions.json.Xa3f2d",
        ".sessions.json.swp",
    ],
)
def test_a_store_that_was_never_renamed_into_its_place_is_named_and_taken_in(
    tmp_path: Path, verb: str, name: str
) -> None:
    world = World(tmp_path)
    world.agent("main", {"agent:main:live": entry("live", 5)})
    path = world.store_path("main").with_name(name)
    path.write_text(json.dumps({"agent:main:live": entry("live", 4), "agent:main:newer": entry("newer", 6)}))
    assert named(world.state, verb, "copy.sessions-only-here") == {str(path.relative_to(world.state)): 1}
    take_in(world.state, path)
    assert keys_of(world.state) == {"agent:main:live", "agent:main:newer"}
    assert named(world.state, verb, "copy.sessions-only-here") == {}


@pytest.mark.parametrize("verb", VERBS)
def test_a_renamed_agent_gets_its_old_name_back_and_nothing_is_amiss_then(unpack: Unpack, verb: str) -> None:
    state = unpack("agent-renamed-with-database")
    _, report = run(state, verb)
    [found] = [one for one in report["findings"] if one["code"] == "database.agent-renamed"]
    folder = (state / found["subject"]).parents[1]
    [owner] = found["others"]
    folder.rename(folder.with_name(owner))
    # what the release has moved from one agent to another before is no matter of the renaming
    code, report = run(state, verb, *(["--accept", "moved"] if verb == "verify" else []))
    assert code == 0, report
    assert not [one for one in report["findings"] if one["code"] in ("database.agent-renamed", "database.wrong-owner")]


def test_the_sessions_of_a_renamed_agent_can_be_exported_from_where_they_are(unpack: Unpack, tmp_path: Path) -> None:
    state = unpack("agent-renamed-with-database")
    [place] = named(state, "scan", "database.agent-renamed")
    database = state / place
    with closing(sqlite3.connect(database)) as connection:
        table = "session_nodes" if _has(connection, "session_nodes") else "session_entries"
        count = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    target = tmp_path / "exported"
    result = CliRunner().invoke(main, ["export", str(target), "--state-dir", str(state)])
    assert result.exit_code in (0, 15), result.output
    store = target / "agents" / database.parts[-3] / "sessions" / "sessions.json"
    assert len(json.loads(store.read_text())) == count


def _has(connection: sqlite3.Connection, table: str) -> bool:
    return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone())


def test_the_database_of_a_renamed_agent_can_be_taken_in_by_the_agent_of_its_new_name(
    unpack: Unpack, tmp_path: Path
) -> None:
    state = unpack("agent-renamed-with-database")
    [place] = named(state, "scan", "database.agent-renamed")
    aside = tmp_path / DATABASE
    shutil.move(state / place, aside)
    agent = Path(place).parts[1]
    take_in(state, aside, "--agent", agent)
    assert keys_in(state, agent)
    assert named(state, "verify", "database.agent-renamed") == {}
