"""A program of its own: let a real OpenClaw upgrade a state directory with ``doctor --fix``, in the sandbox.

python real_doctor.py LAUNCHER STATE SCRATCH
"""

from __future__ import annotations

import sys
from pathlib import Path

from migrator.upgrades.release.client import Client

if __name__ == "__main__":
    launcher, state, scratch = map(Path, sys.argv[1:])
    *_, step = Client(launcher, state, scratch).doctor_fix()
    sys.stderr.buffer.write(step.stderr)
    sys.exit(1 if step.exit_code is None else step.exit_code)
