"""Compressed transcripts, ``<session id>.jsonl.deleted.<time>.<generation>.zst``: what 2026.8.1 and later set aside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from migrator.filesystem import open_regular_file, scratch_directory
from migrator.model.inventory import Transcript
from migrator.scanning.transcripts import read_transcript
from migrator.sqlite.archives import MAX_ARCHIVE_BYTES
from migrator.sqlite.compressed import DamagedPayloadError, decompress
from migrator.sqlite.snapshot import identify

_SUFFIX = ".zst"


def is_packed(path: str) -> bool:
    """Whether a transcript is compressed."""
    return path.endswith(_SUFFIX)


@contextmanager
def unpacked(path: str) -> Iterator[str]:
    """Where the content of a transcript can be read: a compressed one under its name in a private directory.

    Raises OSError where the file cannot be read, and DamagedPayloadError where it cannot be decoded.
    """
    if not is_packed(path):
        yield path
        return
    with open_regular_file(path) as stream:
        content = decompress(stream.read(), MAX_ARCHIVE_BYTES)
    with scratch_directory() as folder:
        plain = Path(folder, Path(path).name.removesuffix(_SUFFIX))
        plain.write_bytes(content)
        yield str(plain)


def read_copy(path: str, agent: str | None, kind: str) -> Transcript | None:
    """Read a transcript that may be compressed; None where it cannot be read. Its identity is that of the file.

    Damage inside a compressed one stays where it is: it has no place in the file that could be named.
    """
    try:
        with unpacked(path) as plain:
            transcript, _ = read_transcript(plain, agent, kind)
            if transcript is None or plain == path:
                return transcript
            return replace(transcript, path=path, identity=identify(path), damage=())
    except (OSError, DamagedPayloadError):
        return None
