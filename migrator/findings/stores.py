"""The findings on agent directories, the configuration, stores, their entries, and what cannot be looked at."""

from __future__ import annotations

from migrator.findings.rule import BUSY, NOTE, QUARANTINED, REFUSED, WARNING, Rule

STORE_RULES: dict[str, Rule] = {
    # agent directories
    "agent.collapses-to-main": Rule(
        WARNING,
        "OpenClaw takes the directory name {subject} for another spelling of main.",
        "Nothing to do: apply migrates it in place. OpenClaw itself looks into the directory main only.",
    ),
    "agent.dangling-link": Rule(
        WARNING,
        "{subject} is a link to something that does not exist.",
        "Restore what it points to, or remove the link.",
    ),
    "agent.id-collision": Rule(
        WARNING,
        "OpenClaw takes {subject} and {others} for one agent, because only the spelling of their names differs.",
        "Apply migrates each in its own directory; OpenClaw itself shows only one of them.",
    ),
    "agent.link": Rule(
        NOTE,
        "{subject} is a link to another directory of the state directory.",
        "Nothing to do; OpenClaw itself does not follow it.",
    ),
    "agent.link-outside": Rule(
        WARNING,
        "{subject} is a link that leads out of the state directory; it was not followed.",
        "If sessions are there, say --follow, name them with --store, or move the directory in.",
    ),
    "agent.no-round-trip": Rule(
        WARNING,
        "OpenClaw spells the directory name {subject} differently.",
        "Nothing to do: apply migrates it in place. A release that shows none of it looks under its own spelling.",
    ),
    "agent.no-sessions-directory": Rule(
        WARNING,
        "The sessions of {subject} should be in a directory, and there is a file of that name.",
        "Look at the file, and put the directory back.",
    ),
    "agent.not-a-directory": Rule(
        NOTE,
        "{subject} is a file among the agent directories.",
        "Nothing to do.",
    ),
    "agent.only-archives": Rule(
        WARNING,
        "{subject} has no session, but {count:archived transcript} with {events:event} that {events:is|are} in no "
        "database.",
        "If they were not deleted on purpose, take the ending behind .jsonl from their names and run apply; or run it "
        "with --from and one of them.",
    ),
    "agent.unreadable": Rule(
        REFUSED,
        "A directory of {subject} cannot be listed, so its sessions are not counted.",
        "Run again as the user that it belongs to.",
    ),
    # configuration
    "config.include-refused": Rule(
        WARNING,
        "What the configuration {subject} includes cannot be read, or OpenClaw would refuse it.",
        "The rest of the configuration was used; name stores that it leaves out with --store.",
    ),
    "config.invalid": Rule(
        WARNING,
        "The configuration {subject} cannot be understood: it is no object in JSON or JSON5.",
        "It was ignored, and stores were looked for in the usual places; repair it, or name others with --store.",
    ),
    "config.too-large": Rule(
        WARNING,
        "The configuration {subject} is too large to be read (over 4 MiB, or over 256 KiB if it is not strict JSON).",
        "It was ignored, and stores were looked for in the usual places; name others with --store.",
    ),
    "config.unreadable": Rule(
        WARNING,
        "The configuration {subject} cannot be read.",
        "It was ignored, and stores were looked for in the usual places; make it readable, or name others by --store.",
    ),
    "config.unset-variable": Rule(
        WARNING,
        "The configuration uses {subject}, which is not set.",
        "Run again with the variable as the gateway has it; until then its name stands for its value.",
    ),
    "config.wrong-type": Rule(
        WARNING,
        "The setting {subject} has a value of a kind that OpenClaw does not accept.",
        "Its default was used; correct it in the configuration.",
    ),
    # stores
    "store.alias": Rule(
        NOTE,
        "{subject} is the same file as {others}.",
        "Nothing to do; it is read once.",
    ),
    "store.changing": Rule(
        BUSY,
        "{subject} changed while it was being read, so it was not read.",
        "Stop whatever writes to it, and run again.",
    ),
    "store.damaged": Rule(
        QUARANTINED,
        "{length:byte} of {subject}, at byte {offset}, {length:belongs|belong} to no entry.",
        "Look for lost sessions among them: apply keeps them in quarantine, and every readable entry was read.",
    ),
    "store.no-agent": Rule(
        REFUSED,
        "Nothing says whose sessions {subject} holds: it lies in no agent directory, and no configuration names it.",
        "Say --agent NAME with the agent that they are to belong to; OpenClaw would never open a database beside it.",
    ),
    "store.empty": Rule(
        QUARANTINED,
        "{subject} holds no JSON, in {length:byte}; sessions may be lost that it held before.",
        "Look for an older copy beside it, named .bak or .tmp, and migrate that with --store FILE --agent NAME.",
    ),
    "store.json5": Rule(
        NOTE,
        "{subject} is not strict JSON, so recent OpenClaw releases see an empty store.",
        "Nothing to do; its entries were read.",
    ),
    "store.link": Rule(
        NOTE,
        "{subject} is a link to another file of the state directory.",
        "Nothing to do; OpenClaw itself does not follow it.",
    ),
    "store.link-outside": Rule(
        WARNING,
        "{subject} is a link that leads out of the state directory; it was not followed.",
        "Say --follow, or name it with --store, to migrate it.",
    ),
    "store.misplaced-comma": Rule(
        QUARANTINED,
        "A comma is missing, or there is one too many, at byte {offset} of {subject}.",
        "Nothing to do: the entries around it were read, although OpenClaw itself sees an empty store.",
    ),
    "store.missing": Rule(
        WARNING,
        "There is no store {subject}.",
        "Check the path; nothing was created.",
    ),
    "store.not-a-file": Rule(
        REFUSED,
        "{subject} is no regular file.",
        "Put the store back, from a copy such as .bak if need be.",
    ),
    "store.not-object": Rule(
        QUARANTINED,
        "{subject} does not hold a JSON object.",
        "Find out what replaced the store, and look for an older copy beside it; apply keeps it in quarantine.",
    ),
    "store.not-utf8": Rule(
        QUARANTINED,
        "{subject} is not UTF-8: it holds UTF-16 without a mark, UTF-32 or NUL bytes.",
        "Save it as UTF-8 in its place, and run again; if it is all NUL, look for an older copy.",
    ),
    "store.only-copies": Rule(
        WARNING,
        "{subject} has no store, only copies of one (.bak, .tmp or .corrupt).",
        "Put the newest complete copy back as sessions.json, and run again.",
    ),
    "store.outside": Rule(
        WARNING,
        "The configuration names the store {subject}, which lies outside the state directory.",
        "If this is a copy, that store is the original's: give it a configuration of its own with --config. "
        "--archive-sources moves it only if it is named with --store.",
    ),
    "store.trailing-text": Rule(
        QUARANTINED,
        "{length:byte} {length:follows|follow} the end of the object in {subject}, at byte {offset}.",
        "Look for lost sessions in them, as they may be left of an older store; apply keeps them in quarantine.",
    ),
    "store.truncated": Rule(
        QUARANTINED,
        "{subject} breaks off: its last {length:byte}, from byte {offset}, {length:is|are} no complete entry.",
        "Migrate an older copy, named .bak or .tmp, with --store and --agent; apply keeps the fragment in quarantine.",
    ),
    "store.unreadable": Rule(
        REFUSED,
        "{subject} cannot be read (error {errno}).",
        "Make it readable and run again; the other stores are not affected.",
    ),
    "store.utf-16": Rule(
        NOTE,
        "{subject} is in UTF-16, in which OpenClaw sees an empty store.",
        "Nothing to do: its entries were read; the file stays as it is.",
    ),
    # entries of a store
    "entry.displaced": Rule(
        NOTE,
        "Another store has a newer session under the key {subject}; apply archives this one as {others}.",
        "Nothing to do; its history stays complete.",
    ),
    "entry.duplicate-key": Rule(
        QUARANTINED,
        "A later entry with the same key overrides the entry of {subject} at byte {offset}.",
        "OpenClaw reads the last one; apply keeps the bytes of this one in quarantine.",
    ),
    "entry.folded": Rule(
        NOTE,
        "An upgrade would take {subject} for {others} and drop it; apply keeps it as an archived session.",
        "Nothing to do; its history stays complete.",
    ),
    "entry.json5-too-large": Rule(
        QUARANTINED,
        "The entry {subject} at byte {offset} is no strict JSON, and too long for JSON5 ({length:byte}).",
        "Rewrite it as strict JSON and run again; apply keeps its bytes in quarantine.",
    ),
    "entry.kept-newer": Rule(
        NOTE,
        "The database has a newer entry for {subject} than the source, and keeps it.",
        "Nothing to do.",
    ),
    "entry.kept-tie": Rule(
        WARNING,
        "The database and the source have different entries of one time for {subject}; the database keeps its own.",
        "Compare the two: verify names the fields that differ.",
    ),
    "entry.lost-history": Rule(
        WARNING,
        "{subject} has a history that is in no file and no database here.",
        "Fetch the transcripts from where they still are, such as the old machine, before any upgrade.",
    ),
    "entry.no-session-id": Rule(
        WARNING,
        "The entry {subject} at byte {offset} has no usable session id, or a time that no column can hold.",
        "Apply keeps its text, but newer releases will not list it; give it a session id in the store if they should.",
    ),
    "entry.no-updated-at": Rule(
        NOTE,
        "The entry {subject} at byte {offset} does not say when it was updated.",
        "Nothing to do; it loses against any entry that does.",
    ),
    "entry.not-json": Rule(
        QUARANTINED,
        "The entry {subject} at byte {offset} is neither JSON nor JSON5.",
        "Repair it in a copy of the store and migrate that with --store and --agent; apply quarantines its bytes.",
    ),
    "entry.not-object": Rule(
        QUARANTINED,
        "The entry {subject} at byte {offset} is no object.",
        "OpenClaw drops such an entry; apply keeps its bytes in quarantine.",
    ),
    "entry.shared-session-id": Rule(
        NOTE,
        "{subject} and {others} are entries for one session; the second counts as its owner.",
        "Nothing to do: apply keeps both entries.",
    ),
    "entry.only-session-id": Rule(
        QUARANTINED,
        "There is a session id in the place of the entry {subject} at byte {offset}: the key and nothing else.",
        "OpenClaw drops such a key; where the history of the session is there, apply keeps it with the key.",
    ),
    "entry.superseded": Rule(
        QUARANTINED,
        "The entry {subject} at byte {offset} gives way to another one for the same database that is as new or newer.",
        "Apply keeps its bytes in quarantine.",
    ),
    "entry.too-deep": Rule(
        QUARANTINED,
        "The entry {subject} at byte {offset} is nested too deep to be read.",
        "Look for what went wrong when it was written; apply keeps its bytes in quarantine.",
    ),
    "entry.unbalanced": Rule(
        QUARANTINED,
        "The entry {subject} at byte {offset} is incomplete: the next one begins before it is closed.",
        "Repair it in a copy of the store and migrate that with --store and --agent; apply quarantines its bytes.",
    ),
    "entry.unresolvable-key": Rule(
        WARNING,
        "No release can tell by its key whose session {subject} is.",
        "Apply keeps it under its key, and gives it to newer releases as an archived session of its own.",
    ),
    # files of a sessions directory
    "file.unknown-class": Rule(
        NOTE,
        "{subject} has a name that no known release gives to a file of its sessions, and begins like none of them.",
        "Look into it if you miss a session; it stays where it is.",
    ),
    # what cannot be looked at
    "place.unreadable": Rule(
        REFUSED,
        "{subject}, where sessions may be, cannot be listed or read (error {errno}), so what is in it is not counted.",
        "Run again as the user that it belongs to, or make it readable; nothing is proved without it.",
    ),
    # what is followed
    "path.followed": Rule(
        NOTE,
        "{subject} leads out of the state directory and was followed, as --follow says.",
        "Nothing to do.",
    ),
}
