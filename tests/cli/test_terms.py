"""``migrator explain WORD``: what the words of a report mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator.cli import main as cli
from migrator.cli.help import EXIT_CODES
from migrator.cli.terms import meaning
from migrator.findings.checks import CHECKS
from migrator.findings.table import RULES
from migrator.model.conclusions import OUTCOMES
from migrator.model.verification import HistoryVerdict, Verdict
from migrator.openclaw.changes.event_transforms import EVENT_TRANSFORMS
from migrator.openclaw.changes.transforms import ENTRY_TRANSFORMS


def test_every_word_that_a_report_can_hold_has_a_meaning() -> None:
    verdicts = [one.value for kind in (Verdict, HistoryVerdict) for one in kind]
    changes = [change.name for change in ENTRY_TRANSFORMS] + [change.name for change in EVENT_TRANSFORMS]
    words = [*RULES, *OUTCOMES, *verdicts, *changes, *CHECKS, *map(str, EXIT_CODES)]
    assert [word for word in words if not meaning(word)] == []
    assert meaning("agent:main:main") is None


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("upgrade.loses-history", "Before the upgrade, run apply --archive-sources"),
        ("moved", "in the database of another agent"),
        ("delivery-folded", "Nothing is lost by it"),
        ("fallback-notice-lost", "throws something away"),
        ("15", "with quarantined items"),
    ],
)
def test_a_word_is_explained_without_looking_at_any_installation(word: str, told: str) -> None:
    result = CliRunner().invoke(cli.main, ["explain", word], env={"OPENCLAW_STATE_DIR": "/nowhere"})
    assert result.exit_code == 0
    assert told in result.stdout


def test_with_an_option_a_word_is_looked_for_in_the_installation(tmp_path: Path) -> None:
    store = tmp_path / "agents" / "moved" / "sessions" / "sessions.json"
    store.parent.mkdir(parents=True)
    store.write_text('{"agent:moved:main": {"sessionId": "s", "updatedAt": 1}}')
    result = CliRunner().invoke(cli.main, ["explain", "moved", "--state-dir", str(tmp_path), "--format", "json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["verdict"] == "explained"
