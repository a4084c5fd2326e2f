"""Entries and events as gateways of 2026.6 and 2026.7 write them: skills, prompts, reports, routes, answers, labels.

Modelled on what those gateways wrote (``gateway-2026.6.35`` and ``gateway-2026.7.35`` of fixtures/).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random
from uuid import UUID

PROMPT = "The skill reads a page and says what is on it; it never writes. " * 90
"""A prompt of skills that all sessions of an agent share, long enough to be moved into a file of its own."""

_DIGEST = sha256(PROMPT.encode()).hexdigest()


def put_prompt(sessions: Path) -> None:
    """Put the shared prompt into the file to which entries refer."""
    folder = sessions / "skills-prompts" / "sha256" / _DIGEST[:2]
    folder.mkdir(parents=True)
    (folder / f"{_DIGEST}.txt").write_text(PROMPT, encoding="utf-8")


def rich_entry(session_id: str, updated_at: int, size: int, random: Random) -> str:
    """One entry as ``JSON.stringify(store, null, 2)`` lays it out, of about ``size`` bytes if it has all its skills.

    One of four has ``resolvedSkills``, which a gateway keeps in memory only and older ones wrote; one the prompt
    itself, one a reference to it, and one has had no turn yet.
    """
    kind = random.randrange(4)
    value: dict[str, object] = {
        "sessionId": session_id,
        "updatedAt": updated_at,
        "sessionStartedAt": updated_at - random.randrange(10**7),
        "lastInteractionAt": updated_at,
        "label": f"Grüße aus Zimmer {random.randrange(10**4)}",
        "verboseLevel": "on",
        **_routes(random),
    }
    if kind < 3:
        value |= {"skillsSnapshot": _snapshot(kind, size, random), **_after_a_turn(session_id, updated_at, random)}
    return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n  ")


def _routes(random: Random) -> dict[str, object]:
    to, account = f"telegram:{random.randrange(10**9)}", "default"
    return {
        "chatType": "direct",
        "channel": "telegram",
        "route": {"channel": "telegram", "accountId": account, "target": {"to": to}},
        "deliveryContext": {"channel": "telegram", "to": to, "accountId": account},
        "origin": {"label": "Ann", "provider": "telegram", "surface": "telegram", "from": to, "to": to},
        "lastChannel": "telegram",
        "lastTo": to,
        "lastAccountId": account,
    }


def _snapshot(kind: int, size: int, random: Random) -> dict[str, object]:
    names = [f"skill-{number}" for number in range(16)]
    snapshot: dict[str, object] = {"skills": [{"name": name} for name in names], "version": random.randrange(10**12)}
    if kind == 0:
        text = "What the skill does, step by step. " * (max(0, size - 3000) // 16 // 35)
        skills = [{"name": name, "description": text, "filePath": f"/home/user/skills/{name}.md"} for name in names]
        return {"prompt": "Use the skills.", **snapshot, "resolvedSkills": skills}
    if kind == 1:
        return {"prompt": PROMPT[: max(600, size - 3000)], **snapshot}
    reference = {"version": 1, "algorithm": "sha256", "hash": _DIGEST, "bytes": len(PROMPT.encode())}
    return {**snapshot, "promptFormatVersion": 1, "promptRef": reference}


def _after_a_turn(session_id: str, updated_at: int, random: Random) -> dict[str, object]:
    report = {
        "source": "run",
        "generatedAt": updated_at - 1000,
        "sessionId": session_id,
        "provider": "fake",
        "model": "fake-1",
        "workspaceDir": "/home/user/.openclaw/workspace",
        "bootstrapMaxChars": 20000,
        "systemPrompt": {"chars": 17626, "hash": f"{random.getrandbits(256):064x}", "projectContextChars": 685},
        "injectedWorkspaceFiles": [
            {"name": name, "path": f"/home/user/.openclaw/workspace/{name}", "missing": True, "rawChars": 0}
            for name in ("AGENTS.md", "SOUL.md", "TOOLS.md", "USER.md")
        ],
        "tools": {"listChars": 0, "entries": [{"name": f"tool-{n}", "schemaChars": 40 * n} for n in range(12)]},
    }
    checkpoint = {
        "checkpointId": str(UUID(int=random.getrandbits(128), version=4)),
        "createdAt": updated_at - 5000,
        "reason": "auto-threshold",
        "tokensBefore": random.randrange(10**5),
        "summary": "They talked about the weather.",
    }
    return {
        "model": "fake-1",
        "modelProvider": "fake",
        "contextTokens": 128000,
        "systemPromptReport": report,
        "compactionCheckpoints": [checkpoint],
        "inputTokens": random.randrange(10**5),
        "outputTokens": random.randrange(10**4),
        "estimatedCostUsd": random.randrange(1, 10**6) / 10**6,
        "totalTokensFresh": True,
        "compactionCount": 1,
    }


_LABEL = 'Sender (untrusted metadata):\n```json\n{"label": "Ann"}\n```\n\n'


def rich_events(session_id: str, lines: int, random: Random) -> Iterator[tuple[dict[str, object], str | None]]:
    """The events of a transcript, each with its parent.

    An import of 2026.9.6 leaves those of one history of five as they are. In the others it marks the labels of context,
    wraps answers that are plain text, renames a provider, or raises the version of the format.
    """
    kind = random.randrange(5)
    time = "2026-03-09T08:53:20.000Z"
    version = 2 if kind == 1 else 3
    yield {"type": "session", "version": version, "id": session_id, "timestamp": time, "cwd": "/home/user"}, None
    parent: str | None = None
    for number in range(1, lines):
        own = f"{random.getrandbits(32):08x}"
        event: dict[str, object] = {"type": "message", "id": own, "parentId": parent, "timestamp": time}
        event["message"] = _question(kind, random) if number % 2 else _answer(kind, number, random)
        yield event, parent
        parent = own


def _question(kind: int, random: Random) -> dict[str, object]:
    label = _LABEL if kind == 2 else ""
    return {"role": "user", "content": f"{label}How is the weather in town {random.randrange(10**6)}? 👋"}


def _answer(kind: int, number: int, random: Random) -> dict[str, object]:
    text = f"It is fine there, at {random.randrange(40)} degrees, and it stays so. Grüße! " * 6
    cost = {"input": 0.0001, "output": 0.0007, "total": 0.001 + random.random() / 1000}
    return {
        "role": "assistant",
        "content": text if kind == 3 and number == 2 else [{"type": "text", "text": text}],
        "api": "openai-completions",
        "provider": "openai-codex" if kind == 4 else "fake",
        "model": "fake-1",
        "usage": {"input": 100, "output": 7, "cacheRead": 0, "totalTokens": 107, "cost": cost},
        "stopReason": "stop",
    }
