"""The database of a release that keeps credentials in it, after this program has written sessions into it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from migrator import commands
from migrator.commands.request import Request
from migrator.model.request import Selection, Surroundings
from migrator.upgrades.release.client import Client
from tests.openclaw.conftest import launcher

pytestmark = pytest.mark.openclaw


def dump(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    with closing(sqlite3.connect(database)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}


def test_the_release_that_made_a_database_still_finds_its_credentials_in_it(
    unpack: Callable[[str], Path], tmp_path: Path
) -> None:
    state = unpack("legacy-2026.7.1-with-database")
    real = Client(launcher("2026.7.1"), state, tmp_path / "scratch")
    database = state / "agents" / "main" / "agent" / "openclaw-agent.sqlite"
    before = dump(database)
    assert len(before["auth_profile_store"]) == 1
    home = str(tmp_path)
    request = Request(Selection(state_dir=str(state)), Surroundings({}, home, home, home))
    assert commands.apply(request, None, yes=True, archive=True).exit_code == 0
    ours = dump(database)
    assert {name for name in before if ours[name] != before[name]} == {"cache_entries", "schema_meta"}
    assert ours["schema_meta"][0][:-1] == before["schema_meta"][0][:-1]  # all but the time of the last change
    step = real.run("models", "status", "--json", limit=300)
    assert step.exit_code == 0
    providers = {one["provider"]: one["profiles"] for one in json.loads(step.stdout)["auth"]["providers"]}
    assert providers["openai"]["count"] == 1
    assert dump(database) == ours
