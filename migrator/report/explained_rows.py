"""What is known about one session, file or directory, as the cells of tables: for pages, not for terminals."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.model.counted import plural
from migrator.model.words import Name
from migrator.report.parts import ExplanationPart, Namer, PlaceRow
from migrator.report.verified_parts import SESSIONS, TRANSCRIPTS

PLACES = ("what", "where", "verdict", "what is known")
HISTORY = ("when", "what happened", "where")
COUNTED = {"store": "entry", "database": "session"}
"""What is counted in a place, by its kind; in all others events are."""


def places(explanation: ExplanationPart, namer: Namer) -> Iterator[tuple[str, str, str, str]]:
    """The cells of each place where something of it was found."""
    for place in explanation.places:
        names = [namer(name) for name in (place.session, place.session_id) if name is not None]
        yield " ".join([place.kind, *names]), namer(place.where), place.verdict or "", ", ".join(_facts(place, namer))


def history(explanation: ExplanationPart, namer: Namer) -> Iterator[tuple[str, str, str]]:
    """The cells of each thing that happened to it."""
    yield from ((event.time or "", event.what, namer(event.where)) for event in explanation.history)


def _facts(place: PlaceRow, namer: Namer) -> Iterator[str]:
    if place.elsewhere:
        yield f"it is in {' '.join(_of(other) + namer(other) for other in place.elsewhere)}"
    elif place.verdict is not None:
        yield (TRANSCRIPTS if place.kind == "transcript" else SESSIONS).get(place.verdict, "")
    if place.count is not None:
        yield plural(place.count, COUNTED.get(place.kind, "event"))
    if place.present is not None:
        yield f"{place.present:,} of them in a database"
    if place.updated is not None:
        yield f"updated {place.updated}"
    yield from place.why
    if place.sha256 is not None:
        yield f"sha256 {place.sha256}"


def _of(place: Name) -> str:
    return "the archive of deleted sessions of " if place.kind == "archive" else ""
