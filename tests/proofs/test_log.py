"""The proof log: what it takes, how it is chained, and that every damage is found."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from migrator.model.errors import LeakError
from migrator.model.verification import Verdict
from migrator.model.words import Name
from migrator.privacy.guard import LeakGuard
from migrator.privacy.labels import Labels, clear_text
from migrator.proofs.log import ProofLog, decode_log, encode_log, numbered_path, read_log, write_durably
from tests.proof_logs import KEY, PHONE, START, Clock, a_run, an_upgrade, check_log, facts_of, secrets, written

LINES = written(a_run()).lines()
DATA = encode_log(LINES)

# writing


def test_a_log_is_canonical_json_whose_lines_hold_the_hash_of_the_line_before() -> None:
    previous = "0" * 64
    for number, line in enumerate(LINES):
        record = json.loads(line)
        assert list(record)[:4] == ["event", "n", "prev", "at"]
        assert list(record)[4:-1] == sorted(list(record)[4:-1])
        assert list(record)[-1] == "hash"
        assert (record["n"], record["prev"]) == (number, previous)
        unsealed = line.replace(f',"hash":"{record["hash"]}"', "")
        assert record["hash"] == sha256(unsealed.encode()).hexdigest()
        previous = record["hash"]


def test_a_name_becomes_its_label_wherever_it_stands() -> None:
    labels = Labels(KEY)
    record = next(json.loads(line) for line in LINES if '"finding"' in line)
    assert record["subject"] == labels.of(Name("agent", "Alice Private"))
    assert record["others"] == [labels.of(Name("session", f"agent:main:telegram:direct:{PHONE}"))]
    assert json.loads(LINES[0])["command"][2] == labels.of(Name("path", "/home/alice/.openclaw"))


def test_no_name_stands_in_a_log() -> None:
    for word in ("alice", "Alice", "Private", PHONE, "telegram", ".openclaw"):
        assert word not in "".join(LINES)


def test_enumerations_and_floats_are_written_as_plain_words_and_thousandths() -> None:
    assert json.loads(LINES[3])["verdicts"] == {"same": 2}
    events = an_upgrade()
    facts_of(events, "step")["seconds"] = 0.23456
    assert '"seconds":0.235,' in "".join(written(events).lines())


def test_the_end_counts_events_and_findings_by_itself() -> None:
    end = json.loads(LINES[-1])
    assert end["events"] == len(LINES)
    assert end["findings"] == {"agent.no-round-trip": 1}


def test_times_are_utc_whatever_the_zone_of_the_clock() -> None:
    log = ProofLog(Labels(KEY).of, lambda: START.astimezone(timezone(timedelta(hours=9))))
    log.add("not-tested", code="shape")
    log.add("end", exit_code=0)
    assert json.loads(log.lines()[0])["at"] == "2026-11-22T10:15:30.123Z"


def test_a_clock_without_a_zone_is_refused() -> None:
    log = ProofLog(Labels(KEY).of, lambda: datetime(2026, 11, 22))
    with pytest.raises(ValueError, match="time zone"):
        log.add("not-tested", code="shape")


def test_a_clock_that_steps_back_does_not_break_the_log() -> None:
    events = a_run()
    clock = Clock()
    log = ProofLog(Labels(KEY).of, clock)
    for event, facts in events:
        log.add(event, **facts)
        clock.now -= timedelta(hours=1)
    assert check_log(log.lines()) == ()
    assert len({json.loads(line)["at"] for line in log.lines()}) == 1


@pytest.mark.parametrize(
    ("event", "facts"),
    [
        ("gossip", {}),
        ("not-tested", {}),
        ("not-tested", {"code": "alice"}),
        ("not-tested", {"code": "shape", "note": "alice"}),
        ("not-tested", {"code": None}),
        ("check", {"name": "integrity", "passed": 1}),
        ("check", {"name": "integrity", "passed": True, "subject": "alice"}),
        ("check", {"name": "integrity", "passed": True, "subject": ["agent:0123456789ab"]}),
        ("end", {"exit_code": True}),
        ("end", {"exit_code": -1}),
        ("end", {"exit_code": 0.0}),
        ("end", {"exit_code": float("nan")}),
        ("finding", {"code": "agent.no-round-trip", "subject": Name("agent", "x"), "facts": {"Al": 1}, "others": []}),
        (
            "finding",
            {"code": "agent.no-round-trip", "subject": Name("agent", "x"), "facts": {"a": float("inf")}, "others": []},
        ),
    ],
)
def test_what_is_not_on_the_allow_list_is_refused(event: str, facts: dict[str, Any]) -> None:
    log = ProofLog(Labels(KEY).of, Clock())
    with pytest.raises(ValueError, match="an event of the proof") as caught:
        log.add(event, **facts)
    assert "alice" not in str(caught.value)


@pytest.mark.parametrize("fact", [b"alice", Path("alice"), {1, 2}, object(), START])
def test_what_json_does_not_know_is_refused(fact: Any) -> None:  # noqa: ANN401
    log = ProofLog(Labels(KEY).of, Clock())
    with pytest.raises(TypeError) as caught:
        log.add("not-tested", code=fact)
    assert "alice" not in str(caught.value)


def test_a_refused_event_leaves_the_log_as_it_was() -> None:
    events = a_run()
    log = written(events[:-1])
    with pytest.raises(ValueError, match="no known event"):
        log.add("gossip")
    log.add(events[-1][0], **events[-1][1])
    assert check_log(log.lines()) == ()


def test_nothing_follows_the_end_and_nothing_is_given_before_it() -> None:
    with pytest.raises(ValueError, match="has not ended"):
        written(a_run()[:-1]).lines()
    with pytest.raises(ValueError, match="has ended"):
        written([*a_run(), ("not-tested", {"code": "shape"})])


# redaction


def guard_for(log: ProofLog, labels: Labels) -> LeakGuard:
    guard = LeakGuard(computed=[*labels.issued, *log.computed()])
    for name in secrets():
        guard.add_name(name)
    return guard


def test_the_guard_lets_a_log_pass() -> None:
    labels = Labels(KEY)
    log = written(a_run(), labels.of)
    guard_for(log, labels).check_names("\n".join(log.lines()))


def test_redaction_that_is_switched_off_is_refused_by_the_log() -> None:
    with pytest.raises(ValueError, match="not allowed"):
        written(a_run(), clear_text)


def test_redaction_that_is_switched_off_trips_the_guard() -> None:
    with pytest.raises(LeakError):
        guard_for(written(a_run()), Labels(KEY)).check_names(f"{LINES[0]} {next(secrets())}")


def test_a_key_that_looks_like_a_label_trips_the_guard() -> None:
    events = a_run()
    facts_of(events, "finding")["others"] = [Name("session", f"direct:{PHONE}")]
    log = written(events, lambda name: name.text if name.kind == "session" else Labels(KEY).of(name))
    with pytest.raises(LeakError):
        guard_for(log, Labels(KEY)).check_names("\n".join(log.lines()))


@given(st.text(min_size=4, max_size=20))
@settings(deadline=None, max_examples=50)
def test_no_drawn_secret_gets_into_a_log(secret: str) -> None:
    assume(not any(secret in line for line in LINES))
    events = a_run()
    facts_of(events, "finding")["subject"] = Name("session", f"agent:main:{secret}")
    facts_of(events, "source")["store"] = Name("store", f"/home/{secret}/sessions.json")
    lines = written(events).lines()
    assert check_log(lines) == ()
    fixed = {word for line in LINES for word in line.split('"')}
    for line in lines:
        for word in line.split('"'):
            assert word in fixed or secret not in word or set(secret) <= set("0123456789abcdef")


def test_the_computed_words_leave_out_labels_and_long_numbers() -> None:
    events = a_run()
    facts_of(events, "source", 1)["size"] = int(PHONE)
    facts_of(events, "source")["size"] = 12_345_678
    log = written(events)
    computed = log.computed()
    assert {"12345678", "0.1.0", "3.40.1", "ext4"} <= computed
    assert json.loads(LINES[1])["sha256_before"] in computed
    assert json.loads(log.lines()[1])["hash"] in computed
    assert PHONE not in computed
    assert not any(":" in word for word in computed)


# checking


def test_a_log_that_was_written_has_no_problem() -> None:
    assert check_log(LINES) == ()
    assert check_log(f"{line}\n" for line in LINES) == ()
    assert check_log(decode_log(DATA)) == ()
    assert read_log(LINES).head == json.loads(LINES[-1])["hash"]


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
@settings(deadline=None, max_examples=250)
def test_a_byte_that_was_changed_is_found(place: int, change: int) -> None:
    data = bytearray(DATA)
    data[place] ^= change
    assert check_log(decode_log(bytes(data)))


@given(st.integers(0, len(LINES) - 1))
@settings(deadline=None)
def test_a_line_that_was_dropped_is_found(number: int) -> None:
    assert check_log(LINES[:number] + LINES[number + 1 :])


@given(st.integers(0, len(LINES) - 1), st.integers(0, len(LINES) - 1))
@settings(deadline=None)
def test_two_lines_that_were_swapped_are_found(one: int, other: int) -> None:
    assume(one != other)
    lines = list(LINES)
    lines[one], lines[other] = lines[other], lines[one]
    assert check_log(lines)


@given(st.integers(0, len(LINES) - 1))
@settings(deadline=None)
def test_a_line_that_stands_twice_is_found(number: int) -> None:
    assert check_log(LINES[: number + 1] + LINES[number:])


@given(st.integers(0, len(DATA) - 2))
@settings(deadline=None)
def test_a_log_that_was_cut_off_is_found(size: int) -> None:
    assert check_log(decode_log(DATA[:size]))


@given(st.lists(st.one_of(st.text(), st.sampled_from(LINES)), max_size=5))
@settings(deadline=None)
def test_no_line_makes_the_check_fail(lines: list[str]) -> None:
    assume(lines != LINES)
    problems = check_log(lines)
    assert problems
    assert all(1 <= problem.line <= max(len(lines), 1) for problem in problems)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 100_000,
        "1" * 5_000,
        '{"n":' + "1" * 5_000 + "}",
        '{"n":NaN}',
        '{"n":true,"prev":"","at":"","event":"","hash":""}',
        '{"n":0,"prev":[],"at":{},"event":"end","hash":1}',
        '{"n":0,"prev":"","at":"2026-99-99T99:99:99.999Z","event":"end","hash":""}',
        '"\udcff"',
    ],
)
def test_a_malformed_line_is_a_problem_with_its_number(line: str) -> None:
    problems = check_log([LINES[0], line, *LINES[1:]])
    assert 2 in {problem.line for problem in problems}
    assert any(problem.sentence.startswith("Line 2 ") for problem in problems)


def resealed(records: list[dict[str, Any]]) -> list[str]:
    """What a forger does who knows the format: change records, then put numbers and hashes right."""
    lines, previous = [], "0" * 64
    for number, record in enumerate(records):
        body = {**record, "n": number, "prev": previous}
        body.pop("hash", None)
        text = json.dumps(body, separators=(",", ":"))
        previous = sha256(text.encode()).hexdigest()
        lines.append(f'{text[:-1]},"hash":"{previous}"}}')
    return lines


def test_a_resealed_log_is_as_good_as_the_hash_of_its_last_line() -> None:
    assert resealed([json.loads(line) for line in LINES]) == LINES


@pytest.mark.parametrize(
    "change",
    [
        {"note": "alice"},
        {"code": "alice"},
        {"subject": "alice"},
        {"facts": {"alice": "alice"}},
        {"facts": {"offset": True}},
        {"facts": {"offset": 1e400}},
        {"others": "alice"},
        {"event": "alice"},
        {"at": "2026-11-22 10:15:30.123Z"},
        {"at": "2026-11-31T10:15:30.123Z"},
        {"at": "2026-11-21T10:15:30.123Z"},
    ],
)
def test_the_allow_list_is_held_against_a_resealed_log_too(change: dict[str, Any]) -> None:
    records = [json.loads(line) for line in LINES]
    assert records[6]["event"] == "finding"
    records[6] |= change
    problems = check_log(resealed(records))
    assert 7 in {problem.line for problem in problems}
    assert not any("alice" in problem.sentence for problem in problems)


def test_a_line_that_was_changed_and_resealed_alone_is_found() -> None:
    records = [json.loads(line) for line in LINES]
    records[1]["size"] += 1
    forged = resealed(records)[1]
    assert [problem.line for problem in check_log([LINES[0], forged, *LINES[2:]])] == [3]


def test_a_line_with_another_number_is_found() -> None:
    text = LINES[0].replace('"n":0', '"n":1').partition(',"hash"')[0] + "}"
    line = f'{text[:-1]},"hash":"{sha256(text.encode()).hexdigest()}"}}'
    assert "Line 1 does not follow the line before it." in [problem.sentence for problem in check_log([line])]


@pytest.mark.parametrize(
    "respell",
    [
        lambda line: json.dumps(json.loads(line)),
        lambda line: line + " ",
        lambda line: " " + line,
        lambda line: line.replace('"n":0', '"n":0,"n":0'),
        lambda line: line.replace('"verb"', '"\\u0076erb"'),
        lambda line: json.dumps(dict(sorted(json.loads(line).items())), separators=(",", ":")),
    ],
)
def test_a_line_that_is_spelled_otherwise_is_found(respell: Callable[[str], str]) -> None:
    assert json.loads(respell(LINES[0])) == json.loads(LINES[0])
    assert check_log([respell(LINES[0]), *LINES[1:]])[0].line == 1


@pytest.mark.parametrize("end", [b" ", b"\r", b"\t", b"\x0b", b"\x0c", b"\x1c", b"\x85", b"\n\n", b"\n ", b"\0"])
def test_a_changed_line_end_is_found(end: bytes) -> None:
    assert check_log(decode_log(DATA[:-1] + end))


def test_the_sums_of_a_damaged_log_are_not_judged() -> None:
    assert [problem.line for problem in check_log([LINES[0], "gossip", *LINES[2:]])] == [2, 3]


def test_a_number_that_is_a_truth_value_is_found() -> None:
    line = LINES[1].replace('"n":1', '"n":true')
    unsealed = line[: line.index(',"hash"')] + "}"
    sealed = f'{unsealed[:-1]},"hash":"{sha256(unsealed.encode()).hexdigest()}"}}'
    assert "Line 2 has a value in the field n that is not allowed there." in [
        p.sentence for p in check_log([LINES[0], sealed])
    ]


def test_the_sums_of_a_log_are_checked() -> None:
    events = a_run()
    facts_of(events, "source")["verdicts"] = {Verdict.SAME: 1}
    assert check_log(written(events).lines())


# files


def test_a_file_is_written_whole_and_alone(tmp_path: Path) -> None:
    write_durably(tmp_path / "a.jsonl", DATA)
    assert (tmp_path / "a.jsonl").read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    write_durably(tmp_path / "a.jsonl", DATA)
    assert stat.S_IMODE((tmp_path / "a.jsonl").stat().st_mode) == 0o600
    assert (tmp_path / "a.jsonl").stat().st_nlink == 1


@pytest.mark.parametrize("links", [True, False])
def test_evidence_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:
        monkeypatch.setattr(os, "link", refuse(errno.EPERM))
    (tmp_path / "a.jsonl").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        write_durably(tmp_path / "a.jsonl", DATA)
    assert (tmp_path / "a.jsonl").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege")
def test_a_dangling_link_in_the_way_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        write_durably(tmp_path / "a.jsonl", DATA)
    assert not (tmp_path / "elsewhere").exists()


def refuse(number: int) -> Any:  # noqa: ANN401
    def call(*_arguments: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    return call


def test_a_filesystem_without_hard_links_gets_the_file_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", refuse(errno.EPERM))
    write_durably(tmp_path / "a.jsonl", DATA)
    assert (tmp_path / "a.jsonl").read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize("call", ["fsync", "link"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_failed_write_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    monkeypatch.setattr(os, call, refuse(number))
    with pytest.raises(OSError, match=os.strerror(number)):
        write_durably(tmp_path / "a.jsonl", DATA)
    assert list(tmp_path.iterdir()) == []


def test_the_content_is_flushed_before_the_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, link = os.fsync, os.link

    def noted_fsync(handle: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else f"{os.fstat(handle).st_size} bytes")
        fsync(handle)

    def noted_link(source: Path, target: Path) -> None:
        steps.append("name")
        link(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "link", noted_link)
    write_durably(tmp_path / "a.jsonl", DATA)
    assert steps == [f"{len(DATA)} bytes", "name", "folder"]


def test_a_path_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        path = numbered_path(tmp_path, "apply")
        names.append(path.name)
        path.write_bytes(b"")
    assert names == ["apply.proof.jsonl", "apply-2.proof.jsonl", "apply-3.proof.jsonl"]
    assert numbered_path(tmp_path, "verify").name == "verify.proof.jsonl"


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege")
def test_a_path_with_a_dangling_link_is_taken(tmp_path: Path) -> None:
    (tmp_path / "apply.proof.jsonl").symlink_to(tmp_path / "elsewhere")
    assert numbered_path(tmp_path, "apply").name == "apply-2.proof.jsonl"
