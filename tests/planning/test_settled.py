"""A store beside a database that a newer release has migrated: put away if the database lacks nothing of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator import commands
from migrator.commands.request import Request
from migrator.model.plan import Action
from migrator.model.request import Selection, Surroundings
from migrator.planning.forecast import forecast
from tests.worlds import databases, files

Unpack = Callable[[str], Path]


@pytest.fixture
def state(unpack: Unpack) -> Path:
    """Two agents whose old stores have come back after the upgrade; one row of each is newer."""
    return unpack("defect-stale-store") / "before"


def request(state: Path, *agents: str) -> Request:
    surroundings = Surroundings({}, "/home/user", str(state.parent), str(state.parent))
    return Request(Selection(state_dir=str(state), agents=agents), surroundings)


def store_of(state: Path, agent: str = "main") -> Path:
    return state / "agents" / agent / "sessions" / "sessions.json"


def change(state: Path, key: str, **members: object) -> None:
    """Change an entry of the store of ``main``, or add one."""
    entries = json.loads(store_of(state).read_bytes())
    entries.setdefault(key, {}).update(members)
    store_of(state).write_text(json.dumps(entries), encoding="utf-8")


def codes(state: Path) -> list[str]:
    plan = commands.plan(request(state, "main")).plan
    assert plan is not None
    assert not any(database.writes for database in plan.databases)
    return sorted({finding.code for finding in plan.findings})


def test_nothing_is_to_be_written_where_every_row_is_as_new_or_newer(state: Path) -> None:
    assert codes(state) == ["database.migrated", "entry.kept-newer"]
    plan = commands.plan(request(state)).plan
    assert plan is not None
    for database in plan.databases:
        assert [one.action for one in database.decisions].count(Action.KEEP) == 1
        assert {one.action for one in database.decisions} == {Action.KEEP, Action.SAME}


def test_apply_puts_the_stores_away_and_leaves_the_databases_alone(state: Path) -> None:
    before = {path: path.read_bytes() for path in databases(state)}
    originals = {agent: store_of(state, agent).read_bytes() for agent in ("main", "work")}
    assert {one.code for one in forecast(commands.scan(request(state)).inventory)} >= {"upgrade.loses-newer"}
    report = commands.apply(request(state), None, yes=True, archive=True)
    assert (report.word, report.exit_code, report.outcomes) == ("proved", 0, ())
    assert sorted(Path(path).read_bytes() for path in report.archiving.moved) == sorted(originals.values())
    assert not any(store_of(state, agent).exists() for agent in originals)
    assert {path: path.read_bytes() for path in databases(state)} == before
    assert forecast(commands.scan(request(state)).inventory) == ()


def test_without_archiving_nothing_is_touched(state: Path) -> None:
    before = files(state)
    assert commands.apply(request(state), None, yes=True).word == "already-migrated"
    assert files(state) == before


@pytest.mark.parametrize(
    ("key", "members"),
    [
        ("agent:main:main", {"updatedAt": 1_999_000_000_000}),
        ("agent:main:main", {"sessionId": "another"}),
        ("agent:main:main", {"sessionId": None}),
        ("agent:main:unheard-of", {"sessionId": "s", "updatedAt": 1}),
    ],
)
def test_a_store_is_not_put_away_while_the_database_lacks_something_of_it(
    state: Path, key: str, members: dict[str, object]
) -> None:
    change(state, key, **members)
    commands.apply(request(state, "main"), None, yes=True, archive=True)
    assert store_of(state).exists()


def test_a_key_in_an_old_spelling_is_the_row_that_the_upgrade_made_of_it(state: Path) -> None:
    entries = json.loads(store_of(state).read_bytes())
    entries["main"] = entries.pop("agent:main:main")
    store_of(state).write_text(json.dumps(entries), encoding="utf-8")
    report = commands.plan(request(state))
    assert report.plan is not None
    assert all(planned.repair is None for planned in report.plan.databases)


def test_a_transcript_that_the_database_does_not_have_is_not_put_away(state: Path) -> None:
    header = json.dumps({"type": "session", "version": 3, "id": "unheard-of"})
    (store_of(state).parent / "unheard-of.jsonl").write_text(header + "\n", encoding="utf-8")
    commands.apply(request(state, "main"), None, yes=True, archive=True)
    assert (store_of(state).parent / "unheard-of.jsonl").exists()
