"""What arrives in a database is what the source says, byte for byte; checked without the program's own readers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator import commands
from migrator.model.report import ApplyReport
from migrator.model.verification import Verdict
from tests.worlds import World, cache, count, entry, fresh_world, raw_store, scalar, spans, store_bytes, typed, verdicts

AGENTS = ["Retired Agent", "main", "ops-team"]


def apply(world: World) -> ApplyReport:
    return commands.apply(world.request(), None, yes=True)


@pytest.mark.parametrize("release", ["legacy-2026.6.1", "legacy-2026.7.1", "legacy-2026.7.1-with-database"])
def test_every_session_of_a_real_installation_arrives_in_both_shapes_byte_for_byte(
    unpack: Callable[[str], Path], release: str
) -> None:
    state = unpack(release)
    world = World(state.parent)
    report = commands.apply(world.request(state_dir=str(state)), None, yes=True)
    assert (report.exit_code, report.word) == (0, "proved")
    assert sorted(path.name for path in (state / "agents").iterdir()) == AGENTS
    total = 0
    for agent in AGENTS:
        folder = state / "agents" / agent
        source = (folder / "sessions" / "sessions.json").read_bytes()
        database = folder / "agent" / "openclaw-agent.sqlite"
        expected = spans(source)
        assert json.loads(source).keys() == expected.keys()
        assert cache(database) == expected
        assert typed(database) == expected
        total += len(expected)
    assert total == 16


ODD_ENTRIES = {
    "big": '{"sessionId":"s1","n":123456789012345678901234567890,"m":9007199254740993}',
    "spelling": '{"sessionId":"s2","a":1.0,"b":1,"c":-0.0,"d":-0,"e":1E3,"f":1e+03,"g":0.10,"h":1e400}',
    "surrogates": '{"sessionId":"s3","high":"\\ud800","low":"x\\udc00y","pair":"\\ud83e\\udd9e","\\ud801":1}',
    "nul": '{"sessionId":"s4","text":"a\\u0000b","\\u0000":2}',
    "": '{"sessionId":"s5","":{"":""}}',
    "__proto__": '{"sessionId":"s6","__proto__":{"polluted":true},"constructor":{"prototype":1}}',
    "nested": '{"sessionId":"s7","deep":' + "[" * 899 + "]" * 899 + "}",
    "order": '{"z":1,"a":2,"10":3,"9":4,"sessionId":"s8"}',
    "twice": '{"a":1,"a":2,"sessionId":"s9","sessionId":"s10"}',
    "layout": '{ "sessionId" :\t"s11" ,\r\n\n "empty" : [ ] , "o":{ } }',
    "escapes": '{"sessionId":"s12","s":"\\/\\u00e9\\b\\f\\"","raw":"é🦞\u2028\u007f"}',
    "a\0b": '{"sessionId":"s13"}',
    " padded key ": '{"sessionId":"s14"}',
    "no id": '{"updatedAt":5}',
    "bare": "{}",
}


def test_values_that_other_tools_spoil_arrive_byte_for_byte(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", raw_store(ODD_ENTRIES))
    report = apply(world)
    expected = {key: text.encode() for key, text in ODD_ENTRIES.items()}
    assert report.exit_code == 0
    assert cache(world.database_path("main")) == expected
    found = typed(world.database_path("main"))
    assert found.pop("agent:main:recovered:s5").startswith(b'{"sessionId":"s5","":{"":""}')  # no release resolves ""
    del expected["no id"], expected["bare"], expected[""]
    assert found == expected


def test_an_entry_without_a_usable_session_id_becomes_a_cache_row_with_a_finding(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"none": entry(), "bad": entry("../../evil", 5), "good": entry("s1", 6)})
    report = apply(world)
    assert report.exit_code == 0
    assert cache(world.database_path("main")).keys() == {"none", "bad", "good"}
    assert typed(world.database_path("main")).keys() == {"good"}
    found = {finding.subject.text for finding in report.findings if finding.code == "entry.no-session-id"}
    assert found == {"none", "bad"}


JSON5 = """\ufeff// a comment
{
  /* one entry as OpenClaw writes it */
  "strict": {"sessionId": "s1", "n": 1.0, "note": "// no comment"},
  'single': {sessionId: 's2', 'hex': 0xFF, plus: +5, half: .5,},
  bare_key: {"sessionId": "s3", "long": "one \\
line", "list": [1, 2,],},
  "odd": {"sessionId": "s4", "inf": Infinity, "nan": NaN},
  "strict too": {"sessionId": "s5", "big": 12345678901234567890},
}
"""


def test_json5_entries_arrive_and_only_they_are_normalized(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", JSON5)
    report = apply(world)
    stored = cache(world.database_path("main"))
    assert stored["strict"] == b'{"sessionId": "s1", "n": 1.0, "note": "// no comment"}'
    assert stored["strict too"] == b'{"sessionId": "s5", "big": 12345678901234567890}'
    assert json.loads(stored["single"]) == {"sessionId": "s2", "hex": 255, "plus": 5, "half": 0.5}
    assert json.loads(stored["bare_key"]) == {"sessionId": "s3", "long": "one line", "list": [1, 2]}
    assert json.loads(stored["odd"]) == {"sessionId": "s4", "inf": None, "nan": None}
    assert typed(world.database_path("main")) == stored
    assert report.exit_code == 0
    assert count(report, Verdict.SAME) == 2
    assert {verdict.session.text: verdict.transforms for verdict in verdicts(report)} == {
        "single": ("json5-to-json",),
        "bare_key": ("json5-to-json",),
        "odd": ("json5-to-json", "nonfinite-to-null"),
    }


def test_resolved_skills_are_dropped_by_name_and_nothing_else(tmp_path: Path) -> None:
    world = World(tmp_path)
    text = '{"sessionId":"s1", "skillsSnapshot":{"version":1.0,  "resolvedSkills":[{"a":1}], "z":[ ]}, "x":1E3}'
    world.agent("main", raw_store({"k": text}))
    report = apply(world)
    expected = text.replace(',  "resolvedSkills":[{"a":1}]', "").encode()
    assert cache(world.database_path("main")) == {"k": expected}
    assert typed(world.database_path("main")) == {"k": expected}
    assert report.exit_code == 0
    [verdict] = verdicts(report)
    assert (verdict.verdict, verdict.transforms) == (Verdict.TRANSFORMED, ("drop-resolved-skills",))


def test_a_lone_surrogate_in_a_key_is_replaced_and_said_so(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", raw_store({"a\ud800b": '{"sessionId":"s1"}', "plain": '{"sessionId":"s2"}'}))
    report = apply(world)
    assert cache(world.database_path("main")) == {"a\ufffdb": b'{"sessionId":"s1"}', "plain": b'{"sessionId":"s2"}'}
    assert report.exit_code == 0
    [verdict] = verdicts(report)
    assert verdict.verdict is Verdict.TRANSFORMED
    assert verdict.transforms == ("key-surrogates-replaced",)


def test_bytes_that_are_no_utf8_are_replaced_and_said_so(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", b'{"k": {"sessionId":"s1","label":"caf\xe9"}}')
    report = apply(world)
    assert cache(world.database_path("main")) == {"k": '{"sessionId":"s1","label":"caf\ufffd"}'.encode()}
    [verdict] = verdicts(report)
    assert (verdict.verdict, verdict.transforms) == (Verdict.TRANSFORMED, ("utf8-replaced",))


def test_columns_say_what_the_entry_says(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 1779000000000, sessionStartedAt=1778000000000, status="done")})
    apply(world)
    database = world.database_path("main")
    assert scalar(database, "SELECT updated_at FROM cache_entries") == 1779000000000
    assert scalar(database, "SELECT updated_at FROM session_entries") == 1779000000000
    assert scalar(database, "SELECT status FROM session_entries") == b"done"
    assert scalar(database, "SELECT session_id FROM session_entries") == b"s1"
    assert scalar(database, "SELECT session_key FROM sessions WHERE session_id = 's1'") == b"k"
    assert scalar(database, "SELECT created_at FROM sessions") == 1778000000000
    assert scalar(database, "SELECT session_entry_provenance FROM sessions") == 1
    assert scalar(database, "SELECT session_id FROM session_routes WHERE session_key = 'k'") == b"s1"


@pytest.mark.parametrize("order", [["old", "new", "tie"], ["new", "tie", "old"], ["tie", "old", "new"]])
def test_keys_that_share_a_session_id_share_one_row_that_the_newest_owns(tmp_path: Path, order: list[str]) -> None:
    world = World(tmp_path)
    times = {"old": 1, "new": 9, "tie": 9}
    world.agent("main", {key: entry("shared", times[key]) for key in order})
    report = apply(world)
    database = world.database_path("main")
    assert report.exit_code == 0
    assert typed(database).keys() == {"old", "new", "tie"}
    assert scalar(database, "SELECT count(*) FROM sessions") == 1
    assert scalar(database, "SELECT session_key FROM sessions") == b"new"
    shared = {finding.subject.text for finding in report.findings if finding.code == "entry.shared-session-id"}
    assert shared == {"old", "tie"}


def test_a_database_has_the_version_the_owner_and_the_form_that_every_release_reads(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("Retired Agent", {"k": entry("s1", 5)})
    apply(world)
    database = world.database_path("Retired Agent")
    assert scalar(database, "PRAGMA user_version") == 1
    assert scalar(database, "PRAGMA integrity_check") == b"ok"
    assert scalar(database, "SELECT agent_id FROM schema_meta WHERE meta_key = 'primary'") == b"retired-agent"
    assert scalar(database, "SELECT role FROM schema_meta WHERE meta_key = 'primary'") == b"agent"
    assert [path.name for path in database.parent.iterdir()] == [database.name]
    assert database.stat().st_mode & 0o7777 == 0o600
    assert database.parent.stat().st_mode & 0o7777 == 0o700


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
STORES = st.dictionaries(
    st.text(max_size=8), st.dictionaries(st.sampled_from(["sessionId", "updatedAt", "x", ""]), VALUES), max_size=6
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STORES)
def test_any_store_arrives_byte_for_byte(store: dict[str, object]) -> None:
    with fresh_world() as world:
        content = store_bytes(store)
        world.agent("main", content)
        assert apply(world).exit_code == 0
        if store:
            assert cache(world.database_path("main")) == spans(content)
