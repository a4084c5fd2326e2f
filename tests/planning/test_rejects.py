from __future__ import annotations

from pathlib import Path

from migrator.model.inventory import Entry, Store, StoreKind, Transcript
from migrator.model.plan import Candidate
from migrator.planning.database_plans import rejects_of
from migrator.planning.digests import span_id
from migrator.runs.quarantine import SUPERSEDED
from migrator.scanning.sources import read_store
from migrator.scanning.transcripts import read_transcript

STORE = b'{"a": {"sessionId": "s"}, "b": null, "c": {"sessionId": "s", "updatedAt": 1}'


def read(folder: Path) -> tuple[Store, Transcript]:
    store, transcript = folder / "sessions.json", folder / "s.jsonl"
    store.write_bytes(STORE)
    transcript.write_bytes(b'{"type":"session","id":"s"}\nno json\n{"type":"message"}\n')
    found, _ = read_store(str(store), str(store), StoreKind.EXPLICIT, "main")
    lines, _ = read_transcript(str(transcript), "main", "transcript")
    assert lines is not None
    return found, lines


def test_everything_that_becomes_no_row_is_named_with_its_place(tmp_path: Path) -> None:
    store, transcript = read(tmp_path)
    loser = store.entries[0]
    rejects = rejects_of((store,), (transcript,), [Candidate(0, loser)], frozenset())
    raw = {reject.code: Path(reject.path).read_bytes()[reject.offset :][: reject.length] for reject in rejects}
    assert raw["transcript.malformed-line"] == b"no json"
    assert raw["entry.not-object"] == b"null"
    assert raw[SUPERSEDED] == b'{"sessionId": "s"}'
    assert {reject.key for reject in rejects} >= {None, "a", "b"}
    assert len({reject.span for reject in rejects}) == len(rejects)
    assert not any(reject.preserved for reject in rejects)


def test_what_an_earlier_run_has_kept_is_not_kept_again(tmp_path: Path) -> None:
    store, transcript = read(tmp_path)
    [damage] = transcript.damage
    span = span_id(transcript.identity, damage.offset, damage.length)
    kept = {one.code for one in rejects_of((store,), (transcript,), [], frozenset({span})) if one.preserved}
    assert kept == {"transcript.malformed-line"}


def test_a_sound_source_has_nothing_to_reject() -> None:
    sound = Store("p", "p", StoreKind.EXPLICIT, None, None, True, (Entry(0, "k", 0, 2, b"", 1, "s"),))
    assert rejects_of((sound,), (), [], frozenset()) == ()
