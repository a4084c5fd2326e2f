"""How much memory a long line takes."""

from __future__ import annotations

import io
import tracemalloc

from migrator.openclaw.text.transcript import TranscriptReader

LENGTH = 32 << 20


def test_a_long_line_is_in_memory_once() -> None:
    event = b'{"type":"message","id":"m1","text":"' + b"x" * LENGTH + b'"}'
    stream = io.BytesIO(event + b"\n")
    length = len(event)
    del event
    tracemalloc.start()
    try:
        assert [line.length for line in TranscriptReader(stream)] == [length]
        assert tracemalloc.get_traced_memory()[1] < 1.5 * LENGTH
    finally:
        tracemalloc.stop()
