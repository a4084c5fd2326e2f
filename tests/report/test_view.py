"""The one tree that every format shows: plain values, and names that are still wrapped."""

from __future__ import annotations

import re

import pytest

from migrator.findings.table import RULES
from migrator.model.errors import BusyError
from migrator.model.words import Finding, Name
from migrator.report.view import View, digests, of_error, of_finding, sentence

SUBJECT, OTHER = Name("session", "{subject} {0} +4915112345678"), Name("store", "{others}")


def facts_of(text: str) -> tuple[tuple[str, int], ...]:
    """A number of its own for every fact that a sentence speaks of."""
    found = set(re.findall(r"\{(\w+)\}", text)) - {"subject", "others"}
    return tuple((name, 1001 + number) for number, name in enumerate(sorted(found)))


def label(name: Name) -> str:
    return f"<{name.kind}>"


@pytest.mark.parametrize("code", sorted(RULES))
def test_the_sentence_of_every_finding_fills_its_placeholders(code: str) -> None:
    text = RULES[code].sentence
    facts = facts_of(text)
    spoken = sentence(of_finding(Finding(code, SUBJECT, facts, (OTHER, OTHER))), label)
    assert "{" not in spoken
    assert "<session>" in spoken
    assert ("<store>, <store>" in spoken) is ("{others}" in text)
    assert all(str(number) in spoken for _, number in facts)


def test_a_name_that_looks_like_a_placeholder_is_shown_as_it_is() -> None:
    spoken = sentence(of_finding(Finding("store.alias", SUBJECT, (), (OTHER,))), lambda name: name.text)
    assert spoken == f"{SUBJECT.text} is the same file as {OTHER.text}."


def test_an_error_keeps_its_subject_wrapped() -> None:
    view = of_error(BusyError("Wait for {subject}.", SUBJECT), "apply")
    assert (view["command"], view["exit_code"], view["verdict"]) == ("apply", 11, "stopped")
    assert (view["subject"], view["message"]) == (SUBJECT, "Wait for {subject}.")


def test_only_digests_and_small_numbers_count_as_worked_out() -> None:
    digest = "0123456789abcdef" * 4
    view: View = {"a": [digest, 7, True, None, SUBJECT], "b": {"c": 491511234567, "d": "12345", "e": digest[:-1]}}
    assert digests(view) == {digest, "7"}
