"""A verification for people: a table of the databases, then what differs, what is elsewhere, and what is harmless."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from migrator.findings.checks import CHECKS
from migrator.model.counted import plural
from migrator.model.verification import FAIL_IF_MOVED, HistoryVerdict, Verdict
from migrator.model.words import Name
from migrator.report.groups import MOST_LINES, MOST_NAMES, WHOLE, folded, listed
from migrator.report.layout import Column, Style, table
from migrator.report.parts import Namer
from migrator.report.verified_parts import (
    DIFFERENCES,
    SESSIONS,
    TRANSCRIPTS,
    DifferenceRow,
    SessionRow,
    TranscriptRow,
    VerificationPart,
    VerifiedDatabase,
    pair,
)

_COLUMNS = (
    Column("agent directory"),
    Column("sessions", right=True),
    Column("transcripts", right=True, spare=1),
    Column("events", right=True, spare=2),
    Column("state"),
)
_MOST_DIFFERENCES = 5
_MOST_CHANGES = 5

_WRONG = (Verdict.MISSING, Verdict.MERGED, Verdict.CHANGED)
_ELSEWHERE = (Verdict.MOVED, Verdict.DELETED)
_HARMLESS = (Verdict.TRANSFORMED, Verdict.EQUAL)
_WRONG_HISTORIES = (
    HistoryVerdict.ABSENT,
    HistoryVerdict.EXTENDS,
    HistoryVerdict.DIVERGES,
    HistoryVerdict.OTHER_BRANCH,
)
_ELSEWHERE_HISTORIES = (HistoryVerdict.MOVED, HistoryVerdict.DELETED)


def verification_lines(verification: VerificationPart, namer: Namer, style: Style) -> Iterator[str]:
    """The lines, an empty one first."""
    most = WHOLE if style.whole else MOST_LINES
    shown, alike = folded(verification.databases, lambda one: one.state, ("complete",), most)
    cells = [[namer(one.whose), *one.parity.pairs, one.state] for one in shown]
    cells += [[f"{len(those):,} alike", *_sums(those), state] for state, those in alike.items()]
    yield ""
    colours = ["green" if row[-1] == "complete" else "red" for row in cells]
    yield from table(_COLUMNS, cells, style, colours)
    yield from details_lines(verification, namer, WHOLE if style.whole else MOST_NAMES)


def _sums(databases: Sequence[VerifiedDatabase]) -> Iterator[str]:
    """What several databases have together: sessions, transcripts and events."""
    numbers = [one.parity for one in databases]
    for pairs in ([n.sessions for n in numbers], [n.transcripts for n in numbers], [n.events for n in numbers]):
        yield pair(sum(have for have, _ in pairs), sum(all_of_them for _, all_of_them in pairs))


def details_lines(verification: VerificationPart, namer: Namer, most: int = MOST_NAMES) -> Iterator[str]:
    """What is worth a look, without the table: differences, then what is elsewhere, then all that is harmless.

    ``most`` is how many names a list has.
    """
    entries: dict[Verdict, list[SessionRow]] = {}
    histories: dict[HistoryVerdict, list[TranscriptRow]] = {}
    for database in verification.databases:
        for entry in database.entries:
            entries.setdefault(entry.verdict, []).append(entry)
        for history in database.transcripts:
            histories.setdefault(history.verdict, []).append(history)
    yield from _groups(entries, histories, (_WRONG, _WRONG_HISTORIES), namer, most)
    yield from _check_lines(verification, namer, set(CHECKS) - FAIL_IF_MOVED)
    yield from _groups(entries, histories, (_ELSEWHERE, _ELSEWHERE_HISTORIES), namer, most)
    yield from _check_lines(verification, namer, FAIL_IF_MOVED)
    rest = ((Verdict.QUARANTINED, Verdict.KEPT), (HistoryVerdict.DAMAGED,))
    yield from _groups(entries, histories, rest, namer, most)
    extra = [name for database in verification.databases for name in database.extra]
    if extra:
        yield f"extra, {plural(len(extra), 'session')}, {SESSIONS['extra']}: {listed(extra, namer, most)}"
    yield from given_up_lines(verification.given_up)
    yield from _harmless_lines(entries, histories, verification.given_up, most)


def _groups(
    entries: Mapping[Verdict, list[SessionRow]],
    histories: Mapping[HistoryVerdict, list[TranscriptRow]],
    verdicts: tuple[Iterable[Verdict], Iterable[HistoryVerdict]],
    namer: Namer,
    most: int,
) -> Iterator[str]:
    """What has one of some verdicts, by verdict, in their order: how many there are, what that means, and names."""
    for verdict in verdicts[0]:
        if sessions := entries.get(verdict):
            names = [one.session for one in sessions]
            by = _counted(Counter(name for one in sessions for name in one.transforms), most)
            told = f"{verdict.value}, {plural(len(sessions), 'session')}, {SESSIONS[verdict.value]}"
            yield f"{told}{f' ({by})' if by else ''}: {listed(names, namer, most)}"
            for session in sessions[:most]:
                yield from _details(session, namer, most)
    for found in verdicts[1]:
        if transcripts := histories.get(found):
            yield from _transcripts(found, transcripts, namer, most)


def _transcripts(
    verdict: HistoryVerdict, transcripts: Sequence[TranscriptRow], namer: Namer, most: int
) -> Iterator[str]:
    """Transcripts of one verdict: how many events they lack, and which; the first ones with a gap in a line each."""
    lacking = sum(one.events - one.present for one in transcripts)
    events = f" lacking {plural(lacking, 'event')}" if lacking else ""
    gaps = [one for one in transcripts if one.present and one.present != one.events][:most]
    told_below = {one.transcript for one in gaps}
    names = [one.transcript for one in transcripts if one.transcript not in told_below]
    head = f"{verdict.value}, {plural(len(transcripts), 'transcript')}{events}, {TRANSCRIPTS[verdict.value]}"
    yield f"{head}: {listed(names, namer, most)}" if names else f"{head}:"
    yield from (_gap(one, namer) for one in gaps)


def _details(entry: SessionRow, namer: Namer, most: int) -> Iterator[str]:
    session = namer(entry.session)
    if entry.places:
        yield f"  {session} is in {' '.join(map(namer, entry.places))}"
    if entry.differences:
        shown = entry.differences if most == WHOLE else entry.differences[:_MOST_DIFFERENCES]
        left = len(entry.differences) - len(shown)
        told = [difference(one, namer) for one in shown] + ([plural(left, "more difference")] if left else [])
        yield f"  {session}: {'; '.join(told)}"


def difference(row: DifferenceRow, namer: Namer) -> str:
    """Where a session differs, and how: "lost `model`"."""
    steps = "/".join(str(step) if isinstance(step, int) else namer(step) for step in row.path)
    return DIFFERENCES[row.kind].format(f"`{steps}`")


def _gap(history: TranscriptRow, namer: Namer) -> str:
    line = history.first_missing_line
    where = f"; line {line:,} is the first that is missing" if line else ""
    are = "is" if history.present == 1 else "are"
    return f"  {namer(history.transcript)}: {history.present:,} of {plural(history.events, 'event')} {are} there{where}"


def given_up_lines(counts: Mapping[str, int]) -> Iterator[str]:
    """What the release that upgraded this gives up by design: no difference, and said apart from harmless changes."""
    if counts:
        told = plural(sum(counts.values()), "setting")
        yield f"given up, {told} that the release drops by design: {_counted(counts, WHOLE)}"


def _harmless_lines(
    entries: Mapping[Verdict, list[SessionRow]],
    histories: Mapping[HistoryVerdict, list[TranscriptRow]],
    given_up: Mapping[str, int],
    most: int,
) -> Iterator[str]:
    """How many sessions and events each known change was made to, the commonest first."""
    sessions = [one for verdict in _HARMLESS for one in entries.get(verdict, ())]
    transcripts = histories.get(HistoryVerdict.TRANSFORMED, [])
    if not sessions and not transcripts:
        return
    changes = Counter(name for one in sessions for name in one.transforms or (Verdict.EQUAL.value,))
    events: Counter[str] = Counter()
    for one in transcripts:
        events.update(one.transforms)
    for name in given_up:
        changes.pop(name, None)
        events.pop(name, None)
    counts = [(len(sessions), "session"), (len(transcripts), "transcript")]
    what = " and ".join(plural(count, noun) for count, noun in counts if count)
    told = [_counted(changes, most)] if changes else []
    told += [f"events: {_counted(events, most)}"] if events else []
    yield f"harmless, {what}, changed only as releases change them: {'; '.join(told) or 'see above'}"


def _counted(counts: Mapping[str, int], most: int) -> str:
    """Named changes with how often each was made, the commonest first."""
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    shown = ordered if most == WHOLE else ordered[:_MOST_CHANGES]
    told = ", ".join(f"{name} {count:,}" for name, count in shown)
    return f"{told} and {len(ordered) - len(shown):,} more" if len(ordered) > len(shown) else told


def failed_checks(verification: VerificationPart, namer: Namer) -> Iterator[tuple[str, str]]:
    """Each check that does not hold, with the first of the databases that it is about, or nothing for all."""
    for check in dict.fromkeys(verification.failed_checks):
        where: list[Name] = [one.whose for one in verification.databases if one.checks.get(check) is False]
        yield check, listed(where, namer)


def failed_check_lines(verification: VerificationPart, namer: Namer) -> Iterator[str]:
    """Each check that does not hold, and of which databases."""
    return _check_lines(verification, namer, CHECKS)


def _check_lines(verification: VerificationPart, namer: Namer, checks: Container[str]) -> Iterator[str]:
    for check, where in failed_checks(verification, namer):
        if check in checks:
            place = f" ({where})" if where else ""
            yield f"failed check {check}{place}. Expected: {CHECKS[check]}"
