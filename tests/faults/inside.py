"""What happens inside a private namespace: disks of given sizes, or one that cannot be written to.

``python -m tests.faults.inside KIND SCENE SIZE...``, under ``unshare --mount``, prints as JSON for each size how the
run ended and what was violated. SCENE is a file with a pickled installation. The disk is a tmpfs of SIZE kilobytes at
its root, which nobody else sees and which is gone afterwards.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.faults import oracle, scene
from tests.faults.scene import Scene


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def main(kind: str, installation: Scene, size: str) -> Iterator[str]:
    """Give the exit code of the run, and what was violated."""
    root, expected = installation.root, installation.expected
    root.mkdir(exist_ok=True)
    mount("-t", "tmpfs", "-o", f"size={size}k,mode=755", "tmpfs", str(root))
    if kind == "two devices":
        far = installation.state / "agents" / "old"
        far.mkdir(parents=True)
        mount("-t", "tmpfs", "tmpfs", str(far))
    shutil.copytree(installation.saved, root, symlinks=True, dirs_exist_ok=True)
    scene.copy_times(installation.saved, root)
    if kind == "read-only":
        mount("-o", "remount,ro", str(root))
    code, said = installation.run(*scene.APPLY)
    yield str(code)
    yield from oracle.violations(root, expected, code, said)
    if kind == "read-only" and code != 12:
        yield f"exit code {code} on a read-only disk: {said}"
    mount("-o", f"remount,rw,size={64 << 10}k", str(root))
    again, said = installation.run(*scene.APPLY)
    for one in oracle.not_converged(root, expected, again):
        yield f"{one} ({code}, then {again} {said})"
    if kind == "two devices":
        yield from installation.take_back()
    subprocess.run(["umount", "--recursive", str(root)], check=True)


if __name__ == "__main__":
    os.chdir("/")
    made = pickle.loads(Path(sys.argv[2]).read_bytes())  # noqa: S301 - our own
    print(json.dumps([list(main(sys.argv[1], made, size)) for size in sys.argv[3:]]))  # noqa: T201
