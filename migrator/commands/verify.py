"""Verify: say whether every session is there."""

from __future__ import annotations

from dataclasses import replace

from migrator.commands.judging import NOTHING_FOUND, judged_report
from migrator.commands.request import (
    Request,
    inventory_of,
    take_inventory,
    unmet_expectations,
)
from migrator.execution.run_states import traces
from migrator.model.report import Report
from migrator.model.verification import Level
from migrator.proofs.bundle import holds_proof
from migrator.verification.verifier import verify as make_verification


def verify(
    request: Request,
    against: str | None = None,
    level: Level = Level.KNOWN,
    accept: tuple[str, ...] = (),
) -> Report:
    """Is every session there? Reads only.

    ``against`` is another copy of the state directory, or the folder of a run, whose sources to judge by;
    ``accept`` are words of verdicts that are no difference.
    """
    inventory = take_inventory(request)
    origin = inventory_of(request, inventory, against) if against is not None else None
    inventory = replace(
        inventory, findings=(*inventory.findings, *traces(inventory, request.selection, holds_proof, origin))
    )
    verification = make_verification(inventory, origin, level, request.jobs)
    report = judged_report("verify", verification, inventory, unmet_expectations(request, inventory), accept)
    if report.word == "proved" and verification.is_vacuous:
        report = replace(report, word="unjudged", exit_code=0 if request.allow_empty else NOTHING_FOUND)
    return replace(report, origin=origin)
