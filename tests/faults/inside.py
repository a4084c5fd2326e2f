"""What happens inside a private namespace: a disk of a given size, or one that cannot be written to.

``python -m tests.faults.inside KIND SIZE REFERENCE SAVED ROOT COMMAND...``, under ``unshare --mount``, prints what it
finds as JSON. The disk is a tmpfs of SIZE kilobytes at ROOT, which nobody else sees and which is gone afterwards.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.faults import oracle, scene


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def run(command: Sequence[str]) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, check=False)
    return done.returncode, done.stderr.decode(errors="replace")


def main(kind: str, size: str, reference: str, saved: str, place: str, *command: str) -> list[str]:
    root, expected = Path(place), pickle.loads(Path(reference).read_bytes())  # noqa: S301 - our own
    root.mkdir(exist_ok=True)
    mount("-t", "tmpfs", "-o", f"size={size}k,mode=755", "tmpfs", str(root))
    shutil.copytree(saved, root, symlinks=True, dirs_exist_ok=True)
    scene.copy_times(Path(saved), root)
    if kind == "read-only":
        mount("-o", "remount,ro", str(root))
    code, said = run(command)
    found = [*oracle.violations(root, expected, code, said)]
    if kind == "read-only" and code != 12:
        found.append(f"exit code {code} on a read-only disk: {said}")
    mount("-o", f"remount,rw,size={64 << 10}k", str(root))
    again, said = run(command)
    found += [f"{one} ({code}, then {again} {said})" for one in oracle.not_converged(root, expected, again)]
    return [str(code), *found]


if __name__ == "__main__":
    os.chdir("/")
    print(json.dumps(main(*sys.argv[1:])))  # noqa: T201
