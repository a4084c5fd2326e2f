"""The checks that a verification, or the proof of an upgrade, makes."""

from __future__ import annotations

CHECKS = {
    "columns-agree": "Every column says what the text beside it says.",
    "file-mode": "Only its owner can read the database.",
    "foreign-keys": "SQLite finds no dangling reference.",
    "gateway-answers": "A real gateway lists every session that a gateway shows.",
    "gateway-history": "A real gateway gives the history of a session as its file has it.",
    "integrity": "SQLite's full integrity check passes.",
    "no-sibling-directories": "No second directory was made for an agent.",
    "no-stray-databases": "No database lies where no store belongs to it.",
    "openclaw-reads": "A real OpenClaw release lists every session of every configured agent as it was.",
    "openclaw-status": "A real OpenClaw release says how it is doing.",
    "openclaw-upgrades": "A real OpenClaw release carries everything forward and has nothing to complain of.",
    "original-untouched": "The original is what it was: every name, mode, time and byte.",
    "owner": "The database belongs to the agent of its directory.",
    "second-run": "After a second run every session and event is where it was.",
    "rows-visible": "No row has what makes a release leave it out or refuse it.",
    "shapes-agree": "Both shapes of a database hold the same sessions.",
    "sources-unchanged": "Every source has the digest that it had before.",
    "user-version": "The database has the schema version that was written.",
}
"""Every check by name, and what it says when it passes."""
