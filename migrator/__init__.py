"""Find every OpenClaw session, move it into SQLite, and prove that nothing was lost.

Four functions of a state directory do what the commands of the same names do, and give their reports, which are frozen
and typed: ``exit_code``, ``word`` (the verdict), ``next_step``, ``findings``, ``inventory``, and what each verb adds.
Their strings of the installation are :class:`migrator.model.words.Name`, with the string itself in ``text``.

    import migrator
    from migrator.verification.parity import parity

    report = migrator.verify("/home/me/.openclaw")
    print(report.word, parity(report.verification))

What stops a command is raised: :class:`migrator.model.errors.MigratorError`, whose ``exit_code`` is that of the command
line. Everything else that decides what is looked at, such as ``OPENCLAW_CONFIG_PATH``, is read from the environment.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from migrator.commands.request import Request
    from migrator.model.report import ApplyReport, PlanReport, ScanReport, VerifyReport

__version__ = "0.1.0"
__all__ = ["__version__", "apply", "plan", "scan", "verify"]


def scan(state_dir: str | os.PathLike[str], *, agents: Sequence[str] = ()) -> ScanReport:
    """What is there, and what OpenClaw's own upgrade would do to it. Reads only; ``agents`` are directory names."""
    from migrator import commands

    return commands.scan(_request(state_dir, agents))


def plan(
    state_dir: str | os.PathLike[str],
    *,
    agents: Sequence[str] = (),
    backup: str | os.PathLike[str] | None = None,
) -> PlanReport:
    """What would be done. Reads only; ``backup`` is what ``--from`` names: where lost sessions may come back from."""
    from migrator import commands

    return commands.plan(_request(state_dir, agents, backup))


def apply(
    state_dir: str | os.PathLike[str],
    *,
    agents: Sequence[str] = (),
    backup: str | os.PathLike[str] | None = None,
    archive_sources: bool = False,
) -> ApplyReport:
    """Plan, do it, and verify afresh, as ``apply --yes`` does; the proof is in the folder of the run, ``report.run``.

    Raises BusyError and RefusedError before anything is written.
    """
    from pathlib import Path

    from migrator import commands
    from migrator.cli.invocation import even_clock
    from migrator.cli.options import Options
    from migrator.cli.publishing import Publisher
    from migrator.privacy.names import report_names

    clock = even_clock()
    started = clock()
    report = commands.apply(_request(state_dir, agents, backup), None, True, archive_sources)
    if report.run is not None:
        publisher = Publisher(Options(), report.verb, report_names(report))
        publisher.write_proof(report, Path(report.run), ("migrator", report.verb, "--yes"), clock, started)
    return report


def verify(
    state_dir: str | os.PathLike[str],
    *,
    agents: Sequence[str] = (),
    against: str | os.PathLike[str] | None = None,
    accept: Sequence[Literal["moved", "deleted"]] = (),
) -> VerifyReport:
    """Whether every session is in its database. Reads only.

    ``against`` is a copy of the state directory, or the folder of a run, to judge by; what ``accept`` holds is no
    difference.
    """
    from migrator import commands

    judged_by = os.fspath(against) if against is not None else None
    return commands.verify(_request(state_dir, agents), judged_by, accept=tuple(accept))


def _request(
    state_dir: str | os.PathLike[str], agents: Sequence[str], backup: str | os.PathLike[str] | None = None
) -> Request:
    from migrator.cli.invocation import surroundings
    from migrator.commands.request import Request
    from migrator.model.request import RepairWish, Selection

    wish = RepairWish(os.fspath(backup) if backup is not None else None)
    return Request(Selection(os.fspath(state_dir), agents=tuple(agents), repair=wish), surroundings())
