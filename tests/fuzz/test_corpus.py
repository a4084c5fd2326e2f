"""What fuzzing began with and what it has found: no reader breaks a promise on any of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import CORPUS, TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_no_promise_is_broken_on_the_corpus(target: str) -> None:
    files = sorted(path for path in Path(CORPUS, target).iterdir())
    assert len(files) >= 15
    for path in files:
        try:
            TARGETS[target](path.read_bytes())
        except Exception as error:
            raise AssertionError(f"{target} breaks on {path.name}") from error


def test_a_target_takes_any_bytes(tmp_path: Path) -> None:
    for target in TARGETS.values():
        target(b"")
        target(bytes(range(256)) * 3)
