"""A random change of a database is made as it is said, and the judge looks at it in the place of what was there."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from differences.judged import request
from differences.values import Values
from differences.worlds import build
from mutations.__main__ import judged_change, main, seen
from mutations.changes import TABLES, Change, changed
from mutations.derived import DERIVED, is_derived

from migrator import commands


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A migrated state, with its sources beside it in ``before``."""
    build(tmp_path / "state", 2, 3)
    shutil.copytree(tmp_path / "state", tmp_path / "before")
    commands.apply(request(tmp_path / "state"), None, yes=True)
    return tmp_path / "state"


def contents(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    with closing(sqlite3.connect(database)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}


def test_every_change_is_in_the_table_that_it_names(state: Path) -> None:
    database = state / "agents/main/agent/openclaw-agent.sqlite"
    kinds = set()
    for seed in range(40):
        before = contents(database)
        change = changed(database, Values(seed))
        if change is not None:
            after = contents(database)
            touched = {name for name in before if before[name] != after[name]}
            assert change.table in touched or change.words == "text", change
            assert touched <= set(TABLES)
            kinds.add(change.kind)
    assert kinds == {"value", "row", "order", "link"}


def test_a_change_is_judged_and_taken_back(state: Path, tmp_path: Path) -> None:
    usual = seen(tmp_path / "before", state)
    verdicts = set()
    for seed in range(12):
        change, said = judged_change(tmp_path / "before", state, tmp_path / "copy", Values(seed))
        verdicts.add(change is not None and said != usual)
        assert seen(tmp_path / "before", state) == usual
    assert True in verdicts


def test_what_is_derived_is_known_by_table_and_column() -> None:
    for table, columns in DERIVED.items():
        assert table in TABLES
        for column in columns:
            assert is_derived(Change("value", table, column, ""))
    assert not is_derived(Change("value", "transcript_events", "event_json", ""))
    assert not is_derived(Change("row", "session_nodes", "", "deleted"))


def test_the_script_counts_what_it_changed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--count", "2"])
    assert capsys.readouterr().out.startswith("changes 2")
