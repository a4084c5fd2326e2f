"""The command line of ``scripts/mutate``."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from differences.judged import request
from differences.values import Values

from migrator import commands
from mutations.changes import Change, changed
from mutations.derived import is_derived
from mutations.states import unpack


def main(arguments: Sequence[str] | None = None) -> int:
    """Make so many changes, each in a fresh copy, and print those that nobody saw."""
    parser = argparse.ArgumentParser(prog="scripts/mutate")
    parser.add_argument("--count", metavar="N", type=int, default=500, help="how many changes (%(default)s)")
    parser.add_argument("--seed", metavar="N", type=int, default=1, help="which ones (%(default)s)")
    options = parser.parse_args(arguments)
    chance, counts, unseen = Values(options.seed), Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="mutate-") as scratch:
        states = unpack(Path(scratch))
        usual = {name: seen(before, after) for name, (before, after) in states.items()}
        while counts["changes"] < options.count:
            name = chance.pick(*states)
            before, after = states[name]
            change, said = judged_change(before, after, Path(scratch) / "copy", chance)
            if change is None:
                continue
            counts["changes"] += 1
            if said != usual[name]:
                counts["seen"] += 1
            elif is_derived(change):
                counts["derived"] += 1
            else:
                unseen[f"{name}: {change.kind} {change.table}.{change.column} ({change.words})"] += 1
    print(", ".join(f"{name} {count}" for name, count in counts.items()), f"unseen {unseen.total()}", sep=", ")
    for line, count in sorted(unseen.items()):
        print(f"  {count} x {line}")
    return 1 if unseen else 0


def judged_change(before: Path, after: Path, copy: Path, chance: Values) -> tuple[Change | None, object]:
    """Change one database in a copy of a state, and let the judge look at it in the place of the state."""
    shutil.copytree(after, copy, symlinks=True)
    try:
        change = changed(chance.pick(*sorted(after.rglob("openclaw-agent.sqlite"))), chance)
        return change, seen(before, after) if change is not None else None
    finally:
        shutil.rmtree(after)
        copy.rename(after)


def seen(before: Path, after: Path) -> object:
    """All that ``verify --against`` says, but for digests and sizes."""
    report = commands.verify(request(after), against=str(before))
    found = report.verification
    assert found is not None  # noqa: S101 - a report of verify has one
    databases = [
        (one.sources, one.histories, one.extra, one.rows, tuple((check.name, check.passed) for check in one.checks))
        for one in found.databases
    ]
    return repr((report.exit_code, databases, found.checks, [(one.code, one.subject) for one in found.findings]))


if __name__ == "__main__":
    sys.exit(main())
