"""A program of its own: invent a state, let a real release upgrade it, and print what is unexplained.

python trial.py LAUNCHER PATH SEED SESSIONS SCRATCH TEMPORARY
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from differences.judged import judged
from differences.worlds import build
from migrator.upgrades.release.client import Client

_IMPORT = ("doctor", "--session-sqlite", "import", "--session-sqlite-all-agents", "--json")
_LIMIT = 600.0


def main(launcher: Path, path: str, seed: int, sessions: int, scratch: Path, temporary: Path) -> int:
    """One trial; 0 if everything is explained, 1 if not, 2 if the release failed."""
    shutil.rmtree(scratch, ignore_errors=True)
    state, before = scratch / "state", scratch / "before"
    build(state, seed, sessions)
    copy(state, before)
    temporary.mkdir(parents=True, exist_ok=True)
    client = Client(launcher, state, temporary)  # what Node has compiled once stays in there
    steps = list(client.doctor_fix()) if path == "fix" else [client.run(*_IMPORT, limit=_LIMIT)]
    listing = copy(state, scratch / "listed")  # to list a state changes it
    asked = Client(launcher, listing, temporary).run("sessions", "--all-agents", "--json", limit=_LIMIT)
    found = judged(before, state, asked.exit_code != 0)
    name = launcher.name.removeprefix("run-")
    counts = f"{found.sessions:>8} {found.events:>7} {found.same:>5} {found.changed:>7}"
    counts += f" {len(found.losses):>6} {len(found.unexplained):>11}"
    print(f"{name:<10} {path:<7} {seed:>4} {counts}", flush=True)
    for line in (*found.unexplained, *found.losses):
        print(f"  {line}")
    if steps[-1].exit_code != 0:
        print(f"  the release ended with {steps[-1].exit_code}:")
        print(steps[-1].stderr.decode(errors="replace")[-2000:])
        return 2
    return 1 if found.unexplained else 0


def copy(state: Path, place: Path) -> Path:
    """Copy a state to a place."""
    shutil.copytree(state, place, symlinks=True)
    return place


if __name__ == "__main__":
    launcher, path, seed, sessions, scratch, temporary = sys.argv[1:]
    sys.exit(main(Path(launcher), path, int(seed), int(sessions), Path(scratch), Path(temporary)))
