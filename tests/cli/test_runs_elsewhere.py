"""The folders of runs are in the state directory: a link out of it is refused, and not followed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator.cli import main as cli
from tests.conftest import fingerprint


@pytest.mark.parametrize("command", ["scan", "plan", "verify", "apply"])
def test_a_place_for_runs_that_leads_out_of_the_state_directory_is_refused(
    unpack: Callable[[str], Path], tmp_path: Path, command: str
) -> None:
    state = unpack("locks-from-a-backup")
    outside = tmp_path / "outside"
    outside.mkdir()
    (state / "migrator-runs").symlink_to(outside)
    before = fingerprint(tmp_path)
    options = ["--yes"] if command == "apply" else []
    result = CliRunner().invoke(cli.main, [command, "--state-dir", str(state), *options])
    assert "is a link out of the state directory" in " ".join(result.output.split())
    assert (result.exit_code == 0) == (command == "scan"), "a scan only tells"
    assert fingerprint(tmp_path) == before
