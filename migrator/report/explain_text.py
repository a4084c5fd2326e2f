"""An explanation as text: one line for each place, each thing that happened, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from migrator.model import Name
from migrator.report.view import Namer, View


def explanation_lines(explanation: dict[str, View], namer: Namer) -> Iterator[str]:
    """The text: places, history, what to do."""
    yield ""
    for place in cast(Sequence[dict[str, View]], explanation["places"]):
        parts = [str(place["kind"])]
        parts += [namer(part) for part in (place["session"], place["session_id"]) if isinstance(part, Name)]
        parts.append(f"in {namer(cast(Name, place['where']))}")
        parts += [f"{place['count']} in it"] if place["count"] is not None else []
        parts += [f"updated {place['updated']}"] if place["updated"] is not None else []
        parts += [str(place["verdict"])] if place["verdict"] is not None else []
        parts += [f"({', '.join(map(str, cast(list[str], place['why'])))})"] if place["why"] else []
        parts += [f"at {namer(other)}" for other in cast(list[Name], place["elsewhere"])]
        yield "  ".join(parts)
        if place["sha256"] is not None:
            yield f"    sha256 {place['sha256']}"
    yield ""
    for event in cast(Sequence[dict[str, View]], explanation["history"]):
        yield f"{event['time']}  {event['what']}  {namer(cast(Name, event['where']))}"
    yield ""
    yield from cast(Sequence[str], explanation["advice"])
