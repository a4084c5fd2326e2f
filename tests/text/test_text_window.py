"""The sliding window: exact offsets, bounded memory, every byte hashed."""

from __future__ import annotations

import io
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from migrator.openclaw.text.text_window import TextWindow

pieces = st.lists(
    st.sampled_from(
        [b"a", b"xyz" * 9, "é".encode(), "\N{GRINNING FACE}".encode(), b"\xff", b"\xe2\x82", b"\xed\xa0\x80"]
    )
)


@given(pieces.map(b"".join), st.integers(1, 9), st.lists(st.tuples(st.integers(0, 30), st.booleans())))
def test_offsets_are_exact_wherever_the_window_is(data: bytes, width: int, steps: list[tuple[int, bool]]) -> None:
    window = TextWindow(io.BytesIO(data), width)
    window.first_bytes(4)
    for step, shrink in steps:
        window.grow()
        at = min(window.at + step, len(window.text))
        between = window.text[window.at : at].encode("utf-8", "surrogateescape")
        assert data[window.byte : window.offset(at)] == between
        window.commit(at)
        if shrink:
            window.shrink()
            assert len(window.text) - window.at <= 2 * width
    while not window.ended:
        window.grow()
    rest = window.text[window.at :].encode("utf-8", "surrogateescape")
    assert data[window.byte :] == rest
    assert (window.size, window.digest.hexdigest()) == (len(data), sha256(data).hexdigest())


def test_growing_doubles_what_is_pending_and_drops_what_is_done() -> None:
    window = TextWindow(io.BytesIO(b"x" * 1000), 10)
    lengths = []
    for _ in range(4):
        window.grow()
        lengths.append(len(window.text))
    assert lengths == [10, 20, 40, 80]
    window.commit(75)
    window.grow()
    assert (window.at, len(window.text), window.byte) == (0, 15, 75)


def test_draining_hashes_without_keeping() -> None:
    data = b"x" * 1000
    window = TextWindow(io.BytesIO(data), 10)
    assert window.first_bytes(4) == b"x" * 4
    window.drain()
    assert len(window.text) == 4
    assert (window.size, window.digest.digest()) == (1000, sha256(data).digest())
