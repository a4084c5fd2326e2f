"""A real release is asked about single changes of its database: what it refuses or hides, verify never calls good."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from mutations.single import Single, make, single_changes

from migrator import commands
from migrator.commands import Request
from migrator.model.request import Selection, Surroundings
from tests.openclaw.conftest import Release
from tests.openclaw.releases import SCHEMAS

pytestmark = pytest.mark.openclaw

DATABASE = Path("agents/main/agent/openclaw-agent.sqlite")

SOME = {
    "2026.9.6": (
        "session_key_contract.main_key",
        "session_nodes.spawned_by",
        "session_nodes.entry_valid",
        "trigger session_nodes_canonical_pending_after_update dropped",
    ),
    "2026.8.2": ("session_nodes.parent_session_key", "session_nodes.session_key (case)"),
}
"""What is tried in each run: changes that the release refuses."""


def is_good(state: Path, before: Path) -> bool:
    """Whether verify has nothing to say against a state."""
    surroundings = Surroundings({}, "/home/user", str(state.parent), str(state.parent))
    return commands.verify(Request(Selection(state_dir=str(state)), surroundings), str(before)).exit_code == 0


def listed(release: Release, state: Path) -> Counter[tuple[str, str]] | None:
    """Key and session id of all that the release lists; None if it refuses."""
    done = release.run("sessions", "--all-agents", "--json", "--limit", "all", state=state)
    if done.returncode != 0:
        return None
    return Counter((row["key"], row["sessionId"]) for row in json.loads(done.stdout)["sessions"])


class Oracle:
    """A state that a release has upgraded, and what the release lists of it."""

    def __init__(self, release: Release, world: Path) -> None:
        self.release, self.before, self.after = release, world / "before", world / "after"
        self.all = listed(release, self.after)  # its first start changes the configuration
        assert self.all
        assert is_good(self.after, self.before)

    def asked(self, change: Single, copy: Path) -> tuple[str, bool]:
        """What the release does with a changed state (lists, hides, refuses), and whether verify calls it good."""
        shutil.copytree(self.after, copy, symlinks=True)
        try:
            make(copy / DATABASE, change)
            good = is_good(copy, self.before)
            found = listed(self.release, copy)
            assert self.all is not None
            return ("refuses" if found is None else "hides" if self.all - found else "lists"), good
        finally:
            shutil.rmtree(copy)


@pytest.fixture
def oracle(openclaw: Callable[[str], Release], unpack: Callable[[str], Path]) -> Callable[[str], Oracle]:
    return lambda version: Oracle(openclaw(version), unpack(f"invented-to-{version}"))


@pytest.mark.parametrize("version", SCHEMAS)
def test_what_a_release_refuses_is_not_called_good(
    oracle: Callable[[str], Oracle], tmp_path: Path, version: str
) -> None:
    asked = oracle(version)
    changes = {change.name: change for change in single_changes(asked.after / DATABASE)}
    for name in SOME[version]:
        assert asked.asked(changes[name], tmp_path / "copy") == ("refuses", False), name


@pytest.mark.exhaustive
@pytest.mark.parametrize("version", SCHEMAS)
def test_no_single_change_that_a_release_refuses_or_hides_is_called_good(
    oracle: Callable[[str], Oracle], tmp_path: Path, version: str
) -> None:
    asked, counts, missed = oracle(version), Counter[str](), []
    for change in single_changes(asked.after / DATABASE):
        does, good = asked.asked(change, tmp_path / "copy")
        counts[f"{does}, verify {'good' if good else 'not good'}"] += 1
        sys.stdout.write(f"{does:<8} {'good' if good else 'not good':<8} {change.name}\n")
        if does != "lists" and good:
            missed.append(change.name)
    sys.stdout.write(f"{version} {dict(counts)}\n")
    assert missed == []
