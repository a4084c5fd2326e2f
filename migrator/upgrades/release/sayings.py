"""What real releases are known to say, so that a redacted record can tell why a command failed.

The output of OpenClaw names people, paths and keys; nothing of it leaves but which of these sentences it held.
Facts: as seen with 2026.7.1, 2026.8.2 and 2026.9.6; the last two with releases 2026.9.1 and 2026.9.3.
"""

from __future__ import annotations

import re

_PATTERNS = {
    "deletion-journal-unavailable": r"deletion journal unavailable",
    "auth-store-refused": r"shared-auth-store \(step-refused\)",
    "schema-upgraded": r"Upgraded agent database schema",
    "run-doctor": r"run openclaw doctor --fix",
    "repair-refused": r"Doctor cannot repair this state|Doctor stopped because",
    "invalid-session-id": r"Invalid session ID:",
    "entry-is-null": r"Cannot destructure property '\w+' of 'entry' as it is null",
    "constraint-failed": r"(?:NOT NULL|UNIQUE|CHECK|FOREIGN KEY) constraint failed",
    "row-missing-after-import": r"sqlite_entry_missing",
    "non-canonical-key": r"non-canonical persisted row",
    "transcript-malformed": r"transcript_malformed",
    "alias-rows-removed": r"removed \d+ duplicate or alias row",
    "titles-repaired": r"Repaired \d+ session title",
    "file-helper-missing": r"native no-replace move is unavailable",
    "node-unsupported": r"Node\.js [^\n]{1,80} is required|node:sqlite is unavailable",
    "state-database-refused": r"no such table: workspace_path_aliases|legacy agent database registry schema",
    "hard-link": r"not an unaliased regular file",
}
_COMPILED = {code: re.compile(pattern) for code, pattern in _PATTERNS.items()}
_FRAME = re.compile(r"[│┃|]?\s*\n[│┃|]?\s*")


def sayings(output: bytes) -> tuple[str, ...]:
    """The codes of all known sentences in an output, through the frames that ``doctor`` draws around its text."""
    text = _FRAME.sub(" ", output.decode("utf-8", "replace"))
    return tuple(code for code, pattern in _COMPILED.items() if pattern.search(text))
