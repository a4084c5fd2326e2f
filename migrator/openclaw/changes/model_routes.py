"""What ``doctor --fix`` does to the models that an entry names: old names of providers and models become new ones.

Facts: ``codex-route-session-repair.ts``, ``legacy-runtime-model-providers.ts``, ``retired-model-ref-repair.ts`` and the
manifests of bundled plugins (2026.9.6). 2026.8.2 leaves providers that stand for a command line program as they are.
"""

from __future__ import annotations

from migrator.openclaw.changes.entry_transforms import Entry, without
from migrator.openclaw.text.js_values import Json, is_finite, trimmed

OWNED_RUNTIMES = ("claude-cli", "google-gemini-cli")
"""The runtimes that a bundled plugin owns."""

_CODEX = ("codex", "openai-codex")
_PROGRAMS = {  # legacy provider: provider, runtime
    "codex": ("openai", "codex"),
    "codex-cli": ("openai", "codex"),
    "claude-cli": ("anthropic", "claude-cli"),
    "anthropic-cli": ("anthropic", "claude-cli"),
    "google-gemini-cli": ("google", "google-gemini-cli"),
}
_NEW_NAMES = {
    "fable": "claude-fable-5-1",
    "fable-5": "claude-fable-5",
    "fable-5.1": "claude-fable-5-1",
    "fable-5-1": "claude-fable-5-1",
    "haiku": "claude-haiku-4-5",
    "mythos-5": "claude-mythos-5",
    "opus": "claude-opus-5",
    "opus-4.6": "claude-opus-4-6",
    "opus-4.7": "claude-opus-4-7",
    "opus-4.8": "claude-opus-4-8",
    "opus-5": "claude-opus-5",
    "opus-5.5": "claude-opus-5-5",
    "opus-5-5": "claude-opus-5-5",
    "sonnet": "claude-sonnet-5",
    "sonnet-4.6": "claude-sonnet-4-6",
    "sonnet-5": "claude-sonnet-5",
    "gemini-3-pro": "gemini-3.1-pro-preview",
    "gemini-3-pro-preview": "gemini-3.1-pro-preview",
    "gemini-3-flash": "gemini-3-flash-preview",
    "gemini-3.1-pro": "gemini-3.1-pro-preview",
    "gemini-3.1-flash-lite-preview": "gemini-3.1-flash-lite",
    "gemini-3.1-flash": "gemini-3-flash-preview",
    "gemini-3.1-flash-preview": "gemini-3-flash-preview",
}
_SUCCESSORS = {"auto": "grok-4.7", "gpt-5.4": "gpt-5.6-terra", "gpt-5.4-mini": "gpt-5.6-luna"}
"""Of the models that the manifests call retired."""

_BESIDE = (
    "model",
    "modelProvider",
    "contextTokens",
    "contextBudgetStatus",
    "modelOverrideFallbackOriginProvider",
    "modelOverrideFallbackOriginModel",
)
"""What no longer fits a model that was replaced."""

ROUTE_FIELDS = (
    "modelProvider",
    "model",
    "providerOverride",
    "modelOverride",
    "modelOverrideRouteResolution",
    "agentRuntimeOverride",
    "agentHarnessId",
)
"""All that renaming a route may change, beside the time."""

RETIRED_FIELDS = (*_BESIDE, "modelOverride", "modelOverrideSource", "modelOverrideRouteResolution")
"""All that replacing a retired model may change, beside the time."""


def retouched(entry: Entry, stored: Entry, repaired: Entry) -> Entry:
    """Let a repair say when it was made; the entry itself if nothing was repaired."""
    before, after = entry.get("updatedAt"), stored.get("updatedAt")
    if repaired is entry or not isinstance(after, int) or (is_finite(before) and before >= after):
        return repaired
    return {**repaired, "updatedAt": after}


def lower(value: Json) -> str | None:
    """A name as OpenClaw compares it."""
    text = trimmed(value)
    return None if text is None else text.lower()


def rename_model_route(entry: Entry, stored: Entry) -> Entry:
    """Give legacy providers their new names, and let a runtime say what the old name said."""
    renamed, runtimes = entry, list[str]()
    for provider_name, model_name in (("modelProvider", "model"), ("providerOverride", "modelOverride")):
        route, runtime = _renamed_route(entry, stored, provider_name, model_name)
        if runtime is None:
            continue
        renamed = {**renamed, **route}
        runtimes.append(runtime)
        if provider_name == "providerOverride":
            renamed = {**renamed, "modelOverrideRouteResolution": "resolved"}
    # A pin of these runtimes may have been cleared by the same run, before the routes are looked at.
    pinned = lower(entry.get("agentRuntimeOverride")) not in (None, "auto", *OWNED_RUNTIMES)
    if runtimes and not pinned and stored.get("agentRuntimeOverride") in runtimes:
        renamed = {**renamed, "agentRuntimeOverride": stored["agentRuntimeOverride"]}
    if "codex" in runtimes and "agentHarnessId" not in stored:
        renamed = without(renamed, "agentHarnessId")
    for name in ("agentHarnessId", "agentRuntimeOverride"):
        if lower(renamed.get(name)) == "codex-cli":
            renamed = {**renamed, name: "codex"}
    return retouched(entry, stored, renamed)


def _renamed_route(entry: Entry, stored: Entry, provider_name: str, model_name: str) -> tuple[Entry, str | None]:
    """Give provider and model under their new names with the runtime that the old one meant; None where it is none."""
    provider = lower(entry.get(provider_name))
    written = trimmed(entry.get(model_name)) or ""
    scope, _, model = written.partition("/")
    model, scope = model.strip(), scope.strip().lower()
    if provider in _CODEX:
        return {provider_name: "openai", **({model_name: model} if model and scope in _CODEX else {})}, "codex"
    if provider is None and model and scope in _CODEX:
        return {model_name: f"openai/{model}"}, "codex"
    if provider is not None and lower(stored.get(provider_name)) == provider:
        return {}, None  # by a release that leaves it as it is
    if model and scope in _PROGRAMS and (provider is None or provider in OWNED_RUNTIMES):
        return _by_program(scope, model, stored, provider_name, model_name)
    if provider in _PROGRAMS:
        return _by_program(provider, written, stored, provider_name, model_name)
    return {}, None


def _by_program(legacy: str, model: str, stored: Entry, provider_name: str, model_name: str) -> tuple[Entry, str]:
    """The provider behind a command line program, and the model under the name that it may have now."""
    provider, runtime = _PROGRAMS[legacy]
    newer = _NEW_NAMES.get(model.lower())
    if newer is not None and newer == stored.get(model_name):
        model = newer
    return {provider_name: provider, **({model_name: model} if model else {})}, runtime


def drop_codex_notice(entry: Entry, stored: Entry) -> Entry:
    """Drop a fallback notice about models of the legacy provider."""
    notice = entry.get("fallbackNotice")
    models = (notice.get("selectedModel"), notice.get("activeModel")) if isinstance(notice, dict) else ()
    if not any((lower(model) or "").partition("/")[0] in _CODEX for model in models):
        return entry
    return retouched(entry, stored, without(entry, "fallbackNotice"))


def replace_retired_model(entry: Entry, stored: Entry) -> Entry:
    """Put the successor in the place of a chosen model that is retired (``repairRetiredSessionModelRef``).

    Read, never seen: it depends on the account that the provider is used with.
    """
    successor = _SUCCESSORS.get(lower(entry.get("modelOverride")) or "")
    if successor is None or stored.get("modelOverride") != successor:
        return entry
    kept: Entry = {name: value for name, value in entry.items() if name not in _BESIDE or name in stored}
    source = "auto" if entry.get("modelOverrideSource") == "auto" else "user"
    chosen: Entry = {
        "modelOverride": successor,
        "modelOverrideSource": source,
        "modelOverrideRouteResolution": "resolved",
    }
    return retouched(entry, stored, {**kept, **chosen})
