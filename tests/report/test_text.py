"""A report as text: complete for every command, and with no name that did not pass the namer."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from msgspec import structs

from migrator import commands
from migrator.model.errors import NothingFoundError, RefusedError
from migrator.model.report import Report
from migrator.model.words import Finding, Name
from migrator.report import text
from migrator.report.building import document_of, error_document, finding_row
from migrator.report.layout import Style
from tests.worlds import World, entry

PERSON, PHONE = "RetiredPerson", "agent:main:whatsapp:+4915112345678"


def label(name: Name) -> str:
    return f"<{name.kind}>"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("os.fsync", lambda _handle: None)
    world = World(tmp_path)
    store = {PHONE: entry("s1", 5), f"{PHONE}0": None}
    world.agent(PERSON, json.dumps(store).encode())
    (world.store_path(PERSON).parent / f"{PERSON}.jsonl").write_bytes(b'{"type":"session","id":"s7"}\nbroken\n')
    return world


def test_every_command_is_told_with_its_verdict_first_and_what_to_do_last(world: World) -> None:
    request = world.request()
    reports: list[Report] = [
        commands.scan(request),
        commands.plan(request),
        commands.verify(request),
        commands.apply(request, None, yes=True, archive=True),
        commands.verify(request),
    ]
    for report in reports:
        told = text.render(document_of(report), label)
        assert told.startswith(f"{report.word}: migrator {report.verb}, ")
        lines = told.splitlines()
        last = max(at for at, line in enumerate(lines) if line.startswith("next: "))
        step = lines[last : -1 if report.next_command else None]
        assert " ".join(" ".join(step).split()) == f"next: {report.next_step}"
        assert all(len(line) <= 80 for line in lines[: last + len(step)] if not line.startswith("  migrator "))
        assert "<agent>" in told
        assert "<path>" in told
        assert [name for name in (PERSON, PHONE, str(world.root)) if name in told] == []
        for finding in report.findings:
            assert re.search(rf"[\[ ]{finding.code}[], ]", told)  # of a verify notes are one line


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            NothingFoundError("None in {subject}.", Name("path", "/x")),
            "migrator plan: None in <path>. (exit 10)\n",
        ),
        (RefusedError("No {braces} here."), "migrator plan: No {braces} here. (exit 12)\n"),
    ],
)
def test_an_error_is_one_line(error: RefusedError | NothingFoundError, told: str) -> None:
    assert text.error(error_document(error, "plan"), label) == told


def test_many_findings_of_one_code_are_one_paragraph_with_their_number(world: World) -> None:
    findings = [finding_row(Finding("lock.stale", Name("lock", str(one)))) for one in range(300)]
    findings.append(finding_row(Finding("store.json5", Name("store", "x"))))
    document = document_of(commands.scan(world.request()))
    told = text.render(structs.replace(document, findings=findings), label)
    assert told.count("lock.stale") == 1
    assert "note [lock.stale, 300]" in told
    assert "note [store.json5]" in told


@pytest.mark.parametrize(("code", "word", "colour"), [(0, "proved", 32), (15, "quarantined", 33), (12, "refused", 31)])
def test_the_first_word_has_the_colour_of_the_outcome(world: World, code: int, word: str, colour: int) -> None:
    document = document_of(commands.scan(world.request()))
    document = structs.replace(document, exit_code=code, verdict=word)
    assert text.render(document, label, Style(colour=True)).startswith(f"\x1b[{colour}m{word}\x1b[0m: ")
    assert "\x1b" not in text.render(document, label)
