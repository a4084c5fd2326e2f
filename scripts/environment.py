"""A virtual environment for the scripts: made once beside the checkout's files, with nothing but Python needed."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def python(*, development: bool) -> str:
    """Make or refresh the environment and give the path of its interpreter.

    ``MIGRATOR_VENV`` names another place for it than ``.venv``.
    """
    folder = Path(os.environ.get("MIGRATOR_VENV", ROOT / ".venv"))
    interpreter = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not interpreter.exists():
        venv.create(folder, with_pip=True)
        pip(interpreter, "--upgrade", "pip>=25.1")
    group = ["--group", f"{ROOT / 'pyproject.toml'}:dev"] if development else []
    pip(interpreter, "--editable", str(ROOT), *group)
    return str(interpreter)


def pip(interpreter: Path, *arguments: str) -> None:
    """Install something quietly; the output is shown only if it fails."""
    command = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stdout)
