"""What cannot be migrated is kept byte for byte, with its place and its reason; a repair is all that is left to do."""

from __future__ import annotations

import os
import stat
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator import commands
from migrator.model.conclusions import OUTCOMES
from migrator.model.errors import ChangedError
from migrator.model.plan import Reject
from migrator.runs.quarantine import preserve, quarantined_spans
from tests.worlds import World, cache, entry, fresh_world, quarantined

DATA = b"0123456789"


def reject(span: str, offset: int = 0, length: int = 1, key: str | None = None) -> Reject:
    return Reject("/source", span, offset, length, "entry.not-json", key, preserved=False)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir(mode=0o700)
    return tmp_path / "run"


def test_what_is_quarantined_is_kept_byte_for_byte_and_found_again(run: Path) -> None:
    assert quarantined_spans(run.parent) == frozenset()
    preserve(run, "/source", BytesIO(DATA), [reject("a", 2, 3, "key"), reject("b", 0, 0), reject("c", 9, 1)])
    preserve(run, "/other", BytesIO(b"xyz"), [reject("d", 1, 2)])
    found = quarantined(run)
    assert [raw for _, raw in found] == [b"234", b"", b"9", b"yz"]
    assert [(one["source"], one["offset"], one["length"], one["reason"], one["key"]) for one, _ in found] == [
        ("/source", 2, 3, "entry.not-json", "key"),
        ("/source", 0, 0, "entry.not-json", None),
        ("/source", 9, 1, "entry.not-json", None),
        ("/other", 1, 2, "entry.not-json", None),
    ]
    assert mode(run / "quarantine") == 0o700
    assert {mode(path) for path in (run / "quarantine").iterdir()} == {0o600}
    assert quarantined_spans(run.parent) == {"a", "b", "c", "d"}


def test_the_quarantines_of_all_runs_count(run: Path) -> None:
    for name in ("run", "run2", "run3"):
        (run.parent / name).mkdir(exist_ok=True)
        preserve(run.parent / name, "/source", BytesIO(DATA), [reject(name)])
    assert quarantined_spans(run.parent) == {"run", "run2", "run3"}


def test_an_index_that_a_kill_has_torn_is_read_as_far_as_it_goes(run: Path) -> None:
    preserve(run, "/source", BytesIO(DATA), [reject("a")])
    index = run / "quarantine" / "index.jsonl"
    torn = b'\xff\n[1]\n{"span": 5}\n{"span": "b", "file": "000000.raw", "length": "x"}\n{"span": "c", "fi'
    index.write_bytes(index.read_bytes() + torn)
    assert quarantined_spans(run.parent) == {"a"}


def test_an_index_that_is_very_deep_or_a_pipe_stops_nothing(run: Path) -> None:
    preserve(run, "/source", BytesIO(DATA), [reject("a")])
    index = run / "quarantine" / "index.jsonl"
    index.write_bytes(b"[" * 200_000 + b"\n" + index.read_bytes())
    (run.parent / "run2" / "quarantine").mkdir(parents=True)
    os.mkfifo(run.parent / "run2" / "quarantine" / "index.jsonl")
    assert quarantined_spans(run.parent) == {"a"}


def test_very_many_spans_are_all_in_the_index(run: Path) -> None:
    preserve(run, "/source", BytesIO(DATA), [reject(str(number)) for number in range(2500)])
    assert len(quarantined_spans(run.parent)) == 2500


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_what_has_lost_its_bytes_is_not_preserved(run: Path, damage: str) -> None:
    preserve(run, "/source", BytesIO(DATA), [reject("a", 0, 4), reject("b", 4, 4)])
    raw = run / "quarantine" / "000000.raw"
    if damage == "gone":
        raw.unlink()
    else:
        raw.write_bytes(b"0123456")
    assert quarantined_spans(run.parent) == ({"a"} if damage == "cut" else frozenset())


def test_a_source_that_became_too_short_leaves_no_line_behind(run: Path) -> None:
    with pytest.raises(ChangedError):
        preserve(run, "/source", BytesIO(DATA), [reject("a", 0, 2), reject("b", 8, 9)])
    assert quarantined_spans(run.parent) == frozenset()


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=50), st.data())
def test_any_spans_of_any_bytes_are_found_again(data: bytes, draw: st.DataObject) -> None:
    places = [
        (offset, draw.draw(st.integers(0, len(data) - offset)))
        for offset in draw.draw(st.lists(st.integers(0, len(data)), min_size=1, max_size=5))
    ]
    with fresh_world() as world:
        world.root.joinpath("run").mkdir()
        spans = [reject(str(number), *place) for number, place in enumerate(places)]
        preserve(world.root / "run", "/source", BytesIO(data), spans)
        assert [raw for _, raw in quarantined(world.root / "run")] == [data[at : at + size] for at, size in places]
        assert quarantined_spans(world.root) == {span.span for span in spans}


BROKEN = b'{\n  "a": {"sessionId": "s1"},\n  "b": {"sessionId": s2},\n  "c": null\n}'


def test_an_apply_after_a_repair_picks_up_just_what_was_repaired(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", BROKEN)
    world.agent("other", {"k": entry("s9", 5)})
    assert commands.apply(world.request(), None, yes=True).exit_code == 15
    other = world.database_path("other").read_bytes()
    world.agent("main", BROKEN.replace(b"s2}", b'"s2"}'))
    plan = commands.plan(world.request()).plan
    assert plan is not None
    written = [d.key for planned in plan.databases for d in planned.decisions if d.write_cache or d.write_typed]
    assert written == ["b"]
    report = commands.apply(world.request(), None, yes=True)
    assert report.exit_code == 15  # the repaired file is another one, so what is still bad in it is kept with it
    assert [(outcome.path, outcome.rows_written) for outcome in report.outcomes] == [
        (str(world.database_path("main")), 1)
    ]
    assert cache(world.database_path("main")) == {"a": b'{"sessionId": "s1"}', "b": b'{"sessionId": "s2"}'}
    assert world.database_path("other").read_bytes() == other
    assert commands.apply(world.request(), None, yes=True).word == "already-migrated"


def test_many_pieces_of_one_source_take_one_file(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {str(number): None for number in range(3000)})
    assert commands.apply(world.request(), None, yes=True).exit_code == 15
    [run] = world.runs()
    assert [raw for _, raw in quarantined(run)] == [b"null"] * 3000
    assert len(list((run / "quarantine").iterdir())) == 2


def test_no_command_says_that_nothing_is_left_to_do_while_something_is_in_quarantine_only(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", b"\x93garbage" * 9)
    world.agent("other", {"k": entry("s9", 5)})
    apply = commands.apply(world.request(), None, yes=True)
    again = commands.apply(world.request(), None, yes=True)
    verify = commands.verify(world.request())
    assert [(report.word, report.exit_code) for report in (apply, again, verify)] == [
        ("quarantined", 15),
        ("already-migrated", 0),
        ("proved", 0),
    ]
    assert {report.next_step for report in (apply, again, verify)} == {OUTCOMES["quarantined"].remedy}


@pytest.mark.parametrize("then", ["overwritten", "gone"])
def test_what_only_a_quarantine_has_is_named_when_its_source_is_another_one_by_now(tmp_path: Path, then: str) -> None:
    world = World(tmp_path)
    world.agent("main", BROKEN)
    world.agent("other", {"k": entry("s9", 5)})
    assert commands.apply(world.request(), None, yes=True).exit_code == 15
    assert named(commands.verify(world.request())) == []
    if then == "gone":
        world.store_path("main").unlink()
    else:
        world.agent("main", "{}")
    [run] = world.runs()
    for report in (commands.verify(world.request()), commands.scan(world.request())):
        assert named(report) == [(str(run), 2)]


def named(report: commands.Report) -> list[tuple[str, float]]:
    return [
        (finding.subject.text, dict(finding.facts)["count"])
        for finding in report.findings
        if finding.code == "run.only-in-quarantine"
    ]
