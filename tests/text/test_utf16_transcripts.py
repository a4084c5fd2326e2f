"""A transcript that PowerShell has written in UTF-16 is read as such: the same events, at their places in the file."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator import commands
from migrator.model.words import HASH_BYTES
from migrator.openclaw.text.transcript import LineKind, TranscriptReader
from tests.commands.test_elsewhere import run
from tests.worlds import World, databases, entry

WAYS = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
EVENTS = st.lists(
    TEXTS.map(lambda text: {"type": "message", "id": "1", "text": text}),
    min_size=1,
    max_size=5,
)


@given(events=EVENTS, encoding=st.sampled_from(sorted(WAYS)), window=st.integers(4, 64))
def test_each_event_of_a_file_in_utf_16_has_the_text_that_it_has_in_utf_8(
    events: list[dict[str, str]], encoding: str, window: int
) -> None:
    text = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
    data = WAYS[encoding] + text.encode(encoding, "surrogatepass")
    reader = TranscriptReader(io.BytesIO(data), window=window)
    lines = list(reader)
    assert [line.text for line in lines] == [one.text for one in TranscriptReader(io.BytesIO(text.encode()))]
    assert all(data[line.offset : line.offset + line.length].decode(encoding).strip("\ufeff") for line in lines)
    assert reader.is_utf16


def test_what_is_cut_in_the_middle_of_a_line_is_damage_at_its_place() -> None:
    whole = '{"type":"message","id":"1"}\n'.encode("utf-16-le")
    data = b"\xff\xfe" + whole + whole[:21]
    first, last = TranscriptReader(io.BytesIO(data))
    assert (first.kind, last.kind) == (LineKind.MESSAGE, LineKind.TORN_TAIL)
    assert (last.offset, last.length) == (len(whole) + 2, 20)


@pytest.mark.parametrize("encoding", sorted(WAYS))
def test_it_is_migrated_with_all_events_and_the_file_is_said_to_be_in_utf_16(tmp_path: Path, encoding: str) -> None:
    world = World(tmp_path)
    world.agent("main", {"agent:main:1": entry("one", 5)})
    path = world.store_path("main").with_name("one.jsonl")
    path.write_bytes(WAYS[encoding] + '{"type":"session","id":"one"}\n{"type":"message","id":"m"}\n'.encode(encoding))
    assert "transcript.utf-16" in {one.code for one in commands.scan(world.request()).findings}
    report = commands.apply(world.request(), None, yes=True)
    assert report.word == "proved"
    assert [len(one.hashes) // HASH_BYTES for base in report.inventory.databases for one in base.transcripts] == [2]


def test_files_that_powershell_has_rewritten_are_read_or_said_to_be_what_they_are(
    unpack: Callable[[str], Path],
) -> None:
    state = unpack("windows-encodings")
    code, report = run(state, "scan")
    codes = {one["code"] for one in report["findings"]}
    assert {"transcript.utf-16", "transcript.invalid-utf8", "store.utf-16"} <= codes
    assert not {"transcript.nul-damage", "store.not-utf8"} & codes
    code, report = run(state, "apply", "--yes")
    assert (code, report["verdict"]) == (0, "proved")
    counts = {base.parts[-3]: events_in(base) for base in databases(state)}
    assert counts == {"main": 20, "ps": 5}


def events_in(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT count(*) FROM transcript_events").fetchone()[0])
