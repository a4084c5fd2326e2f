"""A forecast names exactly what OpenClaw's own upgrade would do to an installation, and nothing that it would not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from migrator import commands
from migrator.findings.table import RULES
from migrator.model.words import Finding, Severity
from migrator.planning.forecast import effect, forecast
from tests.openclaw import upgrade_worlds
from tests.worlds import World, cache_row, entry, fresh_world, owner, raw_store

Unpack = Callable[[str], Path]
Part = Callable[[World], None]
UUID = "6ecd5a96-85a2-468f-ab88-016b393d9c9e"
NO_UUID = "9da009be-5e78-e508-26de-66c76376dc07"
EVERYWHERE = {"upgrade.hides-sessions", "upgrade.changes-entries"}
"""What an upgrade does to every legacy store."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.config(agents={"list": [{"id": "main"}, {"id": "work"}]})
    return world


def foreseen(world: World) -> dict[str, set[str]]:
    """What is foreseen beyond what always is: the last part of each subject, by code."""
    found: dict[str, set[str]] = {}
    for finding in forecast(commands.scan(world.request()).inventory):
        if finding.code not in EVERYWHERE:
            found.setdefault(finding.code, set()).add(finding.subject.text.rpartition("/")[2])
    return found


def lines(session_id: str, messages: int = 2) -> list[bytes]:
    made: list[Mapping[str, object]] = [{"type": "session", "version": 3, "id": session_id}]
    made += [{"type": "message", "id": f"e{n}", "message": {"role": "user", "content": "x"}} for n in range(messages)]
    return [json.dumps(one).encode() for one in made]


def transcript(world: World, name: str, content: list[bytes], agent: str = "main") -> None:
    folder = world.store_path(agent).parent
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"\n".join(content) + b"\n")


def test_a_sound_store_is_only_rewritten_and_not_listed_before(world: World) -> None:
    world.agent("main", {"agent:main:main": entry("s1", 5)})
    transcript(world, "s1.jsonl", lines("s1"))
    assert foreseen(world) == {}
    assert {finding.code for finding in forecast(commands.scan(world.request()).inventory)} == EVERYWHERE


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"a": "null"}, {"upgrade.blocks-null": {"agent:main:a"}}),
        ({"a": '"text"'}, {"upgrade.loses-entry": {"agent:main:a"}}),
        ({"a": '{"updatedAt": 5}'}, {"upgrade.loses-entry": {"agent:main:a"}}),
        ({"a": '{"sessionId": "../x", "updatedAt": 5}'}, {"upgrade.blocks-session-id": {"agent:main:a"}}),
        ({"a": '{"sessionId": "s", "acp": {}, "updatedAt": 5}'}, {"upgrade.blocks-acp": {"agent:main:a"}}),
        ({"a": '{"sessionId": "s"}'}, {"upgrade.changes-time": {"agent:main:a"}}),
        (
            {"a": '{"sessionId": "s", "updatedAt": 5, "n": 9007199254740993}'},
            {"upgrade.changes-numbers": {"agent:main:a"}},
        ),
        ({"a": '{"sessionId": "s", "updatedAt": 5, "owner": 1}'}, {"upgrade.changes-fields": {"agent:main:a"}}),
    ],
)
def test_what_an_entry_does_by_itself_is_named_by_its_key(
    world: World, entries: dict[str, str], expected: dict[str, set[str]]
) -> None:
    sound = {"agent:main:main": '{"sessionId": "s0", "updatedAt": 5}'}
    world.agent("main", raw_store(sound | {f"agent:main:{key}": text for key, text in entries.items()}))
    assert foreseen(world) == expected


def test_half_a_character_in_a_key_blocks_the_upgrade(world: World) -> None:
    world.agent("main", b'{"agent:main:\\ud83d": {"sessionId": "s", "updatedAt": 5}}')
    assert foreseen(world) == {"upgrade.blocks-key": {"agent:main:\ufffd"}}


def test_the_first_of_two_entries_with_one_key_is_dropped(world: World) -> None:
    world.agent("main", b'{"agent:main:a": {"sessionId": "s", "updatedAt": 5}, "agent:main:a": {"sessionId": "t"}}')
    assert foreseen(world) == {"upgrade.loses-duplicate": {"agent:main:a"}, "upgrade.changes-time": {"agent:main:a"}}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'// comment\n{"agent:main:a": {"sessionId": "s", "updatedAt": 5}}', {"upgrade.blocks-store": {"main"}}),
        (b'\xef\xbb\xbf{"agent:main:a": {"sessionId": "s", "updatedAt": 5}}', {"upgrade.blocks-store": {"main"}}),
        (b'{"agent:main:a": {"sessionId": "s", "updatedAt": 5}', {"upgrade.blocks-store": {"main"}}),
        (b"[]", {"upgrade.blocks-store": {"main"}}),
        (b"null", {"upgrade.blocks-store": {"main"}}),
        (b"", {"upgrade.blocks-store": {"main"}}),
        (b"{}", {}),
        (b'{main: {"sessionId": "s", "updatedAt": 5}}', {"upgrade.changes-store": {"main"}}),
        (b'{"agent:main:A": {"sessionId": "s", "updatedAt": 5}}', {"upgrade.changes-store": {"main"}}),
    ],
)
def test_a_store_is_read_if_it_is_strict_or_rewritten_first_for_its_keys(
    world: World, content: bytes, expected: dict[str, set[str]]
) -> None:
    world.agent("main", content)
    assert foreseen(world) == expected


def test_of_two_spellings_of_one_key_the_older_is_dropped(world: World) -> None:
    world.agent("work", {"agent:work:slack:channel:C1": entry("a", 5), "agent:work:slack:channel:c1": entry("b", 6)})
    world.agent("main", {"main": entry("c", 9), "agent:main:main": entry("d", 8)})
    assert foreseen(world) == {
        "upgrade.changes-store": {"main", "work"},
        "upgrade.loses-alias": {"agent:main:main", "agent:work:slack:channel:C1"},
    }


def test_of_twin_directories_the_sessions_with_the_same_keys_are_dropped(world: World) -> None:
    world.agent("Work", {"agent:work:main": entry("a", 5), "agent:work:x": entry("c", 1)})
    world.agent("work", {"agent:work:main": entry("b", 5)})
    assert foreseen(world) == {
        "upgrade.changes-directory": {"Work"},
        "upgrade.loses-twin": {"agent:work:main"},
    }
    [lost] = [one for one in forecast(commands.scan(world.request()).inventory) if one.code == "upgrade.loses-twin"]
    assert [other.text for other in lost.others] == ["agent:work:main"]


def test_an_agent_that_is_not_configured_is_never_listed(world: World) -> None:
    world.agent("gone", {"agent:gone:main": entry("s", 5)})
    world.agent("empty", {})
    assert foreseen(world) == {"upgrade.hides-agent": {"gone"}}


@pytest.mark.parametrize(
    ("content", "stranded"),
    [
        ([*lines("s"), b"broken"], None),
        ([*lines("s")[:2], b"broken", *lines("s")[2:]], 1),
        ([b"broken", *lines("s")], 3),
        ([*lines("s")[:2], b"\0\0" + lines("s")[2]], 1),
        ([*lines("s")[:2], lines("s")[2] + b"\0\0"], 1),
        ([*lines("s"), b"\0\0\0"], None),
        ([*lines("s"), b"broken", b"", b"also broken"], None),
        ([lines("s")[0], lines("s")[1].replace(b"x", b"\xff"), lines("s")[2]], 3),
        ([*lines("s")[:2], b"broken \xff", lines("s")[2]], 3),
    ],
)
def test_the_events_that_stay_behind_damage_are_counted(
    world: World, content: list[bytes], stranded: int | None
) -> None:
    world.agent("main", {"agent:main:main": entry("s", 5)})
    transcript(world, "s.jsonl", content)
    found = [one for one in forecast(commands.scan(world.request()).inventory) if one.code not in EVERYWHERE]
    assert [dict(one.facts)["count"] for one in found] == ([] if stranded is None else [stranded])
    assert {one.code for one in found} <= {"upgrade.loses-history"}


def test_a_last_line_without_its_end_costs_nothing_even_in_the_middle_of_a_character(world: World) -> None:
    world.agent("main", {"agent:main:main": entry("s", 5)})
    (world.store_path("main").parent / "s.jsonl").write_bytes(b"\n".join([*lines("s"), b'{"torn \xc3']))
    assert foreseen(world) == {}


@pytest.mark.parametrize(
    ("name", "session_id", "header", "lost"),
    [
        (f"{UUID}-topic-7.jsonl", UUID, UUID, False),  # 2026.9.6 knows the ids that OpenClaw makes
        (f"{NO_UUID}-topic-7.jsonl", NO_UUID, NO_UUID, True),
        ("thread-topic-7.jsonl", "thread", "thread", True),
        (f"{UUID}.jsonl", "other", UUID, False),
        ("plain.jsonl", "other", "plain", False),
        ("plain.jsonl", "other", "elsewhere", True),
    ],
)
def test_a_transcript_that_no_entry_points_to_needs_a_name_that_its_header_confirms(
    world: World, name: str, session_id: str, header: str, lost: bool
) -> None:
    world.agent("main", {"agent:main:main": entry(session_id, 5)})
    transcript(world, name, lines(header))
    assert foreseen(world) == {"upgrade.loses-transcript" if lost else "upgrade.loses-unclaimed": {name}}


def test_a_transcript_that_an_entry_points_to_is_imported_whatever_its_name(world: World) -> None:
    pointed = entry("thread", 5, sessionFile="/old/place/thread-topic-7.jsonl")
    world.agent("main", {"agent:main:main": pointed, "agent:main:x": entry("plain", 5)})
    transcript(world, "thread-topic-7.jsonl", lines("thread"))
    transcript(world, "plain.jsonl", lines("elsewhere"))
    assert foreseen(world) == {}


def test_the_history_of_an_entry_that_is_dropped_is_kept_by_the_newest_release_only(world: World) -> None:
    first = json.dumps(entry("first", 5))
    world.agent("main", f'{{"agent:main:a": {first}, "agent:main:a": {json.dumps(entry("second", 5))}}}')
    world.agent("work", {"agent:work:C": entry("older", 5), "agent:work:c": entry("newer", 6)})
    for agent, name in (("main", "first"), ("main", "second"), ("work", "older"), ("work", "newer")):
        transcript(world, f"{name}.jsonl", lines(name), agent)
    assert foreseen(world)["upgrade.loses-unclaimed"] == {"first.jsonl", "older.jsonl"}


def test_a_topic_beside_the_own_file_of_its_session_is_left_out(world: World) -> None:
    world.agent("main", {"agent:main:main": entry(UUID, 5)})
    transcript(world, f"{UUID}.jsonl", lines(UUID))
    transcript(world, f"{UUID}-topic-7.jsonl", lines(UUID, 3))
    assert foreseen(world) == {"upgrade.loses-transcript": {f"{UUID}-topic-7.jsonl"}}


def test_a_history_without_a_message_is_no_session(world: World) -> None:
    world.agent("main", {})
    transcript(world, "plain.jsonl", lines("plain", 0))
    assert foreseen(world) == {"upgrade.loses-transcript": {"plain.jsonl"}}


def test_nothing_is_foreseen_for_transcripts_beside_a_store_that_is_not_read(world: World) -> None:
    world.agent("main", b"[]")
    transcript(world, "thread-topic-7.jsonl", lines("thread"))
    assert foreseen(world) == {"upgrade.blocks-store": {"main"}}


def test_a_file_with_a_second_name_stops_the_upgrade(world: World) -> None:
    world.agent("main", {"agent:main:main": entry("s", 5)})
    transcript(world, "s.jsonl", lines("s"))
    for name in ("sessions.json", "s.jsonl"):
        (world.root / name).hardlink_to(world.store_path("main").parent / name)
    assert foreseen(world) == {"upgrade.blocks-hard-link": {"sessions.json", "s.jsonl"}}


def test_a_database_at_schema_1_is_refused_once(world: World) -> None:
    world.database("main", owner("main"), cache_row("agent:main:main", entry("s", 5)))
    assert foreseen(world) == {"upgrade.blocks-once": {"openclaw-agent.sqlite"}}


def test_after_apply_with_archiving_nothing_is_lost_or_blocked_but_the_first_attempt(world: World) -> None:
    world.agent("main", raw_store({"a": "null", "b": '{"sessionId": "x:y"}', "B": '{"sessionId": "s"}'}))
    transcript(world, "thread-topic-7.jsonl", [*lines("thread")[:1], b"broken", *lines("thread")[1:]])
    assert len(foreseen(world)) > 5
    assert commands.apply(world.request(), None, yes=True, archive=True).exit_code == 15
    assert foreseen(world) == {"upgrade.blocks-once": {"openclaw-agent.sqlite"}}


def codes(state: Path) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in forecast(commands.scan(World(state.parent).request(state_dir=str(state))).inventory):
        found.setdefault(finding.code, []).append(finding)
    return found


@pytest.mark.parametrize("name", ["legacy-2026.6.1", "legacy-2026.7.1"])
def test_what_a_real_release_wrote_is_only_moved_hidden_and_rewritten(unpack: Unpack, name: str) -> None:
    found = codes(unpack(name))
    assert {code: len(findings) for code, findings in found.items()} == {
        "upgrade.hides-sessions": 3,
        "upgrade.hides-agent": 1,
        "upgrade.changes-entries": 3,
        "upgrade.changes-directory": 1,
    }


@pytest.mark.parametrize(
    ("name", "code", "things"),
    [
        ("defect-stale-store", "upgrade.loses-newer", 2),
        ("defect-malformed-line", "upgrade.loses-history", 1),
        ("defect-both-spellings", "upgrade.loses-twin", 3),
        ("defect-topic-transcript", "upgrade.loses-transcript", 1),
        ("defect-no-session-id", "upgrade.loses-entry", 1),
    ],
)
def test_each_defect_is_foreseen_and_no_other_loss(unpack: Unpack, name: str, code: str, things: int) -> None:
    found = codes(unpack(name) / "before")
    harmful = {one: len(findings) for one, findings in found.items() if effect(one) in ("loses", "blocks")}
    assert harmful == {code: things}


def test_a_database_of_2026_7_1_is_foreseen_to_be_refused_once(unpack: Unpack) -> None:
    assert len(codes(unpack("legacy-2026.7.1-with-database"))["upgrade.blocks-once"]) == 1


@pytest.mark.parametrize("name", ["upgraded-2026.6.1-to-2026.9.6", "upgraded-rich-to-2026.9.6/after"])
def test_an_upgraded_installation_has_nothing_left_to_lose(unpack: Unpack, name: str) -> None:
    folder, _, inner = name.partition("/")
    assert {code for code in codes(unpack(folder) / inner) if effect(code) in ("loses", "blocks", "changes")} == set()


@cache
def of_parts(*parts: Part) -> set[tuple[str, str]]:
    """What is foreseen for a world of these parts: codes and subjects."""
    with fresh_world() as world:
        upgrade_worlds.make(world, *parts)
        found = forecast(commands.scan(world.request()).inventory)
        return {(finding.code, finding.subject.text.removeprefix(str(world.state))) for finding in found}


@settings(max_examples=15, deadline=None)
@given(st.sets(st.sampled_from([*upgrade_worlds.LOSSES, *upgrade_worlds.BLOCKS]), min_size=2))
def test_what_is_foreseen_for_one_agent_does_not_depend_on_the_others(parts: set[Part]) -> None:
    assert of_parts(*parts) == set().union(*map(of_parts, parts))


def test_no_forecast_decides_an_exit_code() -> None:
    own = {code: rule for code, rule in RULES.items() if code.startswith(("upgrade.", "host."))}
    assert {rule.severity for rule in own.values()} == {Severity.NOTE, Severity.WARNING}
    assert {effect(code) for code in own} == {"loses", "blocks", "hides", "changes", "host"}


@pytest.mark.parametrize("name", ["defect-shared-store", "defect-templated-store"])
def test_histories_that_do_not_lie_beside_a_configured_store_are_foreseen_to_be_hidden(
    unpack: Unpack, tmp_path: Path, name: str
) -> None:
    report = commands.scan(World(tmp_path).request(state_dir=str(unpack(name))))
    found = [one for one in report.forecast if one.code == "upgrade.hides-histories"]
    assert [(one.subject.text, dict(one.facts)) for one in found] == [("main", {"count": 10}), ("work", {"count": 10})]


def test_ten_times_as_many_histories_take_no_hundred_times_as_long(tmp_path: Path) -> None:
    """In CPU seconds, as what grows too fast here calls nothing that could be counted."""
    world = World(tmp_path)
    world.agent("main", {"agent:main:1": entry("s-1", 5)})
    (world.store_path("main").parent / "s-1.jsonl").write_text('{"type":"session","id":"s-1"}\n')
    inventory = commands.scan(world.request()).inventory
    [store], [transcript] = inventory.stores, inventory.transcripts
    [only] = store.entries

    def seconds(count: int) -> float:
        ids = [f"s-{number}" for number in range(count)]
        entries = [structs.replace(only, key=f"agent:main:{one}", session_id=one) for one in ids]
        files = [replace(transcript, path=transcript.path.replace("s-1", one)) for one in ids]
        many = replace(inventory, stores=(replace(store, entries=tuple(entries)),), transcripts=tuple(files))
        begun = time.process_time()
        forecast(many)
        return time.process_time() - begun

    assert seconds(10_000) < 30 * min(seconds(1000), seconds(1000)) + 0.1
