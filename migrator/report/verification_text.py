"""A verification for people: a table of the databases, then each verdict that is worth a look, with names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from migrator.findings.checks import CHECKS
from migrator.model.verification import HistoryVerdict
from migrator.report.groups import MOST_NAMES, cut, listed, plural
from migrator.report.layout import Column, Style, table
from migrator.report.parts import Namer
from migrator.report.verdict_words import SESSIONS, TRANSCRIPTS
from migrator.report.verified_parts import SessionRow, TranscriptRow, VerificationPart, VerifiedDatabase

_COLUMNS = (
    Column("agent directory"),
    Column("sessions", right=True),
    Column("transcripts", right=True, spare=1),
    Column("events", right=True, spare=2),
    Column("state"),
)
_MOST_DIFFERENCES = 5


def verification_lines(verification: VerificationPart, namer: Namer, style: Style) -> Iterator[str]:
    """The lines, an empty one first."""
    shown, rest = databases_to_show(verification)
    yield ""
    colours = ["green" if one.state == "complete" else "red" for one in shown]
    yield from table(_COLUMNS, [[namer(one.whose), *one.parity.pairs, one.state] for one in shown], style, colours)
    if rest:
        complete = sum(one.state == "complete" for one in rest)
        yield f"... and {len(rest):,} more, {complete:,} of them complete"
    yield from details_lines(verification, namer)


def databases_to_show(verification: VerificationPart) -> tuple[list[VerifiedDatabase], list[VerifiedDatabase]]:
    """The databases to show and those to count: where there are many, first those that are not complete."""
    return cut(verification.databases, lambda one: 1 if one.state == "complete" else 0)


def details_lines(verification: VerificationPart, namer: Namer) -> Iterator[str]:
    """What is worth a look, without the table: verdicts other than the best one, and checks that failed."""
    yield from _entries([entry for database in verification.databases for entry in database.entries], namer)
    yield from _histories([history for database in verification.databases for history in database.transcripts], namer)
    extra = [name for database in verification.databases for name in database.extra]
    if extra:
        yield f"extra, {plural(len(extra), 'session')}, {SESSIONS['extra']}: {listed(extra, namer)}"
    yield from given_up_lines(verification.given_up)
    yield from failed_check_lines(verification, namer)


def given_up_lines(counts: Mapping[str, int]) -> Iterator[str]:
    """What the release that upgraded this gives up by design: no difference, and said apart from harmless changes."""
    if counts:
        names = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        yield f"given up, {plural(sum(counts.values()), 'setting')} that the release drops of what is there: {names}"


def failed_checks(verification: VerificationPart, namer: Namer) -> Iterator[tuple[str, str]]:
    """Each check that does not hold, with the first of the databases that it is about, or nothing for all."""
    for check in dict.fromkeys(verification.failed_checks):
        where = [one.whose for one in verification.databases if one.checks.get(check) is False]
        yield check, listed(where, namer)


def failed_check_lines(verification: VerificationPart, namer: Namer) -> Iterator[str]:
    """Each check that does not hold, and of which databases."""
    for check, where in failed_checks(verification, namer):
        place = f" for {where}" if where else ""
        yield f"failed check {check}{place}. What should be true: {CHECKS[check]}"


def _entries(entries: Sequence[SessionRow], namer: Namer) -> Iterator[str]:
    groups: dict[tuple[str, str], list[SessionRow]] = {}
    for entry in entries:
        groups.setdefault((entry.verdict.value, ", ".join(entry.transforms)), []).append(entry)
    for (verdict, transforms), members in groups.items():
        names = [member.session for member in members]
        by = f" ({transforms})" if transforms else ""
        yield f"{verdict}, {plural(len(members), 'session')}, {SESSIONS[verdict]}{by}: {listed(names, namer)}"
        for member in members[:MOST_NAMES]:
            yield from _details(member, namer)


def _details(entry: SessionRow, namer: Namer) -> Iterator[str]:
    session = namer(entry.session)
    if entry.places:
        yield f"  {session} is in {' '.join(map(namer, entry.places))}"
    for difference in entry.differences[:_MOST_DIFFERENCES]:
        steps = "/".join(str(step) if isinstance(step, int) else namer(step) for step in difference.path)
        yield f"  {session} differs: {difference.kind} {steps}"
    if len(entry.differences) > _MOST_DIFFERENCES:
        yield f"  {session} differs in {len(entry.differences) - _MOST_DIFFERENCES:,} more places"


def _histories(histories: Sequence[TranscriptRow], namer: Namer) -> Iterator[str]:
    groups: dict[tuple[HistoryVerdict, str], list[TranscriptRow]] = {}
    for history in histories:
        if history.verdict is not HistoryVerdict.CONTAINED:
            groups.setdefault((history.verdict, ", ".join(history.transforms)), []).append(history)
    for (verdict, changes), members in groups.items():
        names = [member.transcript for member in members]
        number, by = plural(len(members), "transcript"), f" ({changes})" if changes else ""
        yield f"{verdict.value}, {number}, {TRANSCRIPTS[verdict.value]}{by}: {listed(names, namer)}"
        for member in members[:MOST_NAMES]:
            if member.present != member.events:
                line = member.first_missing_line
                where = f"; line {line} is the first that is missing" if line else ""
                yield f"  {namer(member.transcript)}: {member.present} of {member.events} events are there{where}"
