"""What a verification found other than it was, as tables: what needs a look is open, what is harmless is folded in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

from migrator.findings.checks import CHECKS
from migrator.model.counted import plural
from migrator.model.verification import LOST, HistoryVerdict, Verdict
from migrator.report.html_bars import SESSION_WORDS, TRANSCRIPT_WORDS
from migrator.report.markup import Markup, table, tag
from migrator.report.parts import Namer
from migrator.report.verification_text import difference, failed_checks
from migrator.report.verified_parts import SESSIONS, TRANSCRIPTS, SessionRow, TranscriptRow, VerificationPart
from migrator.verification.parity import ARRIVED_HISTORIES

_MOST_ROWS = 200
"""How many differences are listed; the rest is counted. The json format has them all."""

_MOST_PLACES = 5
_CAREFUL = ("moved", "deleted", "damaged")
"""The words of what is no loss."""


def differences_section(verification: VerificationPart, namer: Namer) -> Iterator[Markup]:
    """Checks that failed, what did not arrive as it was, and what did but for known changes; nothing if all is well."""
    failed = [
        tag(
            "tr",
            tag("th", tag("code", check), scope="row"),
            _cell("what should be true", CHECKS[check]),
            _cell("where", where or "the whole state directory"),
        )
        for check, where in failed_checks(verification, namer)
    ]
    if failed:
        yield tag("h2", "Failed checks")
        yield table("Failed checks", ("check", "what should be true", "where it is not"), failed, "stacked")
    differing = _rows(verification, namer)
    shown = list(islice(differing, _MOST_ROWS))
    if shown:
        rest = sum(1 for _ in differing)
        yield tag("h2", f"What differs: {len(shown) + rest:,}")
        yield table("What differs", ("what became of it", "what", "agent directory", "how"), shown, "stacked")
        if rest:
            yield tag("p", f"... and {rest:,} more; --format json has them all.")
    if verification.given_up:
        yield tag("h2", "What the release gives up")
        yield tag("p", "These settings and events are there, and the release that upgraded this drops a part of them.")
        yield _counted("given up", [(name, count) for name, count in verification.given_up.items()])
    yield from _harmless(verification)


def _rows(verification: VerificationPart, namer: Namer) -> Iterator[Markup]:
    """Everything that needs a look: a row each, histories first, since they cannot be made up for."""
    for database in verification.databases:
        for history in database.transcripts:
            if history.verdict not in ARRIVED_HISTORIES or history.verdict is HistoryVerdict.DAMAGED:
                how = ". ".join([TRANSCRIPTS[history.verdict.value], *_of_history(history, namer)])
                yield _row(
                    TRANSCRIPT_WORDS[history.verdict],
                    "transcript",
                    namer(history.transcript),
                    namer(database.whose),
                    how,
                )
        for entry in database.entries:
            if entry.verdict in LOST or entry.verdict is Verdict.QUARANTINED:
                how = ". ".join([SESSIONS[entry.verdict.value], *_of_entry(entry, namer)])
                yield _row(SESSION_WORDS[entry.verdict], "session", namer(entry.session), namer(database.whose), how)


def _row(word: str, noun: str, name: str, whose: str, how: str) -> Markup:
    mood = "care" if word in _CAREFUL else "bad"
    return tag(
        "tr",
        tag("th", tag("strong", word, class_=mood), scope="row"),
        _cell("what", f"{noun} ", tag("span", name, class_="label")),
        _cell("agent directory", tag("span", whose, class_="label")),
        _cell("how", f"{how}."),
    )


def _cell(head: str, *children: str) -> Markup:
    return tag("td", *children, data_head=head)


def _of_history(history: TranscriptRow, namer: Namer) -> Iterator[str]:
    if missing := history.events - history.present:
        line = f", from line {history.first_missing_line:,} on" if history.first_missing_line else ""
        yield f"{missing:,} of {plural(history.events, 'event')} missing{line}"
    if history.places:
        yield f"It is in {' '.join(map(namer, history.places))}"


def _of_entry(entry: SessionRow, namer: Namer) -> Iterator[str]:
    if entry.places:
        yield f"It is in {' '.join(map(namer, entry.places))}"
    places = [difference(one, namer) for one in entry.differences[:_MOST_PLACES]]
    if more := len(entry.differences) - len(places):
        places.append(f"{more:,} more")
    if places:
        yield f"What differs: {'; '.join(places)}"


def _harmless(verification: VerificationPart) -> Iterator[Markup]:
    """The changes that releases are known to make, each with its number, and what only a database has."""
    found: Counter[str] = Counter()
    sessions = transcripts = 0
    for database in verification.databases:
        for entry in database.entries:
            if entry.verdict in (Verdict.EQUAL, Verdict.TRANSFORMED, Verdict.KEPT):
                sessions += 1
                found.update(entry.transforms or [SESSIONS[entry.verdict.value]])
        for history in database.transcripts:
            if history.verdict is HistoryVerdict.TRANSFORMED:
                transcripts += 1
                found.update(history.transforms)
        if database.extra:
            found[SESSIONS[Verdict.EXTRA.value]] += len(database.extra)
    for name in verification.given_up:
        del found[name]
    if found:
        told = f"Harmless: {plural(sessions, 'session')} and {plural(transcripts, 'transcript')} with known changes"
        yield tag("details", tag("summary", told), _counted("harmless", found.most_common()), class_="harmless")


def _counted(title: str, counts: list[tuple[str, int]]) -> Markup:
    rows = (
        tag("tr", tag("th", name, scope="row"), tag("td", f"{count:,}", class_="number", data_head="number"))
        for name, count in counts
    )
    return table(title, ("change", "number"), rows, "stacked counted")
