"""``migrator prove`` with real releases on states that real old releases wrote.

One test for each upgrade: it costs minutes, and tests in other processes could not share it. What the program says is
compared with what OpenClaw itself printed meanwhile, and that with the legacy files, by code that shares none with it.
"""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from migrator.cli import main as cli
from migrator.upgrades.release.client import Client, Gateway, Items
from migrator.upgrades.release.process import Step
from tests.conftest import FIXTURES, fingerprint
from tests.openclaw.conftest import launcher
from tests.openclaw.releases import SCHEMAS

pytestmark = pytest.mark.openclaw

CONFIGURED = ("main", "ops-team")
RETIRED = "Retired Agent"
SHOWN = ("model", "modelProvider", "totalTokens", "inputTokens", "outputTokens", "label")


@dataclass
class Heard:
    """What the new release printed: its last list of sessions, that of its gateway, and the histories it gave."""

    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    gateway: dict[str, dict[str, Any]] = field(default_factory=dict)
    histories: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    """Listen to every answer of a real release."""
    heard = Heard()
    list_sessions, list_in_gateway, tell = Client.sessions, Gateway.sessions, Gateway.history

    def sessions(client: Client) -> tuple[Step, Items]:
        step, rows = list_sessions(client)
        heard.sessions = {str(row["key"]): dict(row) for row in rows}
        return step, rows

    def in_gateway(gateway: Gateway) -> tuple[Step, Items]:
        step, rows = list_in_gateway(gateway)
        heard.gateway = {str(row["key"]): dict(row) for row in rows}
        return step, rows

    def history(gateway: Gateway, key: str, limit: int) -> tuple[Step, Items]:
        step, messages = tell(gateway, key, limit)
        heard.histories[key] = [dict(message) for message in messages]
        return step, messages

    monkeypatch.setattr(Client, "sessions", sessions)
    monkeypatch.setattr(Gateway, "sessions", in_gateway)
    monkeypatch.setattr(Gateway, "history", history)
    return heard


@dataclass(frozen=True)
class Proof:
    """How a proof ended, and the events of its log by name."""

    exit_code: int
    events: dict[str, list[dict[str, Any]]]
    bundle: Path
    said: str

    @property
    def trial(self) -> dict[str, Any]:
        """The verdict on the way that counts."""
        return self.events["trial"][0]

    @property
    def failed(self) -> set[str]:
        """The checks that do not hold."""
        return {check["name"] for check in self.events["check"] if not check["passed"]}

    def exit_codes(self, word: str, part: str = "after") -> list[int | None]:
        """How each command with this word ended."""
        return [step["exit_code"] for step in self.events["step"] if word in step["command"] and step["part"] == part]


def unpack(folder: Path, case: str, retired: bool = True) -> Path:
    with tarfile.open(FIXTURES / f"{case}.tar.xz") as archive:
        archive.extractall(folder, filter="fully_trusted")
    if not retired:
        shutil.rmtree(folder / case / "agents" / RETIRED)
    return folder / case


def prove(state: Path, folder: Path, *arguments: str) -> Proof:
    """Run the command, and check its bundle with the other one."""
    before, bundle = fingerprint(state), folder / "bundle"
    words = ["prove", "--state-dir", str(state), "--proof", str(bundle), *arguments]
    result = CliRunner().invoke(cli.main, words)
    assert (bundle / "proof.jsonl").exists(), result.output + result.stderr
    assert fingerprint(state) == before
    log = (bundle / "proof.jsonl").read_text()
    events: dict[str, list[dict[str, Any]]] = {}
    for line in log.splitlines():
        events.setdefault(json.loads(line)["event"], []).append(json.loads(line))
    checked = CliRunner().invoke(cli.main, ["proof", "check", str(bundle)])
    assert (checked.exit_code, checked.output.split(":")[1]) == (0, " sound")
    return Proof(result.exit_code, events, bundle, " ".join(result.output.split()))


def check_that_a_changed_byte_is_found(bundle: Path) -> None:
    for path in sorted(bundle.glob("[!.]*")):
        whole = path.read_bytes()
        path.write_bytes(whole[:-20] + bytes([whole[-20] ^ 1]) + whole[-19:])
        assert CliRunner().invoke(cli.main, ["proof", "check", str(bundle)]).exit_code == 1, path.name
        path.write_bytes(whole)
    assert CliRunner().invoke(cli.main, ["proof", "check", str(bundle)]).exit_code == 0


def configured(state: Path) -> dict[str, dict[str, Any]]:
    """The sessions of all configured agents by key; no two agents share one."""
    stores = (state / "agents" / agent / "sessions" / "sessions.json" for agent in CONFIGURED)
    return {key: entry for store in stores for key, entry in json.loads(store.read_bytes()).items()}


RETIRED_AND_ACCEPTED = {
    ("2026.6.1", "2026.9.6"): (True, False),
    ("2026.7.1", "2026.9.6"): (False, False),
    ("2026.6.1", "2026.8.2"): (True, True),
    ("2026.7.1", "2026.8.2"): (False, False),
}
"""For each upgrade whether there is a directory with an odd name, and whether it may move."""


UPGRADES = [
    pytest.param(*pair, marks=[] if pair == ("2026.6.1", "2026.8.2") else pytest.mark.exhaustive)
    for pair in RETIRED_AND_ACCEPTED
]
"""All of them; by default one with a directory that has an odd name, to the release that takes half as long."""


@pytest.mark.parametrize(("legacy", "release"), UPGRADES)
def test_an_upgrade_of_what_this_program_has_migrated_keeps_and_shows_every_session(
    tmp_path: Path, heard: Heard, legacy: str, release: str
) -> None:
    retired, accept = RETIRED_AND_ACCEPTED[legacy, release]
    state = unpack(tmp_path, f"legacy-{legacy}", retired)
    old, new = (str(launcher(one)) for one in (legacy, release))
    options = ["--accept", "moved"] if accept else []
    proof = prove(state, tmp_path, "--old", old, "--new", new, *options)
    assert {one["version"] for one in proof.events["database"]} == {SCHEMAS[release]}
    # Refused once: 2026.9.6 refuses every database at schema 1 once, ours and OpenClaw's own alike; 2026.8.2 does not.
    assert proof.exit_codes("doctor") == ([1, 0] if release == "2026.9.6" else [0])
    # Twins folded: the sessions of a directory that is not its own normalized id go to one that is.
    moved = 2 if retired else 0
    assert proof.exit_code == (1 if moved and not accept else 0)
    assert proof.failed == ({"no-sibling-directories"} if moved else set())
    assert ("add --accept moved." in proof.said) is (proof.exit_code == 1)
    assert proof.trial["verdicts"] == {"transformed": 14} | ({"moved": moved} if moved else {})
    assert sum(proof.trial["transcripts"].values()) == (3 if retired else 2)
    assert proof.trial["transcripts"].keys() <= {"contained", "contained-transformed", "moved"}
    assert proof.trial["events"] == proof.trial["present"] == (24 if retired else 18)
    forgotten = check_the_list_of_sessions(state, heard, release)
    check_the_gateway(state, heard, release)
    shows = Counter((one["before"], one["after"], bool(one["differs"])) for one in proof.events["listed"])
    assert shows == Counter({("same", "same", False): 14 - len(forgotten), ("same", "same", True): len(forgotten)})
    if retired:
        check_that_a_changed_byte_is_found(proof.bundle)


def check_the_list_of_sessions(state: Path, heard: Heard, release: str) -> set[str]:
    """``sessions`` shows every session of a configured agent as its store had it; gives those without their model."""
    legacy = configured(state)
    assert heard.sessions.keys() == legacy.keys()
    assert len(legacy) == 14
    # 2026.9.6 forgets, as it repairs, the model of a session that the configuration has no such model for.
    forgotten = {"agent:main:main"} if release == "2026.9.6" else set()
    compared = 0
    for key, entry in legacy.items():
        assert heard.sessions[key]["sessionId"] == entry["sessionId"]
        for member in SHOWN:
            if member in entry and not (key in forgotten and member.startswith("model")):
                assert heard.sessions[key][member] == entry[member], (key, member)
                compared += 1
    assert compared > 10
    return forgotten


def check_the_gateway(state: Path, heard: Heard, release: str) -> None:
    """It has all sessions, and the histories that it is asked for are those of the legacy files."""
    legacy = configured(state)
    # Single runs of a cron job are hidden here by every release; `sessions` has them.
    hidden = {key for key in legacy if re.fullmatch(r"agent:main:cron:[^:]+:run:[^:]+", key)}
    assert len(hidden) == 1
    if release == "2026.8.2":
        # With several agents this release refuses any list with these two, after its own import, too.
        hidden |= {"global", "unknown"}
    shown = {key: row["sessionId"] for key, row in heard.gateway.items() if "retired" not in key}
    assert shown == {key: entry["sessionId"] for key, entry in legacy.items() if key not in hidden}
    assert len(heard.histories) > 1
    for key, messages in heard.histories.items():
        transcript = state / "agents" / key.split(":")[1] / "sessions" / f"{legacy[key]['sessionId']}.jsonl"
        events = [json.loads(line) for line in transcript.read_bytes().splitlines()]
        told = [{name: value for name, value in message.items() if name != "__openclaw"} for message in messages]
        assert told == [event["message"] for event in events if event["type"] == "message"]
    assert max(map(len, heard.histories.values())) == 8


@pytest.mark.exhaustive
def test_what_openclaw_alone_folds_away_is_kept_where_this_program_migrates(tmp_path: Path) -> None:
    """Five upgrades. By default the two ways are tried each by itself, on the worlds of ``test_forecast.py``."""
    state = unpack(tmp_path, "defect-both-spellings") / "before"
    options = ("--with", "both", "--accept", "moved")
    proof = prove(state, tmp_path, "--new", str(launcher("2026.9.6")), *options)
    ours, theirs = (Counter(trial["verdicts"]) for trial in proof.events["trial"])
    assert ours.total() == ours["transformed"] + ours["moved"] == 16
    assert proof.trial["events"] == proof.trial["present"] == 336
    assert {one["after"] for one in proof.events["listed"] if one["way"] == "migrator"} == {"same"}
    assert proof.exit_code == 0
    assert theirs["merged"] + theirs["missing"] == 3  # Twins folded: other conversations had the same keys
    assert [trial["exit_code"] for trial in proof.events["trial"]] == [0, 1]


ENDS = [(old, new) for old in ("clawdbot-2026.1.24-3", "2026.7.35") for new in SCHEMAS]
"""The four upgrades at the ends of the range: of what gateways wrote, by the releases that are supported."""

TRUE_LOSSES = {("clawdbot-2026.1.24-3", "2026.8.2"): 12}
"""Events of transcripts that no entry claims, which 2026.8.2 puts into its import archive, and into no database."""


@pytest.mark.exhaustive
@pytest.mark.parametrize(("old", "new"), ENDS)
def test_at_the_ends_of_the_range_all_is_kept_where_this_program_migrates_and_a_loss_of_a_release_is_known(
    tmp_path: Path, old: str, new: str
) -> None:
    state = unpack(tmp_path, f"gateway-{old}")
    proof = prove(state, tmp_path, "--new", str(launcher(new)), "--with", "both", "--accept", "moved")
    ours, alone = proof.events["trial"]
    assert (ours["verdict"], ours["present"]) == ("proved", ours["events"])
    assert ours["failed"] == ["no-sibling-directories"]  # an agent of an odd name moves, which is accepted
    assert alone["events"] - alone["present"] == TRUE_LOSSES.get((old, new), 0)


@pytest.mark.exhaustive
def test_the_smallest_real_test_of_an_upgrade_is_proved(tmp_path: Path) -> None:
    new = str(launcher("2026.9.6"))
    done = CliRunner().invoke(cli.main, ["prove", "--smoke", "--new", new, "--format", "json"])
    assert (done.exit_code, json.loads(done.stdout)["parity"]["sessions"]) == (0, [14, 14])
