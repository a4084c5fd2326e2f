"""A program of its own: let a real OpenClaw import the sessions of a state directory, or validate them, in the sandbox.

python real_sessions.py import|validate LAUNCHER STATE SCRATCH

Prints how many stores it has selected: after ``apply``, ``validate`` of 2026.8.2 selects all, that of 2026.9.6 none.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from migrator.upgrades.release.client import Client

_LIMIT = 3600.0

if __name__ == "__main__":
    mode, *places = sys.argv[1:]
    words = ("doctor", "--session-sqlite", mode, "--session-sqlite-all-agents", "--json")
    step = Client(*map(Path, places)).run(*words, limit=_LIMIT)
    sys.stderr.buffer.write(step.stderr)
    # What validate finds to complain of is no failure of it: 2026.8.2 wants no transcript beside a database.
    if mode == "import" and step.exit_code != 0:
        sys.exit(1)
    print(json.loads(step.stdout)["totals"]["targets"])
