"""Tab in bash completes commands, options and their values, as the README says how."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "migrator/cli/README.md").read_text(encoding="utf-8")
SET_UP = 'eval "$(_MIGRATOR_COMPLETE=bash_source migrator)"'


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("migrator ver", {"verify"}),
        ("migrator proof ", {"check", "merge", "reveal"}),
        ("migrator verify --aga", {"--against"}),
        ("migrator scan --names ", {"auto", "clear", "labels"}),
    ],
)
def test_bash_completes_what_was_begun(typed: str, offered: set[str]) -> None:
    assert SET_UP in README
    words = typed.split(" ")
    script = f"""
        {SET_UP}
        COMP_WORDS=({" ".join(words)}{' ""' if not words[-1] else ""}) COMP_CWORD={len(words) - 1}
        _migrator_completion migrator
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env=env)
    assert (set(done.stdout.split()), done.stderr) == (offered, "")
