"""What real releases are known to say, by code and in our words: nothing else of their output may leave."""

from __future__ import annotations

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
