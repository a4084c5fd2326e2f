"""What older releases make of an export: the same sessions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator import commands
from migrator.commands.export import export
from migrator.exporting.export_tree import Wish
from migrator.upgrades.release.client import Client
from tests.commands.test_export import request_for
from tests.openclaw.conftest import Release
from tests.openclaw.releases import LEGACY
from tests.openclaw.test_prove import CONFIGURED

pytestmark = pytest.mark.openclaw

Installed = Callable[[str], Release]
Unpack = Callable[[str], Path]


def client(installed: Installed, version: str, state: Path) -> Client:
    release = installed(version)
    return Client(release.launcher, state, release.scratch)


def listed(found: Client) -> set[tuple[object, object]]:
    step, sessions = found.sessions()
    assert step.exit_code == 0
    return {(session["key"], session.get("sessionId")) for session in sessions}


def in_stores(state: Path) -> set[tuple[object, object]]:
    """What a legacy release lists: the sessions of the agents that its configuration knows (see the next test)."""
    stores = (state / "agents" / agent / "sessions" / "sessions.json" for agent in CONFIGURED)
    return {(key, entry["sessionId"]) for store in stores for key, entry in json.loads(store.read_bytes()).items()}


def exported(state: Path, folder: Path, config: Path) -> Path:
    """Export a state directory, and put the configuration of the older release beside the result."""
    assert export(request_for(state), str(folder), Wish()).exit_code == 0
    shutil.copy(config, folder / "openclaw.json")
    return folder


@pytest.mark.parametrize("version", LEGACY)
def test_a_legacy_release_lists_what_was_migrated_and_exported(
    openclaw: Installed, unpack: Unpack, tmp_path: Path, version: str
) -> None:
    state = unpack(f"legacy-{version}")
    expected = listed(client(openclaw, version, state))
    assert expected == in_stores(state)
    assert commands.apply(request_for(state), None, yes=True).exit_code == 0
    back = exported(state, tmp_path / "back", state / "openclaw.json")
    assert len(expected) == 14
    assert listed(client(openclaw, version, back)) == expected


def test_what_2026_9_6_has_upgraded_is_read_again_by_2026_7_1(
    openclaw: Installed, unpack: Unpack, tmp_path: Path
) -> None:
    legacy = unpack("legacy-2026.7.1")
    expected = in_stores(legacy)
    back = exported(unpack("upgraded-2026.7.1-to-2026.9.6"), tmp_path / "back", legacy / "openclaw.json")
    assert listed(client(openclaw, "2026.7.1", back)) == expected
