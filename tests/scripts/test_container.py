"""Without root, network, home or a writable root filesystem, as the README and the Kubernetes Job say.

No container runtime is needed: the commands run here in namespaces that take the same things away.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from migrator.proofs.log import decode_log, read_log
from tests.conftest import fingerprint
from tests.proof_logs import check_log

ROOT = Path(__file__).parents[2]
README = (ROOT / "scripts" / "fleet" / "README.md").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "scripts" / "fleet" / "Dockerfile").read_text(encoding="utf-8")
JOB: dict[str, Any] = yaml.safe_load((ROOT / "scripts" / "fleet" / "job.yaml").read_text(encoding="utf-8"))
POD: dict[str, Any] = JOB["spec"]["template"]["spec"]

LOCK_UP = """
    set -e
    for writable in "$STATE" "$PROOF"; do mount --bind "$writable" "$writable"; done
    while read -r _ target _; do
        case "$target" in
            "$STATE" | "$PROOF" | /proc*) ;;
            *) mount -o remount,bind,ro "$target" 2>/dev/null || true ;;
        esac
    done </proc/self/mounts
    mount -t tmpfs tmpfs "$TMPDIR"
    exec unshare --user --map-user=65534 --map-group=65534 "$@"
"""


@dataclass(frozen=True)
class Container:
    """A state directory and a folder for proofs, which are all that can be written, but for a private TMPDIR."""

    state: Path
    proof: Path
    tmp: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin:/usr/sbin:/sbin"}
        env |= {"STATE": str(self.state), "PROOF": str(self.proof), "TMPDIR": str(self.tmp)}
        unshare = ["unshare", "--map-root-user", "--mount", "--net", "sh", "-c", LOCK_UP, "container"]
        return subprocess.run([*unshare, *command], capture_output=True, text=True, check=False, env=env)


@pytest.fixture
def container(unpack: Callable[[str], Path], tmp_path: Path) -> Container:
    made = Container(unpack("legacy-2026.6.1"), tmp_path / "proof", tmp_path / "tmp")
    made.proof.mkdir()
    made.tmp.mkdir()
    return made


def test_the_container_of_these_tests_is_as_locked_up_as_a_real_one(container: Container) -> None:
    say = "id -u; grep CapEff /proc/self/status; echo ${HOME-none}; touch $STATE/a $PROOF/a $TMPDIR/a && echo written"
    assert container.run("sh", "-c", say).stdout.split() == ["65534", "CapEff:", "0" * 16, "none", "written"]
    for place in (container.proof.parent, ROOT, Path("/var/tmp")):  # noqa: S108 - to see that it cannot be written
        assert "Read-only" in container.run("touch", str(place / "a")).stderr
    assert (
        "unreachable"
        in container.run(sys.executable, "-c", "import socket\nsocket.create_connection(('1.1.1.1', 80))").stderr
    )


def recipe() -> list[str]:
    """The arguments of the ``docker run`` in the README."""
    found = re.search(r"^docker run ([^\\\n]*(?:\\\n[^\\\n]*)*)$", README, re.MULTILINE)
    assert found
    return found[1].replace("\\\n", " ").split()


def test_the_recipe_of_the_readme_takes_everything_away_that_is_not_needed() -> None:
    assert {"--rm", "--read-only", "--tmpfs", "--network", "none", "--cap-drop", "ALL", "--user"} <= set(recipe())
    assert re.search(r"^USER 65534:65534$", DOCKERFILE, re.MULTILINE)


def test_what_the_recipe_runs_needs_no_root_no_home_and_no_writable_root_filesystem(container: Container) -> None:
    words = recipe()
    arguments = words[words.index("openclaw-session-migrator") + 1 :]
    places = {"/state": str(container.state), "/proof": str(container.proof)}
    arguments = [places.get(word, word) for word in arguments]
    assert arguments[:2] == ["apply", "--yes"]
    done = container.run("migrator", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    before = fingerprint(container.state)
    assert container.run("migrator", "verify", "--state-dir", str(container.state)).returncode == 0
    assert fingerprint(container.state) == before
    assert check_log(decode_log((container.proof / "apply.proof.jsonl").read_bytes())) == ()


def test_the_job_is_valid_for_kubernetes_releases_old_and_new() -> None:
    for version in ("1.27", "1.32"):
        kubernetes_validate.validate(JOB, version, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**JOB, "spec": {**JOB["spec"], "backoffLimit": "none"}}, "1.32", strict=True)


def test_the_job_runs_without_root_and_with_a_read_only_root_filesystem() -> None:
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["runAsUser"] > 0
    assert POD["automountServiceAccountToken"] is False
    for one in (*POD["initContainers"], *POD["containers"]):
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    volumes = {volume["name"] for volume in POD["volumes"]}
    mounts = {one["name"]: {m["mountPath"]: m for m in one["volumeMounts"]} for one in POD["containers"]}
    assert mounts["verify"]["/state"]["readOnly"] is True
    assert {mount["name"] for mount in mounts["verify"].values()} == volumes


def pod(container: Container, spec: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Run a container of the Job, with its volumes in our places."""
    script = spec["args"][0].replace("/state", str(container.state)).replace("/proof", str(container.proof))
    return container.run(*spec["command"], script.replace("/dev/termination-log", str(container.proof / "said")))


def test_the_job_migrates_verifies_and_brings_home_nothing_but_the_proof(container: Container) -> None:
    migrated = pod(container, POD["initContainers"][0])
    assert (migrated.returncode, migrated.stdout, migrated.stderr) == (0, "", "")
    verified = pod(container, POD["containers"][0])
    assert (verified.returncode, verified.stderr) == (0, "")
    log = read_log(verified.stdout.splitlines())
    assert log.problems == ()
    assert log.begin.verb == "verify"
    assert (container.proof / "said").read_text() == ""


def test_a_state_directory_that_cannot_be_migrated_fails_the_job_before_it_writes(container: Container) -> None:
    database = container.state / "agents" / "main" / "agent" / "openclaw-agent.sqlite"
    database.parent.mkdir(parents=True, exist_ok=True)
    database.write_bytes(b"SQLite format 3\0" + bytes(256) * 32)
    before = fingerprint(container.state)
    assert pod(container, POD["initContainers"][0]).returncode == 12
    assert fingerprint(container.state) == before


def test_items_in_quarantine_do_not_keep_the_job_from_verifying(container: Container) -> None:
    store = container.state / "agents" / "main" / "sessions" / "sessions.json"
    store.write_bytes(store.read_bytes().rstrip()[:-1] + b', "agent:main:torn": {"sessionId": ')
    assert pod(container, POD["initContainers"][0]).returncode == 0
    assert (container.proof / "apply.summary.md").read_text().startswith("### quarantined\n")
