"""What ``openclaw doctor --fix`` does to an entry that is in SQLite already, one named step each.

These repairs depend on the configuration and the clock, so a step looks at what is stored: it takes over just
what the repair may have written, and only where the source is one that the repair is for. Nothing else of a
stored entry is ever taken for granted. Read and run with 2026.9.6, and run with 2026.8.2.
"""

from __future__ import annotations

from collections.abc import Callable

from migrator.openclaw.changes.entry_transforms import Entry, Transform, without
from migrator.openclaw.changes.model_routes import (
    OWNED_RUNTIMES,
    RETIRED_FIELDS,
    ROUTE_FIELDS,
    drop_codex_notice,
    lower,
    rename_model_route,
    replace_retired_model,
    retouched,
)
from migrator.openclaw.places.session_key import database_key, fold_case, parse_session_key
from migrator.openclaw.text.js_values import Json, is_finite, is_truthy, trimmed

_LONGEST_TITLE = 60  # UTF-16 units


def _canonical_lineage(entry: Entry, stored: Entry) -> Entry:
    """Write the keys of parent and spawner as the database spells them (``doctor-session-canonical-candidates``)."""
    for name in ("parentSessionKey", "spawnedBy"):
        key, spelled = entry.get(name), stored.get(name)
        if isinstance(key, str) and isinstance(spelled, str) and key != spelled and _same_session(key, spelled):
            entry = {**entry, name: spelled}
    return entry


def _same_session(key: str, spelled: str) -> bool:
    agent = parse_session_key(spelled).agent
    return spelled == fold_case(key) or (
        agent is not None and spelled == database_key(key, agent, "main", "per-sender")
    )


def _retire_exec_policy(entry: Entry, stored: Entry) -> Entry:
    """Replace the exec override by a permission mode, or by nothing (``doctor-session-exec-policy``)."""
    retired = without(entry, "execSecurity", "execAsk")
    mode = stored.get("permissionMode")
    if retired is entry or is_truthy(entry.get("permissionMode")):
        return retired
    return {**retired, "permissionMode": mode} if mode in ("read-only", "guarded", "workspace") else retired


def _move_acp(entry: Entry, stored: Entry) -> Entry:
    """Move ``acp`` to the table ``acp_sessions`` of the shared state database, which is not looked at here.

    The row says when it was moved.
    """
    return entry if "acp" in stored else retouched(entry, stored, without(entry, "acp"))


def _fill_title(entry: Entry, stored: Entry) -> Entry:
    """Name a session after its first user message (``doctor-session-title-repair``)."""
    title = trimmed(stored.get("displayName"))
    if trimmed(entry.get("label")) or trimmed(entry.get("displayName")) or entry.get("status") == "running":
        return entry
    if title is None or title != stored["displayName"] or len(title) > _LONGEST_TITLE:
        return entry
    return {**entry, "displayName": title}


def _clear_wedged_abort(entry: Entry, stored: Entry) -> Entry:
    """Take back the abort of a subagent whose recovery was given up (``subagent-recovery-state``)."""
    recovery = entry.get("subagentRecovery")
    wedged = recovery.get("wedgedAt") if isinstance(recovery, dict) else None
    if entry.get("abortedLastRun") is not True or not is_finite(wedged) or wedged <= 0:
        return entry
    return retouched(entry, stored, {**entry, "abortedLastRun": False})


def _fold_claude_session(entry: Entry, stored: Entry) -> Entry:
    """Put the single Claude binding of old among the others, unless there is one already."""
    bindings, ids = entry.get("cliSessionBindings"), entry.get("cliSessionIds")
    session_id = trimmed(entry.get("claudeCliSessionId"))
    known = _session_of(bindings) or (trimmed(ids.get("claude-cli")) if isinstance(ids, dict) else None)
    if session_id is None:
        return entry
    folded = without(entry, "claudeCliSessionId")
    if known is None:
        others = bindings if isinstance(bindings, dict) else {}
        folded = {**folded, "cliSessionBindings": {**others, "claude-cli": {"sessionId": session_id}}}
    return retouched(entry, stored, folded)


def _session_of(bindings: Json) -> str | None:
    binding = bindings.get("claude-cli") if isinstance(bindings, dict) else None
    return trimmed(binding.get("sessionId")) if isinstance(binding, dict) else None


# State of a model route that is no longer configured (``doctor-session-state-providers.ts``). The providers are
# those that the manifests of the bundled plugins name; a plugin from elsewhere may own others.

_OWNED_PROVIDERS = frozenset(
    {"openai", "anthropic", "claude-cli", "google", "google-antigravity", "google-gemini-cli", "google-vertex"}
)
_OWNED_CLI_SESSIONS = ("claude-cli", "google-gemini-cli", "gemini-cli")
_OWNED_PROFILES = tuple(f"{provider}:" for provider in (*sorted(_OWNED_PROVIDERS), "gemini-cli"))


def _clearing(
    names: tuple[str, ...], applies: Callable[[Entry], bool], *, beside: tuple[str, ...] = ()
) -> Callable[[Entry, Entry], Entry]:
    """Make a step that clears all of these members together, where the entry is one that it applies to.

    Those ``beside`` them are cleared by some releases and kept by others.
    """

    def clear(entry: Entry, stored: Entry) -> Entry:
        if not applies(entry) or any(name in stored for name in names):
            return entry
        gone = [name for name in beside if name not in stored]
        return retouched(entry, stored, without(entry, *names, *gone))

    return clear


def _owned(entry: Entry, provider_name: str, model_name: str, *, by_default: bool) -> bool:
    """Whether a plugin owns the provider of a model; ``by_default``: one without any has the configured provider."""
    model = lower(entry.get(model_name))
    provider = lower(entry.get(provider_name))
    if provider is None and model is not None and "/" not in model:
        return by_default
    return model is not None and (provider or model.partition("/")[0]) in _OWNED_PROVIDERS


_PINS = ("agentHarnessId", "agentRuntimeOverride")
_CLI_SESSIONS = ("claudeCliSessionId", "cliSessionBindings", "cliSessionIds")


def _clear_runtime_pins(entry: Entry, stored: Entry) -> Entry:
    cleared = entry
    for name in _PINS:
        if name not in stored and lower(entry.get(name)) in OWNED_RUNTIMES:
            cleared = without(cleared, name)
    return retouched(entry, stored, cleared)


def _clear_cli_sessions(entry: Entry, stored: Entry) -> Entry:
    """Forget the sessions of command line programs, but for those of providers that nobody owns."""
    cleared = entry if "claudeCliSessionId" in stored else without(entry, "claudeCliSessionId")
    for name in ("cliSessionBindings", "cliSessionIds"):
        sessions, kept = entry.get(name), stored.get(name)
        if isinstance(kept, dict) and any(owned in kept for owned in _OWNED_CLI_SESSIONS):
            return entry
        if isinstance(sessions, dict) and any(owned in sessions for owned in _OWNED_CLI_SESSIONS):
            rest = without(sessions, *_OWNED_CLI_SESSIONS)
            cleared = {**cleared, name: rest} if rest else without(cleared, name)
    return retouched(entry, stored, cleared)


_NEW = "2026.9.6, doctor --fix"
_FIX = "2026.8.2 and 2026.9.6, doctor --fix"
_TIME = ("updatedAt",)
"""What a repair that says when it was made touches as well."""

_RUNTIME = ("model", "modelProvider", "contextTokens", "systemPromptReport", "fallbackNotice")
_OVERRIDE = ("providerOverride", "modelOverride", "modelOverrideSource")
_AROUND = (
    "liveModelSwitchPending",
    "modelOverrideFallbackOriginProvider",
    "modelOverrideFallbackOriginModel",
    "modelOverrideRouteResolution",
)
_PROFILE = tuple(f"authProfileOverride{part}" for part in ("", "Source", "CompactionCount"))

_clear_override = _clearing(
    _OVERRIDE,
    lambda e: (
        e.get("modelOverrideSource") == "auto" and _owned(e, "providerOverride", "modelOverride", by_default=True)
    ),
    beside=_AROUND,
)
_clear_runtime = _clearing(_RUNTIME, lambda e: _owned(e, "modelProvider", "model", by_default=False))
_clear_profile = _clearing(
    _PROFILE,
    lambda e: (
        e.get("authProfileOverrideSource") == "auto"
        and (lower(e.get("authProfileOverride")) or "").startswith(_OWNED_PROFILES)
    ),
)

REPAIR_TRANSFORMS: tuple[Transform, ...] = (
    Transform("acp-moved", f"{_FIX} (to the shared state database)", _move_acp, ("acp", *_TIME)),
    Transform("lineage-canonical", _FIX, _canonical_lineage, ("parentSessionKey", "spawnedBy")),
    Transform(
        "exec-policy-retired", _FIX, _retire_exec_policy, ("execSecurity", "execAsk", "permissionMode"), lossy=True
    ),
    Transform("title-filled", _NEW, _fill_title, ("displayName",)),
    Transform("wedged-abort-cleared", _FIX, _clear_wedged_abort, ("abortedLastRun", *_TIME)),
    Transform("model-route-renamed", _FIX, rename_model_route, (*ROUTE_FIELDS, *_TIME)),
    Transform("codex-notice-dropped", _FIX, drop_codex_notice, ("fallbackNotice", *_TIME), lossy=True),
    Transform("retired-model-replaced", _NEW, replace_retired_model, (*RETIRED_FIELDS, *_TIME), lossy=True),
    Transform("model-override-cleared", _FIX, _clear_override, (*_OVERRIDE, *_AROUND, *_TIME), lossy=True),
    Transform("runtime-model-cleared", _FIX, _clear_runtime, (*_RUNTIME, *_TIME), lossy=True),
    Transform("runtime-pin-cleared", _FIX, _clear_runtime_pins, (*_PINS, *_TIME), lossy=True),
    Transform("cli-session-cleared", _FIX, _clear_cli_sessions, (*_CLI_SESSIONS, *_TIME), lossy=True),
    Transform("auth-profile-cleared", _NEW, _clear_profile, (*_PROFILE, *_TIME), lossy=True),
    Transform("claude-session-folded", _NEW, _fold_claude_session, (*_CLI_SESSIONS, *_TIME)),
)
"""In the order in which the doctor makes them. Those that depend on the model route also set ``updatedAt``."""
