"""An explanation as text: each place with all that is known about it, each thing that happened, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from migrator.model.words import Name
from migrator.report.verdict_words import SESSIONS, TRANSCRIPTS
from migrator.report.view import Namer, View

_COUNTED = {"store": "entries", "database": "sessions"}
"""What is counted in a place, by its kind; in all others events are."""


def explanation_lines(explanation: dict[str, View], namer: Namer) -> Iterator[str]:
    """The text: places, history, what to do."""
    for place in cast(Sequence[dict[str, View]], explanation["places"]):
        yield ""
        yield from _place(place, namer)
    yield ""
    for event in cast(Sequence[dict[str, View]], explanation["history"]):
        yield f"{event['time']}  {event['what']}  {namer(cast(Name, event['where']))}"
    yield ""
    yield from cast(Sequence[str], explanation["advice"])


def _place(place: dict[str, View], namer: Namer) -> Iterator[str]:
    kind, count, verdict = str(place["kind"]), place["count"], place["verdict"]
    names = [namer(part) for part in (place["session"], place["session_id"]) if isinstance(part, Name)]
    yield "  ".join([kind, *names])
    yield f"    in {namer(cast(Name, place['where']))}"
    if verdict is not None:
        meaning = (TRANSCRIPTS if kind == "transcript" else SESSIONS).get(str(verdict), "")
        others = [f"it is in {_of(other)}{namer(other)}" for other in cast(list[Name], place["elsewhere"])]
        yield f"    {verdict}: {', '.join(others) or meaning}"
    facts = [f"{count} {_COUNTED.get(kind, 'events')}"] if count is not None else []
    facts += [f"{place['present']} of them in a database"] if place["present"] is not None else []
    facts += [f"updated {place['updated']}"] if place["updated"] is not None else []
    facts += [", ".join(map(str, cast(list[str], place["why"])))] if place["why"] else []
    if facts:
        yield f"    {', '.join(facts)}"
    if place["sha256"] is not None:
        yield f"    sha256 {place['sha256']}"


def _of(place: Name) -> str:
    return "the archive of deleted sessions of " if place.kind == "archive" else ""
