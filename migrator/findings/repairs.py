"""The findings on repairs of databases that a newer OpenClaw has migrated, and on the way back."""

from __future__ import annotations

from migrator.findings.rule import NOTE, WARNING, Rule

REPAIR_RULES: dict[str, Rule] = {
    "database.stranded-rows": Rule(
        WARNING,
        "{subject} has {count:cache row} that no release reads any more.",
        "Nothing to do: apply puts those that are nowhere else into the rows that are read.",
    ),
    "export.no-entry": Rule(
        WARNING,
        "The row {subject} holds no entry that could be written into a store.",
        "Nothing to do: it stays in the database, and every other session was written.",
    ),
    "export.header-added": Rule(
        NOTE,
        "The history of {subject} begins without a session header in the database; the file has one before it.",
        "Nothing to do: without one, releases that read files take a history for empty.",
    ),
    "export.no-event": Rule(
        WARNING,
        "Event {seq} of {subject} is damaged and was left out.",
        "Restore the database from a backup if the event matters; every other event was written.",
    ),
    "export.no-header": Rule(
        WARNING,
        "The history of {subject} has no session header, and had none before it was migrated.",
        "Nothing to do; releases that read files take such a history for empty, then and now.",
    ),
    "repair.again": Rule(
        WARNING,
        "{subject} can get more back now: {count} "
        "{count:session or history that shares|sessions or histories that share} an id or a key with another.",
        "Run apply once more.",
    ),
    "repair.deleted": Rule(
        NOTE,
        "{subject} was deleted after it was migrated, and stays so.",
        "Name it with --bring-back if it should come back.",
    ),
    "repair.history-apart": Rule(
        WARNING,
        "The history of {subject} in {others} lacks events, but not at its end, or it is archived; it was left alone.",
        "To fill it would change rows that are there. Keep its file, which has all of it: explain says where that is.",
    ),
    "repair.moved": Rule(
        NOTE,
        "{subject} is in the database of another directory now: {others}.",
        "Nothing to do; apply --reassign puts a copy back where it came from.",
    ),
}
