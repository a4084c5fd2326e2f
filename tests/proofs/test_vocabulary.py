"""The allow-list: it lets pass what a proof needs, and nothing that could be somebody's."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from migrator.cli.main import main
from migrator.findings import table as findings
from migrator.findings.checks import CHECKS, NOT_TESTED
from migrator.model.conclusions import OUTCOMES
from migrator.model.inventory import Shape
from migrator.model.plan import Action
from migrator.model.verification import Verdict
from migrator.proofs.log import NotAllowedError, decode
from migrator.proofs.vocabulary import EVENTS, FILESYSTEMS, OPTIONS, known
from tests.proof_logs import an_upgrade, written

RECORDS = [json.loads(line) for line in written(an_upgrade()).lines()]
SAMPLES: dict[str, dict[str, Any]] = {
    record["event"]: {name: value for name, value in record.items() if name not in ("n", "prev", "at", "event", "hash")}
    for record in RECORDS
}


def test_every_option_of_a_command_that_writes_a_proof_may_stand_in_it_with_each_of_its_choices() -> None:
    commands = [one for one in main.commands.values() if any(option.name == "proof" for option in one.params)]
    options = [one for command in commands for one in command.params if isinstance(one, click.Option)]
    words = {option.opts[0] for option in options}
    words |= {word for option in options if isinstance(option.type, click.Choice) for word in option.type.choices}
    assert len(commands) > 3
    assert words - OPTIONS == set()


def fault_in(event: str, facts: dict[str, Any]) -> str | None:
    """What is not allowed about an event; None if all of it is."""
    try:
        decode(json.dumps({"event": event, **facts}))
    except NotAllowedError as fault:
        return fault.sentence
    return None


FIELDS = [(event, field) for event, facts in SAMPLES.items() for field in facts]


def test_every_event_has_a_sample() -> None:
    assert SAMPLES.keys() == EVENTS.keys()


def test_a_sample_of_each_event_is_allowed() -> None:
    assert {event: fault for event in EVENTS if (fault := fault_in(event, SAMPLES[event])) is not None} == {}


@given(st.text(max_size=20))
@settings(max_examples=30)
def test_no_field_takes_free_text(text: str) -> None:
    for event, field in FIELDS:
        fault = fault_in(event, {**SAMPLES[event], field: f"{text} alice"})
        assert fault is not None, (event, field)
        assert "alice" not in fault, (event, field)


SOMEBODYS: list[Any] = [
    "491511234567",
    "+49.151.1234567",
    "agent:main:main",
    "/home/alice",
    "alice",
    "sk-0123456789abcdef",
    "cafe" * 15,
    "CAFE" * 16,
    "agent:0123456789AB",
    "agent:0123456789abcd",
    "1.2.3.4.5",
    "3.11.2 alice",
    "3.11.2\n",
    "2026.9.6-alice",
    [["apply"]],
    ["alice"],
    [None],
    {"alice": 1},
    {"same": -1},
    {"same": True},
    {"same": "1"},
    {"same": {"same": 1}},
    -1,
    float("nan"),
    float("inf"),
    1 << 64,
    [{}],
]
# The facts of a finding are numbers of any sign under constant names, which the guard looks at; and SQLite lets anybody
# write any version. The names of transforms are ours, and not in one list.
ALLOWED = [("transforms", {"alice": 1}), ("facts", {"same": -1}), ("facts", {"alice": 1}), ("version", -1)]


@pytest.mark.parametrize("value", SOMEBODYS, ids=repr)
def test_no_field_takes_what_could_be_somebodys(value: Any) -> None:  # noqa: ANN401
    taken = [
        (event, field)
        for event, field in FIELDS
        if (field, value) not in ALLOWED and fault_in(event, {**SAMPLES[event], field: value}) is None
    ]
    assert taken == []


def required(event: str) -> set[str]:
    return {field.name for field in structs.fields(EVENTS[event]) if field.required}


def test_a_field_can_be_left_out_only_where_it_says_so() -> None:
    for event, field in FIELDS:
        facts = {name: value for name, value in SAMPLES[event].items() if name != field}
        assert (fault_in(event, facts) is None) is not (field in required(event)), (event, field)


def test_no_event_takes_a_field_of_another() -> None:
    for event in EVENTS:
        for field in ("password", ""):
            assert fault_in(event, {**SAMPLES[event], field: 1}) is not None, (event, field)


def test_an_unknown_event_is_not_allowed() -> None:
    assert fault_in("gossip", {}) is not None


@pytest.mark.parametrize("field", ["size", "sha256_before", "sha256_after", "agent"])
def test_a_source_that_could_not_be_read_has_no_size_and_no_digest(field: str) -> None:
    assert fault_in("source", {**SAMPLES["source"], field: None}) is None


@pytest.mark.parametrize(
    "version", ["3.40.1", "2026.9.6", "2026.7.2-beta.1", "3.13.0rc1", "0.1.0.dev3", "5.4", "3.14.0a1+"]
)
def test_versions_of_all_that_we_run_with_are_allowed(version: str) -> None:
    assert fault_in("begin", {**SAMPLES["begin"], "openclaw": version}) is None


def test_every_verdict_action_shape_and_code_is_allowed() -> None:
    verdicts, actions = dict.fromkeys(list(Verdict), 1), dict.fromkeys(list(Action), 1)
    for shape in Shape:
        facts = {**SAMPLES["database"], "shape": shape, "verdicts": verdicts, "actions": actions}
        assert fault_in("database", facts) is None
    for code in findings.RULES:
        assert fault_in("finding", {**SAMPLES["finding"], "code": code}) is None


def test_a_word_of_the_host_that_is_in_no_closed_set_becomes_other() -> None:
    assert known("ext4", FILESYSTEMS) == "ext4"
    assert known("fuse.alice-crypt", FILESYSTEMS) == "other"
    assert "other" in FILESYSTEMS


def test_every_word_that_a_page_shows_has_a_sentence() -> None:
    for sentence in (*CHECKS.values(), *NOT_TESTED.values(), *(outcome.remedy for outcome in OUTCOMES.values())):
        assert sentence.endswith(".")


def test_every_exit_code_of_the_tool_goes_with_a_verdict_but_the_one_that_has_no_proof() -> None:
    codes = {code for outcome in OUTCOMES.values() for code in outcome.exit_codes}
    assert codes == {0, 1, 2, 10, 11, 12, 13, 15}
