"""Where a database is lost, what OpenClaw's own import set aside brings its sessions and events back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner

from migrator.cli import main as cli


def told(command: str, state: Path, *options: str) -> str:
    """Call a command on a state directory and give what it says, on one line."""
    return " ".join(CliRunner().invoke(cli.main, [command, "--state-dir", str(state), *options]).output.split())


def originals(state: Path) -> dict[Path, bytes]:
    """Give what the import set aside."""
    return {path: path.read_bytes() for path in state.glob("agents/*/session-sqlite-import-archive/*")}


def test_all_sessions_and_events_of_a_lost_database_come_back(unpack: Callable[[str], Path]) -> None:
    state = unpack("database-lost-import-archive-there")
    assert "missing 14," in told("verify", state)
    before = originals(state)
    assert "14 sessions and 18 events to write" in told("plan", state)
    assert "12 sessions written" in told("apply", state, "--yes")
    assert originals(state) == before
    verified = told("verify", state)
    assert "missing 0," in verified
    assert "absent" not in verified
    assert "events 24/24" in verified
    assert told("plan", state).startswith("up-to-date")


def test_a_database_that_is_there_is_not_written_anew_from_originals(unpack: Callable[[str], Path]) -> None:
    for name in ("upgraded-2026.6.1-to-2026.9.6", "defect-stale-store"):
        assert "create the database" not in told("plan", unpack(name))


def test_histories_whose_original_store_is_gone_as_well_come_back_unless_another_database_has_them(
    unpack: Callable[[str], Path],
) -> None:
    state = unpack("database-lost-import-archive-there")
    for store in state.glob("agents/*/session-sqlite-import-archive/legacy-store.*"):
        store.unlink()
    (state / "agents" / "Retired Agent" / "agent" / "openclaw-agent.sqlite").unlink()
    assert "18 events to write" in told("plan", state)
    assert "created" in told("apply", state, "--yes")
    assert not (state / "agents" / "Retired Agent" / "agent" / "openclaw-agent.sqlite").exists()
    assert "events 24/24" in told("verify", state)
    assert told("plan", state).startswith("up-to-date")
