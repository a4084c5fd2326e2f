"""Whole upgrades: states that real old releases wrote, migrated by us, then carried on by real new releases.

Sources are set aside before OpenClaw starts, so that nothing can come from them. One test per upgrade: each costs
up to a minute, and tests in other processes could not share it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import tarfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrator import commands
from migrator.commands import Report, Request
from migrator.model import Selection, Surroundings
from migrator.openclaw.client import Client, Items, Step
from migrator.verdicts import EntryVerdict, HistoryVerdict, Verdict
from tests.conftest import FIXTURES
from tests.openclaw.conftest import cache_folder

pytestmark = pytest.mark.openclaw

CONFIGURED = ("main", "ops-team")
RETIRED = "Retired Agent"
START_LIMIT = 400.0  # seconds for a gateway, on a machine that has other work, too


@dataclass(frozen=True)
class Case:
    """A state by the name of its fixture, with or without the directory ``Retired Agent``, and the new release."""

    release: str
    fixture: str
    retired: bool

    def __str__(self) -> str:
        return f"{self.fixture}{'' if self.retired else '-without-retired'}-to-{self.release}"


@dataclass(frozen=True)
class Upgrade:
    """A state after our ``apply`` and the new release's ``doctor --fix``, beside the untouched legacy state."""

    case: Case
    legacy: Path
    state: Path
    client: Client
    doctor: tuple[Step, ...]
    listing: tuple[Step, Items]

    def verify(self, accept: tuple[str, ...] = ()) -> Report:
        return commands.verify(request(self.state), str(self.legacy), accept=accept)


CASES = [
    Case(release, fixture, retired)
    for release in ("2026.9.6", "2026.8.2")
    for fixture, retired in (("legacy-2026.6.1", True), ("legacy-2026.7.1", True), ("legacy-2026.7.1", False))
]


def request(state: Path) -> Request:
    return Request(Selection(state_dir=str(state)), Surroundings({}, "/home/user", str(state.parent), "/tmp"))  # noqa: S108


def client(release: str, state: Path) -> Client:
    """A client for an installed release; skips where it is not installed, but fails in CI."""
    launcher = cache_folder() / f"run-{release}"
    if not launcher.exists():
        missing = f"OpenClaw {release} is not installed: run scripts/openclaw {release}"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return Client(launcher, state, state.parent / "scratch")


def unpack(folder: Path, case: str, retired: bool = True) -> Path:
    with tarfile.open(FIXTURES / f"{case}.tar.xz") as archive:
        archive.extractall(folder, filter="fully_trusted")
    if not retired:
        shutil.rmtree(folder / case / "agents" / RETIRED)
    return folder / case


def upgrade(folder: Path, case: Case) -> Upgrade:
    legacy = unpack(folder / "legacy", case.fixture, case.retired)
    state = folder / "state"
    shutil.copytree(legacy, state, symlinks=True)
    real = client(case.release, state)
    assert commands.apply(request(state), None, yes=True, archive=True).exit_code == 0
    assert not list(state.glob("agents/*/sessions/*.json*"))
    doctor = tuple(real.doctor_fix())
    return Upgrade(case, legacy, state, real, doctor, real.sessions())


def entries(legacy: Path, agent: str) -> dict[str, dict[str, object]]:
    """The sessions of a legacy store by key."""
    found = json.loads((legacy / "agents" / agent / "sessions" / "sessions.json").read_bytes())
    assert isinstance(found, dict)
    return found


def configured(legacy: Path) -> dict[str, dict[str, object]]:
    """The sessions of all configured agents by key; no two agents share one."""
    return {key: entry for agent in CONFIGURED for key, entry in entries(legacy, agent).items()}


def verdicts(report: Report) -> list[tuple[str | None, EntryVerdict]]:
    """Every verdict but ``same``, with the agent directory of its source."""
    assert report.verification is not None
    sources = [source for database in report.verification.databases for source in database.sources]
    return [(source.agent, verdict) for source in sources for verdict in source.verdicts]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_real_upgrade_of_what_we_wrote_keeps_every_session_and_event(tmp_path: Path, case: Case) -> None:
    done = upgrade(tmp_path, case)
    # B3: 2026.9.6 refuses every database at schema 1 once, ours and OpenClaw's own alike; 2026.8.2 does not.
    assert [step.exit_code for step in done.doctor] == ([1, 0] if case.release == "2026.9.6" else [0])
    forgotten = check_that_only_the_retired_agent_moved(done)
    # 2026.9.6 forgets, as it repairs, the model of a session that the configuration has no such model for.
    assert forgotten == ({"agent:main:main"} if case.release == "2026.9.6" else set())
    check_the_list_of_sessions(done, forgotten)
    if not case.retired:
        check_the_answers_of_the_gateway(done)
        assert done.verify().exit_code == 0


def check_that_only_the_retired_agent_moved(done: Upgrade) -> set[str]:
    """Nothing is missing, changed or merged. Gives the keys of the sessions whose model OpenClaw has cleared."""
    report = done.verify()
    assert report.verification is not None
    for verdict in (Verdict.MISSING, Verdict.CHANGED, Verdict.MERGED, Verdict.QUARANTINED):
        assert report.verification.count(verdict) == 0, verdict
    # B6: the sessions of a directory that is not its own normalized id go to one that is.
    moved = {(agent, one.session.text) for agent, one in verdicts(report) if one.verdict is Verdict.MOVED}
    assert moved == ({(RETIRED, key) for key in entries(done.legacy, RETIRED)} if done.case.retired else set())
    histories = {verdict: report.verification.count_histories(verdict) for verdict in HistoryVerdict}
    assert histories.pop(HistoryVerdict.MOVED) == (1 if done.case.retired else 0)
    assert histories.pop(HistoryVerdict.CONTAINED) + histories.pop(HistoryVerdict.TRANSFORMED) == len(CONFIGURED)
    assert set(histories.values()) == {0}
    assert report.exit_code == (1 if done.case.retired else 0)
    assert done.verify(accept=("moved",)).exit_code == 0
    return {one.session.text for _, one in verdicts(report) if "runtime-model-cleared" in one.transforms}


def check_the_list_of_sessions(done: Upgrade, forgotten: set[str]) -> None:
    """The real ``sessions`` shows every session of a configured agent as the legacy store had it."""
    step, sessions = done.listing
    assert step.exit_code == 0
    listed = {str(session["key"]): session for session in sessions}
    legacy = configured(done.legacy)
    assert listed.keys() == legacy.keys()
    assert len(sessions) == len(legacy) == 14
    compared = 0
    for key, entry in legacy.items():
        assert listed[key]["sessionId"] == entry["sessionId"]
        for member in ("totalTokens", "label", *(() if key in forgotten else ("model", "modelProvider"))):
            if member in entry:
                assert listed[key][member] == entry[member], (key, member)
                compared += 1
    assert compared == 9 - 2 * len(forgotten)


def check_the_answers_of_the_gateway(done: Upgrade) -> None:
    """It has all sessions, and the history of one of them is the one in the legacy file."""
    legacy = configured(done.legacy)
    with done.client.gateway(START_LIMIT) as gateway:
        _, sessions = gateway.sessions()
        _, messages = gateway.history("agent:main:main", 50)
    # Single runs of a cron job are hidden here by every release; `sessions` above has them.
    hidden = {key for key in legacy if re.fullmatch(r"agent:main:cron:[^:]+:run:[^:]+", key)}
    assert len(hidden) == 1
    if done.case.release == "2026.8.2":
        # With several agents this release refuses any list with these two, after its own import, too.
        hidden |= {"global", "unknown"}
    expected = {key: entry["sessionId"] for key, entry in legacy.items() if key not in hidden}
    assert {session["key"]: session["sessionId"] for session in sessions} == expected
    transcript = done.legacy / "agents" / "main" / "sessions" / f"{legacy['agent:main:main']['sessionId']}.jsonl"
    events = [json.loads(line) for line in transcript.read_bytes().splitlines()]
    assert [{k: v for k, v in message.items() if k != "__openclaw"} for message in messages] == [
        event["message"] for event in events if event["type"] == "message"
    ]
    assert len(messages) == 8


def dump(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    with closing(sqlite3.connect(database)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}


def test_the_release_that_made_a_database_still_finds_its_credentials_in_it(tmp_path: Path) -> None:
    state = unpack(tmp_path, "legacy-2026.7.1-with-database")
    real = client("2026.7.1", state)
    database = state / "agents" / "main" / "agent" / "openclaw-agent.sqlite"
    before = dump(database)
    assert len(before["auth_profile_store"]) == 1
    assert commands.apply(request(state), None, yes=True, archive=True).exit_code == 0
    ours = dump(database)
    assert {name for name in before if ours[name] != before[name]} == {"cache_entries", "schema_meta"}
    assert ours["schema_meta"][0][:-1] == before["schema_meta"][0][:-1]  # all but the time of the last change
    step = real.run("models", "status", "--json", limit=300)
    assert step.exit_code == 0
    providers = {one["provider"]: one["profiles"] for one in json.loads(step.stdout)["auth"]["providers"]}
    assert providers["openai"]["count"] == 1
    assert dump(database) == ours
