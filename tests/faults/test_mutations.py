"""The fault tests notice when a safety measure is missing: each one is left out, and then they must find something."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults import durability, oracle, scene, strace
from tests.faults.conftest import Tell, needs_strace
from tests.faults.scene import Scene

pytestmark = needs_strace


def traced(installation: Scene, *command: object, measure: str = "none") -> list[str]:
    """Run undisturbed, and say what was not durable at its end."""
    installation.reset()
    trace = installation.root.parent / "trace"
    code, said = installation.run(*command, tracer=strace.tracing(trace), measure=measure)
    assert code in (0, 15), said
    return list(durability.undurable(trace, installation.root))


def test_all_that_a_run_claims_is_durable_when_it_ends(before: Scene, applied: Scene, tell: Tell) -> None:
    tell("apply, order of flushes", 1, 1, traced(before, *scene.APPLY))
    applied.reset()
    assert traced(applied, "rollback", applied.only_run()) == []


@pytest.mark.parametrize(
    ("measure", "sign"), [("file fsync", "content was flushed"), ("directory fsync", "new name not flushed")]
)
def test_without_a_flush_the_order_of_flushes_is_found_wanting(before: Scene, measure: str, sign: str) -> None:
    assert [found for found in traced(before, *scene.APPLY, measure=measure) if sign in found] != []


def test_without_the_single_transaction_a_kill_leaves_a_mixture(before: Scene) -> None:
    before.reset()
    database = "agents/old/agent/openclaw-agent.sqlite"
    calls = [
        call for call in strace.record(before, *scene.APPLY, measure="single transaction") if call.name == "pwrite64"
    ]
    inside = [call for call in calls if database in call.subject and "backups" not in call.subject]
    found: list[str] = []
    for call in inside[len(inside) // 2 :: 200]:
        before.reset()
        strace.inject(before, call, "signal=SIGKILL", *scene.APPLY, measure="single transaction")
        found += oracle.violations(before.root, before.expected)
    assert f"database neither old nor new: state/{database}" in found


def test_the_judge_finds_every_kind_of_violation(before: Scene) -> None:
    """A lost or changed source, a mixture in a database, an untrue proof, a stray file, leftovers: each on its own."""
    store, database = "state/agents/new/sessions/sessions.json", "state/agents/old/agent/openclaw-agent.sqlite"
    proof = '{"event":"end","exit_code":0}\n'
    damages: dict[str, Callable[[Path], object]] = {
        "source changed": lambda root: (root / store).write_text("{}"),
        "source lost": lambda root: (root / store).unlink(),
        "database neither": lambda root: (root / database).unlink(),
        "a proof that is not true": lambda root: write(root / "state/migrator-runs/x/apply.proof.jsonl", proof),
        "a file outside": lambda root: (root / "home/stray").write_text(""),
        "another file changed": lambda root: (root / "state/agents/new/sessions/notes.txt").write_text(""),
    }
    for kind, damage in damages.items():
        before.reset()
        assert list(oracle.violations(before.root, before.expected)) == []
        damage(before.root)
        assert {
            found.partition(":")[0].startswith(kind) for found in oracle.violations(before.root, before.expected)
        } == {True}
    before.reset()
    assert list(oracle.violations(before.root, before.expected, 0)) != []
    write(before.root / "state/agents/new/agent/.x.tmp", "")
    assert any(found.startswith("left over") for found in oracle.not_converged(before.root, before.expected, 0))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
