"""Verify: say whether every session is there."""

from __future__ import annotations

import os
from dataclasses import replace

from migrator.commands.judging import NOTHING_FOUND, is_elsewhere, judge, unread
from migrator.commands.request import (
    Request,
    inventory_of,
    take_inventory,
    unmet_expectations,
)
from migrator.execution.run_states import traces
from migrator.model.report import VerifyReport
from migrator.model.verification import Level
from migrator.proofs.bundle import holds_proof
from migrator.verification.verifier import verify as make_verification


def verify(
    request: Request,
    against: str | None = None,
    level: Level = Level.KNOWN,
    accept: tuple[str, ...] = (),
) -> VerifyReport:
    """Is every session there? Reads only.

    ``against`` is another copy of the state directory, or the folder of a run, whose sources to judge by;
    ``accept`` are words of verdicts that are no difference.
    """
    inventory = take_inventory(request)
    origin = inventory_of(request, inventory, against) if against is not None else None
    found = (*traces(inventory, request.selection, holds_proof, origin), *(unread(origin, inventory) if origin else ()))
    inventory = replace(inventory, findings=(*inventory.findings, *found))
    verification = make_verification(inventory, origin, level, request.workers, request.progress)
    unmet = unmet_expectations(request, inventory)
    word, code = judge(verification, inventory, unmet, accept)
    if word == "proved" and (verification.is_vacuous or is_elsewhere(verification)):
        word, code = "unjudged", 0 if request.allow_empty else NOTHING_FOUND
    return VerifyReport(
        word=word,
        exit_code=code,
        inventory=inventory,
        unmet=unmet,
        verification=verification,
        origin=origin,
        against=os.path.join(request.surroundings.cwd, against) if against is not None else None,
    )
