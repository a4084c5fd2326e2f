from __future__ import annotations

from pathlib import Path

import pytest
import zstandard

from migrator.scanning.packed import read_copy, unpacked
from migrator.sqlite.compressed import DamagedPayloadError
from tests.conftest import fingerprint

LINES = b'{"type":"session","id":"a"}\n{"type":"message","id":"m"}\nno json\n'
NAME = "a.jsonl.deleted.2026-09-21T14-13-20.000Z"


def test_a_compressed_transcript_reads_like_a_plain_one_and_its_identity_is_its_own(tmp_path: Path) -> None:
    plain, packed = tmp_path / NAME, tmp_path / f"{NAME}.zst"
    plain.write_bytes(LINES)
    packed.write_bytes(zstandard.compress(LINES))
    before = fingerprint(tmp_path)
    one, other = read_copy(str(plain), "main", "archive-deleted"), read_copy(str(packed), "main", "archive-deleted")
    assert one is not None
    assert other is not None
    assert (other.hashes, other.header_id, other.named_id, other.counts) == (one.hashes, "a", "a", one.counts)
    assert (other.path, other.identity.size) == (str(packed), packed.stat().st_size)
    assert (len(one.damage), len(other.damage)) == (1, 0)  # it has no place in the compressed file
    assert fingerprint(tmp_path) == before


@pytest.mark.parametrize("content", [b"", b"no zstd", zstandard.compress(LINES)[:-4]])
def test_what_cannot_be_decoded_is_no_source(tmp_path: Path, content: bytes) -> None:
    packed = tmp_path / f"{NAME}.zst"
    packed.write_bytes(content)
    assert read_copy(str(packed), "main", "archive-deleted") is None
    with pytest.raises(DamagedPayloadError), unpacked(str(packed)):
        pass


def test_what_is_not_there_is_no_source(tmp_path: Path) -> None:
    assert read_copy(str(tmp_path / NAME), None, "archive-deleted") is None
    assert read_copy(str(tmp_path / f"{NAME}.zst"), None, "archive-deleted") is None


def test_the_unpacked_copy_is_gone_afterwards(tmp_path: Path) -> None:
    packed = tmp_path / f"{NAME}.zst"
    packed.write_bytes(zstandard.compress(LINES))
    with unpacked(str(packed)) as plain:
        assert Path(plain).read_bytes() == LINES
    assert not Path(plain).exists()
