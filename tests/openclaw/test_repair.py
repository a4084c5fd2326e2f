"""What real releases make of a database that was repaired: no finding, every session, the whole conversation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.openclaw.client import Client
from tests.openclaw.conftest import Release
from tests.test_repair import lacks, repair

pytestmark = pytest.mark.openclaw

Installed = Callable[[str], Release]
Unpack = Callable[[str], Path]

INSPECT = ("doctor", "--session-sqlite", "inspect", "--session-sqlite-all-agents", "--json")


def client(installed: Installed, version: str, state: Path) -> Client:
    release = installed(version)
    return Client(release.launcher, state, release.scratch)


def repaired(unpack: Unpack, name: str) -> Path:
    """The state after a real upgrade, with all that was lost put back."""
    state = unpack(name) / "after"
    repair(state)
    assert lacks(state) == {}
    shutil.rmtree(state / "migrator-runs")  # a release need not like it, and rollback is tested elsewhere
    return state


@pytest.mark.parametrize(
    ("name", "version", "listed", "stored"),
    [
        ("defect-malformed-line", "2026.9.6", 5, 5),
        ("defect-malformed-line-2026.8.2", "2026.8.2", 5, 5),
        ("defect-both-spellings", "2026.9.6", 8, 16),  # it lists configured agents only
        ("defect-topic-transcript", "2026.9.6", 6, 6),
        ("defect-no-session-id", "2026.9.6", 6, 6),
    ],
)
def test_a_repaired_database_has_no_finding_and_all_sessions(
    openclaw: Installed, unpack: Unpack, name: str, version: str, listed: int, stored: int
) -> None:
    found = client(openclaw, version, repaired(unpack, name))
    step, sessions = found.sessions()
    assert (step.exit_code, len(sessions)) == (0, listed)
    step = found.run(*INSPECT, limit=300)
    totals = json.loads(step.stdout)["totals"]
    assert (step.exit_code, totals["issues"], totals["sqliteEntries"]) == (0, 0, stored)


def test_a_gateway_shows_the_whole_of_a_history_that_was_cut_short(openclaw: Installed, unpack: Unpack) -> None:
    found = client(openclaw, "2026.9.6", repaired(unpack, "defect-malformed-line"))
    with found.gateway(300) as gateway:
        step, sessions = gateway.sessions()
        assert (step.exit_code, len(sessions)) == (0, 5)
        step, messages = gateway.history("agent:work:main", 50)
    assert (step.exit_code, len(messages)) == (0, 20)
