"""Packages from npm in a cache outside the repository, for tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

QUIET = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]


def cache_folder() -> Path:
    """Where installed releases are kept."""
    own = os.environ.get("OPENCLAW_CACHE")
    if own:
        return Path(own).absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "openclaw-releases"


def install(cache: Path, name: str, package: str) -> Path:
    """Install ``package`` into ``cache/name``, unless it is there already. Whoever renames first wins."""
    target = cache / name
    if target.exists():
        return target
    private = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=cache))
    try:
        # Without a package.json of its own npm would walk up and install into a project that it finds there.
        (private / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        command = ["npm", "install", *QUIET, package]
        subprocess.run(command, cwd=private, check=True, stdout=sys.stderr)
        try:
            private.rename(target)
        except OSError:
            if not target.exists():
                raise
    finally:
        shutil.rmtree(private, ignore_errors=True)
    return target
