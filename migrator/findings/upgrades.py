"""The findings on what OpenClaw's own upgrade would do with an installation, and on the host that it would run on.

The word behind ``upgrade.`` is the effect: it loses, blocks, hides or changes something. A report merges all findings
of one code into one line, so a sentence must read well with one name or many in the place of "{subject}".

What real releases are known to say while they upgrade has codes, too: nothing else of their output may leave.
"""

from __future__ import annotations

from migrator.findings.rule import NOTE, WARNING, Rule

_OURS_FIRST = "Before the upgrade, run apply --archive-sources: it keeps all of this."
_QUARANTINE_FIRST = "Before the upgrade, run apply --archive-sources: it keeps the rest, and these bytes in quarantine."

UPGRADE_RULES: dict[str, Rule] = {
    # what would be lost
    "upgrade.loses-alias": Rule(
        WARNING,
        "The upgrade takes {subject} for older spellings of {others} and keeps no more than the history.",
        _OURS_FIRST,
    ),
    "upgrade.loses-duplicate": Rule(
        WARNING,
        "The import drops an entry of {subject}, because a later one in the same store has the same key.",
        _QUARANTINE_FIRST,
    ),
    "upgrade.loses-entry": Rule(
        WARNING,
        "The import skips {subject} for want of a session id, with all settings in there.",
        _OURS_FIRST,
    ),
    "upgrade.loses-history": Rule(
        WARNING,
        "The import stops at damage, and leaves out {count:good event}: {subject}.",
        _OURS_FIRST,
    ),
    "upgrade.loses-newer": Rule(
        WARNING,
        "The import puts an older entry from the store over the newer one in the database: {subject}.",
        "Before the upgrade, run apply --archive-sources: it keeps the newer ones and takes the stale store away.",
    ),
    "upgrade.loses-transcript": Rule(
        WARNING,
        "The import finds no owner for {subject} and leaves {count:event} out of the database.",
        _OURS_FIRST,
    ),
    "upgrade.loses-twin": Rule(
        WARNING,
        "The upgrade puts two agent directories into one, where {subject} must give way to {others}.",
        _OURS_FIRST,
    ),
    "upgrade.loses-unclaimed": Rule(
        NOTE,
        "2026.8.2 leaves {count:event} out that no entry keeps; 2026.9.6 makes "
        "{count:a session of it|sessions of them}: {subject}.",
        "Before an upgrade to such a release, run apply --archive-sources: it keeps all of this.",
    ),
    # what would stop it
    "upgrade.blocks-acp": Rule(
        WARNING,
        "doctor --fix stops, because the acp part of an entry is incomplete: {subject}.",
        _OURS_FIRST,
    ),
    "upgrade.blocks-hard-link": Rule(
        WARNING,
        "doctor --fix stops at a file that has a second name (hard link): {subject}.",
        "Before the upgrade, run apply --archive-sources, or replace the file with a copy of it.",
    ),
    "upgrade.blocks-key": Rule(
        WARNING,
        "doctor --fix never gets past {subject}: half a character in the key.",
        _OURS_FIRST,
    ),
    "upgrade.blocks-null": Rule(
        WARNING,
        "doctor --fix crashes on an entry that is null: {subject}.",
        _QUARANTINE_FIRST,
    ),
    "upgrade.blocks-once": Rule(
        NOTE,
        "The first doctor --fix of 2026.9.6 fails on a database at agent schema 1, the second one works: {subject}.",
        "Run doctor --fix once more.",
    ),
    "upgrade.blocks-session-id": Rule(
        WARNING,
        "The import stops for all agents at a session id that no file can be named after: {subject}.",
        _OURS_FIRST,
    ),
    "upgrade.blocks-store": Rule(
        WARNING,
        "The import cannot read the store of {subject}, leaves all sessions in there behind and fails.",
        _QUARANTINE_FIRST,
    ),
    "upgrade.blocks-time": Rule(
        WARNING,
        "doctor --fix stops at a time that no column can hold: {subject}.",
        _OURS_FIRST,
    ),
    # what nobody would see
    "upgrade.hides-agent": Rule(
        WARNING,
        "No release lists the sessions of {subject}, before or after an upgrade: not in the configuration.",
        "Add the agent to the configuration if its sessions are still wanted.",
    ),
    "upgrade.hides-histories": Rule(
        WARNING,
        "The upgrade shows {count:session} of {subject} without "
        "{count:its history, which does|their histories, which do} not lie beside the store.",
        _OURS_FIRST,
    ),
    "upgrade.hides-lost": Rule(
        WARNING,
        "No release shows what was said in {subject}: the transcript is not there.",
        "Fetch the transcripts from where they still are before the upgrade.",
    ),
    "upgrade.hides-sessions": Rule(
        NOTE,
        "Newer releases do not list {count:session} of {subject} until doctor --fix has run, and do not say so.",
        "Nothing to do: the sessions are there.",
    ),
    # what would not be the same
    "upgrade.changes-directory": Rule(
        NOTE,
        "The upgrade moves the sessions of {subject} into a directory with the name as OpenClaw spells it.",
        "Look for them there, and verify with --accept moved.",
    ),
    "upgrade.changes-entries": Rule(
        NOTE,
        "The upgrade rewrites {count:entry} of {subject}: routes become one field, paths of transcripts go.",
        "Nothing to do; verify names each such change.",
    ),
    "upgrade.changes-fields": Rule(
        WARNING,
        "The upgrade drops fields for good, such as half a fallback notice or who takes part: {subject}.",
        "Keep what apply --archive-sources sets aside: the original text has them.",
    ),
    "upgrade.changes-numbers": Rule(
        WARNING,
        "The upgrade rounds numbers that JavaScript cannot hold: {subject}.",
        "Keep what apply --archive-sources sets aside: the original text has them.",
    ),
    "upgrade.changes-store": Rule(
        WARNING,
        "doctor --fix rewrites the store of {subject} in place, without a copy, for {count:key} in an old spelling.",
        "Before the upgrade, run apply --archive-sources: it sets the original aside, byte for byte.",
    ),
    "upgrade.changes-time": Rule(
        NOTE,
        "The import dates {subject} as of its own time, and so they become the newest.",
        "Before the upgrade, run apply --archive-sources: then they are the oldest.",
    ),
    # the host
    "host.linked-state": Rule(
        NOTE,
        "{subject} is a link to the real state directory, which some releases refuse.",
        "Nothing to do here; if OpenClaw complains, set OPENCLAW_STATE_DIR to the real directory.",
    ),
    "host.network": Rule(
        WARNING,
        "{subject} is on a network or shared filesystem, where databases break that several programs use.",
        "Let one machine only use it, or move the state directory to a local disk.",
    ),
    "host.not-writable": Rule(
        WARNING,
        "The owner may not write into {subject}.",
        "Give the directory its write permission back before the upgrade.",
    ),
    "host.other-owner": Rule(
        WARNING,
        "{count:file} of {subject} {count:belongs|belong} to another user than the state directory.",
        "Give them to the user that the gateway runs as.",
    ),
    "host.other-user": Rule(
        WARNING,
        "{subject} belongs to another user than the one who runs this.",
        "Run it, and the upgrade, as the user that the gateway runs as.",
    ),
    "host.pending-plugin": Rule(
        WARNING,
        "The migration of the plugin {subject} is not finished, and holds on to the sources that it needs.",
        "Update the plugin and run doctor --fix until nothing is pending, before any source is moved.",
    ),
    "host.read-only": Rule(
        WARNING,
        "{subject} is on a filesystem that is mounted read-only.",
        "Mount it writable before the upgrade.",
    ),
    "host.readable-by-others": Rule(
        NOTE,
        "{count:file} of {subject} can be read by other users of this machine.",
        "Nothing to do for the upgrade; chmod 600 if others should not read them.",
    ),
    "host.space": Rule(
        WARNING,
        "The upgrade may need {needed:byte} on the filesystem of {subject}, and {free:byte} {free:is|are} free.",
        "Make room first: it fails late, with the work half done.",
    ),
    "host.split-state": Rule(
        WARNING,
        "There is another state directory with agents beside {subject}: {others}.",
        "Find out which one the gateway uses; look at the other with --state-dir.",
    ),
    "host.temporary-inside": Rule(
        NOTE,
        "{subject}, where temporary files go, lies in the state directory, so reading changes its times.",
        "Set TMPDIR to a directory outside, or run it without TMPDIR.",
    ),
}

SAYINGS = {
    "deletion-journal-unavailable": "an agent database at schema 1 was refused once (the next run accepts it)",
    "auth-store-refused": "the shared credentials could not be moved because of that",
    "schema-upgraded": "agent databases were upgraded to a newer schema",
    "run-doctor": "it asks for doctor --fix",
    "repair-refused": "doctor cannot repair this state",
    "invalid-session-id": "one session id is not a safe file name, so everything was refused",
    "entry-is-null": "it stumbled over an entry that is null",
    "constraint-failed": "SQLite refused a row",
    "row-missing-after-import": "an imported session was not found again",
    "non-canonical-key": "a stored key is not in its canonical form, so nothing is listed",
    "transcript-malformed": "a transcript has a line that is no JSON",
    "alias-rows-removed": "sessions were removed as duplicates or aliases",
    "titles-repaired": "titles of sessions were filled in",
    "file-helper-missing": "this installation of OpenClaw is incomplete: its native file helper is not there",
    "node-unsupported": "it needs another version of Node",
    "state-database-refused": "the shared state database has a shape that this release refuses",
    "hard-link": "a file has several names, and was refused",
}
"""Every saying by code, in our words."""
