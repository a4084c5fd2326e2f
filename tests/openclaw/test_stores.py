"""What real releases list of stores that lie outside of ``agents/``, after they were migrated and put away here.

An upgrade takes half a minute of CPU time. By default one state is upgraded, a templated store with three agents:
where the databases and keys of the others must be does not change, and ``commands/test_commands_stores.py`` holds us
to it.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator.cli.main import main
from tests.conftest import fingerprint, unpacked
from tests.openclaw.conftest import Release, launcher
from tests.openclaw.releases import SCHEMAS
from tests.store_worlds import CONFIGURED, add_default_agent, events_in
from tests.worlds import databases

pytestmark = pytest.mark.openclaw

NEWEST = max(SCHEMAS)
OLDER = [pytest.param(release, marks=pytest.mark.exhaustive) for release in SCHEMAS if release != NEWEST]
BY_DEFAULT = "defect-templated-store with a third agent"
STATES = [
    pytest.param(name, marks=[] if name == BY_DEFAULT else pytest.mark.exhaustive)
    for name in (*(f"{name} with a third agent" for name in CONFIGURED), *CONFIGURED)
]


@dataclass(frozen=True)
class Upgraded:
    """How many sessions a release lists by agent, which session ids, and how many events the databases have."""

    listed: Counter[str]
    keys: set[str]
    session_ids: Counter[str]
    events: int
    names: set[str]


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return result.exit_code, result.output + result.stderr


def prepared(name: str, folder: Path) -> Path:
    """A state by its name, perhaps ``with a third agent``, which is the default then."""
    fixture, _, third = name.partition(" with ")
    state = unpacked(fixture, folder)
    if third:
        add_default_agent(state)
    return state


def upgraded(state: Path, release: Release) -> Upgraded:
    """Let a release upgrade a state, twice where the first run only opens an old database, and list its sessions.

    A command that only reads opens it as well, at a tenth of the cost (2026.9.6).
    """
    release.run("sessions", "--json", state=state)
    for _ in range(2):
        if release.run("doctor", "--fix", "--non-interactive", state=state).returncode == 0:
            break
    found = release.run("sessions", "--json", "--all-agents", "--limit", "all", state=state)
    assert found.returncode == 0, found.stderr
    rows = json.loads(found.stdout)["sessions"]
    with_events = {path: events_in(path) for path in databases(state) if _has_events(path)}
    return Upgraded(
        listed=Counter(row["key"].split(":")[1] for row in rows),
        keys={row["key"] for row in rows},
        session_ids=Counter(row["sessionId"] for row in rows),
        events=sum(with_events.values()),
        names={str(path.relative_to(state)) for path, count in with_events.items() if count},
    )


def _has_events(path: Path) -> bool:
    return path.suffix == ".sqlite" and b"transcript_events" in path.read_bytes()


@pytest.mark.parametrize("release", [NEWEST, *OLDER])
@pytest.mark.parametrize("name", STATES)
def test_every_session_of_a_configured_store_is_listed_once_with_all_events(
    openclaw: Callable[[str], Release], tmp_path: Path, name: str, release: str
) -> None:
    state = prepared(name, tmp_path / "unpacked")
    agents = ["main", "work", *(["ops"] if "third" in name else [])]
    code, said = run("apply", "--yes", "--archive-sources", "--state-dir", state)
    assert code == 0, said
    found = upgraded(state, openclaw(release))
    assert found.listed == dict.fromkeys(agents, 10)
    assert set(found.session_ids.values()) == {1}
    assert found.events == 70 * len(agents)
    own, other = CONFIGURED[name.partition(" with ")[0]]
    assert found.names == {own, *(other.replace("{}", one).replace("{0}", one) for one in agents if one != "main")}


@pytest.mark.exhaustive
@pytest.mark.parametrize("release", SCHEMAS)
def test_every_session_from_before_there_were_agents_is_listed_under_its_key_of_main(
    openclaw: Callable[[str], Release], tmp_path: Path, release: str
) -> None:
    state = prepared("defect-pre-agents-store", tmp_path / "unpacked")
    keys = json.loads((state / "sessions" / "sessions.json").read_text())
    code, said = run("apply", "--yes", "--archive-sources", "--state-dir", state)
    assert code == 0, said
    found = upgraded(state, openclaw(release))
    assert found.keys == {key if key.startswith("agent:") else f"agent:main:{key}" for key in keys}
    assert (found.listed, found.events) == ({"main": 10}, 70)


@pytest.mark.exhaustive
@pytest.mark.parametrize("release", SCHEMAS)
def test_the_sessions_of_a_copy_beside_an_empty_store_are_listed_under_their_keys(
    openclaw: Callable[[str], Release], tmp_path: Path, release: str
) -> None:
    state = prepared("defect-empty-store", tmp_path / "unpacked")
    copy = state / "agents" / "main" / "sessions" / "sessions.json.bak"
    code, said = run("apply", "--yes", "--store", copy, "--agent", "main", "--state-dir", state)
    assert code == 15, said
    found = upgraded(state, openclaw(release))
    assert found.keys == {"agent:main:e0", "agent:main:e1", "agent:main:e2"}
    assert found.events == 15


@pytest.mark.exhaustive
@pytest.mark.parametrize("release", SCHEMAS)
@pytest.mark.parametrize("is_put_back", [False, True])
def test_the_sessions_of_a_copy_that_comes_late_are_listed_once(
    openclaw: Callable[[str], Release], tmp_path: Path, release: str, is_put_back: bool
) -> None:
    state = prepared("defect-empty-store", tmp_path / "unpacked")
    store = state / "agents" / "main" / "sessions" / "sessions.json"
    assert run("apply", "--yes", "--state-dir", state)[0] == 15
    if is_put_back:
        shutil.copy(store.with_name("sessions.json.bak"), store)
        assert run("apply", "--yes", "--state-dir", state)[0] == 0
    else:
        run("apply", "--yes", "--from", store.with_name("sessions.json.bak"), "--state-dir", state)
    found = upgraded(state, openclaw(release))
    assert found.keys == {"agent:main:e0", "agent:main:e1", "agent:main:e2"}
    assert found.events == 15


@pytest.mark.exhaustive
@pytest.mark.parametrize("release", SCHEMAS)
def test_the_sessions_of_a_copy_that_comes_after_the_upgrade_are_listed_once(
    openclaw: Callable[[str], Release], tmp_path: Path, release: str
) -> None:
    state = unpacked("recovered-sessions-upgraded", tmp_path / "unpacked") / release
    copy = state / "agents" / "main" / "sessions" / "sessions.json.bak"
    assert run("apply", "--yes", "--from", copy, "--state-dir", state)[0] in (0, 15)
    found = upgraded(state, openclaw(release))
    assert found.keys == {"agent:main:e0", "agent:main:e1", "agent:main:e2"}
    assert found.events == 15


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", [*CONFIGURED, "defect-shared-store with a third agent", "defect-pre-agents-store"])
def test_an_upgrade_is_proved_and_the_original_is_left_alone(tmp_path: Path, name: str) -> None:
    state = prepared(name, tmp_path / "unpacked")
    before = fingerprint(state)
    old, new = launcher("2026.7.1"), launcher(NEWEST)
    words = ["--old", old, "--new", new, "--proof", tmp_path / "bundle"]
    code, said = run("prove", "--state-dir", state, *words)
    shutil.rmtree(tmp_path / "bundle", ignore_errors=True)
    assert (code, said.startswith("proved")) == (0, True), said
    assert fingerprint(state) == before


@pytest.mark.exhaustive
def test_the_sessions_of_a_store_and_a_database_that_no_release_opens_are_listed_once_they_are_taken_in(
    openclaw: Callable[[str], Release], tmp_path: Path
) -> None:
    """What ``store.no-agent`` and ``database.never-opened`` advise, each for an agent of its own."""
    state, other = tmp_path / "state", tmp_path / "other"
    for folder in (state, other):
        (folder / "agents" / "main" / "sessions").mkdir(parents=True)
    (state / "openclaw.json").write_text('{"agents": {"list": [{"id": "main"}, {"id": "work"}]}}')
    for agent in ("main", "work"):
        session_id, store = f"{agent}-one", tmp_path / agent / "found.json"
        store.parent.mkdir()
        store.write_text(json.dumps({f"agent:{agent}:one": {"sessionId": session_id, "updatedAt": 1795967106514}}))
        message = {"type": "message", "id": "m1", "message": {"role": "user", "content": "hello"}}
        lines = [{"type": "session", "version": 3, "id": session_id}, message]
        (store.parent / f"{session_id}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    store = tmp_path / "main" / "found.json"
    assert run("apply", "--yes", "--state-dir", state, "--store", store, "--agent", "main")[0] == 0
    assert run("apply", "--yes", "--state-dir", other, "--from", tmp_path / "work")[0] == 0
    hashed = tmp_path / "openclaw-session-store-0123456789abcdef.sqlite"
    next(path for path in databases(other) if _has_events(path)).rename(hashed)
    assert run("apply", "--yes", "--state-dir", state, "--from", hashed)[0] == 0
    listed = upgraded(state, openclaw(NEWEST))
    assert (listed.keys, listed.events) == ({"agent:main:one", "agent:work:one"}, 4)
