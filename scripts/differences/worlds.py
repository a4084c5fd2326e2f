"""Invented state directories, the same for the same seed."""

from __future__ import annotations

import json
from pathlib import Path

from differences.entries import CHANNELS, Session, entry
from differences.events import heartbeats, transcript
from differences.values import Object, Values

AGENTS = ("main", "work", "ops-team")


def build(state: Path, seed: int, sessions: int) -> None:
    """Make a state directory with so many sessions for each of three agents.

    One in three seeds has keys only that a release takes as they are, so that it rewrites no store.
    """
    values = Values(seed)
    state.mkdir(parents=True)
    roster = [{"id": agent, **({"default": True} if agent == "main" else {})} for agent in AGENTS]
    gateway = {"mode": "local", "auth": {"mode": "token", "token": "0123456789abcdef" * 2}}
    (state / "openclaw.json").write_text(json.dumps({"gateway": gateway, "agents": {"list": roster}}, indent=2))
    for agent in AGENTS:
        folder = state / "agents" / agent / "sessions"
        folder.mkdir(parents=True)
        _fill(values, folder, agent, sessions, odd=seed % 3 > 0)


def _fill(values: Values, folder: Path, agent: str, sessions: int, *, odd: bool) -> None:
    store: dict[str, Object] = {}
    for index in range(sessions):
        channel = str(values.pick(*CHANNELS))
        key = _key(values, agent, channel, index, odd=odd) if index else f"agent:{agent}:main"
        session_id = values.id()
        suffix = f"-topic-{index}" if ":topic:" in key else ""
        session = Session(agent, key, session_id, channel, str(folder.absolute()), f"{session_id}{suffix}.jsonl")
        store[key], prompts = entry(values, session, 0.1)
        if suffix:
            store[key]["sessionFile"] = f"{session.folder}/{session.file}"
        for digest, prompt in prompts.items():
            place = folder / "skills-prompts" / "sha256" / digest[:2] / f"{digest}.txt"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(prompt, encoding="utf-8", newline="")
        alone = index == 0 and values.chance(0.3)
        text = heartbeats(values, session_id) if alone else transcript(values, session_id, values.number(20))
        (folder / session.file).write_text(text, encoding="utf-8", newline="")
        if values.chance(0.1):  # what a reset and a checkpoint leave beside it
            stamp = "2026-03-04T10-20-30.123Z"
            (folder / f"{session_id}.jsonl.reset.{stamp}").write_text(
                transcript(values, session_id, 5), encoding="utf-8"
            )
    (folder / "sessions.json").write_text(json.dumps(store, indent=2, ensure_ascii=False), encoding="utf-8")


def _key(values: Values, agent: str, channel: str, index: int, *, odd: bool) -> str:
    plain = (
        f"{channel}:direct:{1000 + index}",
        f"{channel}:group:-100{index}",
        f"{channel}:channel:c0{index}",
        f"{channel}:default:direct:{index}",
        f"telegram:group:-100{index}:topic:{index}",
        f"slack:channel:c0{index}:thread:17000.{index:04d}",
        f"subagent:{values.id()}",
        f"cron:{values.id()}",
        f"cron:{values.id()}:run:{values.id()}",
        f"explicit:x{index}",
        f"dashboard:{values.id()}",
        f"acp:{values.id()}",
        f"hook:{index}",
        f"{channel}:direct:{index}:heartbeat",
    )
    strange = (
        f"agent:{agent}:Discord:Channel:C0{index}",
        f"subagent:{values.id()}",
        f"group:-100{index}",
        f"telegram:group:{index}",
        f" agent:{agent}:hook:padded-{index} ",
        f"agent:{agent}:matrix:channel:!Room{index}:Example.org",
        f"agent:{agent}:signal:group:AbC{index}=",
        f"agent:{agent.upper()}:explicit:up{index}",
    )
    return str(values.pick(*strange)) if odd and values.chance(0.15) else f"agent:{agent}:{values.pick(*plain)}"
