"""A program of its own: the least that any judge must do, as a measure for ``verify``.

    python judges_floor.py SOURCES STATE

Reads every entry and every line of the sources, and every row of sessions and events in the databases of STATE, once;
decodes each with the fastest decoder there is, and compares the decoded values. Nothing else: what differs is counted,
not explained. Prints seconds, CPU seconds and peak bytes as JSON; start-up is not counted.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

_TABLES = {
    "session_nodes": ("session_key", "entry_json"),
    "cache_entries": ("key", "value_json"),
    "session_entries": ("session_key", "entry_json"),
}
_decode = msgspec.json.Decoder().decode


def main() -> None:
    """Do it, and print what it took."""
    sources, state = map(Path, sys.argv[1:])
    begun, cpu = time.perf_counter(), time.process_time()
    equal = sum(_compared(agent, state / "agents" / agent.name) for agent in sorted((sources / "agents").iterdir()))
    taken = {"wall": time.perf_counter() - begun, "cpu": time.process_time() - cpu}
    print(f"{equal} are equal", file=sys.stderr)
    print(json.dumps({**taken, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


def _compared(agent: Path, upgraded: Path) -> int:
    """How many entries and events of an agent are equal to what its database holds."""
    sessions = agent / "sessions"
    equal = 0
    with closing(sqlite3.connect(upgraded / "agent" / "openclaw-agent.sqlite")) as connection:
        entries = _decode((sessions / "sessions.json").read_bytes())
        for key, entry in _entries(connection):
            equal += entries.get(key) == entry
        histories = connection.execute("SELECT session_id, event_json FROM transcript_events ORDER BY session_id, seq")
        current, lines = None, _lines(sessions)
        for session_id, text in histories:
            if session_id != current:
                current, lines = session_id, _lines(sessions / f"{session_id}.jsonl")
            equal += next(lines, None) == _decode(text)
    return equal


def _entries(connection: sqlite3.Connection) -> Iterator[tuple[str, object]]:
    """Every row of every table that has sessions."""
    for table, (key, text) in _TABLES.items():
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
            for found, entry in connection.execute(f"SELECT {key}, {text} FROM {table}"):
                yield found, _decode(entry)


def _lines(path: Path) -> Iterator[object]:
    return map(_decode, path.read_bytes().splitlines()) if path.is_file() else iter(())


if __name__ == "__main__":
    main()
