"""Memory stays flat, however long the histories are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LINES, CEILING = 40_000, 72 * 1024 * 1024
FOOTPRINT = """
import resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "migrator", *sys.argv[1:]], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.exit(done.returncode)
"""


def peak_bytes(*arguments: object) -> int:
    """The most memory that a command has held, as the system counted it."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", FOOTPRINT, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does, in KiB")
@pytest.mark.parametrize("line_bytes", [2_000, pytest.param(5_000, marks=pytest.mark.exhaustive)])
def test_forty_thousand_lines_of_kilobytes_stay_under_72_mib(tmp_path: Path, line_bytes: int) -> None:
    """All of them take more than that, and so would a kilobyte kept for each."""
    sessions = tmp_path / "state" / "agents" / "main" / "sessions"
    sessions.mkdir(parents=True)
    (sessions / "sessions.json").write_text('{"agent:main:main": {"sessionId": "s", "updatedAt": 1}}', encoding="utf-8")
    with (sessions / "s.jsonl").open("w", encoding="ascii") as stream:
        stream.write('{"type":"session","version":3,"id":"s"}\n')
        for number in range(LINES - 1):
            event = {"type": "message", "id": f"{number:08x}", "message": {"role": "user", "content": ""}}
            text = json.dumps(event, separators=(",", ":"))
            stream.write(text.replace('""', f'"{number % 7}'.ljust(line_bytes, "x") + '"') + "\n")
    assert peak_bytes("apply", "--yes", "--state-dir", tmp_path / "state") < CEILING
    assert peak_bytes("verify", "--state-dir", tmp_path / "state") < CEILING


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does, in KiB")
def test_verify_holds_a_long_event_twice_at_most_as_sqlite_and_as_we_have_it(tmp_path: Path) -> None:
    length = 64 * 1024 * 1024
    peaks = []
    for size in (1, length):
        state = tmp_path / str(size)
        sessions = state / "agents" / "main" / "sessions"
        sessions.mkdir(parents=True)
        store = '{"agent:main:main": {"sessionId": "s", "updatedAt": 1}}'
        (sessions / "sessions.json").write_text(store, encoding="utf-8")
        lines = '{"type":"session","version":3,"id":"s"}\n{"type":"message","id":"m","text":"' + "x" * size + '"}\n'
        (sessions / "s.jsonl").write_text(lines, encoding="ascii")
        peak_bytes("apply", "--yes", "--state-dir", state)
        peaks.append(peak_bytes("verify", "--state-dir", state))
    assert peaks[1] - peaks[0] < 2.3 * length
