"""Invented entries: every field that releases up to 2026.7.1 write, each with values of its own kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from differences.values import Maker, Object, Values

CHANNELS = ("telegram", "whatsapp", "slack", "discord", "signal", "matrix", "webchat", "imessage")


@dataclass(frozen=True)
class Session:
    """What an entry is about. ``folder`` is where its store and transcript are, as the entry names it."""

    agent: str
    key: str
    id: str
    channel: str
    folder: str
    file: str


def entry(values: Values, session: Session, share: float) -> tuple[Object, dict[str, str]]:
    """An entry with each field in a ``share`` of all cases, and the prompts that it refers to by their digest."""
    made: Object = {"sessionId": session.id, "updatedAt": values.time()}
    if values.chance(0.7):
        made["sessionFile"] = f"{session.folder}/{session.file}"
    for kind in ("direct", "group", "channel"):
        if f":{kind}:" in session.key and values.chance(0.9):
            made["chatType"] = kind
    for name, make in fields(values, session).items():
        if values.chance(share):
            made[name] = make()
    prompts: dict[str, str] = {}
    if values.chance(0.25):
        made["skillsSnapshot"] = _snapshot(values, prompts)
    return made, prompts


def _snapshot(values: Values, prompts: dict[str, str]) -> Object:
    """A snapshot of skills with its prompt, or a reference to it, short or long, or neither."""
    snapshot: Object = {"skills": [{"name": "s", "primaryEnv": "X"}], "version": values.number(9)}
    kind = values.number(6)
    prompt = ("<skill>" + values.text(120)) if kind else values.text(4)
    if kind == 1:
        content = prompt.encode()
        prompts[sha256(content).hexdigest()] = prompt
        return {**snapshot, "promptRef": _reference(content)}
    if kind == 2:
        return {**snapshot, "promptRef": _reference(b"lost" + prompt.encode())}
    if kind == 3:
        snapshot |= {"resolvedSkills": [{"name": "s", "filePath": "/x"}], "promptFormatVersion": 2}
    return {**snapshot, "prompt": prompt}


def _reference(content: bytes) -> Object:
    return {"version": 1, "algorithm": "sha256", "hash": sha256(content).hexdigest(), "bytes": len(content)}


def fields(values: Values, session: Session) -> Mapping[str, Maker]:
    """How to make each field, by its name."""
    return {
        **_marks(values),
        **_lineage(values, session),
        **_settings(values),
        **_models(values),
        **_delivery(values, session),
        **_run_state(values, session),
        **_plugins(values),
    }


def _marks(v: Values) -> dict[str, Maker]:
    times = "archivedAt pinnedAt lastReadAt markedUnreadAt lastActivityAt sessionStartedAt lastInteractionAt startedAt"
    times += (
        " endedAt lastHeartbeatSentAt abortCutoffTimestamp lastTtsReadLatestAt memoryFlushAt memoryFlushLastFailedAt"
    )
    counts = (
        "spawnDepth runtimeMs inputTokens outputTokens totalTokens cacheRead cacheWrite contextTokens compactionCount"
    )
    counts += " memoryFlushCompactionCount memoryFlushFailureCount queueDebounceMs queueCap"
    flags = "systemSent abortedLastRun forkedFromParent liveModelSwitchPending groupActivationNeedsSystemIntro"
    flags += " totalTokensFresh"
    texts = "lastHeartbeatText label displayName category subject groupChannel space groupId lifecycleRevision"
    texts += " abortCutoffMessageSid lastTtsReadLatestHash memoryFlushContextHash memoryFlushLastFailureError execNode"
    return {
        **dict.fromkeys(times.split(), v.time),
        **dict.fromkeys(counts.split(), v.number),
        **dict.fromkeys(flags.split(), lambda: v.pick(True, False)),
        **dict.fromkeys(texts.split(), lambda: v.text(3)),
        "estimatedCostUsd": lambda: v.pick(0.1234, 1e-7, 0, 12.5),
    }


def _lineage(v: Values, session: Session) -> dict[str, Maker]:
    main = f"agent:{session.agent}:main"
    checkpoint = f"{session.folder}/{session.id}.checkpoint.{v.id()}.jsonl"
    return {
        "spawnedBy": lambda: v.pick(main, "main", f"agent:{session.agent.upper()}:Main"),
        "parentSessionKey": lambda: v.pick(main, session.key),
        "spawnedWorkspaceDir": lambda: "/home/u/workspace",
        "spawnedCwd": lambda: "/home/u/workspace/x",
        "subagentRole": lambda: v.pick("orchestrator", "leaf"),
        "subagentControlScope": lambda: v.pick("children", "none"),
        "inheritedToolDeny": lambda: ["exec"],
        "inheritedToolAllow": lambda: ["read", "write"],
        "subagentRecovery": lambda: v.pick({"automaticAttempts": 1, "lastAttemptAt": v.time()}, {"wedgedAt": v.time()}),
        "usageFamilyKey": lambda: session.key,
        "usageFamilySessionIds": lambda: [v.id(), session.id],
        "heartbeatIsolatedBaseSessionKey": lambda: main,
        "compactionCheckpoints": lambda: [
            {
                "checkpointId": v.id(),
                "sessionKey": session.key,
                "sessionId": session.id,
                "createdAt": v.time(),
                "reason": v.pick("manual", "threshold", "overflow"),
                "summary": v.text(),
                "preCompaction": {"sessionId": session.id, "sessionFile": checkpoint},
                "postCompaction": {"sessionId": session.id, "leafId": "x"},
            }
        ],
    }


def _settings(v: Values) -> dict[str, Maker]:
    choices = {
        "status": ("running", "done", "failed", "killed", "timeout"),
        "thinkingLevel": ("off", "low", "high"),
        "verboseLevel": ("on", "off"),
        "reasoningLevel": ("on", "stream"),
        "elevatedLevel": ("on", "ask"),
        "traceLevel": ("on", "off"),
        "fastMode": (True, False, "auto"),
        "ttsAuto": ("off", "always", "inbound", "tagged"),
        "execHost": ("sandbox", "gateway", "node"),
        "execSecurity": ("deny", "allowlist", "full"),
        "execAsk": ("off", "on-miss", "always"),
        "responseUsage": ("on", "off", "tokens", "full"),
        "groupActivation": ("mention", "always"),
        "sendPolicy": ("allow", "deny"),
        "queueMode": ("steer", "followup", "collect", "interrupt", "steer-backlog", "steer+backlog", "queue"),
        "queueDrop": ("old", "new", "summarize"),
    }
    return {name: partial(v.pick, *options) for name, options in choices.items()}


def _models(v: Values) -> dict[str, Maker]:
    providers = ("openai", "anthropic", "openai-codex", "codex", "claude-cli", "google-gemini-cli", "mistral")
    return {
        "modelProvider": lambda: v.pick(*providers),
        "model": lambda: v.pick("gpt-5", "claude-x", " padded ", "codex/gpt-5"),
        "providerOverride": lambda: v.pick(*providers),
        "modelOverride": lambda: v.pick("gpt-5", "openai-codex/gpt-5"),
        "modelOverrideSource": lambda: v.pick("auto", "user"),
        "modelOverrideFallbackOriginProvider": lambda: "openai",
        "modelOverrideFallbackOriginModel": lambda: "gpt-4",
        "agentRuntimeOverride": lambda: v.pick("openclaw", "codex", "pi", "codex-cli", "claude-cli"),
        "agentHarnessId": lambda: v.pick("openclaw", "codex", "pi", "claude-cli"),
        "authProfileOverride": lambda: v.pick("openai:default", "mistral:x"),
        "authProfileOverrideSource": lambda: v.pick("auto", "user"),
        "authProfileOverrideCompactionCount": lambda: 1,
        "fallbackNoticeSelectedModel": lambda: v.pick("openai/gpt-5", "codex/gpt-5"),
        "fallbackNoticeActiveModel": lambda: "openai/gpt-4",
        "fallbackNoticeReason": lambda: "rate limit",
        "cliSessionIds": lambda: {"claude-cli": v.id(), "other-cli": v.id()},
        "cliSessionBindings": lambda: {"claude-cli": {"sessionId": v.id(), "authProfileId": "x", "cwdHash": "c"}},
        "claudeCliSessionId": v.id,
    }


def _delivery(v: Values, session: Session) -> dict[str, Maker]:
    channel = session.channel

    def context() -> Object:
        made: Object = {
            "channel": channel,
            "to": f"{channel}:{v.number()}",
            "accountId": v.pick("default", "My Account"),
        }
        if v.chance(0.3):
            made["threadId"] = v.pick(17, "17000.0001", " 5 ")
        return {name: made[name] for name in made if not v.chance(0.1)}

    return {
        "channel": lambda: channel,
        "lastChannel": lambda: v.pick(channel, "webchat", "heartbeat"),
        "lastTo": lambda: f"{channel}:7",
        "lastAccountId": lambda: "default",
        "lastThreadId": lambda: v.pick("77", 77),
        "provider": lambda: channel,
        "lastProvider": lambda: channel,
        "room": lambda: "r1",
        "deliveryContext": context,
        "origin": lambda: {
            "label": v.text(2),
            "provider": channel,
            "surface": channel,
            "chatType": "direct",
            "from": "1",
        },
        "route": lambda: {"channel": channel, "accountId": "default", "target": {"to": "9", "chatType": "direct"}},
        "pendingFinalDelivery": lambda: v.pick(True, False),
        "pendingFinalDeliveryText": lambda: v.pick(v.text(), None),
        "pendingFinalDeliveryLastError": lambda: v.pick("failed", None),
        "pendingFinalDeliveryIntentId": v.id,
        "pendingFinalDeliveryCreatedAt": v.time,
        "pendingFinalDeliveryLastAttemptAt": v.time,
        "pendingFinalDeliveryAttemptCount": lambda: 2,
        "pendingFinalDeliveryContext": context,
        "restartRecoveryDeliveryContext": context,
        "restartRecoveryDeliveryRunId": lambda: v.pick(v.id(), f" {v.id()} "),
    }


def _run_state(v: Values, session: Session) -> dict[str, Maker]:
    return {
        "restartRecoveryRuns": lambda: [{"runId": v.id(), "lifecycleGeneration": "g1"}],
        "heartbeatTaskState": lambda: {"task": v.time()},
        "quotaSuspension": lambda: {
            "schemaVersion": 1,
            "suspendedAt": v.time(),
            "reason": "quota_exhausted",
            "failedProvider": "openai",
            "failedModel": "gpt-5",
            "state": "suspended",
        },
        "goal": lambda: {
            "schemaVersion": 1,
            "id": v.id(),
            "objective": v.text(),
            "status": "active",
            "createdAt": v.time(),
            "updatedAt": v.time(),
            "tokenStart": 1,
            "tokensUsed": 2,
            "continuationTurns": 0,
        },
        "pendingSkillSuggestion": lambda: {"skillName": "s", "detectedAt": v.time()},
        "skillCaptureSignalHashes": lambda: ["abc"],
        "contextBudgetStatus": lambda: {
            "schemaVersion": 1,
            "source": "estimate",
            "updatedAt": v.time(),
            "provider": "openai",
            "model": "gpt-5",
            "route": "r",
            "shouldCompact": False,
        },
        "ambientTranscriptWatermarks": lambda: {
            "w": {"sessionId": session.id, "messageId": "m", "updatedAt": v.time()}
        },
        "systemPromptReport": lambda: {
            "source": "run",
            "generatedAt": v.time(),
            "systemPrompt": {"chars": 10},
            "injectedWorkspaceFiles": [{"name": "A", "path": "/w/A.md", "missing": False}],
            "skills": {"entries": []},
            "tools": {"entries": [{"name": "t"}]},
        },
        "acp": lambda: {
            "backend": "acpx",
            "agent": "codex",
            "runtimeSessionName": v.id(),
            "mode": "persistent",
            "state": "idle",
            "lastActivityAt": v.time(),
        },
    }


def _plugins(v: Values) -> dict[str, Maker]:
    return {
        "pluginExtensions": lambda: v.pick(
            {"plug": {"ns": {"a": [1, None, {"b": True}]}}}, {" plug ": {"ns": 1.5}}, {}
        ),
        "pluginExtensionSlotKeys": lambda: v.pick({"plug": {"ns": "plugSlot"}}, {"plug": {"ns": "no name"}}),
        "plugSlot": lambda: {"mirror": 1},
        "pluginNextTurnInjections": lambda: {
            "plug": [
                {
                    "id": v.id(),
                    "pluginId": "plug",
                    "text": v.text(),
                    "placement": "append_context",
                    "createdAt": v.time(),
                }
            ]
        },
        "pluginOwnerId": lambda: "plug",
        "pluginDebugEntries": lambda: [{"pluginId": "plug", "lines": ["a", "b"]}],
        "unknownFutureField": lambda: {"deep": [1, {"x": None}], "large": 12345678901234567890},
    }
