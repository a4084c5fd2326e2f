"""What is fuzzed: each target takes any bytes, and raises if the program breaks a promise on them.

Nothing here needs a fuzzer: the corpus is replayed in the normal test run, and ``scripts/fuzz`` looks for more.
"""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from hashlib import sha256
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

import zstandard

from migrator.model.errors import UsageError
from migrator.model.words import Name
from migrator.openclaw.places.session_files import FileKind, classify
from migrator.openclaw.text.entry_head import RawEntry
from migrator.openclaw.text.json5_text import EndOfTextError, exact, interpret, json5_to_json, outer_marks, read_value
from migrator.openclaw.text.json_text import parse_strict
from migrator.openclaw.text.store import StoreReader
from migrator.openclaw.text.transcript import Line, LineKind, TranscriptReader
from migrator.planning.planfile import SavedPlan, parse
from migrator.scanning.discovery import HEAD, Holds, is_litter, recognise
from migrator.sqlite.compressed import DamagedPayloadError, decompress
from tests.conftest import FIXTURES

CORPUS = FIXTURES / "fuzz-corpus"
WINDOWS = (7, 1 << 20)


def store(data: bytes) -> None:
    """A store gives the same through windows of any size, exact spans, and all that the plain decoder finds."""
    (entries, reader), *others = [_read_store(data, window) for window in WINDOWS]
    for other, second in others:
        assert other == entries
        assert (second.damage, second.strict) == (reader.damage, reader.strict)
    assert (reader.size, reader.sha256) == (len(data), sha256(data).hexdigest())
    spans = [(entry.offset, entry.offset + len(entry.raw)) for entry in entries]
    spans += [(span.offset, span.offset + span.length) for span in reader.damage]
    in_order = sorted(spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(in_order))
    assert all(0 <= start <= end <= len(data) for start, end in spans)
    for entry in entries:
        assert data[entry.offset : entry.offset + len(entry.raw)] == entry.raw
        _check_entry(entry)
    plain = _plain_object(data)
    if plain is not None:
        assert reader.damage == []
        assert list(dict.fromkeys(entry.key for entry in entries)) == list(plain)


def _read_store(data: bytes, window: int) -> tuple[list[RawEntry], StoreReader]:
    reader = StoreReader(BytesIO(data), window=window)
    return list(reader), reader


def _check_entry(entry: RawEntry) -> None:
    assert (entry.text is None) == (entry.problem is not None)
    if entry.text is not None:
        assert isinstance(parse_strict(entry.text), dict)
        entry.text.encode()


def _plain_object(data: bytes) -> dict[str, object] | None:
    """The object that the standard library finds, if it is strict JSON of a usual depth."""
    try:
        value = json.loads(data.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def json5(data: bytes) -> None:
    """A value ends where it should, and means strict JSON or has a problem; what the JSON5 parser takes is taken."""
    text = data.decode("utf-8", "surrogateescape")
    assert list(outer_marks(text, 0)) == sorted(outer_marks(text, 0))
    stripped = text.lstrip(" \t\r\n")
    if not stripped:
        return
    try:
        end, value, problem = read_value(stripped, 0, ended=True)
    except EndOfTextError:
        return
    assert 0 <= end <= len(stripped)
    source = stripped[:end]
    _raw, readable = exact(source)
    meaning = interpret(readable, value, problem, replaced=readable is not source)
    assert (meaning.text is None) == (meaning.problem is not None)
    if meaning.text is not None:
        assert parse_strict(meaning.text) == meaning.value
    if len(stripped) < 200 and stripped[0] in "{[" and problem != "entry.too-deep":
        _compare_with_parser(stripped, end)


def _compare_with_parser(text: str, end: int) -> None:
    """What the JSON5 parser reads as a whole must not be cut short."""
    try:
        json5_to_json(exact(text)[1])
    except (ValueError, RecursionError):
        return
    assert not text[end:].strip().startswith((",", ":", "}", "]", '"')), "the value goes on"


def transcript(data: bytes) -> None:
    """The lines are the file, each in one class, whatever the window; what is to be stored is JSON and is text."""
    (lines, reader), *others = [_read_transcript(data, window) for window in WINDOWS]
    for other, second in others:
        assert (other, second.header, second.counts) == (lines, reader.header, reader.counts)
    assert (reader.size, reader.sha256) == (len(data), sha256(data).hexdigest())
    assert sum(reader.counts.values()) == len(lines)
    for line in lines:
        assert _as_utf8(data[line.offset : line.offset + line.length], data, reader) == line.raw
        assert (line.text is None) == (line.kind in _WITHOUT_TEXT)
        if line.text is not None:
            line.text.decode()
            json.loads(line.text, parse_int=float)
    if not reader.is_utf16:
        assert b"\n".join(_whole_lines(lines)) == data.removesuffix(b"\n")


def _as_utf8(piece: bytes, data: bytes, reader: TranscriptReader) -> bytes:
    """A piece of a file as it is read: a file in UTF-16 is read as the same text in UTF-8."""
    if not reader.is_utf16:
        return piece
    encoding = "utf-16-le" if data.startswith(b"\xff\xfe") else "utf-16-be"
    return piece.decode(encoding, "surrogatepass").removeprefix("\ufeff").encode("utf-8", "replace")


_WITHOUT_TEXT = (LineKind.BLANK, LineKind.MALFORMED, LineKind.NUL_DAMAGED, LineKind.TORN_TAIL)


def _read_transcript(data: bytes, window: int) -> tuple[list[Line], TranscriptReader]:
    reader = TranscriptReader(BytesIO(data), window=window)
    return list(reader), reader


def _whole_lines(lines: list[Line]) -> Iterator[bytes]:
    """The physical lines, put together again where NUL bytes have cut them into pieces."""
    pieces: dict[int, list[bytes]] = {}
    for line in lines:
        pieces.setdefault(line.number, []).append(line.raw)
    return (b"".join(found) for found in pieces.values())


def plan(data: bytes) -> None:
    """A plan file is read, or refused as a wrong use of the program."""
    try:
        saved = parse(data, Name("path", "plan.json"))
    except UsageError:
        return
    assert isinstance(saved, SavedPlan)
    chosen = saved.selection
    for text in (chosen.state_dir, chosen.config, *chosen.agents, *chosen.stores):
        if text is not None:
            Path(text).exists()


def recogniser(data: bytes) -> None:
    """What a reader finds a session or an event in is recognised by its first bytes, packed too; a name has a kind."""
    name = data.decode("utf-8", "surrogateescape")
    assert isinstance(classify(name), FileKind)
    assert is_litter(name) in (True, False)
    found = recognise(data[:HEAD])
    if len(data) > HEAD:
        return
    if len(data) <= HEAD // 2 and not data.startswith(_PACKED):
        for pack in _PACKINGS:
            assert (recognise(pack(data)) is Holds.PACKED) == (found is not None)
    if _begins_with_event(data):
        assert found is Holds.TRANSCRIPT
    elif any(_is_session(value) for value in (_plain_object(data) or {}).values()) and b'"sessionId"' in data:
        assert found is not None


_PACKED = (b"\x1f\x8b", b"\xfd7zXZ\0", b"(\xb5/\xfd")
_PACKINGS: tuple[Callable[[bytes], bytes], ...] = (
    gzip.compress,
    partial(lzma.compress, preset=0),
    zstandard.ZstdCompressor().compress,
)


def _begins_with_event(data: bytes) -> bool:
    """Whether the first line that says anything is an event, as the reader has it."""
    lines, _ = _read_transcript(data, 1 << 20)
    first = next((line for line in lines if line.kind is not LineKind.BLANK), None)
    if first is None or first.kind not in (LineKind.HEADER, LineKind.MESSAGE, LineKind.EVENT) or not first.text:
        return False
    event = json.loads(first.text, parse_int=float)
    is_spelled_out = b'"type"' in first.raw and b'"id"' in first.raw
    return is_spelled_out and event.get("type") in ("session", "message", "custom") and "id" in event


def _is_session(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("sessionId"), str)


def packed(data: bytes) -> None:
    """What is compressed comes back as it was, within the size that is allowed; all else is damaged, and said to be."""
    with suppress(DamagedPayloadError):
        assert len(decompress(data, 1 << 16)) <= 1 << 16


TARGETS: dict[str, Callable[[bytes], None]] = {
    "store": store,
    "json5": json5,
    "transcript": transcript,
    "plan": plan,
    "recogniser": recogniser,
    "packed": packed,
}
