"""What the bytes of a journal tell, wherever its blocks and pages end."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.scanning import remains
from migrator.sqlite.events import event_hash
from tests.worlds import fresh_world

LENGTHS = st.lists(st.integers(0, 20000), min_size=1, max_size=12)


def event(number: int, length: int) -> str:
    return json.dumps({"type": "message", "id": f"m{number}", "message": {"content": "\N{EURO SIGN}" * (length // 3)}})


@given(LENGTHS, st.sampled_from([1 << 12, 1 << 20]))
def test_every_event_in_a_journal_is_told_whole_or_by_its_id(lengths: list[int], block: int) -> None:
    texts = [event(number, length) for number, length in enumerate(lengths)]
    with fresh_world() as world, pytest.MonkeyPatch.context() as patch:
        patch.setattr(remains, "_BLOCK", block)
        path = world.root / "database"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE transcript_events (session_id, seq, event_json)")
            rows = [("s", seq, text) for seq, text in enumerate(texts)]
            connection.executemany("INSERT INTO transcript_events VALUES (?, ?, ?)", rows)
            connection.commit()
            found = remains.remains(f"{path}-wal")
    whole = {event_hash(text.encode()) for text in texts}
    assert found.events.keys() <= whole
    short = {event_hash(text.encode()) for text in texts if len(text) < 400}
    assert short <= found.events.keys()
    assert {*filter(None, found.events.values())} | found.torn == {f"m{number}" for number in range(len(texts))}
    assert found.unknown == 0


def test_the_id_of_a_session_is_found_across_the_end_of_a_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    content = b"." * 100 + b'{"sessionId": "one", "x": 1}' + b"." * 150000 + b'{"sessionId":"two"}'
    path.write_bytes(content)
    for block in (110, 120, 150000, 150120, len(content) - 5):
        monkeypatch.setattr(remains, "_BLOCK", block)
        assert remains.remains(str(path)).sessions == {"one", "two"}, block


def test_what_is_compressed_counts_as_unknown(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"..\x28\xb5\x2f\xfd....")
    assert remains.remains(str(path)).unknown == 1
