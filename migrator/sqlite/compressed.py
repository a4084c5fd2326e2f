"""Decode the Zstandard frames in which OpenClaw keeps long events and archived transcripts.

They are standard frames (OpenClaw 2026.9.6, ``src/infra/zstd-codec.ts``); a cold archive is compressed as a
stream, so its frame does not say how long the content is.
"""

from __future__ import annotations

from types import ModuleType

from migrator.model.errors import RefusedError

_INPUT_SLICE = 1024
"""Bytes that are decoded at a time. A hostile slice of this size inflates to at most 32 MiB."""


_LARGEST_WINDOW = 1 << 27
"""Bytes: what decoders take without being told to take more."""


class DamagedPayloadError(Exception):
    """The bytes are no complete sequence of Zstandard frames."""


class LargePayloadError(DamagedPayloadError):
    """The bytes decode to more than was allowed."""


def decompress(data: bytes, limit: int) -> bytes:
    """Decode one or more complete frames of together at most ``limit`` bytes.

    Raises DamagedPayloadError for anything else, truncation and trailing bytes included, LargePayloadError
    beyond the limit, and RefusedError where the ``zstandard`` package is not installed.
    """
    library = _library()
    decoder = library.ZstdDecompressor().decompressobj()
    pieces: list[bytes] = []
    size = 0
    try:
        for start in range(0, len(data), _INPUT_SLICE):
            rest = data[start : start + _INPUT_SLICE]
            while rest:
                if decoder.eof:
                    decoder = library.ZstdDecompressor().decompressobj()
                pieces.append(decoder.decompress(rest))
                rest = decoder.unused_data if decoder.eof else b""
                size += len(pieces[-1])
                if size > limit:
                    raise LargePayloadError
    except library.ZstdError:
        raise DamagedPayloadError from None
    if not decoder.eof:
        raise DamagedPayloadError
    return b"".join(pieces)


def beginning(data: bytes, size: int) -> bytes:
    """At most the first ``size`` bytes of what ``data`` decodes to, which may be the beginning of a frame only.

    Raises DamagedPayloadError where that is no frame, or one that takes more memory than any release asks for.
    """
    library = _library()
    try:
        decoded: bytes = library.ZstdDecompressor(max_window_size=_LARGEST_WINDOW).stream_reader(data).read(size)
    except library.ZstdError:
        raise DamagedPayloadError from None
    return decoded


def _library() -> ModuleType:
    """Import ``zstandard`` only where something is compressed: no other part of the tool needs it."""
    try:
        import zstandard
    except ImportError:
        sentence = "Some transcripts are compressed: install the Python package zstandard, then run this again."
        raise RefusedError(sentence) from None
    return zstandard
