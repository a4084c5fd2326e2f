"""Old states are made by asking a gateway and a model on loopback; here the gateway is a small one of our own."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
from gateways import states
from gateways.model import answer, chunks

from migrator.upgrades.release.process import network_can_be_cut_off

_GATEWAY = """
import json, os, pathlib, sys, time, urllib.request
words, home = sys.argv[1:], pathlib.Path(os.environ["HOME"])
state = pathlib.Path(os.environ["OPENCLAW_STATE_DIR"])
if words[:2] == ["gateway", "run"]:
    (home / "ready").touch()
    time.sleep(60)
if not (home / "ready").exists():
    sys.exit(1)
method, asked = words[2], json.loads(words[words.index("--params") + 1])
with open(home / "asked", "a") as log:
    log.write(json.dumps([method, asked]) + "\\n")
if method == "REFUSED":
    sys.exit(1)
if method == "chat.send":
    agent = asked["sessionKey"].split(":")[1]
    folder = state / "agents" / agent / "sessions"
    folder.mkdir(parents=True, exist_ok=True)
    body = json.dumps({"messages": [{"role": "user", "content": asked["message"]}]}).encode()
    said = urllib.request.urlopen("http://127.0.0.1:19771/v1/chat/completions", body).read().decode()
    with open(folder / "s1.jsonl", "a") as transcript:
        transcript.write(json.dumps({"cwd": str(home), "said": said}) + "\\n")
    (folder / "sessions.json").write_text("{}")
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of releases."""
    monkeypatch.setenv("OPENCLAW_CACHE", str(tmp_path))
    monkeypatch.setattr(states, "QUIET", 0.02)
    monkeypatch.setattr(states, "PATIENCE", 10)
    return tmp_path


def release(cache: Path, refused: str = "") -> None:
    launcher = cache / "gateway"
    launcher.write_text(f"#!{sys.executable} -IS\n{_GATEWAY.replace('REFUSED', refused)}")
    launcher.chmod(0o755)


def made(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(states, "install_release", lambda _release: cache / "gateway")
    return states.state_of("2026.4.15")


@pytest.mark.skipif(not network_can_be_cut_off(), reason="the ports need a network of their own")
def test_a_state_is_made_once_with_one_agent_that_is_no_longer_configured_and_no_path_of_this_machine(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(home)
    state = made(home, monkeypatch)
    assert state == home / "state-2026.4.15"
    assert sorted(path.name for path in (state / "agents").iterdir()) == ["Retired Agent", "main", "ops-team"]
    configured = json.loads((state / "openclaw.json").read_text())["agents"]["list"]
    assert [one["id"] for one in configured] == ["main", "Ops Team"]
    written = [json.loads(line) for line in (state / "agents/main/sessions/s1.jsonl").read_text().splitlines()]
    assert {line["cwd"] for line in written} == {"/home/user"}
    assert sum("tool_calls" in line["said"] for line in written) == 2
    (home / "gateway").unlink()
    assert made(home, monkeypatch) == state
    assert [path.name for path in home.iterdir()] == ["state-2026.4.15"]


@pytest.mark.skipif(not network_can_be_cut_off(), reason="the ports need a network of their own")
def test_what_a_gateway_does_not_do_is_said_and_all_else_is_done(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    release(home, "sessions.delete")
    made(home, monkeypatch)
    assert capsys.readouterr().err.startswith("gateway: no sessions.delete")


def test_all_kinds_of_sessions_and_of_ends_are_asked_for() -> None:
    methods = Counter(method for method, _ in states.ACTIONS)
    assert methods.keys() == {"chat.send", "sessions.reset", "sessions.delete", "chat.inject", "sessions.compact"}
    said = " ".join(str(parameters.get("message")) for _, parameters in states.ACTIONS)
    assert {"exec", "sessions_spawn", "/new"} <= set(said.split())


def test_the_model_echoes_and_calls_a_tool_only_when_a_user_tells_it_to() -> None:
    order = 'use exec {"command": "echo hi"}'
    call = answer([{"role": "user", "content": [{"type": "text", "text": f"[label]\n{order}"}]}])["tool_calls"][0]
    assert call["function"] == {"name": "exec", "arguments": '{"command": "echo hi"}'}
    assert answer([{"role": "user", "content": "hello"}])["content"].endswith("hello")
    assert "tool_calls" not in answer([{"role": "tool", "content": order}])
    assert [one["choices"][0]["finish_reason"] for one in chunks({"tool_calls": []})[:2]] == [None, "tool_calls"]
