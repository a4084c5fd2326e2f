from __future__ import annotations

import sys

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.model.errors import RefusedError
from migrator.sqlite.compressed import DamagedPayloadError, LargePayloadError, decompress


def frame(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def streamed_frame(data: bytes) -> bytes:
    """A frame that does not say how long its content is, as a stream writes it."""
    compressor = zstandard.ZstdCompressor().compressobj()
    return compressor.compress(data) + compressor.flush()


@settings(deadline=None)
@given(st.lists(st.binary(max_size=5000), min_size=1, max_size=3))
def test_frames_decode_to_what_was_compressed(parts: list[bytes]) -> None:
    together = b"".join(parts)
    for write in (frame, streamed_frame):
        assert decompress(b"".join(map(write, parts)), len(together)) == together


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=5000), st.data())
def test_no_truncated_frame_passes(content: bytes, data: st.DataObject) -> None:
    compressed = frame(content)
    cut = data.draw(st.integers(0, len(compressed) - 1))
    with pytest.raises(DamagedPayloadError):
        decompress(compressed[:cut], len(content))


@pytest.mark.parametrize("tail", [b"x", b"\0" * 20, frame(b"more")[:-1]])
def test_trailing_bytes_do_not_pass(tail: bytes) -> None:
    with pytest.raises(DamagedPayloadError):
        decompress(frame(b"content") + tail, 1000)


def test_a_flipped_bit_is_noticed() -> None:
    compressed = bytearray(frame(b"some content"))
    compressed[-6] ^= 1
    with pytest.raises(DamagedPayloadError):
        decompress(bytes(compressed), 1000)


@pytest.mark.parametrize("write", [frame, streamed_frame])
def test_more_than_the_limit_is_refused_without_decoding_it_all(
    write: type[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = write(b"\0" * 50_000_000)
    with pytest.raises(LargePayloadError):
        decompress(bomb, 1000)
    assert decompress(write(b"12345"), 5) == b"12345"
    with pytest.raises(LargePayloadError):
        decompress(write(b"12345"), 4)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(RefusedError, match="zstandard"):
        decompress(b"", 0)
