"""What it takes to judge a database that a release upgraded, as counts: opens, decoded events, steps that are tried."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

import pytest

from migrator import commands
from migrator.commands.explain import explain
from migrator.commands.request import Request
from migrator.model.request import Selection, Surroundings
from migrator.openclaw.text.transcript import read_line
from migrator.verification import event_matching
from tests.conftest import unpacked

UPGRADED = "upgraded-rich-to-2026.9.6"
"""94 sessions of two agents with all kinds of members, most of them changed by the upgrade, and 65 events."""


class Calls(Counter[str]):
    """How often functions of the program are called in the block."""

    def __enter__(self) -> Calls:
        sys.setprofile(self._see)
        return self

    def __exit__(self, *_exception: object) -> None:
        sys.setprofile(None)

    def _see(self, frame: FrameType, event: str, _argument: object) -> None:
        caller = frame.f_back
        if event != "call" or caller is None:
            return
        module, name = Path(frame.f_code.co_filename).stem, frame.f_code.co_name
        self[f"{module}.{name}"] += 1
        if caller.f_code.co_name == "_explain" and module != "transforms":
            self["steps"] += 1


class Counted:
    """A verification against the state before an upgrade, and the calls that it took."""

    def __init__(self, root: Path) -> None:
        self.request = Request(Selection(str(root / "after")), Surroundings({}, str(root), str(root), str(root)))
        with Calls() as self.calls:
            self.report = commands.verify(self.request, str(root / "before"))


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Counted:
    return Counted(unpacked(UPGRADED, tmp_path_factory.mktemp("upgraded")))


def test_a_database_is_opened_a_few_times_however_many_sessions_it_has(counted: Counted) -> None:
    """To read it, for its checks, for SQLite's own, for its prompts, and for single sessions."""
    databases = [one for one in counted.report.inventory.databases if one.is_upgraded]
    assert len(databases) == 2
    assert counted.calls["snapshot._reading"] <= 2 * 5 * len(databases)  # begun, and ended


def test_a_changed_entry_tries_few_of_the_forty_steps(counted: Counted) -> None:
    explained = counted.calls["transforms.explain_entry"] + counted.calls["transforms.explain_event"]
    assert explained > 100
    assert counted.calls["steps"] / explained < 6


def test_an_event_of_an_upgraded_database_is_decoded_a_few_times(counted: Counted) -> None:
    events = sum(history.events for one in counted.report.verification.databases for history in one.histories)
    assert events > 60
    assert counted.calls["event_matching.parsed"] / events < 4


def test_of_a_history_only_what_differs_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"type": "message", "message": {"role": "assistant", "content": "x"}}
    wrapped = {"type": "message", "message": {"role": "assistant", "content": [{"type": "text", "text": "x"}]}}
    header = {"type": "session", "version": 3, "id": "s"}
    source = [json.dumps(one).encode() for one in (header, *({**answer, "id": str(n)} for n in range(50)))]
    stored = [*source[:20], json.dumps({**wrapped, "id": "19"}).encode(), *source[21:]]
    decoded: list[bytes] = []
    parsed = event_matching._parsed

    def note(text: bytes) -> object:
        decoded.append(text)
        return parsed(text)

    monkeypatch.setattr(event_matching, "_parsed", note)
    lines = [(read_line(text, number, 0, complete=True), text) for number, text in enumerate(source, start=1)]
    found = event_matching.side_by_side(lambda: lines, lambda: stored, "s", by_release=True)
    assert found is not None
    assert found.matches[20].changes == ("text-content-wrapped",)
    assert decoded == [source[20], stored[20], source[0]]


def test_to_plan_and_to_explain_takes_no_more_judging_than_to_verify(counted: Counted) -> None:
    """Every source is judged once, and no database is checked: that is what verify is for."""
    with Calls() as verifying:
        commands.verify(counted.request)
    with Calls() as planning:
        commands.plan(counted.request)
    with Calls() as explaining:
        explain(counted.request, "main")
    judgements = ("history_verifier._verify_history", "entry_verdicts.verdict", "verifier._examine")
    for_verifying, *others = [[calls[one] for one in judgements] for calls in (verifying, planning, explaining)]
    assert for_verifying[0] > 10
    assert for_verifying[1] > 10
    assert for_verifying[2] > 1
    assert others == [[*for_verifying[:2], 0]] * 2
