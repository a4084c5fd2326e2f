"""The documents that every format shows: typed, and with names that are still wrapped."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from migrator import commands
from migrator.findings.table import RULES
from migrator.model.errors import BusyError
from migrator.model.words import Finding, Name
from migrator.report import json_format
from migrator.report.building import document_of, error_document, finding_row
from migrator.report.document import DOCUMENTS, RollbackDocument, leaves, worked_out
from migrator.report.parts import RunPart
from tests.report.test_plan_text import planned
from tests.report_views import agent, shared
from tests.worlds import World, entry

SUBJECT, OTHER = Name("session", "{subject} {0} +4915112345678"), Name("store", "{others}")


def facts_of(text: str) -> tuple[tuple[str, int], ...]:
    """A number of its own for every fact that a sentence speaks of."""
    found = set(re.findall(r"\{(\w+)", text)) - {"subject", "others"}
    return tuple((name, 1001 + number) for number, name in enumerate(sorted(found)))


def label(name: Name) -> str:
    return f"<{name.kind}>"


@pytest.mark.parametrize("code", sorted(RULES))
def test_the_sentence_of_every_finding_fills_its_placeholders(code: str) -> None:
    text = RULES[code].sentence
    facts = facts_of(text)
    spoken = finding_row(Finding(code, SUBJECT, facts, (OTHER, OTHER))).sentence.told(label)
    assert "{" not in spoken
    assert "<session>" in spoken
    assert ("<store>, <store>" in spoken) is ("{others}" in text)
    assert all(str(number) in spoken.replace(",", "") for _, number in facts)


def test_a_name_that_looks_like_a_placeholder_is_shown_as_it_is() -> None:
    spoken = finding_row(Finding("store.alias", SUBJECT, (), (OTHER,))).sentence.told(lambda name: name.text)
    assert spoken == f"{SUBJECT.text} is the same file as {OTHER.text}."


def test_an_error_keeps_its_subject_wrapped() -> None:
    document = error_document(BusyError("Wait for {subject}.", SUBJECT), "apply")
    assert (document.command, document.exit_code, document.verdict) == ("apply", 11, "stopped")
    assert (document.subject, document.message.template) == (SUBJECT, "Wait for {subject}.")


def test_only_digests_runs_and_small_numbers_count_as_worked_out() -> None:
    digest, run = "0123456789abcdef" * 4, "20260919T120000Z-0123abcd"
    whole = planned("main", expected_digest=digest, peak_bytes=491511234567, actions={"insert": 7})
    assert worked_out(whole) == {digest, "7", "0"}
    part = RunPart(id=run, folder=Name("path", digest), databases=(), archived_sources=12, sources_left=0)
    assert worked_out(part) == {run, "12", "0"}
    assert worked_out(RunPart(id=digest[:-1], folder=SUBJECT, databases=(), archived_sources=0, sources_left=0)) == {
        "0"
    }


def test_each_verb_has_a_document_of_its_own() -> None:
    verbs = [command for kind in DOCUMENTS for command in get_args(get_type_hints(kind)["command"])]
    assert sorted(verbs) == ["apply", "explain", "export", "plan", "prove", "rollback", "scan", "verify"]


def test_a_part_that_is_not_there_is_left_out_and_a_member_that_has_no_value_is_null() -> None:
    document = json.loads(json_format.render(RollbackDocument(**shared("rollback", agents=[agent("main")])), label))
    assert {"run", "undone"} & document.keys() == set()
    assert document["agents"][0]["database"] is None


def test_no_text_of_an_installation_is_a_plain_string_in_a_document(tmp_path: Path) -> None:
    """The kinds of strings that a report may hold in clear are ours; all others are names."""
    world = World(tmp_path)
    world.agent("Wilhelmina", {"agent:main:secret-topic": entry("f00dface", 5)})
    for verb in (commands.scan, commands.plan, commands.verify):
        document = document_of(verb(world.request()))
        plain = [leaf for leaf in leaves(document) if isinstance(leaf, str)]
        assert len(plain) > 10
        assert [
            leaf for leaf in plain if any(one in leaf for one in ("Wilhelmina", "secret", "f00d", str(tmp_path)))
        ] == []
