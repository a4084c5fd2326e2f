"""The grammar of session keys, and what OpenClaw's own migration makes of them.

Facts: ``src/sessions/session-key-utils.ts`` (2026.7.1 and later, where empty segments count), the key rules
of ``src/infra/state-migrations.ts`` (2026.7.1 to 2026.9.6), and ``src/gateway/session-store-key.ts`` with
``src/commands/doctor-session-canonical-candidates.ts`` (2026.9.6).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from migrator.openclaw.places.paths import DEFAULT_AGENT, is_valid_agent_id, js_trim, normalize_agent_id

_UNSCOPED = ("global", "unknown")
_SIGNAL_GROUP = re.compile(r"(?:^|:)signal:group:([^:]+)", re.IGNORECASE | re.ASCII)
_MATRIX_ROOM = re.compile(r"(?:(?:agent:[^:]*:)+:*)?matrix:(?:channel|group):", re.IGNORECASE | re.ASCII)
_THREAD = ":thread:"
_PLAIN = re.compile(r"agent:([a-z0-9][a-z0-9_-]{0,63}):([!-9;-@\[-~][!-@\[-~]*)")
"""What most keys look like: an id and a rest without a blank, a capital letter or anything that is not ASCII."""


@dataclass(frozen=True, slots=True)
class SessionKey:
    """A key in normal case: ``agent:<agent>:<rest>``, or agent None and the whole key as ``rest``."""

    agent: str | None
    rest: str


def normalize_main_key(text: str) -> str:
    """Give ``session.mainKey`` as OpenClaw compares it: trimmed, in lower case, ``main`` if blank."""
    return js_trim(text).lower() or "main"


def fold_case(key: str) -> str:
    """Trim and lower-case a key, but for the opaque ids of Signal groups and Matrix rooms.

    Releases up to 2026.5.12 lower-cased those, too.
    """
    raw = js_trim(key)
    lower = raw.lower()
    if "signal:group:" not in lower and "matrix:" not in lower:
        return lower
    folded, end = "", 0
    for start, stop, trimmed in sorted(_opaque_spans(raw)):
        if end <= start < stop:
            opaque = raw[start:stop]
            # OpenClaw trims each piece between two opaque ids as well.
            folded += js_trim(raw[end:start]).lower() + (js_trim(opaque) if trimmed else opaque)
            end = stop
    return folded + js_trim(raw[end:]).lower()


def parse_session_key(key: str) -> SessionKey:
    """Split a key; agent is None, too, for an ``agent:`` key with nothing as agent or right after it."""
    plain = _PLAIN.fullmatch(key)
    return SessionKey(plain[1], plain[2]) if plain else _split(fold_case(key))


def resolvable(key: str) -> bool:
    """Whether a release can resolve the key once it is the key of a database row.

    False for a blank key and for one with nothing in the place of the agent or right after it: with such a
    row in a database 2026.9.6 lists no session at all, not even after ``doctor --fix``.
    """
    if _PLAIN.fullmatch(key):
        return True
    text = fold_case(key)
    if text.startswith("agent:"):
        return _split(text).agent is not None
    return bool(text) and not text.startswith(":")


def canonical_key(key: str, agent_id: str, main_key: str, scope: str) -> str:
    """Give the key under which ``doctor --fix`` of 2026.9.6 leaves an entry of an agent's ``sessions.json``.

    First comes its pass over the store, then the one over the database. Not covered, because the key alone
    does not tell: stores that several agents share, whose ambiguous keys stay, WhatsApp ids while that plugin
    was bundled (up to 2026.4.29), and Matrix rooms in lower case whose id only the entry still knows.
    """
    if _is_canonical(key, main_key):
        return key
    agent_id, main_key = normalize_agent_id(agent_id), normalize_main_key(main_key)
    return database_key(_store_key(key, agent_id, main_key, scope), agent_id, main_key, scope)


def database_key(key: str, agent_id: str, main_key: str, scope: str, *, main_is_configured: bool = True) -> str:
    """Give the key under which ``doctor --fix`` of 2026.9.6 leaves a row of an agent's database.

    Unlike the pass over a store, this one adds no ``unknown:`` before bare groups, keeps agent ids that are
    not valid, and leaves ``agent:main:main`` to ``main`` if an agent of that id is configured.
    """
    if _is_canonical(key, main_key):
        return key
    agent_id, main_key = normalize_agent_id(agent_id), normalize_main_key(main_key)
    text = fold_case(key)
    if not text:
        return f"agent:{agent_id}:{main_key}"
    if text in _UNSCOPED:
        return text
    if not text.startswith("agent:"):
        text = fold_case(f"agent:{agent_id}:{text}")
    parsed = _split(text)
    if parsed.agent is None:
        return text
    owner = normalize_agent_id(parsed.agent)
    rest = js_trim(parsed.rest).lower()
    if owner == DEFAULT_AGENT and rest in ("main", main_key) and not main_is_configured:
        owner, text = agent_id, f"agent:{agent_id}:{rest}"
    return _main_session(text, owner, main_key, scope)


def _is_canonical(key: str, main_key: str) -> bool:
    """Whether a key is surely left as it is: the way to know that at once for almost all of them."""
    plain = _PLAIN.fullmatch(key)
    return plain is not None and plain[2] not in ("main", normalize_main_key(main_key))


def _store_key(key: str, agent_id: str, main_key: str, scope: str) -> str:
    """Do the pass over ``sessions.json`` (``canonicalizeSessionKeyForAgent``, the same from 7.1 to 9.6)."""
    raw = js_trim(key)
    text, lower = fold_case(raw), raw.lower()
    if not raw or lower in _UNSCOPED:
        return lower
    owner = _split(text).agent
    if owner is not None and not is_valid_agent_id(owner):
        owner = None
    # The old default agent's main session is taken for the main session of whoever has the store.
    foreign_main = lower in (f"agent:{DEFAULT_AGENT}:main", f"agent:{DEFAULT_AGENT}:{main_key}")
    effective = agent_id if owner is None or foreign_main else owner
    main = _main_session(text, effective, main_key, scope)
    if main != text:
        return main
    if owner is not None:
        return text
    if lower.startswith("subagent:"):
        return f"agent:{agent_id}:{lower}"
    if lower.startswith(("group:", "channel:")):
        return f"agent:{agent_id}:unknown:{lower}"
    if ":group:" in raw or ":channel:" in raw:
        return f"agent:{agent_id}:{text}"
    return fold_case(f"agent:{agent_id}:{raw}")


def _main_session(text: str, agent_id: str, main_key: str, scope: str) -> str:
    """Give the main session's key if ``text`` is one of its aliases, else ``text``."""
    if not text.endswith(("main", main_key)):
        return text
    aliases = {"main", main_key}
    aliases |= {f"agent:{agent}:{name}" for agent in (agent_id, DEFAULT_AGENT) for name in ("main", main_key)}
    if text not in aliases:
        return text
    return "global" if scope == "global" else f"agent:{agent_id}:{main_key}"


def _split(folded: str) -> SessionKey:
    if folded.startswith("agent:"):
        agent, _, rest = folded.removeprefix("agent:").partition(":")
        if js_trim(agent) and rest and not rest.startswith(":"):
            return SessionKey(js_trim(agent), rest)
    return SessionKey(None, folded)


def _opaque_spans(raw: str) -> Iterator[tuple[int, int, bool]]:
    """Give the parts of a trimmed key whose case counts, as (start, stop, whether spaces around it go)."""
    for group in _SIGNAL_GROUP.finditer(raw):
        yield (*group.span(1), True)
    if room := _MATRIX_ROOM.match(raw):
        start = room.end()
        thread = js_trim(raw[start:]).lower().rfind(_THREAD)
        if thread < 0:
            yield start, len(raw), False
        else:
            yield start, start + thread, False
            yield start + thread + len(_THREAD), len(raw), False
