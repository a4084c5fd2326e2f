"""The findings on databases, and on what lies beside them."""

from __future__ import annotations

from migrator.findings.rule import BUSY, NOTE, REFUSED, WARNING, Rule

DATABASE_RULES: dict[str, Rule] = {
    # databases
    "database.archive-damaged": Rule(
        WARNING,
        "An archived transcript in {subject} does not match its own digest, or cannot be decoded.",
        "Restore it from a backup; its bytes are left as they are.",
    ),
    "database.archive-missing": Rule(
        WARNING,
        "A transcript that {subject} moved to cold storage is missing there.",
        "Restore the file from a backup; the database alone does not hold this transcript.",
    ),
    "database.archive-unreadable": Rule(
        REFUSED,
        "A transcript that {subject} moved to cold storage is there and cannot be read, so it is not counted.",
        "Run again as the user that it belongs to, or make it readable; nothing is proved without it.",
    ),
    "database.archive-too-large": Rule(
        WARNING,
        "An archived transcript in {subject} is too large to be decoded.",
        "It is left as it is and was not compared.",
    ),
    "database.bad-row": Rule(
        WARNING,
        "A row of {subject} holds a value of a type that OpenClaw never writes.",
        "It is left as it is and was not compared; look at it with the sqlite3 program.",
    ),
    "database.changed": Rule(
        REFUSED,
        "{subject}, or a source of it, changed after it was planned; nothing was written to it.",
        "Stop whatever writes there, and run again.",
    ),
    "database.changing": Rule(
        BUSY,
        "{subject} changed while it was being read, so it was not read.",
        "Stop whatever writes to it, and run again.",
    ),
    "database.damaged-table": Rule(
        REFUSED,
        "A table of {subject} is damaged: only its first {rows:row} can be read.",
        "Restore the database from a backup, or recover it with the sqlite3 program.",
    ),
    "database.event-damaged": Rule(
        WARNING,
        "A compressed event in {subject} cannot be decoded, or has another length than it should.",
        "Restore it from a backup; its bytes are left as they are.",
    ),
    "database.foreign-key": Rule(
        WARNING,
        "{count:row} of {subject} {count:refers|refer} to rows that do not exist.",
        "They are left as they are; OpenClaw may drop them.",
    ),
    "database.hard-linked": Rule(
        WARNING,
        "{subject} has {count:other name} ({count:a hard link|hard links}), and whatever is written to it changes it "
        "under {count:that|those}, too.",
        "If one of them is a backup or of another installation, put a copy in the place of this one before apply: "
        "a roll-back gives only this name its old content.",
    ),
    "database.integrity": Rule(
        REFUSED,
        "SQLite's integrity check finds {count:fault} in {subject}.",
        "Restore the database from a backup, or recover it with the sqlite3 program.",
    ),
    "database.link-outside": Rule(
        REFUSED,
        "{subject} is a link that leads out of the state directory; it was not opened.",
        "Move the database in, say --follow, or name its store with --store.",
    ),
    "database.locked": Rule(
        BUSY,
        "{subject} is locked by another process; nothing was written to it.",
        "Stop that process, and run again.",
    ),
    "database.migrated": Rule(
        NOTE,
        "A newer OpenClaw has migrated {subject} (agent schema {version}).",
        "Run verify to see whether every session arrived.",
    ),
    "database.never-opened": Rule(
        WARNING,
        "{subject} holds sessions, and no published release opens a database of this name.",
        "It is left alone: run apply with --from and this path, and they are put where releases look for them.",
    ),
    "database.newer-schema": Rule(
        REFUSED,
        "{subject} has agent schema {version}, which is newer than all that this program knows.",
        "Use a newer version of this program.",
    ),
    "database.read-by-columns": Rule(
        WARNING,
        "Schema {version} of {subject} is newer than this program: it is read by its columns, and never written.",
        "Use a newer version of this program where something is missing.",
    ),
    "database.not-checkpointed": Rule(
        WARNING,
        "All is committed to {subject}, but a part of it is still in its -wal file.",
        "Keep the two files together; the next program that opens the database moves the rest.",
    ),
    "database.only-journal": Rule(
        REFUSED,
        "There is no {subject}, but a -wal or -journal of it ({length:byte}), which would spoil a new one, and may "
        "hold sessions that are nowhere else.",
        "Put the database back beside it, or move the -wal and -journal aside, and run again.",
    ),
    "database.path-too-long": Rule(
        REFUSED,
        "The path of {subject} is too long for SQLite.",
        "Give the state directory a shorter path, or run on a bind mount of it.",
    ),
    "database.set-aside": Rule(
        WARNING,
        "{subject} was set aside: it has {count:session} and {events:event} that are nowhere else, and its agent has "
        "no database with sessions.",
        "Stop OpenClaw, move an openclaw-agent.sqlite without sessions away with its -wal and -shm, give this one its "
        "place, and run verify; or run apply with --from and this path.",
    ),
    "database.unknown-shape": Rule(
        REFUSED,
        "{subject} has tables that are not known here (version {version}).",
        "Nothing was read from it or written to it; upgrade it with the release that made it, or use a newer program.",
    ),
    "database.unreadable": Rule(
        REFUSED,
        "{subject} cannot be read by SQLite.",
        "Restore it from a backup, or move it aside and run again; the sources are untouched.",
    ),
    "database.utf-16": Rule(
        REFUSED,
        "{subject} is in UTF-16, which OpenClaw never writes.",
        "Nothing was written to it; make it anew in UTF-8 with the sqlite3 program (.dump), and run again.",
    ),
    "database.write-refused": Rule(
        REFUSED,
        "SQLite cannot write to {subject}; nothing in it was changed.",
        "Check its tables and its place, and run again.",
    ),
    "database.agent-renamed": Rule(
        REFUSED,
        "{subject} says that it belongs to {others}, and there is no such agent: its directory was renamed.",
        "Give the directory its old name back, because OpenClaw refuses it so; or export its sessions from there.",
    ),
    "database.wrong-owner": Rule(
        REFUSED,
        "{subject} says that it belongs to another agent.",
        "Move it out of the agent directory, with its -wal and -shm, and run scan. If it has sessions that are nowhere "
        "else, run apply with --from and its new path.",
    ),
    "database.wrong-role": Rule(
        REFUSED,
        "{subject} says that it is another kind of database than that of an agent.",
        "Move it out of the agent directory, with its -wal and -shm, to where it belongs, and run scan.",
    ),
    # prompts of skills
    "prompt.lost": Rule(
        WARNING,
        "{count:entry} of {subject} {count:refers|refer} to a skills prompt whose file is gone or has changed.",
        "Restore skills-prompts from a backup, or do nothing: OpenClaw makes the prompt anew at the next turn.",
    ),
}
