from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TypedDict

import pytest
import zstandard

from migrator.findings.table import RULES
from migrator.model.words import Severity
from migrator.sqlite import archives
from migrator.sqlite.archives import DAMAGED, MISSING, TOO_LARGE, UNREADABLE, ArchivedTranscript
from migrator.sqlite.rows import BAD_ROW, DamagedTableError
from migrator.sqlite.snapshot import open_snapshot
from tests.conftest import fingerprint
from tests.sqlite_worlds import NODES_16, NODES_23, Fill, execute, insert, make

JSONL = b'{"type":"session","id":"s"}\n{"type":"message","text":"\xc3\xa9"}\n'


def transcripts(path: Path) -> list[ArchivedTranscript]:
    with open_snapshot(str(path)) as connection:
        return list(archives.transcript_archives(connection))


def cold(path: Path, directory: Path | None = None) -> list[ArchivedTranscript]:
    with open_snapshot(str(path)) as connection:
        return list(archives.cold_archives(connection, directory))


def archived(
    session_id: object,
    blob: object,
    encoding: str = "identity",
    reason: str = "deleted",
    digest: str | None = None,
) -> Fill:
    stored = blob if isinstance(blob, bytes) else b""
    name = f"{session_id!r}.{reason}"
    digest = sha256(stored).hexdigest() if digest is None else digest
    row = (session_id, "generation", "key", reason, encoding, blob, digest, name, 1)
    return insert("session_transcript_archives", row)


def test_deleted_transcripts_of_a_real_release_are_whole(unpack: Callable[[str], Path]) -> None:
    root = unpack("defect-both-spellings") / "after/agents/Retired Agent"
    found = transcripts(root / "agent/openclaw-agent.sqlite")
    assert [(row.reason, row.problem) for row in found] == [("deleted", None)] * 4
    assert [row.session_id for row in found] == sorted(row.session_id for row in found)
    for row in found:
        lines = [json.loads(line) for line in row.jsonl.splitlines()]
        assert len(lines) == 21
        assert lines[0]["id"] == row.session_id.decode()
        (published,) = root.glob(f"sessions/{row.session_id.decode()}.jsonl.deleted.*.zst")
        assert zstandard.ZstdDecompressor().decompressobj().decompress(published.read_bytes()) == row.jsonl
    assert cold(root / "agent/openclaw-agent.sqlite", root / "sessions/cold") == []


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le"])
def test_plain_and_compressed_archives_come_by_session(tmp_path: Path, encoding: str) -> None:
    fills = archived("b", JSONL, reason="reset"), archived("a", zstandard.compress(JSONL), "zstd")
    assert transcripts(make(tmp_path / "db", 23, NODES_23, *fills, encoding=encoding)) == [
        ArchivedTranscript(b"a", b"key", "deleted", JSONL, archived_at=1),
        ArchivedTranscript(b"b", b"key", "reset", JSONL, archived_at=1),
    ]


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le"])
def test_those_of_one_session_can_be_read_without_the_others(tmp_path: Path, encoding: str) -> None:
    fills = (archived("b", JSONL, reason="reset"), archived("é", JSONL), archived("c", JSONL))
    path = make(tmp_path / "db", 23, NODES_23, *fills, encoding=encoding)
    found = transcripts(path)
    with open_snapshot(str(path)) as connection:
        for session_id in ("b", "é", "nobody"):
            own = list(archives.transcript_archives(connection, session_id.encode()))
            assert own == [one for one in found if one.session_id == session_id.encode()]


def test_damaged_archives_are_kept_as_they_are_stored(tmp_path: Path) -> None:
    frame = zstandard.compress(JSONL)
    fills = [
        archived("a digest", JSONL, digest=sha256(b"other").hexdigest()),
        archived("b digest", frame, "zstd", digest=sha256(JSONL).hexdigest()),
        archived("c cut", frame[:-2], "zstd"),
        archived("d plain", JSONL, "zstd"),
        archived("e encoding", JSONL, "gzip"),
        archived("f text", "text"),
        archived("g reason", JSONL, reason="lost"),
    ]
    found = transcripts(make(tmp_path / "db", 23, NODES_23, *fills))
    assert [(row.jsonl, row.reason, row.problem) for row in found] == [
        (JSONL, "deleted", DAMAGED),
        (frame, "deleted", DAMAGED),
        (frame[:-2], "deleted", DAMAGED),
        (JSONL, "deleted", DAMAGED),
        (JSONL, "deleted", BAD_ROW),
        (b"text", "deleted", BAD_ROW),
        (JSONL, "other", None),
    ]


def test_an_archive_that_would_fill_the_memory_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_ARCHIVE_BYTES", len(JSONL) - 1)
    frame = zstandard.compress(JSONL)
    found = transcripts(make(tmp_path / "db", 23, NODES_23, archived("a", frame, "zstd"), archived("b", JSONL)))
    assert [(row.jsonl, row.problem) for row in found] == [(frame, TOO_LARGE), (JSONL, None)]


def test_older_schemas_have_no_archives(tmp_path: Path) -> None:
    path = make(tmp_path / "db", 16, NODES_16)
    assert (transcripts(path), cold(path, tmp_path)) == ([], [])


def test_damage_among_archives_names_their_table(tmp_path: Path) -> None:
    path = make(tmp_path / "db", 23, NODES_23, archived("a", os.urandom(50_000)))
    content = bytearray(path.read_bytes())
    content[-5 * 4096 : -4 * 4096] = b"\xff" * 4096  # a page in the middle of the blob
    path.write_bytes(content)
    with pytest.raises(DamagedTableError) as caught:
        transcripts(path)
    assert caught.value.table == "session_transcript_archives"


class Record(TypedDict, total=False):
    """One line of a cold archive."""

    kind: str
    version: int
    sessionId: str
    generation: str
    row: dict[str, object]


HEADER: Record = {"kind": "header", "version": 1, "sessionId": "s", "generation": "g"}
DERIVED: Record = {"kind": "identity", "row": {"event_id": "x", "seq": 0}}
TEXTS = ['{"type":"session"}', '{"text":"é\\ud800"}', "{}"]


def event(seq: object, text: object) -> Record:
    return {"kind": "event", "row": {"seq": seq, "event_json": text, "created_at": 1}}


EVENTS = [event(seq, text) for seq, text in zip((0, 2, 3), TEXTS, strict=True)]
LINES = "".join(text + "\n" for text in TEXTS).encode()


def records(*lines: object) -> bytes:
    return zstandard.compress("".join(json.dumps(line) + "\n" for line in lines).encode())


WHOLE = records(HEADER, *EVENTS, DERIVED)


def moved(stored: bytes, storage: object = "sqlite", **changes: object) -> Fill:
    """A row of the cold archive that tells the truth about ``EVENTS``, but for the changes."""
    digest = sha256(stored).hexdigest()
    row: dict[str, object] = {
        "session_id": "s",
        "generation": "g",
        "archive_name": f"{digest}.jsonl.zst",
        "archive_sha256": digest,
        "event_count": 3,
        "raw_bytes": len(LINES) - 1,
        "archive_bytes": len(stored),
        "last_seq": 3,
        "archived_at": 1,
        "storage": storage,
        "archive_blob": stored if storage == "sqlite" else None,
        **changes,
    }
    return insert("session_transcript_cold_archives", tuple(row.values()))


WINDOW = execute("INSERT INTO session_windows VALUES ('s', 'the key', NULL, NULL, 1, 1)")


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16be"])
def test_events_in_the_database_come_back_as_lines(tmp_path: Path, encoding: str) -> None:
    path = make(tmp_path / "db", 23, NODES_23, moved(WHOLE), WINDOW, encoding=encoding)
    assert cold(path) == [ArchivedTranscript(b"s", b"the key", "cold", LINES)]


def test_events_in_a_file_come_back_as_lines_and_nothing_is_touched(tmp_path: Path) -> None:
    directory = tmp_path / "cold"
    directory.mkdir()
    (directory / f"{sha256(WHOLE).hexdigest()}.jsonl.zst").write_bytes(WHOLE)
    path = make(tmp_path / "db", 23, NODES_23, moved(WHOLE, "file"))
    before = fingerprint(tmp_path)
    assert cold(path, directory) == [ArchivedTranscript(b"s", None, "cold", LINES)]
    assert fingerprint(tmp_path) == before


def test_a_file_that_is_not_there_is_missing_and_not_empty(tmp_path: Path) -> None:
    directory = tmp_path / "cold"
    directory.mkdir()
    path = make(tmp_path / "db", 23, NODES_23, moved(WHOLE, "file"), WINDOW)
    missing = [ArchivedTranscript(b"s", b"the key", "cold", b"", MISSING)]
    assert cold(path, directory) == missing
    assert cold(path, None) == missing
    (directory / f"{sha256(WHOLE).hexdigest()}.jsonl.zst").symlink_to(tmp_path / "db")
    assert cold(path, directory) == missing


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_a_file_that_is_there_and_can_not_be_read_is_not_called_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fails(_path: Path, _limit: int) -> bytes:
        raise OSError(number, "out of reach")

    path = make(tmp_path / "db", 23, NODES_23, moved(WHOLE, "file"), WINDOW)
    monkeypatch.setattr(archives, "read_regular", fails)
    assert cold(path, tmp_path) == [ArchivedTranscript(b"s", b"the key", "cold", b"", UNREADABLE)]
    assert RULES[UNREADABLE].severity is Severity.REFUSED


def test_a_file_that_was_changed_is_damaged(tmp_path: Path) -> None:
    (tmp_path / f"{sha256(WHOLE).hexdigest()}.jsonl.zst").write_bytes(WHOLE + b"x")
    path = make(tmp_path / "db", 23, NODES_23, moved(WHOLE, "file"))
    assert [(row.jsonl, row.problem) for row in cold(path, tmp_path)] == [(WHOLE + b"x", DAMAGED)]


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "x.jsonl.zst", "A" * 64 + ".jsonl.zst", ""])
def test_a_name_that_leads_elsewhere_is_not_followed(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_bytes(WHOLE)
    (tmp_path / "cold").mkdir()
    path = make(tmp_path / "db", 23, NODES_23, moved(WHOLE, "file", archive_name=name))
    assert [row.problem for row in cold(path, tmp_path / "cold")] == [MISSING]


def test_cold_storage_that_is_too_large_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_COLD_BYTES", 100)
    assert [(row.jsonl, row.problem) for row in cold(make(tmp_path / "db", 23, NODES_23, moved(WHOLE)))] == [
        (WHOLE, TOO_LARGE)
    ]


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(records(), id="nothing"),
        pytest.param(records(*EVENTS), id="no header"),
        pytest.param(records(HEADER), id="no events"),
        pytest.param(records(HEADER, *EVENTS, HEADER), id="two headers"),
        pytest.param(records(*EVENTS, HEADER), id="header at the end"),
        pytest.param(records({**HEADER, "version": 2}, *EVENTS), id="another version"),
        pytest.param(records({**HEADER, "sessionId": "t"}, *EVENTS), id="another session"),
        pytest.param(records({**HEADER, "generation": "h"}, *EVENTS), id="another generation"),
        pytest.param(records({"kind": "header"}, *EVENTS), id="a bare header"),
        pytest.param(records(HEADER, *EVENTS[:2]), id="an event is missing"),
        pytest.param(records(HEADER, EVENTS[1], EVENTS[0], EVENTS[2]), id="another order"),
        pytest.param(records(HEADER, *EVENTS[:2], event(4, "{}")), id="another last number"),
        pytest.param(records(HEADER, *EVENTS[:2], event(3, "{ }")), id="another size"),
        pytest.param(records(HEADER, *EVENTS[:2], event("3", "{}")), id="a number as text"),
        pytest.param(records(HEADER, *EVENTS[:2], event(3, 12)), id="an event that is no text"),
        pytest.param(records(HEADER, *EVENTS, []), id="a record that is a list"),
        pytest.param(records(HEADER, *EVENTS, {"row": 1}), id="a record without a kind"),
        pytest.param(zstandard.compress(b"[" * 200_000), id="too deep"),
        pytest.param(zstandard.compress(b"\xff\xfe\n" + b"1" * 5000), id="no text"),
        pytest.param(b"not compressed", id="not compressed"),
    ],
)
def test_records_that_disagree_with_their_description_are_damaged(tmp_path: Path, stored: bytes) -> None:
    path = make(tmp_path / "db", 23, NODES_23, moved(stored), WINDOW)
    assert cold(path) == [ArchivedTranscript(b"s", b"the key", "cold", stored, DAMAGED)]


@pytest.mark.parametrize("column", ["event_count", "last_seq", "raw_bytes", "archive_sha256", "generation"])
def test_a_description_that_disagrees_with_its_records_is_noticed(tmp_path: Path, column: str) -> None:
    path = make(tmp_path / "db", 23, NODES_23, moved(WHOLE, **{column: "7"}))
    assert [row.problem for row in cold(path)] == [DAMAGED]


@pytest.mark.parametrize(
    "changes",
    [
        {"storage": "tape"},
        {"storage": "file", "archive_blob": WHOLE},
        {"archive_blob": None},
        {"archive_blob": "text"},
        {"generation": b"g"},
        {"session_id": b"s"},
    ],
)
def test_a_row_that_makes_no_sense_is_a_problem(tmp_path: Path, changes: dict[str, object]) -> None:
    path = make(tmp_path / "db", 23, NODES_23, moved(WHOLE, **changes))
    assert [row.problem for row in cold(path)] == [BAD_ROW]
