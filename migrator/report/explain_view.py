"""An explanation as a tree of plain values."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from migrator.model.explanation import ADVICE, Explanation
from migrator.model.words import Number

if TYPE_CHECKING:
    from migrator.report.view import View


def of_explanation(explained: Explanation) -> dict[str, View]:
    """All of it; times are in the form in which we write times everywhere."""
    return {
        "subjects": list(explained.subjects),
        "places": [
            {
                "kind": place.kind,
                "where": place.where,
                "session": place.key,
                "session_id": place.session_id,
                "sha256": place.digest,
                "updated": _time(place.time),
                "count": place.count,
                "present": place.present,
                "verdict": place.verdict,
                "why": list(place.why),
                "elsewhere": list(place.elsewhere),
            }
            for place in explained.places
        ],
        "history": [{"time": _time(one.time), "what": one.what, "where": one.where} for one in explained.events],
        "advice": [ADVICE[code] for code in explained.advice],
    }


def _time(milliseconds: Number | None) -> str | None:
    """A time in UTC; None for one that no calendar has."""
    if milliseconds is None:
        return None
    try:
        return f"{datetime.fromtimestamp(milliseconds / 1000, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return None
