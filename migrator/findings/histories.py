"""The findings on transcripts, and on what copies and other places have that is nowhere else."""

from __future__ import annotations

from migrator.findings.rule import BUSY, NOTE, QUARANTINED, REFUSED, WARNING, Rule

HISTORY_RULES: dict[str, Rule] = {
    # transcripts
    "transcript.changing": Rule(
        BUSY,
        "{subject} changed while it was being read, so it was not read.",
        "Stop whatever writes to it, and run again.",
    ),
    "transcript.database-has-more": Rule(
        NOTE,
        "The database has a longer history for {subject} than its files.",
        "Nothing to do; the session went on in the database.",
    ),
    "transcript.diverges": Rule(
        WARNING,
        "The history of {subject} in {others} differs from the one in its files; the database was left as it is.",
        "Compare the two: verify says which events are missing.",
    ),
    "transcript.duplicate-line": Rule(
        NOTE,
        "{count:line} of {subject} {count:repeats|repeat} an earlier line with the same id.",
        "Nothing to do: apply stores all, and the first of them keeps the id.",
    ),
    "transcript.followed": Rule(
        NOTE,
        "{count:entry} of {subject} {count:points to a transcript|point to transcripts} outside the state directory, "
        "and what is there was read.",
        "Nothing to do.",
    ),
    "transcript.header-mismatch": Rule(
        WARNING,
        "The header of {subject} names another session than its file name: {others}.",
        "Compare the two sessions; OpenClaw goes by the name, or by the entry that points to the file.",
    ),
    "transcript.in-front": Rule(
        WARNING,
        "{count:event} found only in {subject} {count:goes|go} into the history of {others}, in front of those of its "
        "own file, "
        "where OpenClaw shows {count:it|them} as well.",
        "Nothing to do: the conversation goes on where the session's own file ends.",
    ),
    "transcript.invalid-utf8": Rule(
        WARNING,
        "{count:line} of {subject} {count:is|are} not valid UTF-8.",
        "Apply stores them with replacement characters, as OpenClaw shows them; the file has the bytes: keep it.",
    ),
    "transcript.joined": Rule(
        WARNING,
        "{count:event} found only in {subject} {count:goes|go} into the history of {others}, out of view: "
        "OpenClaw shows the branch of the session's own file.",
        "Nothing to do: the conversation goes on where the session's own file ends.",
    ),
    "transcript.kept-apart": Rule(
        WARNING,
        "{count:event} found only in {subject} cannot go into the history of {others} without changing what OpenClaw "
        "shows of it; apply keeps the file as an archived session of its own.",
        "Nothing to do: the conversation goes on where the session's own file ends.",
    ),
    "transcript.kept-with-key": Rule(
        NOTE,
        "The transcript {subject} is the history of {others}, which has its session id and no entry.",
        "Apply keeps it with this key.",
    ),
    "transcript.malformed-line": Rule(
        QUARANTINED,
        "Line {line} of {subject} (at byte {offset}) is not valid JSON.",
        "Apply keeps its bytes in quarantine, and stores all other lines.",
    ),
    "transcript.no-header": Rule(
        WARNING,
        "{subject} does not begin with a session header.",
        "Apply stores its events, although OpenClaw's runtime reads such a file as empty.",
    ),
    "transcript.not-a-file": Rule(
        WARNING,
        "{subject} is no regular file.",
        "Nothing to do, unless a transcript should be there.",
    ),
    "transcript.nul-damage": Rule(
        QUARANTINED,
        "Line {line} of {subject} holds {length:damaged byte} at byte {offset}, with NUL bytes among them.",
        "Apply keeps the bytes in quarantine, and stores all whole records around them.",
    ),
    "transcript.other-branch": Rule(
        WARNING,
        "From event {event} of {subject} on, OpenClaw shows another branch of its history in {others}: "
        "{count:message} {count:is|are} out of view.",
        "No event is lost. If a run of this program wrote that, roll the run back and apply again.",
    ),
    "transcript.outside": Rule(
        WARNING,
        "{count:entry} of {subject} {count:points to a transcript|point to transcripts} outside the state directory, "
        "which {count:was|were} not opened.",
        "If they hold history, say --follow, or copy them into the sessions directory.",
    ),
    "transcript.recovered": Rule(
        NOTE,
        "No entry claims the transcript {subject}; apply keeps its history as an archived session.",
        "Nothing to do.",
    ),
    "transcript.relative": Rule(
        NOTE,
        "The transcript {subject} is of the conversation of {others}, before or after a compaction or as its fork.",
        "Apply keeps it as an archived session of its own.",
    ),
    "transcript.torn-tail": Rule(
        QUARANTINED,
        "{subject} ends in the middle of line {line}, which begins at byte {offset}.",
        "Apply keeps the fragment in quarantine, and stores all other lines.",
    ),
    "transcript.unreadable": Rule(
        REFUSED,
        "{subject} cannot be read (error {errno}).",
        "Make it readable and run again.",
    ),
    "transcript.utf-16": Rule(
        NOTE,
        "{subject} is in UTF-16, of which OpenClaw can read no line.",
        "Apply stores its events; the file stays as it is.",
    ),
    # copies
    "copy.database-only-here": Rule(
        WARNING,
        "{subject} is not where a release opens it, and has {count:session} and {events:event} that are nowhere else "
        "where a release looks.",
        "Nothing to do if you deleted them; otherwise run apply with --from and this path.",
    ),
    "copy.database-unreadable": Rule(
        WARNING,
        "{subject} is not where a release opens it, and cannot be read: nobody knows what is only in it.",
        "Try the .recover command of sqlite3 on a copy of it.",
    ),
    "copy.damaged": Rule(
        WARNING,
        "The copy {subject} cannot be read or decoded.",
        "Restore it from a backup if its session is missing; it stays where it is.",
    ),
    "copy.events-only-here": Rule(
        WARNING,
        "The copy {subject} has {count:event} that {count:is|are} in no database.",
        "Nothing to do if you deleted or reset them; otherwise run apply with --from and this path.",
    ),
    "copy.journal-alone": Rule(
        WARNING,
        "{subject} ({length:byte}) is the journal of a database that is not beside it. Its bytes tell of "
        "{count:session} "
        "and {events:event} that are nowhere else; what else is only in it nobody knows.",
        "Put the two together again, the database with the name of the journal without its -wal or -journal, and run "
        "scan. If the database is gone for good, move the journal out of the state directory, and keep it.",
    ),
    "copy.packed": Rule(
        NOTE,
        "{subject} is packed, and begins like a backup of sessions: what is in it was not counted.",
        "If you miss a session, unpack it outside of the state directory, and run apply with --from and what came out.",
    ),
    "copy.sessions-only-here": Rule(
        WARNING,
        "The copy {subject} has {count:session} that no live store and no database has.",
        "Nothing to do if you deleted them; otherwise run apply with --from and this path.",
    ),
    "copy.state-inside": Rule(
        WARNING,
        "The state directory {subject} lies inside this one, and has {count:session} and {events:event} that this "
        "one has not.",
        "Run apply with --from and this path to take them in, or with --state-dir on it to migrate it in its place.",
    ),
    "place.closed": Rule(
        NOTE,
        "{subject} is closed to this user: whether there are sessions in it is not known.",
        "Run scan as its owner if you miss a session.",
    ),
    "place.litter": Rule(
        NOTE,
        "{count} {count:file or folder|files and folders} among the agents of {subject} {count:is|are} what desktops, "
        "network drives and file systems "
        "leave.",
        "Nothing to do; no release reads them.",
    ),
    "place.too-deep": Rule(
        WARNING,
        "{subject} lies so deep in folders that nobody has looked into it.",
        "Run scan with --state-dir on it if there may be sessions in it.",
    ),
}
