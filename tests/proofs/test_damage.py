"""Real proofs, of which one event or field after the other is removed or altered, and the chain made good again.

A log is complete or damaged. Of what a single change can say falsely without being found there is a short list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from msgspec import structs

from migrator import commands
from migrator.commands.request import even_clock
from migrator.findings.checks import CHECKS, NOT_TESTED
from migrator.findings.table import RULES
from migrator.model.conclusions import OUTCOMES
from migrator.model.inventory import Shape
from migrator.model.plan import Action
from migrator.model.report import Report
from migrator.model.upgrade import Part, Seen, Way
from migrator.model.verification import HistoryVerdict, Verdict
from migrator.openclaw.text.transcript import LineKind
from migrator.privacy.labels import Labels
from migrator.proofs import evidence
from migrator.proofs.claims import claim_contradictions
from migrator.proofs.log import NotAllowedError, decode, encode
from migrator.proofs.sums import Ledger
from migrator.proofs.vocabulary import EVENTS, START, SYSTEMS, VERBS, AnyEvent
from migrator.upgrades.prove import Question, prove
from tests.fake_release import fake_release
from tests.proof_logs import KEY, check_log
from tests.worlds import World, entry

Record = dict[str, Any]

PERSON = "Retired Person"
DIGEST = "d" * 64
WORDS: dict[str, list[str]] = {
    "verdict": [*OUTCOMES, *HistoryVerdict],
    "name": list(CHECKS),
    "code": [*RULES, *NOT_TESTED],
    "shape": list(Shape),
    "part": list(Part),
    "way": list(Way),
    "verb": sorted(VERBS),
    "os": sorted(SYSTEMS),
    "machine": ["other"],
    "filesystem": ["other"],
    **{place: list(Seen) for place in ("before", "after", "gateway")},
}
NAMES: dict[str, list[str]] = {
    "verdicts": list(Verdict),
    "transcripts": list(HistoryVerdict),
    "lines": list(LineKind),
    "actions": list(Action),
    "findings": ["store.json5"],
    "transforms": ["a-change"],
    "facts": ["count"],
    "counts": ["findings"],
    **{place: list(Seen) for place in ("before", "after", "gateway")},
}

ONLY_IN_THE_LOG = "nothing else in the log tells of it: who has the databases, the sources or the key can look"
OF_THE_MACHINE = "it says where the command ran, and nothing follows from it"
OF_A_COMMAND = "what one command of an upgrade was, said or took is told once; its number and the verdicts are not"
OF_A_FINDING = "what a finding is about is told once; how many there are of each code is not"
FREE = {
    ("begin", "command"): "the words that change what a verdict means are held against it, the others are told once",
    **dict.fromkeys(
        [("begin", field) for field in ("filesystem", "machine", "python", "sqlite", "tool")], OF_THE_MACHINE
    ),
    ("begin", "os"): "only whether it has modes of files is told elsewhere",
    **dict.fromkeys([("begin", "manifest"), ("begin", "plan"), ("database", "content_digest")], ONLY_IN_THE_LOG),
    **dict.fromkeys([("source", "store"), ("transcript", "transcript")], ONLY_IN_THE_LOG),
    **dict.fromkeys([("finding", field) for field in ("facts", "others", "subject")], OF_A_FINDING),
    **dict.fromkeys(
        [
            ("step", field)
            for field in (
                "changed",
                "command",
                "counts",
                "created",
                "exit_code",
                "part",
                "removed",
                "sayings",
                "seconds",
            )
        ],
        OF_A_COMMAND,
    ),
    **dict.fromkeys([("listed", field) for field in ("differs", "session", "session_id", "tokens")], ONLY_IN_THE_LOG),
    (
        "trial",
        "failed",
    ): "the checks of the second trial are told once; its verdict and exit code are held against them",
    ("trial", "verdicts"): "what only the database of the second trial has is told once, and counts for nothing",
    ("every event", "at"): "a time between those of its neighbours is as good as the true one",
}


def recorded(report: Report, clock: Any, started: Any, *words: str) -> list[str]:  # noqa: ANN401
    command = ("migrator", report.verb, *words)
    return evidence.record(report, command, Labels(KEY).of, clock, started).lines()


@cache
def proofs() -> dict[str, list[str]]:
    """The proofs of an apply, a verification that finds differences, one that does not, and an upgrade tried twice."""
    clock = even_clock()
    with TemporaryDirectory() as folder, patch("os.fsync"):
        world = World(Path(folder))
        whole = json.dumps({"agent:x:main": entry("s1", 5), "null": None})
        world.agent(PERSON, whole.encode() + b" left over")
        lines = b'{"type":"session","id":"s1"}\nbroken\n\n{"type":"message","id":"m1","message":{}}\n'
        (world.store_path(PERSON).parent / "s1.jsonl").write_bytes(lines)
        world.agent("main", {"agent:main:main": entry("s9", 5, label="a friend")})
        (world.store_path("main").parent / "s9.jsonl").write_bytes(b'{"type":"session","id":"s9"}\n')
        request = replace(world.request(), clock=clock)
        release = fake_release(world.root / "release")
        question = Question(tuple(Way), old=str(release), new=str(release))
        made = {}
        commands_run: tuple[tuple[str, Callable[[], Report], tuple[str, ...]], ...] = (
            ("differences", lambda: commands.verify(request), ()),
            ("prove", lambda: prove(request, question), ("--with", "both")),
            ("apply", lambda: commands.apply(request, None, yes=True), ("--yes",)),
            ("again", lambda: commands.apply(request, None, yes=True), ("--yes",)),
            ("verify", lambda: commands.verify(request), ()),
        )
        for name, verb, words in commands_run:
            started = clock()
            made[name] = recorded(verb(), clock, started, *words)
        return made


def resealed(lines: Iterable[str]) -> list[str]:
    """What a forger does who knows the format: put the numbers and the hashes of the lines right."""
    made, previous = [], START
    for number, line in enumerate(lines):
        text = encode(structs.replace(decode(without_hash(line)), n=number, prev=previous))
        previous = sha256(text).hexdigest()
        made.append(f'{text[:-1].decode()},"hash":"{previous}"}}')
    return made


@cache
def without_hash(line: str) -> str:
    return re.sub(',"hash":"[0-9a-f]{64}"}', "}", line)


@cache
def event_of(line: str) -> AnyEvent:
    return decode(without_hash(line))


def altered(field: str, value: Any) -> Iterator[Any]:  # noqa: ANN401 - any JSON value
    """Other values that a field could have, of which some are not allowed there."""
    yield None
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (value + 1, value - 1, 0, 15)
    elif isinstance(value, str):
        yield from (DIGEST, f"{value.partition(':')[0]}:ffffffffffff", "9.9.9", "2099-01-01T00:00:00.000Z")
        yield from WORDS.get(field, ())
    elif isinstance(value, list):
        yield from (
            value[1:],
            [*value, "path:ffffffffffff"],
            [*value, "owner"],
            [*value, "model"],
            [*value, "hard-link"],
        )
    elif isinstance(value, dict):
        for name in value:
            yield from ({**value, name: value[name] + 1}, {other: value[other] for other in value if other != name})
        yield from ({**value, name: value.get(name, 0) + 1} for name in NAMES.get(field, ()))
    else:
        yield from (1, DIGEST, "agent:ffffffffffff", "2026.9.6", *Way)


def compact(record: Record) -> str:
    return json.dumps(record, separators=(",", ":"))


def counted(lines: Sequence[str]) -> list[str]:
    """The same, with the number of its events put right."""
    return [*lines[:-1], re.sub('"events":[0-9]+', f'"events":{len(lines)}', lines[-1])]


def changes(lines: Sequence[str]) -> Iterator[tuple[tuple[str, str], list[str]]]:
    """Every single change: an event removed or told twice, a field removed, altered or added."""
    for at, line in enumerate(lines):
        record, before, after = json.loads(line), lines[:at], lines[at + 1 :]
        event = record["event"]
        yield (event, "removed"), counted([*before, *after])
        yield (event, "twice"), counted([*before, *lines[at:at], line, *lines[at:]])
        for field, others in alterations(record):
            place = ("every event", "at") if field == "at" else (event, field)
            yield from ((place, [*before, compact(other), *after]) for other in others)


def alterations(record: Record) -> Iterator[tuple[str, list[Record]]]:
    """By field, the same event with another value, or without the field, or with one that it did not have."""
    for field, value in record.items():
        if field not in ("event", "n", "prev", "hash"):
            without = {name: kept for name, kept in record.items() if name != field}
            yield field, [without, *(record | {field: other} for other in altered(field, value) if other != value)]
    for field, value in {"verdicts": {}, "actions": {}, "transcripts": {}, "more": 3, "plan": DIGEST}.items():
        if field not in record:
            yield field, [record | {field: value}]


def is_found(lines: Sequence[str]) -> bool:
    """Whether the log does not add up, which is found out fast, or is damaged for another reason."""
    ledger = Ledger()
    try:
        for number, line in enumerate(lines):
            event = event_of(line)
            ledger.add(event if event.n == number else structs.replace(event, n=number))
    except NotAllowedError:
        return True
    if any(ledger.contradictions()) or any(claim_contradictions(ledger)):
        return True
    return bool(check_log(resealed(lines)))


@pytest.mark.parametrize("name", ["differences", "prove", "apply", "again", "verify"])
def test_a_real_proof_is_complete(name: str) -> None:
    assert check_log(proofs()[name]) == ()
    assert resealed(proofs()[name]) == proofs()[name]


def test_every_single_change_is_found_or_on_the_list_of_what_is_free() -> None:
    free = {place for lines in proofs().values() for place, changed in changes(lines) if not is_found(changed)}
    assert free == FREE.keys()


def rewritten(name: str, *without: str, **facts: Record) -> list[str]:
    """A proof without some events, and with other facts in those of a name, its number of events put right."""
    records = [json.loads(line) for line in proofs()[name]]
    kept = [record | facts.get(record["event"], {}) for record in records if record["event"] not in without]
    return counted([compact(record) for record in kept])


def test_what_was_called_sound_once_is_damaged() -> None:
    """All checks removed; the words on what was not tested; all transcripts, in the totals too; a row more."""
    assert not is_found(rewritten("verify"))
    assert is_found(rewritten("verify", "check"))
    assert is_found(rewritten("verify", "not-tested"))
    assert is_found(
        rewritten("verify", "transcript", totals={"transcripts": {}, "events": 0, "present": 0, "lines": {}})
    )
    assert is_found(rewritten("verify", database={"rows": 9}))
    assert is_found(rewritten("verify", totals={"agents": 3}))


def test_what_is_in_quarantine_is_named_by_a_finding_though_all_counts_are_put_right() -> None:
    assert not is_found(rewritten("apply", "nothing"))
    assert is_found(rewritten("apply", "finding", end={"findings": {}}))


def test_times_that_run_backwards_or_leave_no_room_for_what_was_done_are_found() -> None:
    late = json.loads(proofs()["prove"][-1])["at"]
    assert is_found(rewritten("prove", begin={"at": "2099-01-01T00:00:00.000Z"}))
    everything = {event: {"at": late} for event in EVENTS}
    assert is_found(rewritten("prove", **everything))
    assert not is_found(rewritten("verify", **{event: {"at": late} for event in EVENTS}))


def test_every_command_of_an_upgrade_has_the_time_at_which_it_ended() -> None:
    records = [json.loads(line) for line in proofs()["prove"]]
    steps = [record for record in records if record["event"] == "step"]
    assert len({step["at"] for step in steps}) == len(steps)
    assert records[0]["at"] < steps[0]["at"] < steps[-1]["at"] <= records[-1]["at"]
