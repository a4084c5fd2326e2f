"""Scan: say what is there, and what an upgrade would do to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from migrator.commands.judging import DIFFERENCES
from migrator.commands.request import (
    Request,
    take_inventory,
    unmet_expectations,
)
from migrator.execution.run_states import run_findings, traces
from migrator.model.report import ScanReport
from migrator.planning.forecast import forecast
from migrator.proofs.bundle import holds_proof
from migrator.scanning.host import look_at_host


def scan(request: Request) -> ScanReport:
    """What is there, and what would OpenClaw's own upgrade do to it? Reads only."""
    inventory = take_inventory(request)
    host = look_at_host(inventory)
    foreseen = (*forecast(inventory), *host.findings)
    made = (*run_findings(Path(inventory.state_dir), holds_proof), *traces(inventory, request.selection, holds_proof))
    inventory = replace(inventory, findings=(*inventory.findings, *made))
    unmet = unmet_expectations(request, inventory)
    return ScanReport(
        word="unexpected" if unmet else "scanned",
        exit_code=DIFFERENCES if unmet else 0,
        inventory=inventory,
        unmet=unmet,
        forecast=foreseen,
        filesystems=host.filesystems,
    )
