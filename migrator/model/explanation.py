"""What is known about one session, file or agent directory: plain data, like the model."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.model.words import Name, Number


@dataclass(frozen=True, slots=True)
class Place:
    """One place where something of the subject was found.

    ``kind`` is a word of ours: ``entry``, ``row``, ``cache-row``, ``transcript``, ``history`` (events in a database),
    ``archive`` (events of a deleted or reset session, or cold ones), ``file``, ``store``, ``database``. ``time`` is
    when it was updated (milliseconds), ``count`` how many events or sessions it has, ``verdict`` what verify says.
    """

    kind: str
    where: Name
    key: Name | None = None
    session_id: Name | None = None
    digest: str | None = None
    time: Number | None = None
    count: int | None = None
    verdict: str | None = None
    why: tuple[str, ...] = ()
    elsewhere: tuple[Name, ...] = ()
    present: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, as far as files and names tell: time (milliseconds), one of our words, and where."""

    time: int
    what: str
    where: Name


@dataclass(frozen=True, slots=True)
class Explanation:
    """All places, what happened in order, and what to do: codes of :data:`ADVICE`."""

    subjects: tuple[Name, ...]
    places: tuple[Place, ...]
    events: tuple[Event, ...]
    advice: tuple[str, ...]


ADVICE = {
    "unread": "It can not be read, so nothing is known of it: follow the finding below, and ask again.",
    "partly": "All that could be read is where it should be. Something could not: follow the findings below.",
    "fine": "Nothing to do: all of it is where it should be.",
    "migrate": "Run apply: it is in a store that was not migrated yet.",
    "repair": "Run apply: the database lacks it, and it will be taken from where it is.",
    "moved": "Nothing to do if another directory may have it; apply --reassign puts a copy back.",
    "newer": "Nothing to do: the database has a newer version.",
    "differs": "Compare the two: verify names the members that differ. Nothing replaces the one in the database.",
    "apart": "Its history and the one in the file differ: export the one, and read the other in its file.",
    "deleted": "It was deleted. apply --bring-back brings it back, if that was a mistake.",
    "quarantined": "It cannot be read: its bytes are kept in the quarantine of a run, with offset and reason.",
    "elsewhere": "It is where no release looks: run apply with --from and the path that is named below.",
    "only-here": "It is in a database only: export writes it back to files.",
}
"""What to do, by code."""
