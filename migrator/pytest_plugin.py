"""A fixture for the tests of others: a state directory that is migrated, or the test fails and says what is missing.

    def test_the_agent_remembers(migrator_state):
        state = migrator_state("tests/data/openclaw")

pytest finds it by itself where this program is installed. Nothing else is imported until a test asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

StateMaker = Callable[["str | os.PathLike[str]"], Path]


@pytest.fixture
def migrator_state(tmp_path_factory: pytest.TempPathFactory) -> StateMaker:
    """Give a function that makes a private copy of a state directory, migrates it, and gives the path of the copy.

    The test fails with the parity line unless every session, transcript and event has arrived. The original is only
    read.
    """
    return lambda state_dir: _migrated(state_dir, tmp_path_factory.mktemp("migrator") / "state")


def _migrated(state_dir: str | os.PathLike[str], copy: Path) -> Path:
    import migrator
    from migrator.model.errors import MigratorError
    from migrator.upgrades.private_copy import copy_installation
    from migrator.verification.parity import parity

    try:
        found = migrator.scan(state_dir).inventory
        copy_installation(found.state_dir, found.config_path, copy)
        report = migrator.apply(copy)
    except MigratorError as error:
        told = error.sentence.format(subject="the state directory", others="")
        pytest.fail(f"migrator stopped (exit {error.exit_code}): {told[0].upper()}{told[1:]}", pytrace=False)
    if report.exit_code != 0:
        line, code = parity(report.verification), report.exit_code
        pytest.fail(f"migrator: {report.word} (exit {code}): {line}. {report.next_step}", pytrace=False)
    return copy
