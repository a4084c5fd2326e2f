"""Where a session's replies go: the one ``delivery`` that releases in SQLite keep for eight legacy fields.

Facts: ``normalizeLegacySessionEntryDelivery`` of ``src/infra/state-migrations.legacy-session-store.ts``,
``src/utils/delivery-context.shared.ts``, ``src/plugin-sdk/channel-route.ts`` and ``src/routing/account-id.ts``;
the same in 2026.8.2 and 2026.9.6. Where this module says None, JavaScript says undefined; that no channel of a
plugin that is not bundled has an alias is an assumption.
"""

from __future__ import annotations

import math
import re

from migrator.openclaw.text.js_values import Json, is_finite, is_truthy, trimmed

LEGACY_FIELDS = (
    "route",
    "deliveryContext",
    "origin",
    "channel",
    "lastChannel",
    "lastTo",
    "lastAccountId",
    "lastThreadId",
)

FOLDED_FIELDS = (*LEGACY_FIELDS, "delivery", "chatType")
"""All that folding may change."""

_Object = dict[str, Json]

_CHAT_TYPES = ("direct", "group", "channel")
_INTERNAL_CHANNELS = frozenset({"webchat", "heartbeat", "cron", "webhook", "voice", "sessions_send"})
_CHANNEL_ALIASES = {
    "lark": "feishu",
    "gchat": "googlechat",
    "google-chat": "googlechat",
    "imsg": "imessage",
    "internet-relay-chat": "irc",
    "teams": "msteams",
    "nc": "nextcloud-talk",
    "nc-talk": "nextcloud-talk",
    "twitch-chat": "twitch",
    "zl": "zalo",
    "zlu": "zalouser",
}
_FORBIDDEN_ACCOUNTS = frozenset({"__proto__", "prototype", "constructor"})
_PLAIN_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.IGNORECASE | re.ASCII)
_NO_ACCOUNT_CHARACTERS = re.compile(r"[^a-z0-9_-]+")


def fold_delivery(entry: _Object) -> _Object:
    """Give an entry with ``delivery`` instead of the legacy fields; the same object if it has none of them."""
    current = entry.get("delivery")
    settled = current if isinstance(current, dict) and _is_delivery(current) else None
    if settled is not None and not any(name in entry for name in LEGACY_FIELDS):
        return entry
    delivery = _migrated(entry)
    if settled is not None and _rank(settled) >= _rank(delivery):
        delivery = settled
    folded = {name: value for name, value in entry.items() if name not in LEGACY_FIELDS}
    folded["delivery"] = delivery
    chat_type = _member(entry.get("origin"), "chatType")
    if folded.get("chatType") is None and chat_type in _CHAT_TYPES:
        folded["chatType"] = chat_type
    return folded


def unfold_delivery(entry: _Object) -> _Object:
    """Spread ``delivery`` over the legacy fields; the same object if it does not say where replies go.

    ``internal`` does not tell which of the internal channels it was, so it cannot be undone.
    """
    delivery = entry.get("delivery")
    if not isinstance(delivery, dict) or delivery.get("kind") not in ("none", "external"):
        return entry
    rest = {name: value for name, value in entry.items() if name != "delivery"}
    if delivery["kind"] == "none":
        return rest
    context = delivery.get("context")
    last = {"channel": "lastChannel", "to": "lastTo", "accountId": "lastAccountId", "threadId": "lastThreadId"}
    spread = {name: _member(context, part) for part, name in last.items() if _member(context, part) is not None}
    if rest.get("chatType") in _CHAT_TYPES:
        spread["channel"] = _member(context, "channel")
    return {
        **rest,
        "route": delivery.get("route"),
        "deliveryContext": context,
        "origin": delivery.get("origin"),
        **spread,
    }


def _is_delivery(value: _Object) -> bool:
    if value.get("kind") in ("none", "internal"):
        return True
    parts = (value.get(name) for name in ("route", "context", "origin"))
    return value.get("kind") == "external" and all(isinstance(part, dict | list) for part in parts)


def _rank(delivery: _Object) -> int:
    """How much a delivery says: what the legacy fields say only ever replaces one that says less."""
    return ("none", "internal", "external").index(str(delivery["kind"]))


def _migrated(entry: _Object) -> _Object:
    """Make the delivery out of the legacy fields: the route counts most, then ``last*``, then the others."""
    route = _route_of(entry.get("route"))
    routed = _context_of_route(route)
    explicit = delivery_context(entry.get("deliveryContext"))
    last = _last_context(entry, explicit)
    by_channel = delivery_context({"channel": entry.get("channel")})
    fallback = _merge(last, _merge(explicit, _merge(by_channel, _origin_context(entry.get("origin")))))
    internal = None
    if _is_internal(routed):
        internal = _merge(routed, last)
    elif _is_internal(last):
        internal = last
    elif _is_internal(by_channel):
        internal = _merge(by_channel, last)
    if internal is not None and explicit is not None and _is_external(explicit):
        return _delivery(None, _external_over_internal(explicit, internal), entry.get("origin"))
    return _delivery(route, _merge(routed, fallback), entry.get("origin"))


def _last_context(entry: _Object, explicit: _Object | None) -> _Object | None:
    """Take the ``last*`` fields; those without a channel of their own count only if they lead somewhere."""
    last_channel = _channel_of(entry.get("lastChannel"))
    parts = {"to": entry.get("lastTo"), "accountId": entry.get("lastAccountId")}
    target = delivery_context({**parts, "threadId": entry.get("lastThreadId")}) or {}
    channel = last_channel
    if channel is None and target:
        stored = _channel_of(entry.get("channel"))
        channel = _channel_of(_member(entry.get("origin"), "provider")) if stored is None else stored
    last = delivery_context({**target, "channel": channel})
    if last is None or _is_internal(last) or _is_external(last):
        return last
    if "channel" in last and (last_channel is not None or last["channel"] == (explicit or {}).get("channel")):
        return last
    return None


def _delivery(route: _Object | None, context: _Object | None, origin: Json) -> _Object:
    """Close the state (``normalizeSessionDeliveryState``)."""
    routed = _context_of_route(route)
    from_origin = _origin_context(origin)
    if context is not None and _is_internal(routed) and _is_external(context):
        merged: _Object | None = _external_over_internal(context, _merge(routed, from_origin))
        route = None
    else:
        merged = _merge(routed, _merge(context, from_origin))
    if merged is None:
        return {"kind": "none"}
    if _is_internal(merged):
        return {"kind": "internal"}
    final = _route_with(route, merged)
    if final is None:
        return {"kind": "none"}
    filled = dict(origin) if isinstance(origin, dict) else {}
    target = final.get("target")
    defaults = {
        "provider": merged.get("channel"),
        "to": merged.get("to"),
        "accountId": merged.get("accountId"),
        "threadId": merged.get("threadId"),
        "chatType": _member(target, "chatType"),
    }
    for name, value in defaults.items():
        if filled.get(name) is None:
            filled[name] = value
            if value is None:
                del filled[name]
    return {"kind": "external", "route": final, "context": merged, "origin": filled}


def _route_with(route: _Object | None, context: _Object) -> _Object | None:
    """Complete a route with what the context knows (``mergeRouteMetadataWithDeliveryContext``)."""
    if route is None:
        return _route(context)
    target, thread = route.get("target"), route.get("thread")
    known = {
        "channel": route.get("channel"),
        "to": _member(target, "to"),
        "accountId": route.get("accountId"),
        "threadId": _member(thread, "id"),
    }
    return _route({**context, **{name: value for name, value in known.items() if value is not None}}, route)


def delivery_context(value: Json) -> _Object | None:
    """Normalize channel, to, accountId and threadId; None where there is none of them."""
    if not isinstance(value, dict):
        return None
    return _context_of_route(_route({**value, "channel": _channel_of(value.get("channel"))}))


def _origin_context(origin: Json) -> _Object | None:
    return delivery_context({**origin, "channel": origin.get("provider")}) if isinstance(origin, dict) else None


def _route_of(value: Json) -> _Object | None:
    """Normalize a stored route (``normalizeDeliveryChannelRoute``)."""
    if not isinstance(value, dict):
        return None
    target, thread = value.get("target"), value.get("thread")
    return _route({**value, "to": _member(target, "to"), "threadId": _member(thread, "id")}, value)


def _route(parts: _Object, details: _Object | None = None) -> _Object | None:
    """Build a route of the parts that say something (``normalizeChannelRouteRef``).

    ``details`` is the stored route whose spelling of the target and whose kinds are to be kept.
    """
    channel = (trimmed(parts.get("channel")) or "").lower()
    account = _account(parts.get("accountId"))
    to, thread = trimmed(parts.get("to")), _thread(parts.get("threadId"))
    if not channel and not to and not account and thread is None:
        return None
    route: _Object = {"channel": channel} if channel else {}
    if account:
        route["accountId"] = account
    old_target, old_thread = (details or {}).get("target"), (details or {}).get("thread")
    if to:
        raw = trimmed(_member(old_target, "rawTo"))
        spelling = {"rawTo": raw} if raw and raw != to else {}
        route["target"] = {"to": to, **spelling, **_kept(old_target, "chatType")}
    if thread is not None:
        route["thread"] = {"id": thread, **_kept(old_thread, "kind"), **_kept(old_thread, "source")}
    return route


def _context_of_route(route: _Object | None) -> _Object | None:
    if route is None:
        return None
    context: _Object = {name: value for name, value in route.items() if name in ("channel", "accountId")}
    channel = _channel_of(context.get("channel"))
    if channel is not None:
        context["channel"] = channel
    to, thread = _member(route.get("target"), "to"), _member(route.get("thread"), "id")
    if to is not None:
        context["to"] = to
    if thread is not None:
        context["threadId"] = thread
    return context


def _merge(primary: _Object | None, fallback: _Object | None) -> _Object | None:
    """Complete one context by another, unless they lead to different channels or accounts."""
    if primary is None or fallback is None:
        return fallback if primary is None else primary
    channels = _conflict(primary, fallback, "channel")
    accounts = _conflict(primary, fallback, "accountId")
    taken = {**primary}
    for name in ("channel", "to", "accountId", "threadId"):
        blocked = accounts if name == "channel" else channels or accounts
        if name not in primary and name in fallback and not blocked:
            taken[name] = fallback[name]
    return taken


def _conflict(primary: _Object, fallback: _Object, name: str) -> bool:
    return name in primary and name in fallback and primary[name] != fallback[name]


def _external_over_internal(external: _Object, internal: _Object | None) -> _Object:
    """Take the target of the one, and of the other only the account and thread that the first lacks."""
    rest = {name: value for name, value in (internal or {}).items() if name in ("accountId", "threadId")}
    return {**rest, **external}


def _is_internal(context: _Object | None) -> bool:
    return context is not None and context.get("channel") in _INTERNAL_CHANNELS


def _is_external(context: _Object) -> bool:
    return "channel" in context and not _is_internal(context) and "to" in context


def _channel_of(value: Json) -> str | None:
    name = (trimmed(value) or "").lower()
    return _CHANNEL_ALIASES.get(name, name) or None


def _account(value: Json) -> str | None:
    """Spell an account id as configurations do; None for a blank one, and for names that objects reserve."""
    name = trimmed(value)
    if name is None:
        return None
    account = name.lower()
    if not _PLAIN_ACCOUNT.fullmatch(name):
        account = _NO_ACCOUNT_CHARACTERS.sub("-", account).strip("-")[:64]
    return account if account and account not in _FORBIDDEN_ACCOUNTS else None


def _thread(value: Json) -> Json:
    if is_finite(value):
        return math.trunc(value)
    return trimmed(value)


def _kept(container: Json, name: str) -> _Object:
    value = _member(container, name)
    return {name: value} if is_truthy(value) else {}


def _member(container: Json, name: str) -> Json:
    return container.get(name) if isinstance(container, dict) else None
