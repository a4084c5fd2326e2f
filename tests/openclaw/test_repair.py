"""What real releases make of a database that was repaired: no finding, every session, the whole conversation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrator.upgrades.release.client import Client
from tests.conftest import FIXTURES
from tests.openclaw.conftest import Release
from tests.openclaw.releases import SCHEMAS
from tests.planning.test_repair import lacks, repair
from tests.worlds import scalar

pytestmark = pytest.mark.openclaw

Installed = Callable[[str], Release]
Unpack = Callable[[str], Path]

INSPECT = ("doctor", "--session-sqlite", "inspect", "--session-sqlite-all-agents", "--json")


@dataclass(frozen=True)
class Defect:
    """What is to be seen after the repair.

    ``listed`` are sessions of configured agents, ``stored`` all, and ``served`` those that a gateway lists, which
    leaves out single runs of cron jobs. ``conversation`` is one whose ``messages`` are asked for.
    """

    name: str
    listed: int
    stored: int
    served: int
    conversation: str
    messages: int
    has_backup: bool = False

    def repaired(self, unpack: Unpack) -> Path:
        """The state after a real upgrade, with all that was lost put back."""
        folder = unpack(self.name)
        state = folder / "after"
        backup = folder / "before" if self.has_backup else None
        repair(state, backup=str(backup) if backup else None)
        assert lacks(state, backup) == {}
        shutil.rmtree(state / "migrator-runs")  # a release need not like it, and rollback is tested elsewhere
        return state


DEFECTS = (
    Defect("defect-malformed-line", 5, 5, 5, "agent:work:main", 20),
    Defect("defect-both-spellings", 8, 16, 16, "agent:retired-agent:only-lower", 20),
    Defect("defect-topic-transcript", 6, 6, 6, "agent:work:telegram:group:-5:topic:78", 5),
    Defect("defect-no-session-id", 6, 6, 6, "agent:work:telegram:direct:ok", 4),
    Defect("defect-stale-store", 74, 74, 66, "agent:main:main", 20, has_backup=True),
)
UPGRADED_BY_2026_8_2 = Defect("defect-malformed-line-2026.8.2", 5, 5, 5, "agent:work:main", 20)

# These are defects of a place, not of a database: `test_stores.py` tries them.
STORES = {"defect-empty-store", "defect-pre-agents-store", "defect-shared-store", "defect-templated-store"}


def test_every_defect_of_a_database_is_in_this_table() -> None:
    on_disk = {path.name.removesuffix(".tar.xz") for path in FIXTURES.glob("defect-*")}
    assert {one.name for one in (*DEFECTS, UPGRADED_BY_2026_8_2)} == on_disk - STORES


def client(installed: Installed, version: str, state: Path) -> Client:
    release = installed(version)
    return Client(release.launcher, state, release.scratch)


def accept(found: Client, defect: Defect) -> None:
    """The release lists every session, and has no finding."""
    step, sessions = found.sessions()
    assert (step.exit_code, len(sessions)) == (0, defect.listed), step.stderr.decode()
    step = found.run(*INSPECT, limit=300)
    totals = json.loads(step.stdout)["totals"]
    assert (step.exit_code, totals["issues"], totals["sqliteEntries"]) == (0, 0, defect.stored), step.stderr.decode()


def serve(found: Client, defect: Defect) -> None:
    """A gateway lists every session, and shows the whole of a conversation."""
    with found.gateway(300) as gateway:
        step, sessions = gateway.sessions()
        assert (step.exit_code, len(sessions)) == (0, defect.served)
        step, messages = gateway.history(defect.conversation, 50)
    assert (step.exit_code, len(messages)) == (0, defect.messages)


BY_DEFAULT = ("defect-both-spellings", "defect-stale-store")


@pytest.mark.parametrize(
    "defect",
    [pytest.param(one, marks=[] if one.name in BY_DEFAULT else pytest.mark.exhaustive) for one in DEFECTS],
    ids=lambda one: one.name,
)
def test_a_repaired_database_has_no_finding_and_all_sessions(
    openclaw: Installed, unpack: Unpack, defect: Defect
) -> None:
    """By default those that get new entries, or other ones; one that gets events the test of 2026.8.2 below has."""
    accept(client(openclaw, "2026.9.6", defect.repaired(unpack)), defect)


@pytest.mark.exhaustive
@pytest.mark.parametrize("defect", [*DEFECTS, UPGRADED_BY_2026_8_2], ids=lambda one: one.name)
def test_a_gateway_serves_a_repaired_database(openclaw: Installed, unpack: Unpack, defect: Defect) -> None:
    """Each takes half a minute. By default ``test_prove.py`` asks gateways, the tests beside this one the commands."""
    found = client(openclaw, "2026.9.6", defect.repaired(unpack))
    if defect is UPGRADED_BY_2026_8_2:
        assert [step.exit_code for step in found.doctor_fix()][-1] == 0
    serve(found, defect)


def test_what_2026_8_2_made_is_accepted_by_it_and_upgraded_by_2026_9_6(openclaw: Installed, unpack: Unpack) -> None:
    defect = UPGRADED_BY_2026_8_2
    state = defect.repaired(unpack)
    accept(client(openclaw, "2026.8.2", state), defect)
    found = client(openclaw, "2026.9.6", state)
    assert [step.exit_code for step in found.doctor_fix()][-1] == 0
    accept(found, defect)
    versions = [scalar(path, "PRAGMA user_version") for path in state.glob("agents/*/agent/*.sqlite")]
    assert set(versions) == {SCHEMAS["2026.9.6"]}
