"""The states that are changed: three that real releases upgraded, and one that this program migrated."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

from differences.judged import request
from environment import ROOT

from migrator import commands

UPGRADED = ("upgraded-rich-to-2026.9.6", "invented-to-2026.9.6", "invented-to-2026.8.2")
OURS = "legacy-2026.7.1"


def unpack(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Each state as it was before and as it is now, by name."""
    for name in (*UPGRADED, OURS):
        with tarfile.open(ROOT / "fixtures" / f"{name}.tar.xz") as archive:
            archive.extractall(folder, filter="fully_trusted")
    shutil.copytree(folder / OURS, folder / "ours", symlinks=True)
    commands.apply(request(folder / "ours"), None, yes=True)
    states = {name: (folder / name / "before", folder / name / "after") for name in UPGRADED}
    return {**states, "ours": (folder / OURS, folder / "ours")}
