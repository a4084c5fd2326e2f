"""A report as text: complete for every command, and with no name that did not pass the namer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator import commands
from migrator.errors import NothingFoundError, RefusedError
from migrator.model import Finding, Name
from migrator.report import text
from migrator.report.view import View, of_error, of_finding, of_report
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
    reports = [
        commands.scan(request),
        commands.plan(request),
        commands.verify(request),
        commands.apply(request, None, yes=True, archive=True),
        commands.verify(request),
    ]
    for report in reports:
        told = text.render(of_report(report), label)
        assert told.startswith(f"{report.verb}: {report.word}\n")
        assert f"\n{report.next_step}\n" in told
        assert "<agent>" in told
        assert "<path>" in told
        assert [name for name in (PERSON, PHONE, str(world.root)) if name in told] == []
        for finding in report.findings:
            assert f"[{finding.code}]" in told


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
    assert text.error(of_error(error, "plan"), label) == told


@pytest.mark.parametrize("more", [0, 3])
def test_a_long_list_of_one_code_is_cut_and_the_rest_is_counted(world: World, more: int) -> None:
    total = text.FINDINGS_PER_CODE + more
    findings: list[View] = [of_finding(Finding("lock.stale", Name("lock", str(one)))) for one in range(total)]
    findings.append(of_finding(Finding("store.json5", Name("store", "x"))))
    told = text.render({**of_report(commands.scan(world.request())), "findings": findings}, label)
    assert told.count("[lock.stale]") == text.FINDINGS_PER_CODE
    assert told.count("[store.json5]") == 1
    assert (f"... and {more} more of lock.stale\n" in told) is (more > 0)
