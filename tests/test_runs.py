"""Run folders: private, durable, and readable by the next run."""

from __future__ import annotations

import json
import stat
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.runs import Run, quarantined_spans
from tests.worlds import NOON, fresh_world


def records(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_run_has_a_folder_of_its_own_that_is_named_after_its_time(tmp_path: Path) -> None:
    first, second, later = Run(tmp_path, NOON), Run(tmp_path, NOON), Run(tmp_path, NOON + timedelta(seconds=1))
    for run in (first, second, later):
        run.close()
        assert run.folder == tmp_path / "migrator-runs" / run.id
        assert mode(run.folder) == mode(run.folder.parent) == 0o700
    assert first.id.startswith("20261122T120000Z-")
    assert later.id.startswith("20261122T120001Z-")
    assert len({first.id, second.id, later.id}) == 3


def test_a_step_is_in_the_journal_before_the_next_one_begins(tmp_path: Path) -> None:
    run = Run(tmp_path, NOON)
    run.note("build", database="/x\udcff", rows=5)
    assert records(run.folder / "journal.jsonl") == [{"step": "build", "database": "/x\udcff", "rows": 5}]
    run.note("done")
    assert [record["step"] for record in records(run.folder / "journal.jsonl")] == ["build", "done"]
    run.close()
    assert mode(run.folder / "journal.jsonl") == 0o600


def test_what_is_quarantined_is_kept_byte_for_byte_and_found_again(tmp_path: Path) -> None:
    assert quarantined_spans(tmp_path) == frozenset()
    run = Run(tmp_path, NOON)
    pieces = [b"", b"null", b"\x00\xff\n", b"null"]
    for number, raw in enumerate(pieces):
        run.quarantine("/source", f"digest:{number}", number, raw, "entry.not-json")
    run.close()
    folder = run.folder / "quarantine"
    found = records(folder / "index.jsonl")
    assert [(folder / str(record["file"])).read_bytes() for record in found] == pieces
    assert [(record["source"], record["offset"], record["length"], record["reason"]) for record in found] == [
        ("/source", number, len(raw), "entry.not-json") for number, raw in enumerate(pieces)
    ]
    assert mode(folder) == 0o700
    assert {mode(path) for path in folder.iterdir()} == {0o600}
    assert quarantined_spans(tmp_path) == {f"digest:{number}" for number in range(4)}


def test_the_quarantines_of_all_runs_count(tmp_path: Path) -> None:
    for number in range(3):
        run = Run(tmp_path, NOON)
        run.quarantine("/source", f"digest:{number}", 0, b"x", "entry.not-json")
        run.close()
    assert quarantined_spans(tmp_path) == {"digest:0", "digest:1", "digest:2"}


def test_an_index_that_a_kill_has_torn_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    run = Run(tmp_path, NOON)
    run.quarantine("/source", "digest:0", 0, b"x", "entry.not-json")
    run.close()
    index = run.folder / "quarantine" / "index.jsonl"
    index.write_bytes(index.read_bytes() + b'\xff\n[1]\n{"span": 5}\n{"span": "digest:1", "fi')
    assert quarantined_spans(tmp_path) == {"digest:0"}


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=9)), max_size=5))
def test_any_bytes_under_any_name_are_found_again(pieces: list[tuple[str, bytes]]) -> None:
    with fresh_world() as world:
        world.state.mkdir()
        run = Run(world.state, NOON)
        for span, raw in pieces:
            run.quarantine("/source", span, 7, raw, "store.damaged")
        run.close()
        folder = run.folder / "quarantine"
        found = records(folder / "index.jsonl") if pieces else []
        assert [(record["span"], (folder / str(record["file"])).read_bytes()) for record in found] == pieces
        assert quarantined_spans(world.state) == {span for span, _ in pieces}


def test_a_folder_inside_a_run_is_private_and_made_once(tmp_path: Path) -> None:
    run = Run(tmp_path, NOON)
    folder = run.subfolder("backups")
    (folder / "x").write_bytes(b"x")
    assert run.subfolder("backups") == folder
    assert (folder / "x").exists()
    assert mode(folder) == 0o700
    run.close()
