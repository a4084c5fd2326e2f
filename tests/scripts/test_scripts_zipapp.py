"""The program as one file: it runs with a bare Python, without network, and says so where it cannot."""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "zipapp"
THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
BARE = [sys.executable, "-I", "-S"]  # no site-packages, no environment variables for Python, no user site
NO_NETWORK = ["unshare", "--map-root-user", "--net"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("zipapp") / "migrator.pyz"
    command = [sys.executable, str(SCRIPT), "--python", THIS, "--output", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{target}\n"), done.stdout + done.stderr
    return target


def run(archive: Path, *arguments: str, prefix: list[str] = NO_NETWORK) -> subprocess.CompletedProcess[str]:
    """Run the file with nothing in the environment but a folder to unpack into, and with no network."""
    env = {"PATH": "/usr/bin:/bin", "SHIV_ROOT": str(archive.parent / "unpacked")}
    command = [*(prefix if shutil.which("unshare") else []), *BARE, str(archive), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=archive.parent)


def test_the_file_migrates_and_verifies_with_a_bare_python_and_no_network(
    archive: Path, unpack: Callable[[str], Path]
) -> None:
    state = f"--state-dir={unpack('legacy-2026.6.1')}"
    scanned = run(archive, "scan", state, "--format=json")
    assert (scanned.returncode, scanned.stderr) == (0, "")
    assert json.loads(scanned.stdout)["totals"] == {"agents": 3, "sessions": 16}
    assert run(archive, "apply", "--yes", state).returncode == 0
    assert run(archive, "verify", state, "--expect-sessions=16").returncode == 0


def test_the_packages_with_binary_parts_come_along(archive: Path, unpack: Callable[[str], Path]) -> None:
    """This state has transcripts that are compressed with zstandard."""
    state = unpack("defect-both-spellings") / "after"
    verified = run(archive, "verify", f"--state-dir={state}", "--format=json")
    assert verified.returncode == 1
    assert json.loads(verified.stdout)["parity"]["events"]


def test_a_python_that_the_file_has_no_binary_parts_for_is_told_what_it_is_for(archive: Path, tmp_path: Path) -> None:
    other = tmp_path / "migrator.pyz"
    with zipfile.ZipFile(archive) as whole, zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as part:
        for item in whole.infolist():
            if not re.search(r"/msgspec/_core.*\.so", item.filename):
                part.writestr(item, whole.read(item))
    done = run(other, "scan")
    assert done.returncode == 1
    assert f"migrator: this file is for CPython {THIS} on " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.exhaustive
def test_a_file_for_another_machine_has_its_binary_parts_and_says_what_it_is_for(tmp_path: Path) -> None:
    other = "aarch64" if platform.machine() == "x86_64" else "x86_64"
    target = tmp_path / "migrator.pyz"
    command = [sys.executable, str(SCRIPT), "--python", THIS, "--machine", other, "--output", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{target}\n"), done.stdout + done.stderr
    with zipfile.ZipFile(target) as whole:
        binary = [name for name in whole.namelist() if name.endswith(".so")]
        machines = {int.from_bytes(whole.read(name)[18:20], "little") for name in binary}  # e_machine of ELF
    assert any("msgspec" in name for name in binary)
    assert machines == {{"x86_64": 62, "aarch64": 183}[other]}
    refused = run(target, "scan")
    assert refused.returncode == 1
    assert (
        refused.stderr
        == f"migrator: this file is for CPython {THIS} on linux-{other}; this is another Python or machine.\n"
    )
