"""The table of findings: every code with its severity, its sentence and what to do. The README shows the same table.

A sentence speaks about "{subject}" and may use the finding's numeric facts by name and "{others}". No sentence ever
holds text from an installation: names are put in by whoever prints, as clear text or as labels.
"""

from __future__ import annotations

from migrator.findings.repairs import REPAIR_RULES
from migrator.findings.rule import Rule
from migrator.findings.upgrades import UPGRADE_RULES
from migrator.model.words import Severity

_NOTE, _WARNING = Severity.NOTE, Severity.WARNING
_QUARANTINED, _REFUSED, _BUSY = Severity.QUARANTINED, Severity.REFUSED, Severity.BUSY

RULES: dict[str, Rule] = {
    **REPAIR_RULES,
    **UPGRADE_RULES,
    # sources that were to be moved away
    "archive.changing": Rule(
        _WARNING,
        "{subject} changed while it was moved, so it stays: the next upgrade would import it.",
        "Stop whatever writes there, and run apply --archive-sources again.",
    ),
    "archive.link": Rule(
        _WARNING,
        "{subject} is a link, so it was not moved: the next upgrade may import it.",
        "Move the link away before the upgrade: the databases have all that it leads to.",
    ),
    "archive.outside": Rule(
        _WARNING,
        "{subject} lies outside the state directory, so it was not moved: the next upgrade may import it.",
        "If it belongs to this installation alone, name its store with --store and run apply --archive-sources again.",
    ),
    "archive.refused": Rule(
        _WARNING,
        "The system refuses to move {subject} (error {errno}): the next upgrade would import it.",
        "Take away what protects it (chattr -i, another owner, a full or read-only disk), and run apply "
        "--archive-sources again.",
    ),
    "archive.shared": Rule(
        _WARNING,
        "{subject} has sessions of agents that were not asked for, so it was not moved.",
        "Run apply --archive-sources without --agent.",
    ),
    # agent directories
    "agent.collapses-to-main": Rule(
        _WARNING,
        "OpenClaw takes the directory name {subject} for another spelling of main.",
        "Nothing to do: apply migrates it in place. OpenClaw itself looks into the directory main only.",
    ),
    "agent.dangling-link": Rule(
        _WARNING,
        "{subject} is a link to something that does not exist.",
        "Restore what it points to, or remove the link.",
    ),
    "agent.id-collision": Rule(
        _WARNING,
        "OpenClaw takes {subject} and {others} for one agent: to it their names differ in spelling only.",
        "Apply migrates both, each in its own directory; OpenClaw itself shows only one of them.",
    ),
    "agent.link": Rule(
        _NOTE,
        "{subject} is a link to another directory of the state directory.",
        "Nothing to do; OpenClaw itself does not follow it.",
    ),
    "agent.link-outside": Rule(
        _WARNING,
        "{subject} is a link that leads out of the state directory; it was not followed.",
        "If sessions are there, say --follow, name them with --store, or move the directory in.",
    ),
    "agent.no-round-trip": Rule(
        _WARNING,
        "OpenClaw would spell the directory name {subject} otherwise.",
        "Nothing to do: apply migrates it in place. A release that shows none of it looks under its spelling.",
    ),
    "agent.no-sessions-directory": Rule(
        _WARNING,
        "The sessions of {subject} should be in a directory, and there is a file of that name.",
        "Look at the file, and put the directory back.",
    ),
    "agent.not-a-directory": Rule(
        _NOTE,
        "{subject} is a file among the agent directories.",
        "Nothing to do.",
    ),
    "agent.only-archives": Rule(
        _WARNING,
        "{subject} has no session, but {count} archived transcripts with {events} events that are in no database.",
        "If they were not deleted on purpose, take the ending behind .jsonl from their names and run apply; or run it "
        "with --from and one of them.",
    ),
    "agent.unreadable": Rule(
        _REFUSED,
        "A directory of {subject} can not be listed, so its sessions are not counted.",
        "Run again as the user that it belongs to.",
    ),
    # configuration
    "config.include-refused": Rule(
        _WARNING,
        "What the configuration {subject} includes can not be read, or OpenClaw would refuse it.",
        "The rest of the configuration was used; name stores that it leaves out with --store.",
    ),
    "config.invalid": Rule(
        _WARNING,
        "The configuration {subject} can not be understood: it is no object in JSON or JSON5.",
        "It was ignored, and stores were looked for in the usual places; repair it, or name others with --store.",
    ),
    "config.too-large": Rule(
        _WARNING,
        "The configuration {subject} is too large to be read (over 4 MiB, or over 256 KiB if it is not strict JSON).",
        "It was ignored, and stores were looked for in the usual places; name others with --store.",
    ),
    "config.unreadable": Rule(
        _WARNING,
        "The configuration {subject} can not be read.",
        "It was ignored, and stores were looked for in the usual places; make it readable, or name others by --store.",
    ),
    "config.unset-variable": Rule(
        _WARNING,
        "The configuration uses {subject}, which is not set.",
        "Run again with the variable as the gateway has it; until then its name stands for its value.",
    ),
    "config.wrong-type": Rule(
        _WARNING,
        "The setting {subject} has a value of a kind that OpenClaw does not accept.",
        "Its default was used; correct it in the configuration.",
    ),
    # entries of a store
    "entry.displaced": Rule(
        _NOTE,
        "Another store has a newer session under the key {subject}; apply archives this one as {others}.",
        "Nothing to do; its history stays complete.",
    ),
    "entry.duplicate-key": Rule(
        _QUARANTINED,
        "The entry of {subject} at byte {offset} is overruled by a later one with the same key.",
        "OpenClaw reads the last one; apply keeps the bytes of this one in quarantine.",
    ),
    "entry.folded": Rule(
        _NOTE,
        "An upgrade would take {subject} for {others} and drop it; apply keeps it as an archived session.",
        "Nothing to do; its history stays complete.",
    ),
    "entry.json5-too-large": Rule(
        _QUARANTINED,
        "The entry {subject} at byte {offset} is no strict JSON, and too long for JSON5 ({length} bytes).",
        "Rewrite it as strict JSON and run again; apply keeps its bytes in quarantine.",
    ),
    "entry.kept-newer": Rule(
        _NOTE,
        "The database has a newer entry for {subject} than the source; it was kept.",
        "Nothing to do.",
    ),
    "entry.kept-tie": Rule(
        _WARNING,
        "The database and the source have different entries of the same time for {subject}; the database's was kept.",
        "Compare the two: verify names the fields that differ.",
    ),
    "entry.lost-history": Rule(
        _WARNING,
        "{subject} has a history that is in no file and no database here.",
        "Fetch the transcripts from where they still are, such as the old machine, before any upgrade.",
    ),
    "entry.no-session-id": Rule(
        _WARNING,
        "The entry {subject} at byte {offset} has no usable session id, or a time that no column can hold.",
        "Apply keeps its text, but newer releases will not list it; give it a session id in the store if they should.",
    ),
    "entry.no-updated-at": Rule(
        _NOTE,
        "The entry {subject} at byte {offset} does not say when it was updated.",
        "Nothing to do; it loses against any entry that does.",
    ),
    "entry.not-json": Rule(
        _QUARANTINED,
        "The entry {subject} at byte {offset} is neither JSON nor JSON5.",
        "Repair it in a copy of the store and migrate that with --store and --agent; apply quarantines its bytes.",
    ),
    "entry.not-object": Rule(
        _QUARANTINED,
        "The entry {subject} at byte {offset} is no object.",
        "OpenClaw drops such an entry; apply keeps its bytes in quarantine.",
    ),
    "entry.shared-session-id": Rule(
        _NOTE,
        "{subject} and {others} are entries for one session; the second counts as its owner.",
        "Nothing to do: apply keeps both entries.",
    ),
    "entry.only-session-id": Rule(
        _QUARANTINED,
        "There is a session id in the place of the entry {subject} at byte {offset}: the key and nothing else.",
        "OpenClaw drops such a key; where the history of the session is there, apply keeps it with the key.",
    ),
    "entry.superseded": Rule(
        _QUARANTINED,
        "The entry {subject} at byte {offset} lost against another one for the same database that is as new or newer.",
        "Apply keeps its bytes in quarantine.",
    ),
    "entry.too-deep": Rule(
        _QUARANTINED,
        "The entry {subject} at byte {offset} is nested too deep to be read.",
        "Look for what went wrong when it was written; apply keeps its bytes in quarantine.",
    ),
    "entry.unbalanced": Rule(
        _QUARANTINED,
        "The entry {subject} at byte {offset} is incomplete: the next one begins before it is closed.",
        "Repair it in a copy of the store and migrate that with --store and --agent; apply quarantines its bytes.",
    ),
    "entry.unresolvable-key": Rule(
        _WARNING,
        "No release can tell by its key whose session {subject} is.",
        "Apply keeps it under its key, and gives it to newer releases as an archived session of its own.",
    ),
    # prompts of skills
    "prompt.lost": Rule(
        _WARNING,
        "{count} entries of {subject} name a prompt of skills whose file is gone or has another content.",
        "Put skills-prompts back from a backup; without it OpenClaw makes the prompt again at the next turn.",
    ),
    # files of a sessions directory
    "file.unknown-class": Rule(
        _NOTE,
        "{subject} has a name that no known release gives to a file of its sessions, and begins like none of them.",
        "Look into it if you miss a session; it stays where it is.",
    ),
    # databases
    "database.archive-damaged": Rule(
        _WARNING,
        "An archived transcript in {subject} does not match its own digest, or cannot be decoded.",
        "Restore it from a backup; its bytes are left as they are.",
    ),
    "database.archive-missing": Rule(
        _WARNING,
        "A transcript that {subject} moved to cold storage is missing there.",
        "Restore the file from a backup; the database alone does not hold this transcript.",
    ),
    "database.archive-unreadable": Rule(
        _REFUSED,
        "A transcript that {subject} moved to cold storage is there and can not be read, so it is not counted.",
        "Run again as the user that it belongs to, or make it readable; nothing is proved without it.",
    ),
    "database.archive-too-large": Rule(
        _WARNING,
        "An archived transcript in {subject} is too large to be decoded.",
        "It is left as it is and was not compared.",
    ),
    "database.bad-row": Rule(
        _WARNING,
        "A row of {subject} holds a value of a type that OpenClaw never writes.",
        "It is left as it is and was not compared; look at it with the sqlite3 program.",
    ),
    "database.changed": Rule(
        _REFUSED,
        "{subject}, or a source of it, changed after it was planned; nothing was written to it.",
        "Stop whatever writes there, and run again.",
    ),
    "database.changing": Rule(
        _BUSY,
        "{subject} changed while it was being read, so it was not read.",
        "Stop whatever writes to it, and run again.",
    ),
    "database.damaged-table": Rule(
        _REFUSED,
        "A table of {subject} is damaged: only its first {rows} rows can be read.",
        "Restore the database from a backup, or recover it with the sqlite3 program.",
    ),
    "database.event-damaged": Rule(
        _WARNING,
        "A compressed event in {subject} cannot be decoded, or has another length than it should.",
        "Restore it from a backup; its bytes are left as they are.",
    ),
    "database.foreign-key": Rule(
        _WARNING,
        "{count} rows of {subject} refer to rows that do not exist.",
        "They are left as they are; OpenClaw may drop them.",
    ),
    "database.hard-linked": Rule(
        _WARNING,
        "{subject} has {count} other names (hard links), and whatever is written to it changes it under those, too.",
        "If one of them is a backup or of another installation, put a copy in the place of this one before apply: "
        "a roll-back gives only this name its old content.",
    ),
    "database.integrity": Rule(
        _REFUSED,
        "SQLite's integrity check finds {count} faults in {subject}.",
        "Restore the database from a backup, or recover it with the sqlite3 program.",
    ),
    "database.link-outside": Rule(
        _REFUSED,
        "{subject} is a link that leads out of the state directory; it was not opened.",
        "Move the database in, say --follow, or name its store with --store.",
    ),
    "database.locked": Rule(
        _BUSY,
        "{subject} is locked by another process; nothing was written to it.",
        "Stop that process, and run again.",
    ),
    "database.migrated": Rule(
        _NOTE,
        "{subject} is at agent schema {version}: a newer OpenClaw has migrated it.",
        "Verify tells whether every session arrived in it.",
    ),
    "database.never-opened": Rule(
        _WARNING,
        "{subject} holds sessions, and no published release opens a database of this name.",
        "It is left alone; roll back the run that made it and apply again, or export it and put its sessions in place.",
    ),
    "database.newer-schema": Rule(
        _REFUSED,
        "{subject} has agent schema {version}, which is newer than all that this program knows.",
        "Use a newer version of this program.",
    ),
    "database.read-by-columns": Rule(
        _WARNING,
        "Schema {version} of {subject} is newer than this program: it is read by its columns, and never written.",
        "Use a newer version of this program where something is missing.",
    ),
    "database.not-checkpointed": Rule(
        _WARNING,
        "All is committed to {subject}, but a part of it is still in its -wal file.",
        "Keep the two files together; the next program that opens the database moves the rest.",
    ),
    "database.only-journal": Rule(
        _REFUSED,
        "There is no {subject}, but a -wal or -journal of it, which would spoil a new one and may hold sessions.",
        "Put the database back beside it, or move the -wal and -journal aside, and run again.",
    ),
    "database.path-too-long": Rule(
        _REFUSED,
        "The path of {subject} is too long for SQLite.",
        "Give the state directory a shorter path, or run on a bind mount of it.",
    ),
    "database.set-aside": Rule(
        _WARNING,
        "{subject} was set aside: it has {count} sessions and {events} events that are nowhere else, and its agent has "
        "no database with sessions.",
        "Stop OpenClaw, move an openclaw-agent.sqlite without sessions away with its -wal and -shm, give this one its "
        "place, and run verify; or run apply with --from and this path.",
    ),
    "database.unknown-shape": Rule(
        _REFUSED,
        "{subject} has tables that are not known here (version {version}).",
        "Nothing was read from it or written to it; upgrade it with the release that made it, or use a newer program.",
    ),
    "database.unreadable": Rule(
        _REFUSED,
        "{subject} can not be read by SQLite.",
        "Restore it from a backup, or move it aside and run again; the sources are untouched.",
    ),
    "database.utf-16": Rule(
        _REFUSED,
        "{subject} is in UTF-16, which OpenClaw never writes.",
        "Nothing was written to it; make it anew in UTF-8 with the sqlite3 program (.dump), and run again.",
    ),
    "database.write-refused": Rule(
        _REFUSED,
        "SQLite can not write to {subject}; nothing in it was changed.",
        "Check its tables and its place, and run again.",
    ),
    "database.agent-renamed": Rule(
        _REFUSED,
        "{subject} says that it belongs to {others}, and there is no such agent: its directory was renamed.",
        "Give the directory its old name back, because OpenClaw refuses it so; or export its sessions from there.",
    ),
    "database.wrong-owner": Rule(
        _REFUSED,
        "{subject} says that it belongs to another agent.",
        "Find out how it came here before anything is written to it.",
    ),
    "database.wrong-role": Rule(
        _REFUSED,
        "{subject} says that it is another kind of database than that of an agent.",
        "Find out how it came here before anything is written to it.",
    ),
    # locks
    "gateway.live": Rule(
        _BUSY,
        "Process {pid} runs a gateway, or another writer: its program or its start time fits the lock {subject}.",
        "Stop it first: openclaw gateway stop. If that is no OpenClaw, remove the lock.",
    ),
    "gateway.live-by-id": Rule(
        _BUSY,
        "Process {pid} may be a gateway: it has the id in the lock {subject}, and its program can not be seen.",
        "Stop it first: openclaw gateway stop. If that is no OpenClaw, remove the lock.",
    ),
    "gateway.unseen": Rule(
        _WARNING,
        "The lock {subject} names process {pid}, which is not a process of this machine that can be seen.",
        "Make sure that no gateway runs in a container or on another machine; then there is nothing to do.",
    ),
    "lock.live": Rule(
        _BUSY,
        "Process {pid} is writing: its program or its start time fits the lock {subject}.",
        "Wait until it is done, or stop it. If that is no OpenClaw, remove the lock.",
    ),
    "lock.live-by-id": Rule(
        _BUSY,
        "Process {pid} may be writing: it has the id in the lock {subject}, and its program can not be seen.",
        "Wait until it is done, or stop it. If that is no OpenClaw, remove the lock.",
    ),
    "lock.new": Rule(
        _BUSY,
        "{subject} was made just now and does not name its owner.",
        "Wait half a minute and run again.",
    ),
    "lock.other-process": Rule(
        _NOTE,
        "{subject} names process {pid}, which is no OpenClaw here, or began after the lock was made.",
        "Nothing to do, unless an OpenClaw runs in a container or on another machine; OpenClaw removes the lock.",
    ),
    "lock.stale": Rule(
        _NOTE,
        "{subject} was left behind by a process that is gone.",
        "Nothing to do; OpenClaw removes it.",
    ),
    "lock.unseen": Rule(
        _NOTE,
        "{subject} names process {pid}, which is not a process of this machine that can be seen.",
        "Nothing to do, unless an OpenClaw runs in a container or on another machine; OpenClaw removes the lock.",
    ),
    "lock.unseen-new": Rule(
        _BUSY,
        "{subject} was made just now, by a process {pid} that can not be seen; it may run in a container.",
        "Wait half a minute and run again, or say --wait; stop what writes, if it goes on.",
    ),
    "lock.unreadable": Rule(
        _WARNING,
        "{subject} can not be read; a writer may be hidden there.",
        "Make sure that no OpenClaw runs, or run as the user that it belongs to.",
    ),
    "runs.link-outside": Rule(
        _REFUSED,
        "{subject} is a link out of the state directory; it was not followed.",
        "Move what earlier runs left there back, into a directory in its place.",
    ),
    # what stands in the way of a roll-back
    "rollback.archive-changed": Rule(
        _REFUSED,
        "The copy of {subject} in the folder of the run is not what was moved there.",
        "Look at it; roll back with --set-aside to put it back as it is.",
    ),
    "rollback.database-changed": Rule(
        _REFUSED,
        "{subject} was written to after the run: {rows_now} rows instead of {rows_then} in {others}.",
        "Save what it holds (verify names the sessions), or roll back with --set-aside, which keeps it with the run.",
    ),
    "rollback.database-gone": Rule(
        _REFUSED,
        "{subject} is not there any more.",
        "Find out who removed it; roll back with --set-aside to get back what was there before the run.",
    ),
    "rollback.database-unreadable": Rule(
        _REFUSED,
        "{subject} can not be read any more.",
        "Find out what happened to it; roll back with --set-aside to get back what was there before the run.",
    ),
    "rollback.incomplete": Rule(
        _WARNING,
        "{subject} is not as it was before the run.",
        "Stop whatever writes there, and roll back again.",
    ),
    "rollback.later-run": Rule(
        _REFUSED,
        "The run {subject} came later and worked on the same things.",
        "Roll that one back first.",
    ),
    "rollback.outside": Rule(
        _REFUSED,
        "The run wrote to {subject}, outside of the state directory.",
        "If you trust the run, name the store there with --store.",
    ),
    "rollback.place-taken": Rule(
        _REFUSED,
        "Something new is at the place of {subject}, which the run moved into its folder.",
        "Save it, or roll back with --set-aside, which keeps it with the run.",
    ),
    "rollback.source-changed": Rule(
        _REFUSED,
        "{subject} is not what the run moved away, and the folder of the run does not have it any more.",
        "Look for the original in your backups; roll back with --set-aside to leave what is there.",
    ),
    "rollback.source-gone": Rule(
        _REFUSED,
        "{subject} is neither at its place nor in the folder of the run.",
        "Look for it in your backups; roll back with --set-aside to go on without it.",
    ),
    # runs
    "run.complete": Rule(
        _NOTE,
        "The run {subject} is complete.",
        "Nothing to do; rollback takes it back.",
    ),
    "run.database-gone": Rule(
        _WARNING,
        "The run {others} has written {subject}, which is not there any more.",
        "Restore it from a backup, unless it was meant to go: without its sources nothing else tells of its sessions.",
    ),
    "run.needs-rollback": Rule(
        _WARNING,
        "The run {subject} ended with differences, or was being taken back when it was stopped.",
        "Run rollback with it; it goes on where it was stopped.",
    ),
    "run.no-proof": Rule(
        _WARNING,
        "The run {subject} has committed, but its proof is missing.",
        "Run apply again, which does what is left and writes the proof; or verify --proof with the folder of the run.",
    ),
    "run.nothing-written": Rule(
        _NOTE,
        "The run {subject} was stopped before it wrote to any database.",
        "Nothing to do; the next apply tidies up after it.",
    ),
    "run.only-in-quarantine": Rule(
        _NOTE,
        "The run {subject} keeps {count} damaged pieces of files that are gone, or have changed since.",
        "Nothing to do if they were repaired; otherwise look into quarantine/index.jsonl in that folder.",
    ),
    "run.unreadable": Rule(
        _WARNING,
        "The journal of the run {subject} can not be read, or is damaged.",
        "Find out what happened to it; it can not be taken back.",
    ),
    # what cannot be looked at
    "place.unreadable": Rule(
        _REFUSED,
        "{subject}, where sessions may be, can not be listed or read (error {errno}), so what is in it is not counted.",
        "Run again as the user that it belongs to, or make it readable; nothing is proved without it.",
    ),
    # what is followed
    "path.followed": Rule(
        _NOTE,
        "{subject} leads out of the state directory and was followed, as --follow says.",
        "Nothing to do.",
    ),
    # stores
    "store.alias": Rule(
        _NOTE,
        "{subject} is the same file as {others}.",
        "Nothing to do; it is read once.",
    ),
    "store.changing": Rule(
        _BUSY,
        "{subject} changed while it was being read, so it was not read.",
        "Stop whatever writes to it, and run again.",
    ),
    "store.damaged": Rule(
        _QUARANTINED,
        "{length} bytes of {subject}, at byte {offset}, belong to no entry.",
        "Look for lost sessions among them: apply keeps them in quarantine, and every readable entry was read.",
    ),
    "store.no-agent": Rule(
        _REFUSED,
        "Nothing says whose sessions {subject} holds: it lies in no agent directory, and no configuration names it.",
        "Say --agent NAME with the agent that they are to belong to; OpenClaw would never open a database beside it.",
    ),
    "store.empty": Rule(
        _QUARANTINED,
        "{subject} holds no JSON, in {length} bytes; sessions may be lost that it held before.",
        "Look for an older copy beside it, named .bak or .tmp, and migrate that with --store FILE --agent NAME.",
    ),
    "store.json5": Rule(
        _NOTE,
        "{subject} is not strict JSON, so recent OpenClaw releases see an empty store.",
        "Nothing to do; its entries were read.",
    ),
    "store.link": Rule(
        _NOTE,
        "{subject} is a link to another file of the state directory.",
        "Nothing to do; OpenClaw itself does not follow it.",
    ),
    "store.link-outside": Rule(
        _WARNING,
        "{subject} is a link that leads out of the state directory; it was not followed.",
        "Say --follow, or name it with --store, to migrate it.",
    ),
    "store.misplaced-comma": Rule(
        _QUARANTINED,
        "A comma is missing, or there is one too many, at byte {offset} of {subject}.",
        "Nothing to do: the entries around it were read, although OpenClaw itself sees an empty store.",
    ),
    "store.missing": Rule(
        _WARNING,
        "There is no store {subject}.",
        "Check the path; nothing was created.",
    ),
    "store.not-a-file": Rule(
        _REFUSED,
        "{subject} is no regular file.",
        "Put the store back, from a copy such as .bak if need be.",
    ),
    "store.not-object": Rule(
        _QUARANTINED,
        "{subject} does not hold a JSON object.",
        "Find out what replaced the store, and look for an older copy beside it; apply keeps it in quarantine.",
    ),
    "store.not-utf8": Rule(
        _QUARANTINED,
        "{subject} is not UTF-8: it holds UTF-16 without a mark, UTF-32 or NUL bytes.",
        "Save it as UTF-8 in its place, and run again; if it is all NUL, look for an older copy.",
    ),
    "store.only-copies": Rule(
        _WARNING,
        "{subject} has no store, only copies of one (.bak, .tmp or .corrupt).",
        "Put the newest complete copy back as sessions.json, and run again.",
    ),
    "store.outside": Rule(
        _WARNING,
        "The configuration names the store {subject}, which lies outside the state directory.",
        "If this is a copy, that store is the original's: give it a configuration of its own with --config. "
        "--archive-sources moves it only if it is named with --store.",
    ),
    "store.trailing-text": Rule(
        _QUARANTINED,
        "{length} bytes follow the end of the object in {subject}, at byte {offset}.",
        "Look for lost sessions in them, as they may be left of an older store; apply keeps them in quarantine.",
    ),
    "store.truncated": Rule(
        _QUARANTINED,
        "{subject} breaks off: its last {length} bytes, from byte {offset}, are no complete entry.",
        "Migrate an older copy, named .bak or .tmp, with --store and --agent; apply keeps the fragment in quarantine.",
    ),
    "store.unreadable": Rule(
        _REFUSED,
        "{subject} can not be read (error {errno}).",
        "Make it readable and run again; the other stores are not affected.",
    ),
    "store.utf-16": Rule(
        _NOTE,
        "{subject} is in UTF-16, in which OpenClaw sees an empty store.",
        "Nothing to do: its entries were read; the file stays as it is.",
    ),
    # transcripts
    "transcript.changing": Rule(
        _BUSY,
        "{subject} changed while it was being read, so it was not read.",
        "Stop whatever writes to it, and run again.",
    ),
    "transcript.database-has-more": Rule(
        _NOTE,
        "The database has a longer history for {subject} than its files.",
        "Nothing to do; the session went on in the database.",
    ),
    "transcript.diverges": Rule(
        _WARNING,
        "The history of {subject} in {others} is not the one in its files; the database was left as it is.",
        "Compare the two: verify says which events are missing.",
    ),
    "transcript.duplicate-line": Rule(
        _NOTE,
        "{count} lines of {subject} repeat an earlier line with the same id.",
        "Nothing to do: apply stores all, and the first of them keeps the id.",
    ),
    "transcript.followed": Rule(
        _NOTE,
        "{count} entries of {subject} point to transcripts outside the state directory, and what is there was read.",
        "Nothing to do.",
    ),
    "transcript.header-mismatch": Rule(
        _WARNING,
        "{subject} has the header of another session than its name says: {others}.",
        "Compare the two sessions; OpenClaw goes by the name, or by the entry that points to the file.",
    ),
    "transcript.in-front": Rule(
        _WARNING,
        "{count} events that only {subject} has joined the history of {others}, in front of those of the session's own "
        "file, where OpenClaw shows them as well.",
        "Nothing to do: the conversation goes on where the session's own file ends.",
    ),
    "transcript.invalid-utf8": Rule(
        _WARNING,
        "{count} lines of {subject} are not valid UTF-8.",
        "Apply stores them with replacement characters, as OpenClaw shows them; the file has the bytes: keep it.",
    ),
    "transcript.joined": Rule(
        _WARNING,
        "{count} events that only {subject} has joined the history of {others}, out of view: "
        "OpenClaw shows the branch of the session's own file.",
        "Nothing to do: the conversation goes on where the session's own file ends.",
    ),
    "transcript.kept-apart": Rule(
        _WARNING,
        "{count} events that only {subject} has can not join the history of {others} without changing what OpenClaw "
        "shows of it; apply keeps the file as an archived session of its own.",
        "Nothing to do: the conversation goes on where the session's own file ends.",
    ),
    "transcript.kept-with-key": Rule(
        _NOTE,
        "The transcript {subject} is the history of {others}, which has its session id and no entry.",
        "Apply keeps it with this key.",
    ),
    "transcript.malformed-line": Rule(
        _QUARANTINED,
        "Line {line} of {subject}, at byte {offset}, is no readable JSON.",
        "Apply keeps its bytes in quarantine, and stores all other lines.",
    ),
    "transcript.no-header": Rule(
        _WARNING,
        "{subject} does not begin with a session header.",
        "Apply stores its events, although OpenClaw's runtime reads such a file as empty.",
    ),
    "transcript.not-a-file": Rule(
        _WARNING,
        "{subject} is no regular file.",
        "Nothing to do, unless a transcript should be there.",
    ),
    "transcript.nul-damage": Rule(
        _QUARANTINED,
        "Line {line} of {subject} holds {length} damaged bytes at byte {offset}, with NUL bytes among them.",
        "Apply keeps the bytes in quarantine, and stores all whole records around them.",
    ),
    "transcript.other-branch": Rule(
        _WARNING,
        "From event {event} of {subject} on, OpenClaw shows another branch of its history in {others}: "
        "{count} messages are out of view.",
        "No event is lost. If a run of this program wrote that, roll the run back and apply again.",
    ),
    "transcript.outside": Rule(
        _WARNING,
        "{count} entries of {subject} point to transcripts outside the state directory, which were not opened.",
        "If they hold history, say --follow, or copy them into the sessions directory.",
    ),
    "transcript.recovered": Rule(
        _NOTE,
        "No entry claims the transcript {subject}; apply keeps its history as an archived session.",
        "Nothing to do.",
    ),
    "transcript.relative": Rule(
        _NOTE,
        "The transcript {subject} is of the conversation of {others}, before or after a compaction or as its fork.",
        "Apply keeps it as an archived session of its own.",
    ),
    "transcript.torn-tail": Rule(
        _QUARANTINED,
        "{subject} ends in the middle of line {line}, which begins at byte {offset}.",
        "Apply keeps the fragment in quarantine, and stores all other lines.",
    ),
    "transcript.unreadable": Rule(
        _REFUSED,
        "{subject} can not be read (error {errno}).",
        "Make it readable and run again.",
    ),
    "transcript.utf-16": Rule(
        _NOTE,
        "{subject} is in UTF-16, of which OpenClaw can read no line.",
        "Apply stores its events; the file stays as it is.",
    ),
    # copies
    "copy.database-only-here": Rule(
        _WARNING,
        "{subject} is not where a release opens it, and has {count} sessions and {events} events that are nowhere else "
        "where a release looks.",
        "Nothing to do if they were deleted on purpose; else run apply with --from and this path.",
    ),
    "copy.database-unreadable": Rule(
        _WARNING,
        "{subject} is not where a release opens it, and cannot be read: nobody knows what is only in it.",
        "Try the .recover command of sqlite3 on a copy of it.",
    ),
    "copy.damaged": Rule(
        _WARNING,
        "The copy {subject} can not be read or decoded.",
        "Restore it from a backup if its session is missing; it stays where it is.",
    ),
    "copy.events-only-here": Rule(
        _WARNING,
        "The copy {subject} has {count} events that are in no database.",
        "Nothing to do if they were deleted or reset on purpose; else run apply with --from and this path.",
    ),
    "copy.journal-alone": Rule(
        _WARNING,
        "{subject} is the journal of a database that is not beside it: nobody knows which sessions are only in it.",
        "Put the two together again, the database with the name of the journal without its -wal or -journal, and run "
        "scan.",
    ),
    "copy.sessions-only-here": Rule(
        _WARNING,
        "The copy {subject} has {count} sessions that no live store and no database has.",
        "Nothing to do if they were deleted on purpose; else run apply with --from and this path.",
    ),
    "copy.state-inside": Rule(
        _WARNING,
        "The state directory {subject} lies inside this one, and has {count} sessions and {events} events that this "
        "one has not.",
        "Run apply with --from and this path to take them in, or with --state-dir on it to migrate it in its place.",
    ),
    "place.closed": Rule(
        _NOTE,
        "{subject} is closed to this user: whether there are sessions in it is not known.",
        "Run scan as its owner if you miss a session.",
    ),
    "place.litter": Rule(
        _NOTE,
        "{count} files and folders among the agents of {subject} are what desktops, network drives and file systems "
        "leave.",
        "Nothing to do; no release reads them.",
    ),
    "place.too-deep": Rule(
        _WARNING,
        "{subject} lies so deep in folders that nobody has looked into it.",
        "Run scan with --state-dir on it if there may be sessions in it.",
    ),
}
