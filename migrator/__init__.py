"""Find every OpenClaw session, move it into SQLite, and prove that nothing was lost.

Four functions of a state directory do what the commands of the same names do, and give their reports, which are frozen
and typed: ``exit_code``, ``word`` (the verdict), ``next_step``, ``next_command``, ``findings``, ``inventory``, and what
each verb adds. Their strings of the installation are :class:`migrator.model.words.Name`, with the string itself in
``text``.

    import migrator
    from migrator.verification.parity import parity

    report = migrator.verify("/home/me/.openclaw")
    print(report.word, parity(report.verification))

What stops a command is raised: :class:`migrator.model.errors.MigratorError`, whose ``exit_code`` is that of the command
line. Everything else that decides what is looked at, such as ``OPENCLAW_CONFIG_PATH``, is read from the environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from migrator.commands.request import Request
    from migrator.model.report import ApplyReport, CommandLine, PlanReport, ScanReport, VerifyReport

__version__ = "0.1.0"
__all__ = ["__version__", "apply", "plan", "scan", "verify"]


def scan(state_dir: str | os.PathLike[str], *, agents: Sequence[str] = ()) -> ScanReport:
    """What is there, and what OpenClaw's own upgrade would do to it. Reads only; ``agents`` are directory names."""
    from migrator import commands

    return replace(commands.scan(_request(state_dir, agents)), given=_given(agents))


def plan(
    state_dir: str | os.PathLike[str],
    *,
    agents: Sequence[str] = (),
    backup: str | os.PathLike[str] | None = None,
) -> PlanReport:
    """What would be done. Reads only; ``backup`` is what ``--from`` names: where lost sessions may come back from."""
    from migrator import commands

    return replace(commands.plan(_request(state_dir, agents, backup)), given=_given(agents, backup))


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
    from migrator.commands.request import even_clock
    from migrator.privacy.labels import given_key, report_names
    from migrator.proofs.notary import Notary

    clock = even_clock()
    started = clock()
    report = commands.apply(_request(state_dir, agents, backup), None, True, archive_sources)
    if report.run is not None:
        notary = Notary(report_names(report))
        notary.take_key(given_key(os.environ))
        notary.label_for(Path(report.run))
        notary.write_proof(report, Path(report.run), ("migrator", report.verb, "--yes"), clock, started)
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
    report = commands.verify(_request(state_dir, agents), judged_by, accept=tuple(accept))
    return replace(report, given=_given(agents, against=judged_by, accept=accept))


def _request(
    state_dir: str | os.PathLike[str], agents: Sequence[str], backup: str | os.PathLike[str] | None = None
) -> Request:
    from migrator.commands.request import Request, surroundings
    from migrator.model.request import RepairWish, Selection

    wish = RepairWish(os.fspath(backup) if backup is not None else None)
    return Request(Selection(os.fspath(state_dir), agents=tuple(agents), repair=wish), surroundings())


def _given(
    agents: Sequence[str],
    backup: str | os.PathLike[str] | None = None,
    against: str | None = None,
    accept: Sequence[str] = (),
) -> Mapping[str, tuple[CommandLine, ...]]:
    """What was given, as options of the commands that a report may end with."""
    from migrator.model.words import Name

    named = tuple(("--agent", Name("agent", one)) for one in agents)
    taken = (("--from", Name("argument", os.fspath(backup))),) if backup is not None else ()
    judged = (("--against", Name("argument", against)),) if against is not None else ()
    accepted = tuple(("--accept", one) for one in accept)
    return {"plan": (*named, *taken), "apply": (*named, *taken), "verify": (*named, *judged, *accepted)}
