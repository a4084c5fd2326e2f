"""What a release does to every entry of a ``sessions.json`` that it rewrites before it imports it, one named step each.

``doctor --fix`` rewrites a store where any key is not canonical, so that these steps hit entries whose own key is.
Facts: ``src/infra/state-migrations.legacy-session-store.ts`` and ``src/config/sessions/skill-prompt-blobs.ts``; the
same in 2026.8.2 and 2026.9.6.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256

from migrator.openclaw.changes.delivery_state import delivery_context
from migrator.openclaw.changes.entry_transforms import IMPORTS, Entry, Transform, without
from migrator.openclaw.text.js_values import Json, canonical, strictly_equal, trimmed

_SHORTEST_MOVED, _LONGEST_MOVED = 512, 512 * 1024
"""UTF-16 units, and bytes of UTF-8: a prompt from one to the other is moved to a file of its own."""


def prompt_reference(prompt: str) -> Entry:
    """Give what takes the place of a prompt that is moved to a file of its own, named by the digest."""
    content = prompt_bytes(prompt)
    return {"version": 1, "algorithm": "sha256", "hash": sha256(content).hexdigest(), "bytes": len(content)}


def prompt_bytes(prompt: str) -> bytes:
    """Encode a prompt as JavaScript does: half a character is written as the sign for what cannot be shown."""
    return prompt.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _move_prompt_aside(entry: Entry, _stored: Entry) -> Entry:
    """Put a reference in the place of a long prompt. One that is a reference already stays as it is."""
    snapshot = entry.get("skillsSnapshot")
    prompt = snapshot.get("prompt") if isinstance(snapshot, dict) else None
    if not isinstance(snapshot, dict) or not isinstance(prompt, str) or not _is_moved(prompt):
        return entry
    return {**entry, "skillsSnapshot": {**without(snapshot, "prompt"), "promptRef": prompt_reference(prompt)}}


def _is_moved(prompt: str) -> bool:
    return _units(prompt) >= _SHORTEST_MOVED and len(prompt_bytes(prompt)) <= _LONGEST_MOVED


_TARGET = "restartRecoveryDeliveryContext"


def _tidy_recovery_target(entry: Entry, _stored: Entry) -> Entry:
    """Normalize where a reply goes that a restart interrupted, and drop one without a channel or a recipient."""
    target = entry.get(_TARGET)
    tidied = delivery_context(target)
    if tidied is None or "channel" not in tidied or "to" not in tidied:
        return without(entry, _TARGET)
    parts = {name: target.get(name) for name in tidied} if isinstance(target, dict) else {}
    return entry if parts == tidied else {**entry, _TARGET: tidied}


_RECOVERY_TEXTS = (
    "restartRecoveryDeliveryToolCallId",
    "restartRecoveryDeliveryRequestFingerprint",
    "restartRecoveryDeliveryRunId",
    "restartRecoveryDeliverySourceRunId",
    "restartRecoveryRequesterAccountId",
    "restartRecoveryRequesterSenderId",
)


def _tidy_recovery_ids(entry: Entry, _stored: Entry) -> Entry:
    """Trim what names an interrupted run, and drop what is no text (``restart-recovery-state.ts``)."""
    for name in _RECOVERY_TEXTS:
        text = trimmed(entry.get(name))
        if text is None:
            entry = without(entry, name)
        elif text != entry[name]:
            entry = {**entry, name: text}
    return entry


def _tidy_plugin_state(entry: Entry, _stored: Entry) -> Entry:
    """Trim the names of plugins and their parts, and drop those that hold nothing of the right kind."""
    for name, tidied in (("pluginExtensions", _plugin_value), ("pluginExtensionSlotKeys", _slot_key)):
        if name not in entry or entry[name] == {}:
            continue
        state = _tidied_plugins(entry[name], tidied)
        if not state:
            entry = without(entry, name)
        elif not strictly_equal(state, entry[name]):
            entry = {**entry, name: state}
    return entry


def _tidied_plugins(state: Json, tidied: Callable[[Json], Json]) -> Entry:
    kept: Entry = {}
    for plugin, parts in state.items() if isinstance(state, dict) else ():
        named: Entry = {}
        for part, value in parts.items() if isinstance(parts, dict) else ():
            name, fine = trimmed(part), tidied(value)
            if name is not None and fine is not _REFUSED:
                named[name] = fine
        owner = trimmed(plugin)
        if owner is not None and named:
            kept[owner] = named
    return kept


_REFUSED = object()
_SLOT_KEY = re.compile("[A-Za-z][A-Za-z0-9_]*", re.ASCII)


def _slot_key(value: Json) -> Json:
    """Trim a name of a member; one that entries have themselves is refused as well, and stays a difference."""
    name = trimmed(value)
    return name if name is not None and _SLOT_KEY.fullmatch(name) else _REFUSED


def _plugin_value(value: Json) -> Json:
    """Refuse what is too much for a plugin (``src/plugins/host-hook-json.ts``)."""
    nodes, pending = 0, [(value, 0)]
    while pending:
        one, depth = pending.pop()
        nodes += 1
        members = list(one.values()) if isinstance(one, dict) else one if isinstance(one, list) else []
        names = [*one] if isinstance(one, dict) else [one] if isinstance(one, str) else []
        if nodes > 4096 or depth > 32 or len(names) > 512 or any(_units(name) > 65536 for name in names):
            return _REFUSED
        pending += [(member, depth + 1) for member in members]
    return value if len(canonical(value)) <= 256 * 1024 else _REFUSED


def _units(text: str) -> int:
    """Count UTF-16 units, as JavaScript does."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


_REWRITE = f"{IMPORTS}, doctor --fix when it rewrites the store first"

REWRITE_TRANSFORMS: tuple[Transform, ...] = (
    Transform("prompt-moved-aside", _REWRITE, _move_prompt_aside, ("skillsSnapshot",)),
    Transform("recovery-target-tidied", _REWRITE, _tidy_recovery_target, (_TARGET,), lossy=True),
    Transform("recovery-ids-tidied", _REWRITE, _tidy_recovery_ids, _RECOVERY_TEXTS),
    Transform(
        "plugin-state-tidied", _REWRITE, _tidy_plugin_state, ("pluginExtensions", "pluginExtensionSlotKeys"), lossy=True
    ),
)
"""In the order in which a release applies them; all but the first also where it imports a store as it is."""
