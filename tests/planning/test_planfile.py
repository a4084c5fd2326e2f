"""A plan file binds apply to one selection and one digest, and holds no session."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator import commands
from migrator.model.errors import UsageError
from migrator.model.plan import Plan
from migrator.model.request import Selection
from migrator.planning import planfile
from tests.worlds import World, entry, fresh_world

EMPTY = Plan("/state", (), (), "digest")


def could_be_given(text: str) -> bool:
    """Whether a command line could hold a text."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


TEXTS = st.text(st.characters(exclude_categories=()), max_size=5).filter(could_be_given)
SELECTIONS = st.builds(
    Selection,
    state_dir=st.none() | TEXTS,
    config=st.none() | TEXTS,
    agents=st.lists(TEXTS, max_size=3).map(tuple),
    stores=st.lists(TEXTS, max_size=3).map(tuple),
)


@given(SELECTIONS)
def test_a_selection_survives_the_file(selection: Selection) -> None:
    with fresh_world() as world:
        path = world.root / "plan.json"
        path.write_bytes(planfile.to_json(EMPTY, selection))
        saved = planfile.read(path)
        expected = json.loads(json.dumps([selection.state_dir, *selection.agents]))  # pairs of surrogates are joined
        assert [saved.selection.state_dir, *saved.selection.agents] == expected
        assert saved.digest == "digest"
        assert len(saved.selection.stores) == len(selection.stores)


def test_a_plan_file_says_what_would_be_done_but_no_session(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"canary-key": entry("canary-id", 5, label="canary-value"), "canary-null": None})
    path = tmp_path / "plan.json"
    report = commands.plan(world.request(), plan_file=str(path))
    assert b"canary" not in path.read_bytes()
    document = json.loads(path.read_bytes())
    assert report.plan is not None
    assert document["digest"] == report.plan.digest
    [database] = document["databases"]
    assert database["path"] == str(world.database_path("main"))
    assert database["actions"] == {"insert": 1}
    assert database["quarantine"] == {"entry.not-object": 1}
    assert database["expected"]["rows"] == 1
    assert document["selection"]["state_dir"] == str(world.state)


GOOD = json.loads(planfile.to_json(EMPTY, Selection()))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        json.dumps({**GOOD, "format": "other"}).encode(),
        json.dumps({**GOOD, "version": 2}).encode(),
        json.dumps({**GOOD, "version": None}).encode(),
        json.dumps({**GOOD, "digest": 5}).encode(),
        json.dumps({**GOOD, "selection": []}).encode(),
        json.dumps({**GOOD, "selection": {"agents": "main"}}).encode(),
        json.dumps({**GOOD, "selection": {"agents": [5]}}).encode(),
        json.dumps({**GOOD, "selection": {"state_dir": 5}}).encode(),
        json.dumps({**GOOD, "selection": {**GOOD["selection"], "follow": 1}}).encode(),
        json.dumps({**GOOD, "selection": {**GOOD["selection"], "stores": ["\0"]}}).encode(),
        json.dumps({**GOOD, "selection": {**GOOD["selection"], "gossip": 1}}).encode(),
        planfile.to_json(EMPTY, Selection())[:-9],
    ],
)
def test_what_is_no_plan_file_is_a_usage_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(content)
    with pytest.raises(UsageError):
        planfile.read(path)


def test_a_plan_file_that_is_missing_is_a_usage_error(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.json", tmp_path):
        with pytest.raises(UsageError):
            planfile.read(path)


def test_a_plan_file_of_its_own_making_is_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(json.dumps(GOOD).encode())
    assert planfile.read(path).selection == Selection()
