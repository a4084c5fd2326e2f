"""A virtual environment for the scripts: made once beside the checkout's files, with nothing but Python needed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def python(*, development: bool, fuzzing: bool = False) -> str:
    """Make or refresh the environment and give the path of its interpreter.

    ``MIGRATOR_VENV`` names another place for it than ``.venv``.
    """
    interpreter = make(Path(os.environ.get("MIGRATOR_VENV", ROOT / ".venv")))
    wanted = [name for name, is_wanted in (("dev", development), ("fuzz", fuzzing)) if is_wanted]
    groups = [argument for name in wanted for argument in ("--group", f"{ROOT / 'pyproject.toml'}:{name}")]
    pip(interpreter, "--editable", str(ROOT), *groups)
    # As an installation that is not editable has it: without its byte code each start takes a quarter second longer.
    subprocess.run([interpreter, "-m", "compileall", "-q", ROOT / "migrator"], check=False)
    return str(interpreter)


def migrator() -> list[str]:
    """Give the command that runs the program: here if it is installed, else in the environment of the checkout."""
    is_here = importlib.util.find_spec("migrator") and importlib.util.find_spec("click")
    return [sys.executable if is_here else python(development=False), "-m", "migrator"]


def make(folder: Path) -> Path:
    """Make an environment unless it is there, and give the path of its interpreter."""
    interpreter = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not interpreter.exists():
        venv.create(folder, with_pip=True)
        pip(interpreter, "--upgrade", "pip>=25.1")
    return interpreter


def pip(interpreter: Path, *arguments: str) -> None:
    """Install something quietly; the output is shown only if it fails."""
    command = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stdout)
