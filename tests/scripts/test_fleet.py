"""Many hosts: the Ansible playbook on local state directories, and the Kubernetes Job."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.conftest import FIXTURES

FLEET = Path(__file__).parents[2] / "scripts" / "fleet"
TOOLS = Path(sys.executable).parent
MIGRATOR = str(TOOLS / "migrator")
NAME = "legacy-2026.6.1"
BROKEN = "host-02"


def state_directories(folder: Path, number: int) -> dict[str, str]:
    """State directories of as many hosts, by host; of one the database is damaged."""
    found = {}
    for host in (f"host-{count:02}" for count in range(number)):
        with tarfile.open(FIXTURES / f"{NAME}.tar.xz") as archive:
            archive.extractall(folder / host, filter="fully_trusted")
        found[host] = str(folder / host / NAME)
    if BROKEN in found:
        database = Path(found[BROKEN], "agents", "main", "agent", "openclaw-agent.sqlite")
        database.parent.mkdir(parents=True, exist_ok=True)
        database.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 32)
    return found


def play(folder: Path, hosts: dict[str, dict[str, object]], **extra: object) -> subprocess.CompletedProcess[str]:
    """Run the playbook with local connections; everything that it writes is below ``folder``."""
    settings = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "migrator": [MIGRATOR]}
    inventory = folder / "hosts.json"
    inventory.write_text(json.dumps({"openclaw": {"hosts": hosts, "vars": settings}}))
    options = ["--inventory", str(inventory), "--forks", "2"]
    known = {"migrator_here": [MIGRATOR], "proofs": str(folder / "proofs"), **extra}
    ansible = [str(TOOLS / "ansible-playbook"), *options, "--extra-vars", json.dumps(known), str(FLEET / "migrate.yml")]
    env = {
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "ANSIBLE_PIPELINING": "true",  # a local connection needs no copies of the modules
        "ANSIBLE_NOCOLOR": "true",
    }
    return subprocess.run(ansible, capture_output=True, text=True, check=False, env=env, cwd=folder)


def recap(output: str) -> dict[str, bool]:
    """Every host of the recap, and whether it failed."""
    rows = re.findall(r"^(\S+) +: .*failed=(\d+)", output[output.index("PLAY RECAP") :], re.MULTILINE)
    return {host: failed != "0" for host, failed in rows}


@pytest.mark.parametrize("number", [3, pytest.param(20, marks=pytest.mark.exhaustive)])
def test_of_many_hosts_with_one_broken_all_others_are_fine_and_the_one_is_reported_first(
    tmp_path: Path, number: int
) -> None:
    """There are more hosts than Ansible works on at once; each takes five seconds of CPU time."""
    states = state_directories(tmp_path, number)
    done = play(tmp_path, {host: {"openclaw_state_dir": state} for host, state in states.items()})
    assert done.returncode == 2, done.stdout + done.stderr
    assert recap(done.stdout) == {host: host == BROKEN for host in states} | {"localhost": False}
    (home,) = (tmp_path / "proofs").iterdir()
    report = json.loads((home / "report.json").read_text())
    assert (report["proofs"], report["good"]) == (number, number - 1)
    assert [one["number"] for one in report["outliers"]] == [3]
    assert f'"msg": "{BROKEN}: ' in done.stdout
    assert f"{number - 1} of {number} proofs are good: {home}/report.md" in done.stdout
    assert (home / "report.md").read_text().startswith(f"# proof merge: {number - 1} of {number} proofs are good\n")
    brought = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    logs = {f"{host}/{verb}.proof.jsonl" for host in states for verb in ("apply", "verify")}
    assert brought == logs - {f"{BROKEN}/apply.proof.jsonl"} | {"report.json", "report.md"}


def test_a_host_that_cannot_be_reached_is_the_first_and_a_single_file_is_brought_along(tmp_path: Path) -> None:
    states = state_directories(tmp_path, 1)
    program = tmp_path / "migrator.pyz"
    program.write_text(f"#!{sys.executable}\nfrom migrator.cli.main import main\n\nmain()\n")
    hosts: dict[str, dict[str, object]] = {
        "host-00": {"openclaw_state_dir": states["host-00"], "openclaw_expect": ["--expect-sessions=16"]},
        "gone": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9},
    }
    done = play(tmp_path, hosts, migrator_file=str(program))
    assert done.returncode == 4, done.stdout + done.stderr
    assert recap(done.stdout)["host-00"] is False
    (home,) = (tmp_path / "proofs").iterdir()
    report = json.loads((home / "report.json").read_text())
    assert (report["good"], [one["outcome"] for one in report["outliers"]]) == (1, ["unreadable"])
    assert '"msg": "gone: unreadable. ' in done.stdout
    assert len(list((tmp_path / "migrator-proofs").glob("*/host-00/migrator.pyz"))) == 1
