"""Judge a range of seeds, one line for each that has something silent, and a sum."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from scattering.judge import judge


def main() -> int:
    """Judge the seeds ``N`` or ``N-M``; 1 if anything is silent."""
    first, _, last = sys.argv[1].partition("-")
    facts = stored = named = silent = 0
    for seed in range(int(first), int(last or first) + 1):
        with tempfile.TemporaryDirectory() as folder:
            found = judge(Path(folder), seed)
        facts, stored, named = facts + found.facts, stored + found.stored, named + found.named
        silent += len(found.silent)
        for kind, what in found.silent:
            print(f"seed {seed}: {kind} in {what}")
    print(f"{facts} sessions and events: {stored} in databases, {named} named by a finding, {silent} silent")
    return 1 if silent else 0


if __name__ == "__main__":
    sys.exit(main())
