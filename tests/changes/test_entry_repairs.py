from __future__ import annotations

from typing import Any

import pytest

from migrator.openclaw.changes.entry_repairs import REPAIR_TRANSFORMS
from migrator.openclaw.changes.transforms import explain_entry

_Object = dict[str, Any]

THEN, NOW = 1_780_000_000_000, 1_795_000_000_000
NONE = {"kind": "none"}
TOUCHED = {"updatedAt": NOW}
CODEX = {"modelProvider": "openai-codex", "model": "gpt-5.5"}

# What the source says beside its id and its time, and what the doctor makes of it.
CASES: tuple[tuple[str, _Object, _Object], ...] = (
    ("acp-moved", {"acp": {"backend": "x"}}, {}),
    ("lineage-canonical", {"parentSessionKey": "main"}, {"parentSessionKey": "agent:ops:main"}),
    ("lineage-canonical", {"spawnedBy": "agent:ops:Main"}, {"spawnedBy": "agent:ops:main"}),
    ("exec-policy-retired", {"execAsk": "off", "execSecurity": "full"}, {}),
    ("exec-policy-retired", {"execSecurity": "allowlist"}, {"permissionMode": "guarded"}),
    ("title-filled", {}, {"displayName": "Fix the printer"}),
    (
        "wedged-abort-cleared",
        {"abortedLastRun": True, "subagentRecovery": {"wedgedAt": 1}},
        {"abortedLastRun": False, "subagentRecovery": {"wedgedAt": 1}, **TOUCHED},
    ),
    ("model-route-renamed", CODEX, {"modelProvider": "openai", "model": "gpt-5.5", **TOUCHED}),
    (
        "model-route-renamed",
        {"providerOverride": "Codex", "modelOverride": "openai-codex/gpt-5.5"},
        {
            "providerOverride": "openai",
            "modelOverride": "gpt-5.5",
            "modelOverrideRouteResolution": "resolved",
            "agentRuntimeOverride": "codex",
            **TOUCHED,
        },
    ),
    (
        "model-route-renamed",
        {"modelOverride": "openai-codex/gpt-5"},
        {
            "modelOverride": "openai/gpt-5",
            "modelOverrideRouteResolution": "resolved",
            "agentRuntimeOverride": "codex",
            **TOUCHED,
        },
    ),
    (
        "model-route-renamed",
        {"modelOverride": "openai-codex/gpt-5", "agentRuntimeOverride": "pi"},
        {
            "modelOverride": "openai/gpt-5",
            "modelOverrideRouteResolution": "resolved",
            "agentRuntimeOverride": "pi",
            **TOUCHED,
        },
    ),
    (
        "model-route-renamed",
        {"model": "codex/m", "agentRuntimeOverride": "claude-cli"},
        {"model": "openai/m", "agentRuntimeOverride": "codex", **TOUCHED},
    ),
    (
        "model-route-renamed",
        {"model": "claude-cli/m"},
        {"modelProvider": "anthropic", "model": "m", "agentRuntimeOverride": "claude-cli", **TOUCHED},
    ),
    ("model-override-cleared", {"modelOverride": "gpt-5", "modelOverrideSource": "auto"}, TOUCHED),
    ("model-route-renamed", {"agentHarnessId": "codex-cli"}, {"agentHarnessId": "codex", **TOUCHED}),
    (
        "codex-notice-dropped",
        {"fallbackNotice": {"kind": "active", "selectedModel": "a/b", "activeModel": "openai-codex/c"}},
        TOUCHED,
    ),
    (
        "model-override-cleared",
        {"providerOverride": "anthropic", "modelOverride": "m", "modelOverrideSource": "auto"},
        TOUCHED,
    ),
    (
        "runtime-model-cleared",
        {"modelProvider": "openai", "model": "m", "contextTokens": 1, "systemPromptReport": {}},
        TOUCHED,
    ),
    ("runtime-model-cleared", {"model": "google/m"}, TOUCHED),
    (
        "model-route-renamed",
        {"providerOverride": "claude-cli", "modelOverride": "openai-codex/m"},
        {
            "providerOverride": "anthropic",
            "modelOverride": "openai-codex/m",
            "modelOverrideRouteResolution": "resolved",
            "agentRuntimeOverride": "claude-cli",
            **TOUCHED,
        },
    ),
    (
        "model-route-renamed",  # by 2026.8.2, which leaves a provider that stands for a program as it is
        {"model": "codex/m", "providerOverride": "claude-cli", "modelOverride": "openai-codex/m"},
        {
            "model": "openai/m",
            "agentRuntimeOverride": "codex",
            "providerOverride": "claude-cli",
            "modelOverride": "openai-codex/m",
            **TOUCHED,
        },
    ),
    (
        "model-route-renamed",
        {"modelProvider": "claude-cli", "model": "opus"},
        {"modelProvider": "anthropic", "model": "claude-opus-5", **TOUCHED},
    ),
    (
        "retired-model-replaced",
        {"providerOverride": "xai", "modelOverride": "auto", "model": "m", "contextTokens": 5},
        {
            "providerOverride": "xai",
            "modelOverride": "grok-4.7",
            "modelOverrideSource": "user",
            "modelOverrideRouteResolution": "resolved",
            **TOUCHED,
        },
    ),
    ("runtime-pin-cleared", {"agentHarnessId": "claude-cli"}, TOUCHED),
    ("cli-session-cleared", {"cliSessionIds": {"claude-cli": "c", "x": "y"}}, {"cliSessionIds": {"x": "y"}, **TOUCHED}),
    ("cli-session-cleared", {"claudeCliSessionId": "c"}, TOUCHED),
    ("auth-profile-cleared", {"authProfileOverride": "openai:me", "authProfileOverrideSource": "auto"}, TOUCHED),
    (
        "claude-session-folded",
        {"claudeCliSessionId": " c "},
        {"cliSessionBindings": {"claude-cli": {"sessionId": "c"}}, **TOUCHED},
    ),
)


def _explained(source: _Object, stored: _Object) -> tuple[str, ...] | None:
    whole = {"sessionId": "s", "updatedAt": THEN, "delivery": NONE}
    return explain_entry({**whole, **source}, {**whole, **stored})


@pytest.mark.parametrize(("name", "source", "stored"), CASES)
def test_a_repair_explains_what_it_is_for(name: str, source: _Object, stored: _Object) -> None:
    assert _explained(source, stored) == (name,)


@pytest.mark.parametrize(("name", "source", "stored"), CASES)
def test_no_repair_explains_another_loss_beside_it(name: str, source: _Object, stored: _Object) -> None:
    assert _explained({**source, "label": "x"}, stored) is None


@pytest.mark.parametrize(("name", "source", "stored"), [case for case in CASES if TOUCHED.items() <= case[2].items()])
def test_no_repair_turns_the_clock_back(name: str, source: _Object, stored: _Object) -> None:
    assert _explained(source, {**stored, "updatedAt": THEN - 1}) is None


def test_every_repair_has_a_case() -> None:
    assert {case[0] for case in CASES} == {transform.name for transform in REPAIR_TRANSFORMS}


@pytest.mark.parametrize(
    ("source", "stored"),
    [
        ({"parentSessionKey": "agent:ops:a"}, {"parentSessionKey": "agent:ops:b"}),
        ({"spawnedBy": "main"}, {"spawnedBy": "agent:ops:other"}),
        ({"spawnedBy": "main"}, {}),
        ({"execAsk": "off"}, {"permissionMode": "full"}),
        ({"execAsk": "off", "permissionMode": "guarded"}, {"permissionMode": "workspace"}),
        ({"label": "named"}, {"label": "named", "displayName": "x"}),
        ({"displayName": "named"}, {"displayName": "other"}),
        ({"status": "running"}, {"status": "running", "displayName": "x"}),
        ({}, {"displayName": " x"}),
        ({}, {"displayName": "x" * 61}),
        ({}, {"displayName": 5}),
        ({"abortedLastRun": True}, {"abortedLastRun": False, **TOUCHED}),
        ({"modelProvider": "fake", "model": "m"}, TOUCHED),
        ({"modelProvider": "openai", "model": "m"}, {"modelProvider": "openai", **TOUCHED}),
        ({"providerOverride": "openai", "modelOverride": "m", "modelOverrideSource": "user"}, TOUCHED),
        ({"authProfileOverride": "openai:me", "authProfileOverrideSource": "user"}, TOUCHED),
        ({"agentHarnessId": "codex"}, TOUCHED),
        ({"cliSessionIds": {"x": "y"}}, TOUCHED),
        (CODEX, {**CODEX, "modelProvider": "anthropic", **TOUCHED}),
        ({**CODEX, "model": "a/b"}, {"modelProvider": "openai", "model": "b", **TOUCHED}),
        (
            {"modelProvider": "claude-cli", "model": "codex/b"},
            {"modelProvider": "anthropic", "model": "b", **TOUCHED},
        ),
        (CODEX, {**CODEX, "modelProvider": "openai", "agentRuntimeOverride": "claude-cli", **TOUCHED}),
        ({}, TOUCHED),
    ],
)
def test_what_no_repair_does_is_a_difference(source: _Object, stored: _Object) -> None:
    assert _explained(source, stored) is None


def test_a_provider_is_renamed_before_its_state_is_cleared() -> None:
    assert _explained({**CODEX, "agentHarnessId": "codex"}, {"agentRuntimeOverride": "codex", **TOUCHED}) == (
        "model-route-renamed",
        "runtime-model-cleared",
    )


def test_a_release_may_keep_what_another_clears_beside_an_override() -> None:
    source = {"providerOverride": "anthropic", "modelOverride": "m", "modelOverrideSource": "auto"}
    origin = {"modelOverrideFallbackOriginModel": "f"}

    assert _explained({**source, **origin}, TOUCHED) == ("model-override-cleared",)
    assert _explained({**source, **origin}, {**origin, **TOUCHED}) == ("model-override-cleared",)
