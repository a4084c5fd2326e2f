"""A report as one JSON document: everything is in it, and every name went through the namer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator import commands
from migrator.model.errors import BusyError
from migrator.model.report import ApplyReport, Report, plan_of, verification_of
from migrator.model.words import Finding, Name
from migrator.report import json_format
from migrator.report.building import document_of, error_document
from tests.report_views import scanned
from tests.worlds import World, entry

PERSON, PHONE = "RetiredPerson", "agent:main:whatsapp:+4915112345678"


def label(name: Name) -> str:
    return f"<{name.kind}>"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("os.fsync", lambda _handle: None)
    world = World(tmp_path)
    world.agent(PERSON, json.dumps({PHONE: entry("s1", 5), f"{PHONE}0": None}).encode())
    (world.store_path(PERSON).parent / f"{PERSON}.jsonl").write_bytes(b'{"type":"session","id":"s7"}\nbroken\n')
    return world


def test_every_command_is_one_document_without_a_name_in_clear(world: World) -> None:
    request = world.request()
    reports: list[Report] = [
        commands.scan(request),
        commands.plan(request),
        commands.verify(request),
        commands.apply(request, None, yes=True, archive=True),
    ]
    for report in reports:
        rendered = json_format.render(document_of(report), label)
        document = json.loads(rendered)
        assert (document["command"], document["verdict"], document["exit_code"]) == (
            report.verb,
            report.word,
            report.exit_code,
        )
        assert ("plan" in document, "run" in document) == (plan_of(report) is not None, isinstance(report, ApplyReport))
        assert ("verification" in document) is (verification_of(report) is not None)
        assert document["state_dir"] == "<path>"
        assert [finding["code"] for finding in document["findings"]] == [one.code for one in report.findings]
        assert [name for name in (PERSON, PHONE, str(world.root)) if name in rendered] == []
        assert rendered.endswith("}\n")


def test_an_error_is_a_document_too() -> None:
    document = json.loads(
        json_format.render(error_document(BusyError("Wait for {subject}.", Name("lock", "/x")), "plan"), label)
    )
    assert (document["verdict"], document["exit_code"], document["subject"]) == ("stopped", 11, "<lock>")


def test_no_list_is_cut_and_every_sentence_is_spoken() -> None:
    findings = [Finding("lock.stale", Name("lock", str(one))) for one in range(200)]
    document = json.loads(json_format.render(scanned(0, *findings), lambda name: f"lock {name.text}"))
    assert [one["subject"] for one in document["findings"]] == [f"lock {one}" for one in range(200)]
    assert document["findings"][7]["sentence"].startswith("lock 7 was left behind")
