"""How much disk space writing to a database takes at most. Measured, with both shapes of schema 1. Pure."""

from __future__ import annotations

_EMPTY, _ROW = 128 * 1024, 512
"""Bytes that the tables take without a row, and what a row takes beside its text."""

_GROWTH = 3
"""Bytes that a database grows per byte of entry text: two shapes, indexes and page slack (measured 2.3 to 2.7)."""


def peak_bytes(present: int, entries: int, events: int, rows: int) -> int:
    """The most bytes needed at one time: the copies of what is there, and the rows, with their journal.

    All but ``rows``, their number, are in bytes: of the file set, of the entries, and of the transcripts to be written.
    """
    return 2 * present + 2 * _GROWTH * entries + 2 * events + _ROW * rows + _EMPTY
