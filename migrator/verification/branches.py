"""Whether OpenClaw shows of a stored history what the session's own file would show.

It shows the active branch. What a session has got since it was migrated extends that; it is no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from migrator.model.verification import OTHER_BRANCH, HistoryVerdict
from migrator.model.words import Finding, Name
from migrator.openclaw.text.active_branch import Link, active_branch, read_link
from migrator.verification.histories import HistorySource
from migrator.verification.holdings import Holdings

SHOWN = (HistoryVerdict.CONTAINED, HistoryVerdict.TRANSFORMED, HistoryVerdict.DAMAGED)
"""The verdicts on a history that is where it belongs, with everything: only then its branch is looked at."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What is out of view: how many messages, from which line of the file on."""

    messages: int
    line: int


def hidden_part(
    holdings: Holdings, source: HistorySource, others: Sequence[HistorySource], path: str, session_id: str
) -> Hidden | None:
    """What the database hides of the active branch of a session's own file; None if nothing.

    ``others`` are the other files of the session.
    """
    stored = holdings.histories.get(path, {}).get(session_id, b"")
    if stored == source.hashes or (stored.startswith(source.hashes) and not others):
        return None  # what follows came later
    lines = [(line.number, read_link(text)) for line, text in source.lines()]
    of_others = [read_link(text) for other in others for _, text in other.lines()]
    links = [read_link(text) for text in holdings.opened.reader(path).events(session_id)]
    return hidden(lines, links, of_others)


def finding_on(found: Hidden, source: HistorySource, path: str) -> Finding:
    """The finding that says so."""
    facts = (("event", found.line), ("count", found.messages))
    return Finding(OTHER_BRANCH, source.name, facts, (Name("database", path),))


def hidden(lines: Sequence[tuple[int, Link]], stored: Sequence[Link], of_others: Iterable[Link] = ()) -> Hidden | None:
    """Which messages of the active branch of a file are in a stored history, and not on its active branch.

    ``lines`` are the numbers and links of the file's events, ``of_others`` the links of the session's other files.
    Events behind the last one that a file has as well are left out: with them the conversation went on.
    """
    branch = [lines[index] for index in active_branch(link for _, link in lines)]
    known = {link.event_id for link in (*(link for _, link in lines), *of_others) if link.type != "session"} - {None}
    last = max((index for index, link in enumerate(stored) if link.event_id in known), default=-1)
    if last < 0:
        return _hidden_by_number(branch, stored[: len(lines)])
    kept = stored[: last + 1]
    there = {link.event_id for link in kept}
    in_view = {kept[index].event_id for index in active_branch(kept)}
    gone = [(number, link) for number, link in branch if link.event_id in there - in_view - {None}]
    messages = sum(link.is_message for _, link in gone)
    return Hidden(messages, gone[0][0]) if messages else None


def _hidden_by_number(branch: Sequence[tuple[int, Link]], stored: Sequence[Link]) -> Hidden | None:
    """The same for events that have got new ids, or have none: they are as many as there were, in the same order."""
    in_view = sum(stored[index].is_message for index in active_branch(stored))
    there = sum(link.is_message for link in stored)
    messages = [number for number, link in branch if link.is_message]
    count = min(there - in_view, len(messages) - in_view)
    return Hidden(count, messages[in_view]) if count > 0 else None
