"""What the verdicts of a verification mean, for readers of a report."""

from __future__ import annotations

from migrator.model.verification import HistoryVerdict, Verdict

SESSIONS = {
    Verdict.SAME.value: "in the database, byte for byte",
    Verdict.EQUAL.value: "in the database, as the same JSON in another spelling",
    Verdict.TRANSFORMED.value: "in the database, changed only as releases are known to change it",
    Verdict.KEPT.value: "the database has a newer one, which was kept",
    Verdict.MOVED.value: "in the database of another agent, or under another key",
    Verdict.DELETED.value: "deleted by OpenClaw since it was migrated; its history is in the archive of the database",
    Verdict.MERGED.value: "its key holds another session now",
    Verdict.CHANGED.value: "in the database, with a difference that nothing explains",
    Verdict.MISSING.value: "in no database",
    Verdict.EXTRA.value: "in a database only; no source has it",
    Verdict.QUARANTINED.value: "can be in no database; its bytes are kept",
}
"""What became of a session, by verdict."""

TRANSCRIPTS = {
    HistoryVerdict.CONTAINED.value: "every event is in the database, in order, byte for byte",
    HistoryVerdict.TRANSFORMED.value: "every event is in, changed only as releases are known to change it",
    HistoryVerdict.DAMAGED.value: "all that can be read is in, and the damaged lines are listed",
    HistoryVerdict.MOVED.value: "all of it is in the database of another agent",
    HistoryVerdict.DELETED.value: "all of it is in the archive that OpenClaw keeps of what it deletes",
    HistoryVerdict.EXTENDS.value: "the file has events that the database lacks",
    HistoryVerdict.DIVERGES.value: "the file and the database differ in their events, or in the order",
    HistoryVerdict.OTHER_BRANCH.value: "all of it is in, but OpenClaw shows another branch of the history",
    HistoryVerdict.ABSENT.value: "the database has nothing of it",
}
"""What became of a transcript, by verdict."""

DIFFERENCES = {
    "lost": "lost {}",
    "added": "{} was added",
    "differs": "{} differs",
    "of-another-type": "{} is of another type",
    "no-json": "one of the two is no JSON",
    "too-deep": "nested too deep to be compared",
    "spelled-otherwise": "the same in another spelling",
}
"""How two versions of a session differ in one place, by kind; the braces stand for the place."""
