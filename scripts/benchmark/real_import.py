"""A program of its own: let a real OpenClaw import a state directory, in the sandbox.

python real_import.py LAUNCHER STATE SCRATCH
"""

from __future__ import annotations

import sys
from pathlib import Path

from migrator.upgrades.release.client import Client

_WORDS = ("doctor", "--session-sqlite", "import", "--session-sqlite-all-agents", "--json")
_LIMIT = 3600.0

if __name__ == "__main__":
    launcher, state, scratch = map(Path, sys.argv[1:])
    step = Client(launcher, state, scratch).run(*_WORDS, limit=_LIMIT)
    sys.stderr.buffer.write(step.stderr)
    sys.exit(1 if step.exit_code is None else step.exit_code)
