"""Run folders: private, durable, and readable by the next run."""

from __future__ import annotations

import json
import stat
from datetime import timedelta
from pathlib import Path

from migrator.runs.run import Run
from tests.worlds import NOON


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


def test_a_folder_inside_a_run_is_private_and_made_once(tmp_path: Path) -> None:
    run = Run(tmp_path, NOON)
    folder = run.subfolder("backups")
    (folder / "x").write_bytes(b"x")
    assert run.subfolder("backups") == folder
    assert (folder / "x").exists()
    assert mode(folder) == 0o700
    run.close()
