"""The package as others install it: built from what a container gets, and run outside of the checkout."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = ("migrator", "openclaw-session-migrator")
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")


def kept() -> list[str]:
    """What .dockerignore lets through."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    return [line[1:] for line in lines if line.startswith("!")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from nothing but what .dockerignore lets into a container."""
    folder = tmp_path_factory.mktemp("packaging")
    context = folder / "context"
    context.mkdir()
    for name in kept():
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, context / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(context)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


def interpreter_of(version: str) -> str | None:
    """A Python of this version, from the path or from pyenv."""
    for place in (shutil.which(f"python{version}"), *Path.home().glob(f".pyenv/versions/{version}.*/bin/python")):
        asked = [place, "-c", "import sys; print(*sys.version_info[:2], sep='.')"] if place else ["false"]
        if subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() == version:
            return str(place)
    return None


def installed(wheel: Path, folder: Path, interpreter: str) -> Path:
    """Install the wheel with all it needs into an environment of its own; its folder of commands."""
    subprocess.run([interpreter, "-m", "venv", folder], check=True)
    command = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "bin"


@pytest.fixture(scope="module")
def commands(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(wheel, tmp_path_factory.mktemp("environment") / "venv", sys.executable)


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an installed command from elsewhere, so that nothing of the checkout is found."""
    command = [str(program), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=program.parent, env={"HOME": "/"})


def test_both_commands_are_the_program(commands: Path) -> None:
    assert [run(commands / name, "--version").stdout.split()[-1] for name in COMMANDS] == ["0.1.0", "0.1.0"]
    helps = [run(commands / name, "scan", "--help").stdout for name in COMMANDS]
    assert helps[1] == helps[0].replace("Usage: migrator", "Usage: openclaw-session-migrator")


def migrates(program: Path, state: Path) -> None:
    assert run(program, "apply", "--yes", f"--state-dir={state}").returncode == 0
    verified = run(program, "verify", f"--state-dir={state}", "--format=json")
    assert (verified.returncode, verified.stderr) == (0, "")
    assert json.loads(verified.stdout)["parity"]["sessions"] == [16, 16]


def test_the_installed_program_has_every_file_that_it_needs(commands: Path, unpack: Callable[[str], Path]) -> None:
    state = unpack("legacy-2026.6.1")
    migrates(commands / "openclaw-session-migrator", state)
    page = run(commands / "migrator", "verify", f"--state-dir={state}", "--format=html")
    assert "prefers-color-scheme" in page.stdout
    smoke = run(commands / "migrator", "prove", "--smoke", "--without-openclaw", "--format=json")
    assert smoke.returncode == 0, smoke.stderr


def test_the_wheel_says_who_made_it_for_what_and_has_no_tests_and_no_fixtures_in_it(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        told = HeaderParser().parsestr(archive.read(metadata).decode())
    assert {name.split("/")[0] for name in names} == {"migrator", "openclaw_session_migrator-0.1.0.dist-info"}
    assert told["Name"] == "openclaw-session-migrator"
    assert told["Author"] == "OpenClaw session migrator contributors"
    assert "Programming Language :: Python :: 3.13" in told.get_all("Classifier", [])
    assert told["Keywords"]


def test_pytest_finds_the_fixture_of_the_installed_package(commands: Path) -> None:
    asked = "from importlib.metadata import entry_points; print(*(one.value for one in entry_points(group='pytest11')))"
    assert run(commands / "python", "-c", asked).stdout == "migrator.pytest_plugin\n"


@pytest.mark.exhaustive
@pytest.mark.parametrize("version", VERSIONS)
def test_the_wheel_migrates_with_every_python_that_we_say_it_runs_on(
    wheel: Path, tmp_path: Path, unpack: Callable[[str], Path], version: str
) -> None:
    interpreter = interpreter_of(version)
    if interpreter is None:
        pytest.skip(f"there is no Python {version} here")
    migrates(installed(wheel, tmp_path / "venv", interpreter) / "migrator", unpack("legacy-2026.6.1"))
