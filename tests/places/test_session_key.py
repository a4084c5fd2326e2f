"""The grammar of session keys, and what OpenClaw's migration makes of them."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.openclaw.places.session_key import (
    SessionKey,
    canonical_key,
    database_key,
    fold_case,
    normalize_main_key,
    parse_session_key,
    resolvable,
)

PER_SENDER = "per-sender"


@pytest.mark.parametrize(
    ("key", "folded"),
    [
        (" Agent:Work:Slack:Channel:C1 ", "agent:work:slack:channel:c1"),
        ("agent:W:SIGNAL:Group:AbC=:Thread:T1", "agent:w:signal:group:AbC=:thread:t1"),
        ("signal:group:  AbC  :X", "signal:group:AbC:x"),
        ("signal:group:   :X", "signal:group::x"),
        ("xsignal:group:AbC", "xsignal:group:abc"),
        ("Agent:W:Matrix:Channel:!Room:Srv.Org", "agent:w:matrix:channel:!Room:Srv.Org"),
        ("agent:W:matrix:group:!Room:S:THREAD:$Ev", "agent:w:matrix:group:!Room:S:thread:$Ev"),
        ("matrix:group:!R:thread:A:Thread:B", "matrix:group:!R:thread:A:thread:B"),
        ("Agent:W:Agent:X::Matrix:Group:!R", "agent:w:agent:x::matrix:group:!R"),
        ("agent:w:Foo:matrix:group:!R", "agent:w:foo:matrix:group:!r"),
        ("matrix:direct:@Bob:Srv", "matrix:direct:@bob:srv"),
        ("matrix:group:", "matrix:group:"),
        ("matrix:group: :thread:A", "matrix:group: :thread:A"),
        ("agent:w:İ:\u212a", "agent:w:i̇:k"),
        ("\ufeff \u00a0", ""),
    ],
)
def test_case_counts_only_in_signal_groups_and_matrix_rooms(key: str, folded: str) -> None:
    assert fold_case(key) == folded


@pytest.mark.parametrize(
    ("key", "agent", "rest"),
    [
        ("agent:work:main", "work", "main"),
        ("AGENT:Work:Telegram:Group:-1:Topic:2", "work", "telegram:group:-1:topic:2"),
        ("agent: a b :x", "a b", "x"),
        ("agent:work:x::y:", "work", "x::y:"),
        ("agent:_under:agent:_under:main", "_under", "agent:_under:main"),
        ("agent:work:", None, "agent:work:"),
        ("agent:work", None, "agent:work"),
        ("agent:work::x", None, "agent:work::x"),
        ("agent::x", None, "agent::x"),
        ("agent: :x", None, "agent: :x"),
        ("Global", None, "global"),
        ("subagent:1", None, "subagent:1"),
        ("agents:work:x", None, "agents:work:x"),
        ("", None, ""),
    ],
)
def test_a_key_is_split_into_agent_and_rest(key: str, agent: str | None, rest: str) -> None:
    assert parse_session_key(key) == SessionKey(agent, rest)


# (key, agent of the store, session.mainKey, session.scope) and what doctor --fix of 2026.9.6 makes of it.
CANONICAL = [
    # seen in runs
    ("", "work", "main", PER_SENDER, "agent:work:main"),
    ("group:123@g.us", "work", "main", PER_SENDER, "agent:work:unknown:group:123@g.us"),
    ("agent:work:", "work", "main", PER_SENDER, "agent:work:agent:work:"),
    ("agent:work:main", "work", "home", PER_SENDER, "agent:work:home"),
    ("agent:other:main", "work", "home", PER_SENDER, "agent:other:home"),
    ("Slack:channel:C1", "work", "home", PER_SENDER, "agent:work:slack:channel:c1"),
    ("agent:work:X", "work", "home", PER_SENDER, "agent:work:x"),
    ("agent:_under:z", "work", "home", PER_SENDER, "agent:work:agent:_under:z"),
    ("signal:group:AbC", "work", "home", PER_SENDER, "agent:work:signal:group:AbC"),
    ("agent:_under:main", "_under", "main", PER_SENDER, "agent:_under:agent:_under:main"),
    # the rule
    (" pad ", "work", "main", PER_SENDER, "agent:work:pad"),
    ("__proto__", "work", "main", PER_SENDER, "agent:work:__proto__"),
    ("GLOBAL", "work", "main", PER_SENDER, "global"),
    (" Unknown", "work", "main", "global", "unknown"),
    ("main", "work", "main", PER_SENDER, "agent:work:main"),
    ("Main", "Retired Agent", "main", PER_SENDER, "agent:retired-agent:main"),
    ("home", "work", " Home ", PER_SENDER, "agent:work:home"),
    ("home", "work", "main", PER_SENDER, "agent:work:home"),
    ("agent:main:main", "work", "main", PER_SENDER, "agent:work:main"),
    ("agent:MAIN:home", "work", "home", PER_SENDER, "agent:work:home"),
    ("agent:main:other", "work", "main", PER_SENDER, "agent:main:other"),
    ("agent:main:main", "main", "main", PER_SENDER, "agent:main:main"),
    ("agent:other:Slack:C", "work", "main", PER_SENDER, "agent:other:slack:c"),
    ("main", "work", "main", "global", "global"),
    ("agent:work:main", "work", "home", "global", "global"),
    ("agent:other:main", "work", "main", "global", "global"),
    ("", "work", "main", "global", "agent:work:main"),
    ("Subagent:AB:Signal:group:C", "work", "main", PER_SENDER, "agent:work:subagent:ab:signal:group:c"),
    ("channel:C1", "work", "main", PER_SENDER, "agent:work:unknown:channel:c1"),
    ("Matrix:Channel:!Room:S", "work", "main", PER_SENDER, "agent:work:matrix:channel:!Room:S"),
    ("telegram:group:-1:topic:2", "work", "main", PER_SENDER, "agent:work:telegram:group:-1:topic:2"),
    ("agent:work", "work", "main", PER_SENDER, "agent:work:agent:work"),
    ("agent:A B:x", "work", "main", PER_SENDER, "agent:work:agent:a b:x"),
    (":x", "work", "main", PER_SENDER, "agent:work::x"),
    ("::matrix:group:!R", "work", "main", PER_SENDER, "agent:work:::matrix:group:!r"),
]


@pytest.mark.parametrize(("key", "agent", "main_key", "scope", "canonical"), CANONICAL)
def test_a_key_of_a_store_becomes_what_openclaw_makes_of_it(
    key: str, agent: str, main_key: str, scope: str, canonical: str
) -> None:
    assert canonical_key(key, agent, main_key, scope) == canonical


@pytest.mark.parametrize(
    ("key", "agent", "main_key", "scope", "configured", "canonical"),
    [
        ("", "work", "home", PER_SENDER, True, "agent:work:home"),
        (" Global ", "work", "main", PER_SENDER, True, "global"),
        ("group:1", "work", "main", PER_SENDER, True, "agent:work:group:1"),
        ("Main", "work", "main", PER_SENDER, True, "agent:work:main"),
        ("Main", "work", "home", "global", True, "global"),
        ("agent:work:", "work", "main", PER_SENDER, True, "agent:work:"),
        (":x", "work", "main", PER_SENDER, True, "agent:work::x"),
        ("agent:_under:main", "_under", "main", PER_SENDER, True, "agent:_under:main"),
        ("agent:_under:main", "work", "home", PER_SENDER, True, "agent:_under:home"),
        ("agent:Odd Id:Main", "work", "home", PER_SENDER, True, "agent:odd id:main"),
        ("agent:Odd Id:X", "work", "main", PER_SENDER, True, "agent:odd id:x"),
        ("agent:main:main", "work", "main", PER_SENDER, True, "agent:main:main"),
        ("agent:main:main", "work", "main", PER_SENDER, False, "agent:work:main"),
        ("agent:main:home", "work", "home", PER_SENDER, False, "agent:work:home"),
        ("agent:main:x", "work", "main", PER_SENDER, False, "agent:main:x"),
        ("agent:other:main", "work", "home", PER_SENDER, False, "agent:other:home"),
    ],
)
def test_a_key_of_a_database_row_goes_through_the_second_pass_only(
    key: str, agent: str, main_key: str, scope: str, configured: bool, canonical: str
) -> None:
    assert database_key(key, agent, main_key, scope, main_is_configured=configured) == canonical


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("agent:work:main", True),
        ("main", True),
        ("global", True),
        ("__proto__", True),
        ("AGENT:Work:x", True),
        ("agent:odd id:x", True),
        ("agent:work:agent:work:", True),
        ("", False),
        (" \ufeff", False),
        ("agent:work:", False),
        ("agent:work: ", False),
        ("Agent:Work", False),
        ("agent:", False),
        ("agent::x", False),
        ("agent:work::x", False),
        (":x", False),
    ],
)
def test_only_a_key_that_leads_to_an_agent_is_resolvable(key: str, answer: bool) -> None:
    assert resolvable(key) is answer


def test_a_blank_main_key_is_main() -> None:
    assert [normalize_main_key(text) for text in ("", " \ufeff", "Home ")] == ["main", "main", "home"]


PIECES = "agent Agent main Work other _under : : :: group channel Matrix signal !Room thread subagent GLOBAL C1"
KEYS = st.lists(st.sampled_from([*PIECES.split(), " ", "\u0130", "\U0001f99e", "\u00a0"]), max_size=9).map("".join)
AGENTS = st.sampled_from(["work", "main", "Retired Agent"])
MAIN_KEYS = st.sampled_from(["main", "work", "Home"])
SCOPES = st.sampled_from([PER_SENDER, "global"])


@given(KEYS, AGENTS, MAIN_KEYS, SCOPES)
def test_a_resolvable_key_ends_as_a_key_of_one_agent_or_as_a_shared_one(
    key: str, agent: str, main_key: str, scope: str
) -> None:
    if resolvable(key):
        for canonical in (
            canonical_key(key, agent, main_key, scope),
            database_key(key, agent, main_key, scope),
        ):
            assert canonical in ("global", "unknown") or parse_session_key(canonical).agent is not None
            assert resolvable(canonical)


@given(KEYS, AGENTS, MAIN_KEYS, SCOPES)
def test_an_unresolvable_row_stays_unresolvable_unless_it_is_blank(
    key: str, agent: str, main_key: str, scope: str
) -> None:
    if fold_case(key) and not resolvable(key):
        assert not resolvable(database_key(key, agent, main_key, scope))


@given(KEYS, AGENTS, MAIN_KEYS, SCOPES)
def test_the_migration_leaves_its_own_keys_alone(key: str, agent: str, main_key: str, scope: str) -> None:
    once = canonical_key(key, agent, main_key, scope)
    # 2026.9.6 gives a blank key to the agent's main session even where the scope is global.
    if resolvable(once) and fold_case(key):
        assert database_key(once, agent, main_key, scope) == once


_PLAIN_KEYS = st.from_regex(r"\A(agent:(main|work|a_b-c|x{63,65}|_x|W):)(main|home|:x|[ -~]{1,12}|telegram:[0-9]{3})\Z")


@given(KEYS | _PLAIN_KEYS, AGENTS, MAIN_KEYS | st.just("home"), SCOPES, st.booleans())
def test_the_quick_answer_is_that_of_the_full_rules(
    key: str, agent: str, main_key: str, scope: str, configured: bool
) -> None:
    def answers() -> tuple[str, str]:
        row = database_key(key, agent, main_key, scope, main_is_configured=configured)
        return canonical_key(key, agent, main_key, scope), row

    quick = answers()
    with patch("migrator.openclaw.places.session_key._is_canonical", return_value=False):
        assert answers() == quick
