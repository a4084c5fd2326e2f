"""The checks that a verification, or the proof of an upgrade, must make, and what it did not look at."""

from __future__ import annotations

from migrator.model.inventory import Shape

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
    "sources-unchanged": "Every source could be read, and has the digest that it had before.",
    "user-version": "The database has the schema version that was written.",
}
"""Every check by name, and what it says when it passes."""

STATE_CHECKS = ("no-sibling-directories", "no-stray-databases")
"""The checks that every verification makes of the whole state directory."""

_OF_EVERY_SHAPE = ("owner", "integrity", "foreign-keys")
_OF_SHAPE = {
    Shape.V1: (*_OF_EVERY_SHAPE, "user-version", "shapes-agree", "columns-agree"),
    Shape.ENTRIES: _OF_EVERY_SHAPE,
    Shape.NODES: (*_OF_EVERY_SHAPE, "rows-visible", "columns-agree"),
}


def checks_of(shape: Shape, has_modes: bool) -> frozenset[str]:
    """The checks that every verification makes of a database: none where it cannot read it.

    ``has_modes`` says whether the platform has modes of files.
    """
    always = _OF_SHAPE.get(shape, ())
    return frozenset((*always, "file-mode") if always and has_modes else always)


NOT_TESTED = {
    "confinement": "That no process wrote to anything but its copy: this system cannot forbid it.",
    "file-modes": "Owners and modes: this platform has none that could be compared.",
    "gateway": "The lists of a running gateway.",
    "gateway-history": "The history that a gateway gives: no session has one that could be compared.",
    "links-outside": "What links lead to that point out of the state directory.",
    "network": "That no process reached a network: this system cannot cut them off.",
    "openclaw-before": "What the old OpenClaw release lists.",
    "openclaw-reads": "Reading the result with a real OpenClaw release.",
    "power-loss": "A power cut on this machine.",
    "shape": "The content of databases in a shape that this version cannot read.",
    "transcripts": "The content of transcript files.",
}
"""Everything that a run may leave untested, by code."""
