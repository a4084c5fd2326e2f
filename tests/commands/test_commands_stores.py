"""Stores that lie outside of ``agents/<dir>/sessions``: whose they are, and where their sessions go."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from migrator import commands
from migrator.model.errors import DefectError, RefusedError, UsageError
from migrator.model.report import ApplyReport, Report
from migrator.sqlite import typed_entries
from tests.cli.test_cli import run
from tests.conftest import fingerprint
from tests.store_worlds import CONFIGURED, add_default_agent, events_in, owner_of, sessions_in
from tests.worlds import World, cache, databases, entry, owner, typed

Unpack = Callable[[str], Path]

HASHED = "openclaw-session-store-*.sqlite"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world")


def apply(world: World, archive: bool = False, **selection: tuple[str, ...]) -> ApplyReport:
    return commands.apply(world.request(None, **selection), None, yes=True, archive=archive)


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def line(event_type: str, **members: object) -> str:
    return json.dumps({"type": event_type, **members}) + "\n"


def transcript(folder: Path, session_id: str, events: int = 3) -> Path:
    """A transcript with so many events."""
    folder.mkdir(parents=True, exist_ok=True)
    header = line("session", version=3, id=session_id, timestamp="2026-09-21T14:13:20.000Z")
    ids = [f"{session_id}-{number}" for number in range(1, events)]
    messages = [line("message", id=one, parentId=None, message={"role": "user", "content": one}) for one in ids]
    path = folder / f"{session_id}.jsonl"
    path.write_text(header + "".join(messages))
    return path


# configured stores


@pytest.mark.parametrize("name", CONFIGURED)
@pytest.mark.parametrize("third", [False, True])
def test_each_agent_of_a_configured_store_has_the_database_that_releases_open(
    unpack: Unpack, tmp_path: Path, name: str, third: bool
) -> None:
    state = unpack(name)
    if third:
        add_default_agent(state)
    before = fingerprint(state)
    applied = run("apply", "--yes", "--archive-sources", "--state-dir", state)
    assert (applied.exit_code, applied.stderr) == (0, "")
    main, other = (state / place for place in CONFIGURED[name])
    wanted = {"main": main} | {one: Path(str(other).replace("{}", one).replace("{0}", one)) for one in ("work", "ops")}
    if not third:
        del wanted["ops"]
    assert sorted(databases(state)) == sorted(wanted.values())
    for agent, database in wanted.items():
        assert owner_of(database) == agent
        assert {key.split(":")[1] for key in sessions_in(database)} == {agent}
        assert (len(sessions_in(database)), events_in(database)) == (10, 70)
    assert run("verify", "--state-dir", state).exit_code == 0
    assert not [path for path in state.rglob("*.jsonl") if "migrator-runs" not in path.parts]
    assert not [path for path in state.rglob("*sessions.json") if "migrator-runs" not in path.parts]
    [taken] = [path for path in (state / "migrator-runs").iterdir() if path.is_dir()]
    evidence = tmp_path / "evidence"
    assert run("rollback", taken, "--state-dir", state, "--evidence", evidence).exit_code == 0
    assert fingerprint(state) == before


@pytest.mark.parametrize("name", CONFIGURED)
def test_transcripts_in_the_directory_of_their_agent_are_at_home_wherever_the_store_is(
    unpack: Unpack, name: str
) -> None:
    state = unpack(name)
    applied = run("apply", "--yes", "--state-dir", state)
    assert applied.exit_code == 0
    assert "moved 0" in applied.output.replace("\n", " ")
    second = run("apply", "--yes", "--state-dir", state)
    assert (second.exit_code, "already-migrated" in second.output) == (0, True)


def test_a_history_without_an_entry_goes_where_openclaw_looks_for_the_sessions_of_its_agent(unpack: Unpack) -> None:
    state = unpack("defect-templated-store")
    (state / "custom" / "work" / "sessions.json").unlink()
    assert run("apply", "--yes", "--state-dir", state).exit_code == 0
    work = state / "custom" / "work" / "openclaw-agent.work.sqlite"
    assert (owner_of(work), events_in(work)) == ("work", 70)
    assert {key.rpartition(":")[0] for key in sessions_in(work)} == {"agent:work:recovered"}
    assert not (state / "agents" / "work" / "agent").exists()


@pytest.mark.parametrize("agent", ["main", "work"])
def test_one_agent_of_a_shared_store_is_migrated_alone_and_the_file_stays(unpack: Unpack, agent: str) -> None:
    state = unpack("defect-shared-store")
    assert run("apply", "--yes", "--archive-sources", "--agent", agent, "--state-dir", state).exit_code == 0
    [database] = databases(state)
    assert (owner_of(database), len(sessions_in(database)), events_in(database)) == (agent, 10, 70)
    assert (state / "custom" / "all-sessions.json").exists()
    assert run("apply", "--yes", "--archive-sources", "--state-dir", state).exit_code == 0
    assert len(databases(state)) == 2
    assert not (state / "custom" / "all-sessions.json").exists()


def test_a_configured_store_that_is_named_is_migrated_as_if_it_were_not(unpack: Unpack) -> None:
    state = unpack("defect-shared-store")
    store = state / "custom" / "all-sessions.json"
    transcript(state / "agents" / "work" / "sessions", "of-nobody")
    assert run("apply", "--yes", "--store", store, "--state-dir", state).exit_code == 0
    assert sorted(path.name for path in databases(state)) == ["all-sessions.sqlite", "all-sessions.work.sqlite"]
    assert all(events_in(path) == 70 for path in databases(state)), "another store may have the other transcript"


def test_keys_without_an_agent_are_of_the_noted_owner_of_the_store_or_of_the_default_agent(world: World) -> None:
    store = world.state / "all.json"
    entries = {"group:x": entry("s1", 5), "agent:work:y": entry("s2", 6), "global": entry("s3", 7)}
    world.store(store, entries)
    agents: dict[str, object] = {"entries": {"work": {}, "ops": {}}, "ownership": "explicit"}
    world.config(session={"store": str(store)}, agents=agents | {"defaults": {"systemAgent": {"agentId": "ops"}}})
    assert apply(world).exit_code == 0
    assert cache(world.state / "all.ops.sqlite").keys() == {"group:x", "global"}
    assert cache(world.state / "all.work.sqlite").keys() == {"agent:work:y"}
    for database in databases(world.state):
        database.unlink()
    noted = {"systemAgent": {"agentId": "ops"}, "sessionStore": {"agentId": "work"}}
    world.config(session={"store": str(store)}, agents=agents | {"defaults": noted})
    assert apply(world).exit_code == 0
    assert cache(world.state / "all.work.sqlite").keys() == entries.keys()


def test_an_agent_that_is_not_configured_has_its_part_of_a_shared_store_all_the_same(world: World) -> None:
    store = world.store(world.state / "all.json", {"agent:main:x": entry("s1", 5), "agent:Gone One:y": entry("s2", 6)})
    world.config(session={"store": str(store)})
    assert apply(world).exit_code == 0
    assert cache(world.state / "all.gone-one.sqlite").keys() == {"agent:Gone One:y"}
    assert owner_of(world.state / "all.gone-one.sqlite") == "gone-one"


def test_the_key_of_another_agent_in_a_templated_store_goes_to_that_agent(world: World) -> None:
    world.config(
        session={"store": str(world.state / "s" / "{agentId}.json")}, agents={"list": [{"id": "a"}, {"id": "b"}]}
    )
    world.store(world.state / "s" / "a.json", {"agent:b:x": entry("s1", 5), "agent:unheard:y": entry("s2", 6)})
    world.store(world.state / "s" / "b.json", {"agent:b:z": entry("s3", 7)})
    assert apply(world).exit_code == 0
    assert cache(world.state / "s" / "b.b.sqlite").keys() == {"agent:b:x", "agent:b:z"}
    assert cache(world.state / "s" / "a.a.sqlite").keys() == {"agent:unheard:y"}


def test_the_registry_of_openclaw_says_who_has_the_plain_name(world: World) -> None:
    store = world.store(world.state / "all.json", {"agent:main:x": entry("s1", 5), "agent:ops:y": entry("s2", 6)})
    world.config(session={"store": str(store)}, agents={"list": [{"id": "main"}, {"id": "ops"}]})
    registry = world.state / "state" / "openclaw.sqlite"
    registry.parent.mkdir()
    with sqlite3.connect(registry) as connection:
        connection.execute("CREATE TABLE agent_databases (agent_id TEXT, path TEXT)")
        connection.execute("INSERT INTO agent_databases VALUES ('ops', 'all.sqlite')")
    connection.close()
    before = fingerprint(registry.parent)
    assert apply(world).exit_code == 0
    assert cache(world.state / "all.sqlite").keys() == {"agent:ops:y"}
    assert cache(world.state / "all.main.sqlite").keys() == {"agent:main:x"}
    assert fingerprint(registry.parent) == before


def test_damage_of_a_shared_store_is_told_and_kept_once(world: World) -> None:
    good = json.dumps({"agent:main:x": entry("s1", 5), "agent:ops:y": entry("s2", 6)})
    store = world.store(world.state / "all.json", good[:-1] + ', "agent:ops:z": {"sessionId": "s')
    world.config(session={"store": str(store)}, agents={"list": [{"id": "main"}, {"id": "ops"}]})
    report = apply(world)
    assert report.exit_code == 15
    assert len([one for planned in report.plan.databases for one in planned.rejects]) == 1
    assert len(databases(world.state)) == 2


# stores that nobody names


def test_a_store_that_nothing_names_is_refused_without_an_agent_and_stays(world: World, tmp_path: Path) -> None:
    store = world.store(tmp_path / "elsewhere" / "copy.json", {"agent:main:x": entry("s1", 5)})
    before = fingerprint(store.parent)
    planned = commands.plan(world.request(stores=(str(store),)))
    assert (planned.exit_code, "store.no-agent" in codes(planned)) == (12, True)
    for archive in (False, True):
        with pytest.raises(RefusedError):
            apply(world, archive, stores=(str(store),))
    assert fingerprint(store.parent) == before
    assert databases(world.state) == []


@pytest.mark.parametrize("has_template", [False, True])
def test_a_store_that_nothing_names_goes_where_openclaw_looks_for_the_sessions_of_the_agent(
    world: World, tmp_path: Path, has_template: bool
) -> None:
    world.agent("ops", {"agent:ops:old": entry("s0", 5)})
    settings = {"session": {"store": str(world.state / "s" / "{agentId}.json")}} if has_template else {}
    world.config(agents={"list": [{"id": "ops"}]}, **settings)
    store = world.store(tmp_path / "elsewhere" / "copy.json", {"agent:ops:x": entry("s1", 5)})
    transcript(tmp_path / "elsewhere", "s1")
    assert apply(world, stores=(str(store),), agents=("ops",)).exit_code == 0
    database = world.state / "s" / "ops.ops.sqlite" if has_template else world.database_path("ops")
    assert "agent:ops:x" in cache(database)
    assert events_in(database) == 3


def test_an_agent_that_nothing_knows_is_a_usage_error(world: World, tmp_path: Path) -> None:
    store = world.store(tmp_path / "elsewhere" / "copy.json", {"agent:main:x": entry("s1", 5)})
    with pytest.raises(UsageError):
        apply(world, stores=(str(store),), agents=("nobody",))


def test_a_database_named_as_pr_91322_named_it_is_read_and_never_written(unpack: Unpack) -> None:
    state = unpack("defect-shared-store")
    world = World(state.parent)
    shutil.move(state, world.state)
    config = world.state / "openclaw.json"
    config.write_text(config.read_text().replace(str(state), str(world.state)))
    store = world.state / "custom" / "all-sessions.json"
    digest = hashlib.sha256(str(store).encode()).hexdigest()[:16]
    made = world.database("main", owner("main"))
    hashed = store.with_name(f"openclaw-session-store-{digest}.sqlite")
    shutil.move(made, hashed)
    text = json.dumps(entry("s9", 9))
    with sqlite3.connect(hashed) as connection:
        row = ("session_entries", "agent:main:only-there", text, None, None, 9)
        connection.execute("INSERT INTO cache_entries VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.close()
    before = fingerprint(hashed.parent)[str(hashed)]
    assert apply(world).exit_code == 0
    assert fingerprint(hashed.parent)[str(hashed)] == before
    found = commands.scan(world.request(stores=(str(store),)))
    assert found.exit_code == 0


# the store from before there were agents


def test_the_sessions_from_before_there_were_agents_go_to_main(unpack: Unpack, tmp_path: Path) -> None:
    state = unpack("defect-pre-agents-store")
    before = fingerprint(state)
    applied = run("apply", "--yes", "--archive-sources", "--state-dir", state)
    assert (applied.exit_code, applied.stderr) == (0, "")
    [database] = databases(state)
    assert database == state / "agents" / "main" / "agent" / "openclaw-agent.sqlite"
    assert (owner_of(database), len(sessions_in(database)), events_in(database)) == ("main", 10, 70)
    verified = run("verify", "--state-dir", state)
    assert (verified.exit_code, "events 70/70" in verified.output) == (0, True)
    [taken] = [path for path in (state / "migrator-runs").iterdir() if path.is_dir()]
    assert run("rollback", taken, "--state-dir", state, "--evidence", tmp_path / "evidence").exit_code == 0
    assert fingerprint(state) == before


@pytest.mark.parametrize("newer", ["root", "agent"])
def test_both_sessions_of_one_key_are_kept_with_their_histories(world: World, newer: str) -> None:
    times = (9, 5) if newer == "root" else (5, 9)
    world.root_store({"agent:main:main": entry("old-one", times[0]), "agent:main:a": entry("s1", 1)})
    transcript(world.state / "sessions", "old-one", 4)
    world.agent("main", {"agent:main:main": entry("new-one", times[1])})
    transcript(world.agent_path("main") / "sessions", "new-one", 5)
    report = apply(world, archive=True)
    assert (report.exit_code, report.word) == (0, "proved")
    winner, loser = ("old-one", "new-one") if newer == "root" else ("new-one", "old-one")
    database = world.database_path("main")
    expected = {"agent:main:main": winner, f"agent:main:recovered:{loser}": loser, "agent:main:a": "s1"}
    assert sessions_in(database) == expected
    assert json.loads(typed(database)[f"agent:main:recovered:{loser}"])["archivedAt"]
    assert cache(database).keys() == expected.keys()
    assert events_in(database) == 9
    assert [one.code for one in report.plan.findings if one.code.startswith("entry.")] == ["entry.displaced"]
    assert not any(planned.rejects for planned in report.plan.databases)
    assert commands.verify(world.request()).exit_code == 0


def test_a_second_apply_over_two_sessions_of_one_key_changes_no_byte(world: World) -> None:
    world.root_store({"agent:main:main": entry("s1", 5)})
    world.agent("main", {"agent:main:main": entry("s2", 9)})
    assert apply(world).exit_code == 0
    before = fingerprint(world.state)
    assert apply(world).word == "already-migrated"
    assert fingerprint(world.state) == before


def test_an_older_state_of_the_same_session_is_kept_in_quarantine(world: World) -> None:
    world.root_store({"agent:main:main": entry("s1", 5)})
    world.agent("main", {"agent:main:main": entry("s1", 9)})
    report = apply(world)
    assert report.exit_code == 15
    assert "entry.superseded" in {one.code for one in report.plan.findings}
    assert sessions_in(world.database_path("main")) == {"agent:main:main": "s1"}


# advice, and our own mistakes


def test_following_the_advice_on_an_empty_store_gives_keys_and_histories(unpack: Unpack) -> None:
    state = unpack("defect-empty-store")
    told = run("plan", "--state-dir", state)
    assert "--store FILE --agent NAME" in " ".join(told.output.split())
    copy = state / "agents" / "main" / "sessions" / "sessions.json.bak"
    applied = run("apply", "--yes", "--store", copy, "--agent", "main", "--state-dir", state)
    assert applied.exit_code == 15, "the empty store itself stays a finding"
    [database] = databases(state)
    assert database == state / "agents" / "main" / "agent" / "openclaw-agent.sqlite"
    assert sessions_in(database).keys() == {"agent:main:e0", "agent:main:e1", "agent:main:e2"}
    assert events_in(database) == 15


@pytest.mark.parametrize("is_new", [True, False])
def test_a_constraint_that_our_own_rows_break_is_named_as_a_defect_of_ours(
    world: World, is_new: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.agent("main", {"agent:main:a": entry("s1", 5)})
    if not is_new:
        world.database("main", owner("main"))
    put = typed_entries.put_typed_rows

    def without_session(connection: sqlite3.Connection, rows: Iterable[typed_entries.TypedRow]) -> None:
        put(connection, [row._replace(session_id="nobody") for row in rows])

    monkeypatch.setattr(typed_entries, "put_typed_rows", without_session)
    before = fingerprint(world.state / "agents")
    with pytest.raises(DefectError) as caught:
        apply(world)
    assert "FOREIGN KEY constraint failed: session_entries to sessions" in caught.value.sentence
    assert caught.value.exit_code == 2
    assert "modes" not in caught.value.sentence
    assert databases(world.state) == ([] if is_new else [world.database_path("main")])
    after = fingerprint(world.state / "agents")
    assert {path: found[1:2] for path, found in after.items()} == {path: found[1:2] for path, found in before.items()}
